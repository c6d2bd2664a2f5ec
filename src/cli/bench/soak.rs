//! Hours of mixed load: nothing may be wrong, nothing may leak, nothing may stop.

use super::BenchError;
use super::args::{RadiusArgs, seconds};
use super::mutate::mutate;
use super::radius::radius;
use super::report::Report;
use super::subject::{SECRET, Subject};
use clap::Args;
use serde::Serialize;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

const MODES: [&str; 3] = ["pap", "chap", "mschapv2"];
/// Turns between two bouts of damaged packets. Rare, because sound records among them open sessions that nobody ends.
const MUTATE_EVERY: usize = 10;
const MUTATIONS: &str = "2000";
/// What memory may grow by between the second and the last quarter of the run.
const GROWTH_PERCENT_MAX: u64 = 10;
const GROWTH_KIB_SPARE: u64 = 8 * 1024;
const DESCRIPTORS_SPARE: usize = 8;
/// Fewer turns say nothing about growth.
const TURNS_FOR_GROWTH: usize = 8;
/// Sessions whose records go on for the whole run.
const SESSIONS: &str = "5000";

/// Start a server of this program with its own data and load it for a long time; fails on wrong replies or growth
#[derive(Args, Clone, Debug)]
pub struct SoakArgs {
    /// How long
    #[arg(long, value_parser = minutes, default_value = "60")]
    pub minutes: f64,
    /// Length of a turn with one kind of login
    #[arg(long, value_parser = seconds, default_value = "20")]
    pub turn_seconds: f64,
    /// Logins per second; 0: as fast as replies come
    #[arg(long, default_value_t = 2000)]
    pub rate: u32,
    /// Accounting records per second, all the time
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..), default_value = "1000")]
    pub acct_rate: u32,
    /// Subscribers of the server
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=65_536), default_value = "10000")]
    pub users: u32,
    /// The program to load; default: this one
    #[arg(long, value_name = "FILE")]
    pub program: Option<PathBuf>,
    /// Leave the directory with configuration, log and database
    #[arg(long)]
    pub keep: bool,
}

/// The result; its JSON keys are stable.
#[derive(Clone, Debug, Default, Serialize)]
pub struct SoakReport {
    pub minutes: f64,
    pub turns: usize,
    pub replies: u64,
    pub lost: u64,
    pub faults: u64,
    /// Resident memory after each turn, KiB.
    pub resident_kib: Vec<u64>,
    pub descriptors: Vec<usize>,
    /// What the run found wrong, in sentences; empty when nothing.
    pub findings: Vec<String>,
}

/// Runs to the end even when something is found wrong, unless the server stops.
///
/// # Errors
/// [`BenchError::Failed`] when the server does not start, ends, or no longer answers.
pub fn soak(args: &SoakArgs) -> Result<SoakReport, BenchError> {
    let own = std::env::current_exe().map_err(BenchError::system)?;
    let program = args.program.as_deref().unwrap_or(&own);
    let users = usize::try_from(args.users).unwrap_or(usize::MAX);
    let mut subject = Subject::start(program, users, args.keep)?;
    let length = Duration::from_secs_f64(args.minutes * 60.0);
    let accounting = accounting_args(args, &subject, length)?;
    let begin = Instant::now();
    let mut report = SoakReport { minutes: args.minutes, ..SoakReport::default() };
    let background = thread::spawn(move || radius(&accounting));
    while begin.elapsed() < length {
        turn(args, &subject, &mut report)?;
        let (resident, descriptors) = subject.footprint()?;
        report.resident_kib.push(resident);
        report.descriptors.push(descriptors);
        report.turns += 1;
        eprintln!(
            "{:6.0} s: {} replies, {} lost, {} faults, {resident} KiB, {descriptors} descriptors",
            begin.elapsed().as_secs_f64(),
            report.replies,
            report.lost,
            report.faults
        );
    }
    let records = background.join().map_err(|_| BenchError::Failed("a thread panicked".to_owned()))??;
    report.add(&records);
    if records.replies == 0 {
        report.findings.push("no accounting record was answered".to_owned());
    }
    report.judge();
    Ok(report)
}

