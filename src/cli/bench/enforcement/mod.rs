//! The kernel's side measured: elements beside `nft -f`, churn, counters, classes, and how soon a payment opens the gate.
//!
//! Everything happens in network namespaces made for the run. What is compared runs in turn, round after round.

mod classes;
mod elements;
mod gate;

use super::BenchError;
use super::suite::Spread;
use clap::Args;
use serde::Serialize;
use std::time::{Duration, Instant};

/// What enforcement costs in the kernel, beside `nft -f`, and how soon a payment opens the gate (root)
#[derive(Args, Clone, Debug)]
pub struct EnforcementArgs {
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1000), default_value = "5")]
    rounds: u32,
    /// Payments timed until they open the gate
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=5000), default_value = "300")]
    payments: u32,
    /// Subscribers of the server while payments are timed
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1_000_000), default_value = "100000")]
    subscribers: u32,
    /// What is measured, separated by commas
    #[arg(long, value_enum, value_delimiter = ',', default_value = "elements,classes,gate")]
    parts: Vec<Part>,
    /// Print JSON instead of the table
    #[arg(long)]
    json: bool,
}

#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// Elements of sets and maps, beside `nft -f`; their counters
    Elements,
    /// HTB classes
    Classes,
    /// From a payment to the element and to the first packet
    Gate,
}

impl EnforcementArgs {
    pub fn wants_json(&self) -> bool {
        self.json
    }
}

/// Times in milliseconds, except where the name says otherwise.
#[derive(Clone, Debug, Serialize)]
pub struct EnforcementReport {
    pub rows: Vec<EnforcementRow>,
}

#[derive(Clone, Debug, Serialize)]
pub struct EnforcementRow {
    pub work: String,
    pub milliseconds: Spread,
    /// The 99th percentile, where single times were many.
    pub p99_milliseconds: Option<f64>,
    /// By the same round's `nft -f`, where it was compared.
    pub ratio: Option<Spread>,
    /// What it has to reach.
    pub mark: &'static str,
}

impl EnforcementRow {
    fn new(
        work: impl Into<String>,
        times: Vec<f64>,
        mark: &'static str,
    ) -> Result<EnforcementRow, BenchError> {
        let milliseconds =
            Spread::of(times).ok_or_else(|| BenchError::Failed("nothing was measured".into()))?;
        Ok(EnforcementRow { work: work.into(), milliseconds, p99_milliseconds: None, ratio: None, mark })
    }

    /// With the 99th percentile of the times.
    fn with_percentile(
        work: &str,
        times: Vec<f64>,
        mark: &'static str,
    ) -> Result<EnforcementRow, BenchError> {
        let mut sorted = times.clone();
        sorted.sort_by(f64::total_cmp);
        let p99 = sorted.get(sorted.len().saturating_sub(1) * 99 / 100).copied();
        Ok(EnforcementRow { p99_milliseconds: p99, ..EnforcementRow::new(work, times, mark)? })
    }
}

/// Runs everything.
///
/// # Errors
/// Not root, no nftables, or something refused its work.
pub fn enforcement(args: &EnforcementArgs) -> Result<EnforcementReport, BenchError> {
    let mut rows = Vec::new();
    for part in &args.parts {
        let measured = match part {
            Part::Elements => elements::rows(args.rounds)?,
            Part::Classes => classes::rows(args.rounds)?,
            Part::Gate => gate::rows(args.subscribers, args.payments)?,
        };
        for row in &measured {
            eprintln!("{}: {:.2} ms", row.work, row.milliseconds.median);
        }
        rows.extend(measured);
    }
    Ok(EnforcementReport { rows })
}

/// Prints the table for people.
pub fn print(report: &EnforcementReport) {
    println!("| work | median ms | min - max ms | p99 ms | by nft -f | mark |");
    println!("| --- | ---: | ---: | ---: | ---: | --- |");
    for row in &report.rows {
        let Spread { median, min, max } = row.milliseconds;
        let shown = |value: Option<f64>| value.map_or_else(String::new, |value| format!("{value:.2}"));
        println!(
            "| {} | {median:.2} | {min:.2} - {max:.2} | {} | {} | {} |",
            row.work,
            shown(row.p99_milliseconds),
            shown(row.ratio.as_ref().map(|ratio| ratio.median)),
            row.mark
        );
    }
    println!(
        "`nft -f` is timed with its start, from a prepared file. Sender, receiver and both daemons share this\n\
         machine's cores; what a link of its own could carry is not measured here."
    );
}

/// Milliseconds that `work` takes.
fn timed<T>(work: impl FnOnce() -> Result<T, BenchError>) -> Result<f64, BenchError> {
    let start = Instant::now();
    work()?;
    Ok(milliseconds(start.elapsed()))
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn failed(error: impl std::fmt::Display) -> BenchError {
    BenchError::Failed(error.to_string())
}
