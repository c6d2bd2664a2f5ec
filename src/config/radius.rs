//! `[radius]`: the ports for NASes and what debtors and the blocked are answered.

use super::section::Section;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

/// Ports of RFC 2865 and RFC 2866, section 3 of both.
const AUTH_PORT: u16 = 1812;
const ACCT_PORT: u16 = 1813;
/// Interim updates more often than each minute only load the NAS (RFC 2869, section 2.1).
const INTERIM_SECONDS_MIN: u32 = 60;
const INTERIM_SECONDS_MAX: u32 = 3600;
const CAPTIVE_RATE_KBIT_MAX: u32 = 10_000_000;
/// Interim intervals after which a session whose Stop was lost is surely over (rules, Pools).
const QUARANTINE_INTERIM_INTERVALS: u32 = 2;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Radius {
    pub auth: Vec<SocketAddr>,
    pub acct: Vec<SocketAddr>,
    /// How long an Access-Reject is held back, milliseconds.
    pub reject_delay_ms: u32,
    pub require_message_authenticator: RequireMessageAuthenticator,
    pub negbal_login: RestrictedLogin,
    pub blocked_login: RestrictedLogin,
    /// Acct-Interim-Interval that NASes are told, seconds.
    pub interim_seconds: u32,
    /// Speed of a session that sees only the captive page, kbit/s in both directions.
    pub captive_rate_kbit: u32,
}

/// Whether a request without Message-Authenticator is dropped (RFC 3579, section 3.2; Blast-RADIUS).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequireMessageAuthenticator {
    /// A NAS that has once sent it must go on sending it.
    Auto,
    Yes,
    No,
}

/// What somebody who is not let through gets when logging in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestrictedLogin {
    /// Accepted, and led to the captive page.
    Captive,
    Reject,
}

impl Default for Radius {
    fn default() -> Radius {
        Radius {
            auth: vec![SocketAddr::from((Ipv4Addr::UNSPECIFIED, AUTH_PORT))],
            acct: vec![SocketAddr::from((Ipv4Addr::UNSPECIFIED, ACCT_PORT))],
            reject_delay_ms: 1000,
            require_message_authenticator: RequireMessageAuthenticator::Auto,
            negbal_login: RestrictedLogin::Captive,
            blocked_login: RestrictedLogin::Reject,
            interim_seconds: 300,
            captive_rate_kbit: 1024,
        }
    }
}

impl Radius {
    /// How long after an unclean start a pool's free address goes only to its last known owner.
    pub fn pool_quarantine(&self) -> Duration {
        Duration::from_secs(u64::from(self.interim_seconds) * u64::from(QUARANTINE_INTERIM_INTERVALS))
    }

    pub(super) fn read(section: &mut Section<'_>) -> Radius {
        const LOGIN: [(&str, RestrictedLogin); 2] =
            [("captive", RestrictedLogin::Captive), ("reject", RestrictedLogin::Reject)];
        const REQUIRE: [(&str, RequireMessageAuthenticator); 3] = [
            ("auto", RequireMessageAuthenticator::Auto),
            ("yes", RequireMessageAuthenticator::Yes),
            ("no", RequireMessageAuthenticator::No),
        ];
        let mut radius = Radius::default();
        section
            .listen("auth", &mut radius.auth)
            .listen("acct", &mut radius.acct)
            .not_served_unless_empty("radsec")
            .number("reject-delay-ms", &mut radius.reject_delay_ms, 0..=10_000)
            .word("require-message-authenticator", &mut radius.require_message_authenticator, &REQUIRE)
            .word("negbal-login", &mut radius.negbal_login, &LOGIN)
            .word("blocked-login", &mut radius.blocked_login, &LOGIN)
            .number("interim-seconds", &mut radius.interim_seconds, INTERIM_SECONDS_MIN..=INTERIM_SECONDS_MAX)
            .number("captive-rate-kbit", &mut radius.captive_rate_kbit, 1..=CAPTIVE_RATE_KBIT_MAX);
        radius
    }
}