fn accounting_args(args: &SoakArgs, subject: &Subject, length: Duration) -> Result<RadiusArgs, BenchError> {
    let (server, users) = (subject.acct.to_string(), args.users.to_string());
    let (rate, seconds) = (args.acct_rate.to_string(), length.as_secs_f64().to_string());
    let mut words = vec!["--server", &server, "--secret", SECRET, "--mode", "acct", "--users", &users];
    words.extend(["--rate", &rate, "--seconds", &seconds, "--warmup", "0", "--dup-percent", "2"]);
    words.extend(["--sessions", SESSIONS]);
    RadiusArgs::from_words(words)
}

fn turn(args: &SoakArgs, subject: &Subject, report: &mut SoakReport) -> Result<(), BenchError> {
    let (auth, acct) = (subject.auth.to_string(), subject.acct.to_string());
    let (users, rate) = (args.users.to_string(), args.rate.to_string());
    let (seconds, seed) = (args.turn_seconds.to_string(), report.turns.to_string());
    let common = ["--server", &auth, "--secret", SECRET, "--users", &users, "--seed", &seed];
    if report.turns % MUTATE_EVERY == MUTATE_EVERY - 1 {
        let more = ["--acct-server", &acct, "--mutate", MUTATIONS];
        report.faults += mutate(&RadiusArgs::from_words(common.into_iter().chain(more))?)?.faults();
        return Ok(());
    }
    let mode = MODES.get(report.turns % MODES.len()).copied().unwrap_or("pap");
    // Rejects wait for a second, so the window must hold those of a second.
    let more =
        ["--mode", mode, "--rate", &rate, "--seconds", &seconds, "--window", "2048", "--sockets", "16"];
    let bad = ["--wrong-percent", "2", "--unknown-percent", "1", "--dup-percent", "2", "--warmup", "0"];
    let logins = radius(&RadiusArgs::from_words(common.into_iter().chain(more).chain(bad))?)?;
    if logins.replies == 0 {
        report.findings.push(format!("turn {}: no login was answered", report.turns));
    }
    report.add(&logins);
    Ok(())
}

impl SoakReport {
    fn add(&mut self, run: &Report) {
        self.replies += run.replies;
        self.lost += run.lost;
        self.faults += run.faults();
    }

    /// Compares the last quarter with the second: the first is the server filling its tables.
    fn judge(&mut self) {
        if self.faults > 0 {
            self.findings.push(format!("{} replies broke a check", self.faults));
        }
        let turns = self.resident_kib.len();
        if turns < TURNS_FOR_GROWTH {
            return;
        }
        let memory = quarters(&self.resident_kib);
        if memory.1 > memory.0 + memory.0 * GROWTH_PERCENT_MAX / 100 + GROWTH_KIB_SPARE {
            self.findings.push(format!("memory grew from {} to {} KiB", memory.0, memory.1));
        }
        let descriptors = quarters(&self.descriptors);
        if descriptors.1 > descriptors.0 + DESCRIPTORS_SPARE {
            self.findings.push(format!("descriptors grew from {} to {}", descriptors.0, descriptors.1));
        }
    }
}

/// The medians of the second and of the last quarter.
fn quarters<T: Copy + Ord + Default>(values: &[T]) -> (T, T) {
    let quarter = values.len() / 4;
    let median = |part: &[T]| {
        let mut sorted = part.to_vec();
        sorted.sort_unstable();
        sorted.get(sorted.len() / 2).copied().unwrap_or_default()
    };
    let last = values.len() - quarter;
    (
        median(values.get(quarter..quarter * 2).unwrap_or_default()),
        median(values.get(last..).unwrap_or_default()),
    )
}

fn minutes(text: &str) -> Result<f64, String> {
    let minutes: f64 = text.parse().map_err(|_| "expected a number".to_owned())?;
    seconds(&(minutes * 60.0).to_string()).map(|seconds| seconds / 60.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(resident_kib: Vec<u64>, descriptors: Vec<usize>) -> Vec<String> {
        let mut report = SoakReport { resident_kib, descriptors, ..SoakReport::default() };
        report.judge();
        report.findings
    }

    #[test]
    fn steady_growth_of_memory_or_descriptors_is_found_and_warming_up_is_not() {
        let leak = (0..40).map(|turn| 100_000 + turn * 2_000).collect();
        assert!(judged(leak, vec![20; 40])[0].starts_with("memory grew"));
        let descriptors = (0..40).map(|turn| 20 + turn).collect();
        assert!(judged(vec![100_000; 40], descriptors)[0].starts_with("descriptors grew"));
        let warming = (0..40).map(|turn: u64| 50_000 + turn.min(9) * 10_000).collect();
        assert!(judged(warming, vec![20; 40]).is_empty());
    }
}
