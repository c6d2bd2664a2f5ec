//! Durable payments for each second: one commit each, against the writer with one caller and with many.
//!
//! A caller is a task that hands in a payment and waits for its answer, which comes after the commit. "One commit each"
//! is the same decision, the same rows and the same store, without the queue: what a program does that commits every
//! payment by itself. All kinds run in turn, round after round, each round on its own database in a temporary directory.

use super::BenchError;
use super::args::seconds;
use super::suite::Spread;
use crate::config::Config;
use crate::engine::{Request, Settings, State, Touched};
use crate::model::*;
use crate::storage::sqlite::SqliteStore;
use crate::storage::{Batch, Lookup, Store, Vault};
use clap::Args;
use serde::Serialize;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Payment operators, as few as in life: their accounts are in every batch.
const OPERATORS: u64 = 7;
const ACCOUNTS: u64 = 10_000;

/// Durable payments for each second with 1 and with many callers, beside one commit each
#[derive(Args, Clone, Debug)]
pub struct PaymentsArgs {
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1000), default_value = "5")]
    rounds: u32,
    /// Measured time of each run
    #[arg(long, value_parser = seconds, default_value = "2")]
    seconds: f64,
    /// Callers at once, a run for each number
    #[arg(long, value_delimiter = ',', default_value = "1,64,1000")]
    callers: Vec<usize>,
    /// Where the databases are made; default: the directory for temporary files
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Print JSON instead of the table
    #[arg(long)]
    json: bool,
}

impl PaymentsArgs {
    pub fn wants_json(&self) -> bool {
        self.json
    }
}

/// Rates by kind of run, in payments for each second.
#[derive(Clone, Debug, Serialize)]
pub struct PaymentsReport {
    pub one_commit_each: Spread,
    pub callers: Vec<CallersRow>,
}

#[derive(Clone, Debug, Serialize)]
pub struct CallersRow {
    pub callers: usize,
    pub payments_per_s: Spread,
    /// By the same round's one commit each.
    pub ratio: Spread,
}

/// Runs all rounds.
///
/// # Errors
/// The temporary directory or the store cannot be used, or a payment was refused.
pub fn payments(args: &PaymentsArgs) -> Result<PaymentsReport, BenchError> {
    let time = Duration::from_secs_f64(args.seconds);
    let parent = args.dir.clone().unwrap_or_else(std::env::temp_dir);
    let mut alone = Vec::new();
    let mut rates = vec![Vec::new(); args.callers.len()];
    for round in 1..=args.rounds {
        eprintln!("round {round} of {}", args.rounds);
        let dir = Directory(parent.join(format!("headgate-bench-{}-{round}", std::process::id())));
        std::fs::create_dir_all(&dir.0).map_err(BenchError::system)?;
        let config = prepare(&dir.0)?;
        let base = one_commit_each(&dir.0, time)?;
        alone.push(base);
        for (callers, rates) in args.callers.iter().zip(&mut rates) {
            rates.push((with_callers(&config, *callers, time)?, base));
        }
    }
    let spread =
        |values: Vec<f64>| Spread::of(values).ok_or_else(|| BenchError::Failed("nothing measured".into()));
    let mut rows = Vec::new();
    for (callers, rates) in args.callers.iter().zip(rates) {
        rows.push(CallersRow {
            callers: *callers,
            payments_per_s: spread(rates.iter().map(|(rate, _)| *rate).collect())?,
            ratio: spread(rates.iter().map(|(rate, base)| rate / base).collect())?,
        });
    }
    Ok(PaymentsReport { one_commit_each: spread(alone)?, callers: rows })
}

/// Prints the table for people.
pub fn print(report: &PaymentsReport) {
    let line = |name: &str, rate: &Spread, ratio: &str| {
        println!(
            "| {name:<22} | {:>9.0} | {:>9.0} - {:>9.0} | {ratio:>6} |",
            rate.median, rate.min, rate.max
        );
    };
    println!("| durable payments       |  median/s |          min - max/s   |  ratio |");
    println!("| ---------------------- | --------: | ---------------------: | -----: |");
    line("one commit each", &report.one_commit_each, "1");
    for row in &report.callers {
        line(
            &format!("writer, {} callers", row.callers),
            &row.payments_per_s,
            &format!("{:.1}", row.ratio.median),
        );
    }
    println!(
        "Callers are tasks of the same process: the network and the request's text are not in these figures.\n\
         The disk is this machine's; on one with a slower flush the ratio is larger."
    );
}

