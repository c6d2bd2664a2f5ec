//! The options of the generators.

use super::BenchError;
use crate::model::SecretText;
use clap::builder::RangedU64ValueParser;
use clap::{Args, Parser, ValueEnum};
use serde::Serialize;
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// Identifiers a source port has (RFC 2865, 3).
pub const IDS: usize = 256;
const USERS_MAX: u64 = 4_000_000;
/// Names and passwords must fit their attributes with room for padding and an "x" in front.
const PREFIX_MAX: usize = 64;
const PAD_MAX: u64 = 32;
const SECONDS_MAX: f64 = 7.0 * 86_400.0;

/// What kind of request is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Access-Request with User-Password
    Pap,
    /// Access-Request with CHAP-Password
    Chap,
    /// Access-Request with MS-CHAP2-Response; keys and "S=" of the answers are checked
    Mschapv2,
    /// Accounting-Request: life cycles of sessions
    Acct,
    /// Status-Server (RFC 5997)
    Status,
}

impl Mode {
    /// The option's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Mode::Pap => "pap",
            Mode::Chap => "chap",
            Mode::Mschapv2 => "mschapv2",
            Mode::Acct => "acct",
            Mode::Status => "status",
        }
    }
}

/// Where Message-Authenticator stands in an Access-Request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum MessageAuthenticatorPlace {
    First,
    Last,
    None,
}

/// A RADIUS load from several sockets with a bounded window; every reply is checked, the result is one JSON line
#[derive(Args, Clone, Debug)]
pub struct RadiusArgs {
    /// Where to send; only loopback unless --allow-target names the address
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:1812")]
    pub server: SocketAddr,
    /// Where --mutate sends accounting; default: the same as --server
    #[arg(long, value_name = "IP:PORT")]
    pub acct_server: Option<SocketAddr>,
    /// An address outside loopback that may be loaded
    #[arg(long, value_name = "IP")]
    pub allow_target: Option<IpAddr>,
    /// Shared secret
    #[arg(long, value_parser = secret_text, default_value = "testing123")]
    pub secret: SecretText,
    /// Kind of request
    #[arg(long, value_enum, default_value = "pap")]
    pub mode: Mode,
    /// Outstanding requests in all
    #[arg(long, value_parser = count(1, 65_536), default_value = "128")]
    pub window: usize,
    /// Source ports per thread (each has 256 identifiers)
    #[arg(long, value_parser = count(1, 256), default_value = "4")]
    pub sockets: usize,
    /// Sender threads
    #[arg(long, value_parser = count(1, 64), default_value = "1")]
    pub threads: usize,
    /// Requests per second in all; 0: as fast as replies come
    #[arg(long, value_parser = amount, default_value = "0")]
    pub rate: f64,
    /// Measured time
    #[arg(long, value_parser = seconds, default_value = "5")]
    pub seconds: f64,
    /// Time before it that is not counted
    #[arg(long, value_parser = seconds, default_value = "1")]
    pub warmup: f64,
    /// Stop after so many requests (with --warmup 0); 0: no limit
    #[arg(long, default_value_t = 0)]
    pub count: u64,
    /// After this a request is lost
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=600_000), default_value = "3000")]
    pub timeout_ms: u64,
    /// Users u000000, u000001, ... with passwords p000000, ...
    #[arg(long, value_parser = count(1, USERS_MAX), default_value = "10000")]
    pub users: usize,
    /// What the users' names begin with
    #[arg(long, default_value = "u")]
    pub user_prefix: String,
    /// What their passwords begin with
    #[arg(long, default_value = "p")]
    pub pass_prefix: String,
    /// Digits in those names
    #[arg(long, value_parser = count(0, PAD_MAX), default_value = "6")]
    pub pad: usize,
    /// Share of logins with a wrong password; they must be rejected
    #[arg(long, value_parser = clap::value_parser!(u8).range(0..=100), default_value = "0")]
    pub wrong_percent: u8,
    /// Share of logins with an unknown name; they must be rejected
    #[arg(long, value_parser = clap::value_parser!(u8).range(0..=100), default_value = "0")]
    pub unknown_percent: u8,
    /// Share of datagrams sent twice (RFC 5080, 2.2.2): a second answer is counted, not required
    #[arg(long, value_parser = clap::value_parser!(u8).range(0..=100), default_value = "0")]
    pub dup_percent: u8,
    /// Message-Authenticator in Access-Request
    #[arg(long, value_enum, default_value = "first")]
    pub msg_auth: MessageAuthenticatorPlace,
    /// A reply to an Access-Request without Message-Authenticator counts as bad
    #[arg(long)]
    pub require_msg_auth: bool,
    /// Message-Authenticator in Accounting-Request too
    #[arg(long)]
    pub acct_msg_auth: bool,
    /// acct: live sessions, taken in turn
    #[arg(long, value_parser = count(1, 10_000_000), default_value = "10000")]
    pub sessions: usize,
    /// acct: Interim-Updates between Start and Stop
    #[arg(long, value_parser = clap::value_parser!(u32).range(0..=1_000_000), default_value = "3")]
    pub interims: u32,
    /// Adds the CPU time of this process to the result; may be given several times
    #[arg(long, value_name = "PID")]
    pub server_pid: Vec<u32>,
    /// Packets in one system call
    #[arg(long, value_parser = count(1, 1024), default_value = "32")]
    pub batch: usize,
    /// Run on this core only
    #[arg(long)]
    pub cpu: Option<usize>,
    /// The same seed sends the same requests
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Text for the JSON line
    #[arg(long, default_value = "")]
    pub label: String,
    /// Take any datagram with a known identifier for a reply (for an echo)
    #[arg(long)]
    pub no_verify: bool,
    /// mschapv2: check "S=" and both keys of every N-th accept
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..), default_value = "16")]
    pub sample: u64,
    /// Send N damaged requests of every kind instead, and check that whatever answers them is signed for them
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub mutate: Option<u64>,
}

