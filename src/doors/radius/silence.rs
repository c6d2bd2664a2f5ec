//! Why a datagram is not answered: counted each time, told in the log now and then.

use crate::operations::Counters;
use crate::radius::codec::Malformed;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

/// One line for each source and reason in this time.
const QUIET: Duration = Duration::from_secs(10);
/// Sources and reasons remembered; a flood of made-up sources gets no further lines.
const TOLD_MAX: usize = 1024;

/// Reasons for silence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Silence {
    /// From an address that is no NAS.
    UnknownNas,
    /// Longer than 4096 octets.
    Oversized,
    Malformed(Malformed),
    /// A code that this port does not serve.
    WrongCode,
    /// The authenticator or Message-Authenticator is not of this NAS's secret.
    BadAuthenticator,
    /// No Message-Authenticator where one is demanded.
    NoMessageAuthenticator,
    /// Proxy-State without Message-Authenticator (CVE-2024-3596).
    ProxyStateUnsigned,
    /// Answered before and still in work: the repeat waits with the first.
    InWork,
    /// An Accounting-Request with an Acct-Status-Type that is not billed, or with none.
    UnknownStatusType,
    /// An Accounting-Request for a session without Acct-Session-Id.
    NoSessionId,
    /// The queue in front of the spool is full.
    RecorderFull,
    /// Too many rejects are being held back.
    RejectsFull,
    /// Too many costly password hashes are being checked.
    ChecksFull,
}

impl Silence {
    /// What a person is to do about it.
    pub fn text(self) -> &'static str {
        match self {
            Silence::UnknownNas => "not an address of any NAS",
            Silence::Oversized => "longer than 4096 octets",
            Silence::Malformed(_) => "malformed",
            Silence::WrongCode => "a code that this port does not serve",
            Silence::BadAuthenticator => "signed with another shared secret",
            Silence::NoMessageAuthenticator => {
                "no Message-Authenticator, which this NAS has sent before or the configuration demands"
            }
            Silence::ProxyStateUnsigned => "Proxy-State without Message-Authenticator",
            Silence::InWork => "a repeat of a request in work",
            Silence::UnknownStatusType => "Acct-Status-Type that is not served",
            Silence::NoSessionId => "no Acct-Session-Id",
            Silence::RecorderFull => "accounting cannot be recorded as fast as it comes",
            Silence::RejectsFull => "too many rejects are waiting for their delay",
            Silence::ChecksFull => "too many password hashes are being checked",
        }
    }

    /// What counts it.
    pub fn counter(self, counters: &Counters) -> &AtomicU64 {
        match self {
            Silence::UnknownNas => &counters.unknown_nas_packets,
            Silence::Oversized | Silence::Malformed(_) | Silence::NoSessionId => &counters.malformed_packets,
            Silence::WrongCode | Silence::UnknownStatusType => &counters.unknown_type_packets,
            Silence::BadAuthenticator | Silence::NoMessageAuthenticator | Silence::ProxyStateUnsigned => {
                &counters.bad_authenticators
            }
            Silence::InWork => &counters.duplicate_requests,
            Silence::RecorderFull => &counters.accounting_dropped,
            Silence::RejectsFull | Silence::ChecksFull => &counters.access_requests_dropped,
        }
    }
}

/// Log lines about silence, one for each source and reason in a while.
#[derive(Default)]
pub struct Complaints {
    told: Mutex<HashMap<(IpAddr, Silence), Told>>,
}

struct Told {
    at: Instant,
    /// Since then.
    more: u64,
}

impl Complaints {
    pub fn tell(&self, source: IpAddr, silence: Silence, now: Instant) {
        if silence == Silence::InWork {
            // Repeats are the NAS's right and nobody's fault.
            return;
        }
        let Some(more) = self.is_due(source, silence, now) else { return };
        let detail = match silence {
            Silence::Malformed(malformed) => malformed.token(),
            _ => "",
        };
        tracing::warn!(%source, reason = silence.text(), detail, more, "RADIUS packet dropped");
    }

    /// How many were kept quiet since the last line; None when it is too early for the next.
    fn is_due(&self, source: IpAddr, silence: Silence, now: Instant) -> Option<u64> {
        let mut told = self.told.lock();
        if let Some(told) = told.get_mut(&(source, silence)) {
            if now.saturating_duration_since(told.at) < QUIET {
                told.more += 1;
                return None;
            }
            told.at = now;
            return Some(std::mem::take(&mut told.more));
        }
        if told.len() >= TOLD_MAX {
            told.retain(|_, told| now.saturating_duration_since(told.at) < QUIET);
            if told.len() >= TOLD_MAX {
                return None;
            }
        }
        told.insert((source, silence), Told { at: now, more: 0 });
        Some(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_complained_of_once_in_ten_seconds_for_each_reason() {
        let (complaints, now) = (Complaints::default(), Instant::now());
        let source = IpAddr::from([192, 0, 2, 1]);
        let due = |silence, after| complaints.is_due(source, silence, now + Duration::from_secs(after));
        assert_eq!(due(Silence::UnknownNas, 0), Some(0));
        assert_eq!(due(Silence::BadAuthenticator, 0), Some(0));
        assert_eq!(due(Silence::UnknownNas, 1), None);
        assert_eq!(due(Silence::UnknownNas, 9), None);
        assert_eq!(due(Silence::UnknownNas, 10), Some(2));
    }

    #[test]
    fn a_flood_of_sources_ends_the_lines_and_not_the_memory() {
        let (complaints, now) = (Complaints::default(), Instant::now());
        let tell = |n: u32, now| complaints.is_due(IpAddr::V4(n.into()), Silence::UnknownNas, now);
        let told = (0..10_000).filter(|n| tell(*n, now).is_some()).count();
        assert_eq!((told, complaints.told.lock().len()), (TOLD_MAX, TOLD_MAX));
        assert_eq!(tell(20_000, now + QUIET), Some(0));
    }
}
