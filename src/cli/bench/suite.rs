//! The published figures: the server and two echoes measured in turn, round after round, in the same minutes.
//!
//! A rate alone says more about the machine than about the server. So each round of a mode measures the echo with
//! one packet for each system call, the echo with batches, and the server, and the ratios are taken inside the round.

mod table;

use super::BenchError;
use super::args::{Mode, RadiusArgs, seconds};
use super::report::Report;
use super::subject::{Process, SECRET, Subject, free_address};
use clap::Args;
use serde::Serialize;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;
use table::{Row, row};

pub use table::{Spread, print};

const ECHO_BATCH: &str = "32";
/// Time for the processes to come up, beyond what is measured.
const ECHO_SPARE_SECONDS: f64 = 300.0;
const ECHO_START: Duration = Duration::from_millis(300);

/// Start a server of this program with its own data, measure it beside UDP echoes, print one table
#[derive(Args, Clone, Debug)]
pub struct SuiteArgs {
    /// How often each mode is measured
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1000), default_value = "5")]
    pub rounds: u32,
    /// Measured time of each run
    #[arg(long, value_parser = seconds, default_value = "3")]
    pub seconds: f64,
    /// Time before it that is not counted
    #[arg(long, value_parser = seconds, default_value = "0.5")]
    pub warmup: f64,
    /// What is measured, separated by commas
    #[arg(long, value_enum, value_delimiter = ',', default_value = "pap,chap,mschapv2,acct")]
    pub modes: Vec<Mode>,
    /// Subscribers of the server
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=65_536), default_value = "10000")]
    pub users: u32,
    /// Outstanding requests
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1024), default_value = "128")]
    pub window: u32,
    /// The program to measure; default: this one
    #[arg(long, value_name = "FILE")]
    pub program: Option<PathBuf>,
    /// Leave the directory with configuration, log and database
    #[arg(long)]
    pub keep: bool,
    /// Print JSON with every run instead of the table
    #[arg(long)]
    pub json: bool,
}

/// The three runs of one mode in one round.
#[derive(Clone, Debug, Serialize)]
pub struct Round {
    pub echo: Report,
    pub echo_batch: Report,
    pub server: Report,
}

/// The result; its JSON keys are stable.
#[derive(Clone, Debug, Serialize)]
pub struct SuiteReport {
    pub summary: Vec<Row>,
    pub rounds: Vec<Round>,
}

impl SuiteReport {
    /// Replies of the server that broke a check, and runs in which nothing replied.
    pub fn faults(&self) -> u64 {
        self.rounds.iter().map(|round| round.server.faults() + u64::from(round.server.replies == 0)).sum()
    }
}

/// Runs everything; progress goes to standard error.
///
/// # Errors
/// [`BenchError::Failed`] when a process does not start, dies, or a run cannot be made.
pub fn suite(args: &SuiteArgs) -> Result<SuiteReport, BenchError> {
    let own = std::env::current_exe().map_err(BenchError::system)?;
    let program = args.program.as_deref().unwrap_or(&own);
    let users = usize::try_from(args.users).unwrap_or(usize::MAX);
    let mut subject = Subject::start(program, users, args.keep)?;
    let runs = f64::from(args.rounds) * 12.0 * (args.seconds + args.warmup + 2.0);
    let single = Echo::start(&own, "1", runs + ECHO_SPARE_SECONDS)?;
    let batch = Echo::start(&own, ECHO_BATCH, runs + ECHO_SPARE_SECONDS)?;
    thread::sleep(ECHO_START);
    let mut rounds = Vec::new();
    for round in 1..=args.rounds {
        for &mode in &args.modes {
            subject.still_running()?;
            let server = if mode == Mode::Acct { subject.acct } else { subject.auth };
            let result = Round {
                echo: measure(args, mode, single.address, single.process.pid(), true)?,
                echo_batch: measure(args, mode, batch.address, batch.process.pid(), true)?,
                server: measure(args, mode, server, subject.pid(), false)?,
            };
            eprintln!(
                "round {round} of {}: {:9} {:7.0}/s, echo {:7.0}/s",
                args.rounds,
                mode.as_str(),
                result.server.replies_per_s,
                result.echo.replies_per_s
            );
            rounds.push(result);
        }
    }
    subject.still_running()?;
    let summary = args.modes.iter().filter_map(|mode| row(*mode, &rounds)).collect();
    Ok(SuiteReport { summary, rounds })
}

struct Echo {
    process: Process,
    address: SocketAddr,
}

impl Echo {
    fn start(own: &Path, batch: &str, seconds: f64) -> Result<Echo, BenchError> {
        let address = free_address()?;
        let mut command = Command::new(own);
        command.args(["bench", "echo", "--bind", &address.to_string(), "--batch", batch]);
        command.args(["--seconds", &seconds.to_string()]).stdout(Stdio::null());
        Ok(Echo { process: Process::spawn("the echo", &mut command)?, address })
    }
}

fn measure(args: &SuiteArgs, mode: Mode, to: SocketAddr, pid: u32, echo: bool) -> Result<Report, BenchError> {
    let server = to.to_string();
    let (seconds, warmup) = (args.seconds.to_string(), args.warmup.to_string());
    let (users, window, pid) = (args.users.to_string(), args.window.to_string(), pid.to_string());
    let mut words = vec!["--server", &server, "--secret", SECRET, "--mode", mode.as_str(), "--users", &users];
    words.extend(["--window", &window, "--seconds", &seconds, "--warmup", &warmup, "--server-pid", &pid]);
    if echo {
        words.extend(["--no-verify", "--label", "echo"]);
    } else {
        words.extend(["--label", "headgate"]);
    }
    super::radius(&RadiusArgs::from_words(words)?)
}
