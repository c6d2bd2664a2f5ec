//! Keeps the walled garden's host names looked up, each as its records expire.

mod dns;

use super::daemon::Event;
use super::settings::WalledEntry;
use dns::Answer;
use ipnet::IpNet;
use std::collections::BTreeMap;
use std::net::{IpAddr, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant};

/// Between two questions for a name, whatever its records say.
const SECONDS_MIN: u32 = 30;
const SECONDS_MAX: u32 = 3600;
/// An answer that does not say how long it is good.
const SECONDS_UNSAID: u32 = 300;
/// While a name is not found (no network yet, at boot).
const SECONDS_UNFOUND: u32 = 10;
/// An address that is named no more stays open so long: subscribers may have been told of it just before it expired.
const GRACE: Duration = Duration::from_secs(600);
/// Addresses of one name at most; the ones named longest ago go first.
const ADDRESSES_OF_NAME_MAX: usize = 256;

/// What is known of the garden's names.
#[derive(Debug, Default)]
pub struct Garden {
    fixed: Vec<IpNet>,
    names: BTreeMap<String, Name>,
    /// Stands in while a name has not been found.
    before: Vec<IpNet>,
}

#[derive(Debug, Default)]
struct Name {
    /// When each address was last named.
    addresses: BTreeMap<IpAddr, Instant>,
    /// When it is to be asked for; None: at once.
    next: Option<Instant>,
}

impl Name {
    fn take(&mut self, answer: &Answer, now: Instant) {
        let good = Duration::from_secs(u64::from(answer.seconds.clamp(SECONDS_MIN, SECONDS_MAX)));
        self.next = Some(now + good);
        self.addresses.extend(answer.addresses.iter().map(|address| (*address, now)));
        self.addresses.retain(|_, named| now.saturating_duration_since(*named) < good + GRACE);
        while self.addresses.len() > ADDRESSES_OF_NAME_MAX {
            let oldest = self.addresses.iter().min_by_key(|(_, named)| **named).map(|(address, _)| *address);
            oldest.and_then(|address| self.addresses.remove(&address));
        }
    }
}

impl Garden {
    /// `before`: the garden as it was saved.
    pub fn new(garden: &[WalledEntry], before: &[IpNet]) -> Garden {
        let mut known = Garden { before: before.to_vec(), ..Garden::default() };
        for entry in garden {
            match entry {
                WalledEntry::Net(net) => known.fixed.push(*net),
                WalledEntry::Name(name) => {
                    known.names.insert(name.clone(), Name::default());
                }
            }
        }
        known
    }

    /// Looks up the names whose time it is; one that is not found keeps the addresses it had.
    pub fn look_up(&mut self, now: Instant, resolve: impl Fn(&str) -> Option<Answer>) {
        for (name, known) in &mut self.names {
            if known.next.is_some_and(|next| now < next) {
                continue;
            }
            match resolve(name) {
                Some(answer) => known.take(&answer, now),
                None => {
                    tracing::warn!(name, "walled-garden: no address found");
                    known.next = Some(now + Duration::from_secs(u64::from(SECONDS_UNFOUND)));
                }
            }
        }
    }

    /// When the next name is to be looked up; None: there are no names.
    fn next(&self) -> Option<Instant> {
        self.names.values().filter_map(|name| name.next).min()
    }

    pub fn all_found(&self) -> bool {
        self.names.values().all(|name| !name.addresses.is_empty())
    }

    /// The garden as far as it is known.
    pub fn nets(&self) -> Vec<IpNet> {
        let mut nets = self.fixed.clone();
        let named = self.names.values().flat_map(|name| name.addresses.keys());
        nets.extend(named.map(|address| IpNet::from(*address)));
        if !self.all_found() {
            nets.extend(&self.before);
        }
        nets.sort_unstable();
        nets.dedup();
        nets
    }
}

/// Looks names up until it is to stop; every change is an event. Returns at once without names.
pub fn run(mut garden: Garden, events: &SyncSender<Event>, stop: &Arc<AtomicBool>) {
    let mut last = garden.nets();
    while !garden.names.is_empty() {
        garden.look_up(Instant::now(), resolve);
        let nets = garden.nets();
        if nets != last && events.send(Event::Walled(nets.clone())).is_err() {
            return;
        }
        last = nets;
        while garden.next().is_some_and(|next| Instant::now() < next) {
            if stop.load(Ordering::Relaxed) {
                return;
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}

/// By the name servers, which say how long an answer is good; else as the machine does (`/etc/hosts`, ...).
fn resolve(name: &str) -> Option<Answer> {
    if name.contains('.')
        && let Some(answer) = dns::look_up(name, &dns::servers())
    {
        return Some(answer);
    }
    let addresses: Vec<IpAddr> = (name, 0).to_socket_addrs().ok()?.map(|address| address.ip()).collect();
    (!addresses.is_empty()).then_some(Answer { addresses, seconds: SECONDS_UNSAID })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(address: &str, seconds: u32) -> Option<Answer> {
        Some(Answer { addresses: vec![address.parse().unwrap()], seconds })
    }

    fn nets(texts: &[&str]) -> Vec<IpNet> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn a_name_keeps_its_addresses_when_the_resolver_fails() {
        let entries = ["192.0.2.0/24".parse().unwrap(), "pay.example.org".parse().unwrap()];
        let saved = nets(&["192.0.2.0/24", "198.51.100.7/32"]);
        let mut garden = Garden::new(&entries, &saved);
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        garden.look_up(start, |_| None);
        assert_eq!(garden.nets(), saved, "what was saved stands in at boot");
        garden.look_up(after(10), |_| found("198.51.100.9", 60));
        assert_eq!(garden.nets(), nets(&["192.0.2.0/24", "198.51.100.9/32"]));
        garden.look_up(after(100_000), |_| None);
        assert_eq!(garden.nets(), nets(&["192.0.2.0/24", "198.51.100.9/32"]));
    }

    #[test]
    fn a_name_is_asked_for_when_its_records_expire_and_an_old_address_stays_a_while() {
        let mut garden = Garden::new(&["pay.example.org".parse().unwrap()], &[]);
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        garden.look_up(start, |_| found("198.51.100.9", 60));
        garden.look_up(after(59), |_| panic!("the answer is still good"));
        garden.look_up(after(60), |_| found("198.51.100.10", 1));
        assert_eq!(garden.nets(), nets(&["198.51.100.9/32", "198.51.100.10/32"]));
        garden.look_up(after(89), |_| panic!("not asked for more often than that"));
        garden.look_up(after(90), |_| found("198.51.100.10", 86_400));
        garden.look_up(after(90 + 3600), |_| found("198.51.100.10", 60));
        assert_eq!(
            garden.nets(),
            nets(&["198.51.100.10/32"]),
            "asked for within the hour; the old one is gone"
        );
    }

    #[test]
    fn what_was_taken_out_of_the_configuration_is_not_brought_back_by_the_saved_state() {
        let saved: Vec<IpNet> = vec!["198.51.100.7/32".parse().unwrap()];
        assert!(Garden::new(&[], &saved).nets().is_empty());
    }
}
