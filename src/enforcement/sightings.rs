//! Sources on the subscribers' side that are nobody's: noted by the kernel in a bounded set, read from there and told.
//!
//! Whether one of them is a subscriber is for the server to say. A flood of forged sources costs the kernel the set,
//! and this thread a bounded part of the time.

use super::kernel::{Kernel, NetlinkError};
use crate::model::Mac;
use rustc_hash::FxHashSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError};
use std::time::{Duration, Instant};

/// Sources noted at a time, of each family.
pub const SEEN_MAX: u32 = 16_384;
/// A source is forgotten after this time, and noted and told anew when it still sends.
pub const SEEN_MILLISECONDS: u64 = 30_000;
/// Packets of unknown sources that are looked at, of each family; the others are dropped unnoted.
pub const SEEN_PER_SECOND: u64 = 1000;
pub const SEEN_BURST: u32 = 1000;

/// Between two readings, and at least so many times as long as the last one took.
const INTERVAL: Duration = Duration::from_millis(200);
const INTERVAL_PER_READING: u32 = 10;
/// How often it looks whether it is to stop.
const LOOK_UP: Duration = Duration::from_millis(200);

/// A packet came from a source that is nobody's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Sighting {
    pub address: IpAddr,
    pub mac: Mac,
}

impl Sighting {
    /// From an element's key: the address, and the Ethernet address with two octets of nothing.
    pub(super) fn read(key: &[u8]) -> Option<Sighting> {
        let (address, mac) = if let Ok(key) = <&[u8; 12]>::try_from(key) {
            let (address, mac) = key.split_first_chunk::<4>()?;
            (IpAddr::V4(Ipv4Addr::from(*address)), mac)
        } else {
            let (address, mac) = <&[u8; 24]>::try_from(key).ok()?.split_first_chunk::<16>()?;
            (IpAddr::V6(Ipv6Addr::from(*address)), mac)
        };
        Some(Sighting { address, mac: Mac(*mac.first_chunk()?) })
    }
}

/// Reads until it is to stop; `kernel` is a socket of its own. Ends when nobody listens any more.
pub fn run(mut kernel: Kernel, outlet: &SyncSender<Sighting>, stop: &Arc<AtomicBool>) {
    let mut told = FxHashSet::default();
    let mut next = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        let now = Instant::now();
        if now < next {
            std::thread::sleep((next - now).min(LOOK_UP));
            continue;
        }
        match kernel.sightings() {
            Ok(seen) => match tell(&told, seen.unwrap_or_default(), outlet) {
                Some(now_told) => told = now_told,
                None => return,
            },
            Err(NetlinkError::NotPermitted) => return,
            Err(error) => tracing::warn!("sightings were not read: {error}"),
        }
        next = Instant::now() + INTERVAL.max(now.elapsed() * INTERVAL_PER_READING);
    }
}

/// Tells what was not told before; gives what of `seen` has been told now. None: nobody listens.
fn tell(
    told: &FxHashSet<Sighting>,
    seen: Vec<Sighting>,
    outlet: &SyncSender<Sighting>,
) -> Option<FxHashSet<Sighting>> {
    let mut now_told = FxHashSet::default();
    for sighting in seen {
        if !told.contains(&sighting) {
            match outlet.try_send(sighting) {
                Ok(()) => {}
                // The next reading finds it again.
                Err(TrySendError::Full(_)) => continue,
                Err(TrySendError::Disconnected(_)) => return None,
            }
        }
        now_told.insert(sighting);
    }
    Some(now_told)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::sync_channel;

    #[test]
    fn an_element_is_an_address_and_a_mac() {
        let mac = [2, 0, 0, 0, 0, 1, 0, 0];
        let key = [&[10, 9, 0, 7][..], &mac].concat();
        let seen = Sighting::read(&key).unwrap();
        assert_eq!(
            (seen.address.to_string(), seen.mac.to_string()),
            ("10.9.0.7".into(), "02:00:00:00:00:01".into())
        );
        let v6: Ipv6Addr = "2001:db8::7".parse().unwrap();
        let key = [&v6.octets()[..], &mac].concat();
        assert_eq!(Sighting::read(&key).unwrap().address, IpAddr::V6(v6));
        for length in [0, 4, 11, 13, 25] {
            assert_eq!(Sighting::read(&vec![0; length]), None, "{length}");
        }
    }

    #[test]
    fn a_source_is_told_once_while_it_is_seen_and_kept_for_later_when_nobody_takes_it() {
        let (outlet, told) = sync_channel(1);
        let seen = |last| Sighting { address: IpAddr::V4([10, 0, 0, last].into()), mac: Mac([2; 6]) };
        let known = tell(&FxHashSet::default(), vec![seen(1), seen(2)], &outlet).unwrap();
        assert_eq!(told.try_recv(), Ok(seen(1)));
        let known = tell(&known, vec![seen(1), seen(2)], &outlet).unwrap();
        assert_eq!(told.try_recv(), Ok(seen(2)));
        let known = tell(&known, vec![seen(1), seen(2)], &outlet).unwrap();
        assert!(told.try_recv().is_err());
        let known = tell(&known, vec![seen(2)], &outlet).unwrap();
        assert!(tell(&known, vec![seen(1), seen(2)], &outlet).unwrap().contains(&seen(1)));
        assert_eq!(told.try_recv(), Ok(seen(1)), "forgotten by the kernel, and there again");
        drop(told);
        assert_eq!(tell(&known, vec![seen(3)], &outlet), None);
    }
}
