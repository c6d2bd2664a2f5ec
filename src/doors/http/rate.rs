//! How often one source may ask: a bucket of tokens for each, filled at a steady rate.

use parking_lot::Mutex;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;
use tokio::time::Instant;

/// Sources remembered. Beyond it those that have been quiet are forgotten; if nobody has, newcomers share one bucket.
const SOURCES_MAX: usize = 16_384;
/// Between two searches for the quiet.
const SWEEP_GAP: Duration = Duration::from_secs(1);
/// A full bucket holds the requests of so many seconds.
const BURST_SECONDS: u32 = 2;

/// Requests of each source address; of IPv6, of each /64.
#[derive(Debug)]
pub struct RateLimit {
    /// None: no limit.
    per_second: Option<f64>,
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    buckets: HashMap<IpAddr, Bucket>,
    /// When the quiet were last looked for.
    swept: Option<Instant>,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    tokens: f64,
    at: Instant,
}

impl RateLimit {
    /// 0: no limit.
    pub fn new(requests_per_second: u32) -> RateLimit {
        let per_second = (requests_per_second > 0).then(|| f64::from(requests_per_second));
        RateLimit { per_second, table: Mutex::default() }
    }

    /// Takes a token. Without one: how long until there is. The machine itself is not limited, or programs behind a
    /// proxy on it would be one source.
    pub fn take(&self, source: IpAddr, now: Instant) -> Result<(), Duration> {
        let Some(per_second) = self.per_second else { return Ok(()) };
        let source = source.to_canonical();
        if source.is_loopback() {
            return Ok(());
        }
        let full = per_second * f64::from(BURST_SECONDS);
        let filled = |bucket: &Bucket| {
            (bucket.tokens + now.saturating_duration_since(bucket.at).as_secs_f64() * per_second).min(full)
        };
        let mut table = self.table.lock();
        let mut place = network(source);
        if table.buckets.len() >= SOURCES_MAX && !table.buckets.contains_key(&place) {
            if table.swept.is_none_or(|swept| now.saturating_duration_since(swept) >= SWEEP_GAP) {
                table.swept = Some(now);
                table.buckets.retain(|_, bucket| filled(bucket) < full);
            }
            if table.buckets.len() >= SOURCES_MAX {
                place = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
            }
        }
        let bucket = table.buckets.entry(place).or_insert(Bucket { tokens: full, at: now });
        let tokens = filled(bucket);
        if tokens < 1.0 {
            return Err(Duration::from_secs_f64((1.0 - tokens) / per_second));
        }
        *bucket = Bucket { tokens: tokens - 1.0, at: now };
        Ok(())
    }
}

/// Whoever has one address of a /64 has them all.
fn network(source: IpAddr) -> IpAddr {
    match source {
        IpAddr::V4(_) => source,
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_source_has_its_burst_and_then_its_rate() {
        let (limit, start) = (RateLimit::new(10), Instant::now());
        let source = ip("192.0.2.1");
        for _ in 0..20 {
            assert_eq!(limit.take(source, start), Ok(()));
        }
        assert_eq!(limit.take(source, start), Err(Duration::from_millis(100)));
        assert_eq!(limit.take(ip("192.0.2.2"), start), Ok(()), "another source is not concerned");
        let later = start + Duration::from_millis(250);
        assert_eq!([(); 3].map(|()| limit.take(source, later).is_ok()), [true, true, false]);
    }

    #[test]
    fn a_network_of_ipv6_is_one_source_and_the_machine_itself_is_free() {
        let (limit, now) = (RateLimit::new(1), Instant::now());
        for host in 1..=2u128 {
            assert!(limit.take(IpAddr::V6((0x2001_0db8u128 << 96 | host).into()), now).is_ok());
        }
        assert!(limit.take(ip("2001:db8::3"), now).is_err());
        assert!(limit.take(ip("2001:db8:0:1::3"), now).is_ok());
        for loopback in ["127.0.0.1", "::1", "::ffff:127.0.0.1"] {
            assert!((0..100).all(|_| limit.take(ip(loopback), now).is_ok()), "{loopback}");
        }
        assert!((0..100).all(|_| RateLimit::new(0).take(ip("192.0.2.1"), now).is_ok()));
    }

    #[test]
    fn more_sources_than_are_remembered_share_what_is_left_and_the_quiet_are_forgotten() {
        let (limit, start) = (RateLimit::new(1), Instant::now());
        for source in 0..SOURCES_MAX {
            let source = IpAddr::V4((0x0a00_0000 + u32::try_from(source).unwrap()).into());
            assert!(limit.take(source, start).is_ok());
        }
        let granted = (0..10u32).filter(|n| limit.take(IpAddr::V4((0x0b00_0000 + n).into()), start).is_ok());
        assert_eq!(granted.count(), 2, "one bucket for all newcomers");
        assert!(limit.table.lock().buckets.len() <= SOURCES_MAX + 1);
        assert!(limit.take(ip("192.0.2.1"), start + Duration::from_secs(10)).is_ok());
        assert_eq!(limit.table.lock().buckets.len(), 1);
    }
}
