//! What a run counted, and the JSON line it becomes.

use super::args::Mode;
use super::histogram::Histogram;
use serde::Serialize;

/// Counts of one thread, later of all.
#[derive(Clone, Default)]
pub struct Counts {
    pub sent: u64,
    pub replies: u64,
    pub accept: u64,
    pub reject: u64,
    pub acct_ok: u64,
    pub lost: u64,
    pub late: u64,
    pub dups_sent: u64,
    pub dup_replies: u64,
    pub bad_authenticator: u64,
    pub bad_msg_auth: u64,
    pub no_msg_auth: u64,
    pub msg_auth_not_first: u64,
    pub wrong_verdict: u64,
    pub mschap_checked: u64,
    pub mschap_bad: u64,
    pub malformed_or_other: u64,
    pub refused: u64,
    pub latency: Histogram,
}

impl Counts {
    pub fn merge(&mut self, other: &Counts) {
        self.sent += other.sent;
        self.replies += other.replies;
        self.accept += other.accept;
        self.reject += other.reject;
        self.acct_ok += other.acct_ok;
        self.lost += other.lost;
        self.late += other.late;
        self.dups_sent += other.dups_sent;
        self.dup_replies += other.dup_replies;
        self.bad_authenticator += other.bad_authenticator;
        self.bad_msg_auth += other.bad_msg_auth;
        self.no_msg_auth += other.no_msg_auth;
        self.msg_auth_not_first += other.msg_auth_not_first;
        self.wrong_verdict += other.wrong_verdict;
        self.mschap_checked += other.mschap_checked;
        self.mschap_bad += other.mschap_bad;
        self.malformed_or_other += other.malformed_or_other;
        self.refused += other.refused;
        self.latency.merge(&other.latency);
    }
}

/// The result of a run; its JSON keys are stable, times are microseconds.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    pub label: String,
    pub mode: Mode,
    pub window: usize,
    pub sockets: usize,
    pub threads: usize,
    /// Seconds measured.
    pub seconds: f64,
    pub replies_per_s: f64,
    pub sent: u64,
    pub replies: u64,
    pub accept: u64,
    pub reject: u64,
    pub acct_ok: u64,
    /// Requests without an answer within the timeout. They are not sent again.
    pub lost: u64,
    /// Replies to requests that were given up.
    pub late: u64,
    pub dups_sent: u64,
    /// Second replies to one request.
    pub dup_replies: u64,
    pub bad_authenticator: u64,
    pub bad_msg_auth: u64,
    /// Replies without Message-Authenticator.
    pub no_msg_auth: u64,
    pub msg_auth_not_first: u64,
    /// An accept where a reject was due, or the other way round.
    pub wrong_verdict: u64,
    pub mschap_checked: u64,
    pub mschap_bad: u64,
    pub malformed_or_other: u64,
    /// Times that the kernel said the port is closed.
    pub refused: u64,
    pub p50_us: u64,
    pub p90_us: u64,
    pub p99_us: u64,
    pub max_us: u64,
    /// User and system time of the named server processes, kernel's network path included.
    pub server_cpu_us_per_reply: f64,
    pub gen_cpu_us_per_reply: f64,
    /// Share of the machine's CPU that neither the generator nor the named processes took.
    pub others_percent: f64,
}

impl Report {
    /// Replies that broke a check. A lost request is not among them.
    pub fn faults(&self) -> u64 {
        self.bad_authenticator
            + self.bad_msg_auth
            + self.wrong_verdict
            + self.mschap_bad
            + self.malformed_or_other
    }
}

/// For figures that people read: two digits after the point.
pub fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

/// A count as a number to divide with; exact below 2^53.
pub fn float(count: u64) -> f64 {
    let high = u32::try_from(count >> 32).unwrap_or(u32::MAX);
    let low = u32::try_from(count & 0xffff_ffff).unwrap_or(u32::MAX);
    f64::from(high) * 4_294_967_296.0 + f64::from(low)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_become_the_floats_they_are() {
        for count in [0, 1, u64::from(u32::MAX), 1 << 32, (1 << 53) - 1] {
            assert_eq!(format!("{:.0}", float(count)), count.to_string());
        }
    }
}