impl RadiusArgs {
    /// From the words of a command line, without the program's name; of a repeated option the last word counts.
    pub fn from_words<'a>(words: impl IntoIterator<Item = &'a str>) -> Result<RadiusArgs, BenchError> {
        #[derive(Parser)]
        #[command(args_override_self = true)]
        struct Line {
            #[command(flatten)]
            args: RadiusArgs,
        }
        Line::try_parse_from(std::iter::once("radius").chain(words))
            .map(|line| line.args)
            .map_err(|error| BenchError::Usage(error.to_string()))
    }

    /// What one option alone cannot tell.
    ///
    /// # Errors
    /// [`BenchError::Usage`]: a target that was not allowed, a window that the sockets' identifiers cannot hold,
    /// or names that are too long.
    pub fn check(&self) -> Result<(), BenchError> {
        for target in std::iter::once(self.server).chain(self.acct_server) {
            check_target(target.ip(), self.allow_target)?;
        }
        if self.window_per_socket() > IDS {
            let sockets = self.window.div_ceil(IDS * self.threads);
            return Err(BenchError::Usage(format!(
                "a window of {} needs --sockets {sockets} or more ({IDS} identifiers each)",
                self.window
            )));
        }
        if self.user_prefix.len() > PREFIX_MAX || self.pass_prefix.len() > PREFIX_MAX {
            return Err(BenchError::Usage(format!("a prefix has at most {PREFIX_MAX} octets")));
        }
        Ok(())
    }

    /// Outstanding requests of one socket.
    pub fn window_per_socket(&self) -> usize {
        self.window.div_ceil(self.threads * self.sockets).max(1)
    }

    pub fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }
}

/// A UDP server that sends back what it gets: the ceiling that rates are compared with
#[derive(Args, Clone, Debug)]
pub struct EchoArgs {
    /// Where to listen; only loopback unless --allow-target names the address
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:1899")]
    pub bind: SocketAddr,
    /// An address outside loopback that may be listened on
    #[arg(long, value_name = "IP")]
    pub allow_target: Option<IpAddr>,
    /// 1: one packet for each system call; more: recvmmsg and sendmmsg
    #[arg(long, value_parser = count(1, 1024), default_value = "1")]
    pub batch: usize,
    /// End after this time
    #[arg(long, value_parser = seconds, default_value = "60")]
    pub seconds: f64,
    /// Run on this core only
    #[arg(long)]
    pub cpu: Option<usize>,
}

/// Refuses to load anybody else's network by a slip of the hand.
pub fn check_target(address: IpAddr, allowed: Option<IpAddr>) -> Result<(), BenchError> {
    if address.to_canonical().is_loopback() || allowed == Some(address) {
        return Ok(());
    }
    Err(BenchError::Usage(format!(
        "{address} is not loopback; if it is yours to load, say --allow-target {address}"
    )))
}

fn count(least: u64, most: u64) -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(least..=most)
}

fn secret_text(text: &str) -> Result<SecretText, Infallible> {
    Ok(SecretText::new(text))
}

/// A time that is neither negative nor absurd; fractions are allowed.
pub fn seconds(text: &str) -> Result<f64, String> {
    amount(text).and_then(|value| {
        if value <= SECONDS_MAX { Ok(value) } else { Err(format!("at most {SECONDS_MAX} seconds")) }
    })
}

fn amount(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() && value >= 0.0 => Ok(value),
        _ => Err("expected a number, 0 or more".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(words: &[&str]) -> Result<(), BenchError> {
        RadiusArgs::from_words(words.iter().copied()).and_then(|args| args.check())
    }

    #[test]
    fn only_loopback_is_loaded_unless_the_address_is_named() {
        assert!(check(&["--server", "127.0.0.5:1812"]).is_ok());
        assert!(check(&["--server", "[::1]:1812"]).is_ok());
        assert!(check(&["--server", "[::ffff:127.0.0.1]:1812"]).is_ok());
        for target in ["192.0.2.1:1812", "[2001:db8::1]:1812", "0.0.0.0:1812", "255.255.255.255:1812"] {
            assert!(matches!(check(&["--server", target]), Err(BenchError::Usage(_))), "{target}");
        }
        assert!(check(&["--acct-server", "192.0.2.1:1813"]).is_err());
        assert!(check(&["--server", "192.0.2.1:1812", "--allow-target", "192.0.2.1"]).is_ok());
        assert!(check(&["--server", "192.0.2.2:1812", "--allow-target", "192.0.2.1"]).is_err());
    }

    #[test]
    fn a_window_beyond_the_identifiers_is_refused_with_the_number_of_sockets_that_would_do() {
        let error = check(&["--window", "2000", "--sockets", "4"]).unwrap_err().to_string();
        assert!(error.contains("--sockets 8"), "{error}");
        assert!(check(&["--window", "2000", "--sockets", "8"]).is_ok());
    }

    #[test]
    fn the_secret_is_not_shown_by_debug() {
        let args = RadiusArgs::from_words(["--secret", "s3cret"]).unwrap();
        assert!(!format!("{args:?}").contains("s3cret"));
    }

    #[test]
    fn nonsense_numbers_are_usage_errors() {
        for words in
            [["--seconds", "-1"], ["--seconds", "nan"], ["--threads", "0"], ["--wrong-percent", "101"]]
        {
            assert!(matches!(check(&words), Err(BenchError::Usage(_))), "{words:?}");
        }
    }
}