struct Directory(PathBuf);

impl Drop for Directory {
    fn drop(&mut self) {
        // What cannot be removed is left to the system's cleaning of temporary files.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A configuration and a store with accounts.
fn prepare(dir: &Path) -> Result<Config, BenchError> {
    let text = format!(
        "[server]\nstate-dir = \"{0}\"\ncontrol-socket = \"{0}/control.sock\"\n[store]\nurl = \"sqlite:{0}/headgate.db\"\n",
        dir.display()
    );
    let config = Config::parse("bench", &text).map_err(|errors| {
        BenchError::Failed(errors.iter().fold(String::new(), |mut text, error| {
            let _ = writeln!(text, "{error}");
            text
        }))
    })?;
    let subscriber = (0..ACCOUNTS)
        .map(|n| SubscriberRow {
            login: format!("u{n}"),
            contract: Some(n.to_string()),
            ..SubscriberRow::default()
        })
        .collect();
    let file = Box::new(DataFile { subscriber, ..DataFile::default() });
    let ledger = open(&config)?;
    let command = Command::Load { file, options: LoadOptions::default() };
    ledger.writer.call_blocking(command, Actor::system()).map_err(failed)?;
    Ok(config)
}

fn open(config: &Config) -> Result<crate::cli::serve::Ledger, BenchError> {
    crate::cli::serve::Ledger::open(config, "bench").map_err(failed)
}

fn failed(error: impl std::fmt::Display) -> BenchError {
    BenchError::Failed(error.to_string())
}

/// The n-th payment of a run.
fn payment(run: &str, n: u64) -> Result<Command, BenchError> {
    let account = i64::try_from(n % ACCOUNTS).map_err(failed)? + 1;
    Ok(Command::Pay(PaymentRequest {
        key: PaymentKey { operator: format!("operator-{}", n % OPERATORS), id: format!("{run}-{n}") },
        who: account.to_string(),
        account: Some(AccountId(account)),
        sum: Money::from_units(1),
        operator_date: String::new(),
    }))
}

/// Looks the key up, decides, commits, takes in: one after the other.
fn one_commit_each(dir: &Path, time: Duration) -> Result<f64, BenchError> {
    let vault = Vault::open(dir).map_err(failed)?;
    let mut store = SqliteStore::open(dir.join("headgate.db"), vault).map_err(failed)?;
    let mut lease = store.acquire_lease("bench").map_err(failed)?;
    let snapshot = store.load().map_err(failed)?;
    let mut state = State::new(snapshot, Settings::default(), SystemClock.now());
    let (start, mut count) = (Instant::now(), 0u64);
    while start.elapsed() < time {
        let command = payment("alone", count)?;
        let request = Request { command: &command, actor: &Actor::system(), key: None };
        let wanted = state.wanted(std::iter::once(request));
        store.payments_by_key(&wanted.payments).map_err(failed)?;
        let now = SystemClock.now();
        let decision = state.decide(&command, &Actor::system(), now).map_err(failed)?;
        lease.batch_sequence += 1;
        let batch = Batch { epoch: lease.epoch, sequence: lease.batch_sequence, changes: &decision.changes };
        store.commit(&batch).map_err(failed)?;
        for change in &decision.changes {
            state.absorb(change, now, &mut Touched::default());
        }
        count += 1;
    }
    Ok(rate(count, start))
}

fn with_callers(config: &Config, callers: usize, time: Duration) -> Result<f64, BenchError> {
    let ledger = open(config)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(failed)?;
    let next = Arc::new(AtomicU64::new(0));
    let run = format!("callers-{callers}");
    let start = Instant::now();
    let taken: Result<u64, BenchError> = runtime.block_on(async {
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..callers {
            let (writer, next, run) = (ledger.writer.clone(), Arc::clone(&next), run.clone());
            tasks.spawn(async move {
                let mut taken = 0u64;
                while start.elapsed() < time {
                    let command = payment(&run, next.fetch_add(1, Ordering::Relaxed))?;
                    writer.call(command, Actor::system()).await.map_err(failed)?;
                    taken += 1;
                }
                Ok::<u64, BenchError>(taken)
            });
        }
        let mut taken = 0;
        while let Some(result) = tasks.join_next().await {
            taken += result.map_err(failed)??;
        }
        Ok(taken)
    });
    let rate = rate(taken?, start);
    Ok(rate)
}

fn rate(count: u64, start: Instant) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX)) / start.elapsed().as_secs_f64()
}
