//! The doors measured: collector lists beside nginx, and polls for what changed.
//!
//! A server of this program with its own data, nginx with the same octets in a file, and one client for both. What is
//! compared runs in turn, round after round, over loopback and on the same cores.

mod client;
mod delta;
mod lists;
mod site;

use super::BenchError;
use super::args::seconds;
use super::suite::Spread;
use clap::Args;
use serde::Serialize;

/// Collector lists beside nginx serving the same octets from a file (Debian's nginx-light), and polls for what changed
#[derive(Args, Clone, Debug)]
pub struct DoorsArgs {
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1000), default_value = "5")]
    rounds: u32,
    /// Measured time of each run of a list
    #[arg(long, value_parser = seconds, default_value = "2")]
    seconds: f64,
    /// Subscribers of the server, each one line of the list
    #[arg(long, value_parser = clap::value_parser!(u32).range(100..=1_000_000), default_value = "100000")]
    subscribers: u32,
    /// Clients at once
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=64), default_value = "2")]
    connections: u32,
    /// What is measured, separated by commas
    #[arg(long, value_enum, value_delimiter = ',', default_value = "lists,delta")]
    parts: Vec<Part>,
    /// Print JSON instead of the table
    #[arg(long)]
    json: bool,
}

#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// The whole list, beside nginx
    Lists,
    /// A poll with `since` when 1 % has changed
    Delta,
}

impl DoorsArgs {
    pub fn wants_json(&self) -> bool {
        self.json
    }
}

/// The result; its JSON keys are stable.
#[derive(Clone, Debug, Serialize)]
pub struct DoorsReport {
    pub rows: Vec<DoorsRow>,
}

/// One work, each figure with its spread over the rounds.
#[derive(Clone, Debug, Serialize)]
pub struct DoorsRow {
    pub work: String,
    pub value: Spread,
    /// Of `value` and `nginx`.
    pub unit: &'static str,
    pub nginx: Option<Spread>,
    /// By the same round's nginx.
    pub ratio: Option<Spread>,
    /// What it has to reach.
    pub mark: &'static str,
}

/// Runs everything; progress goes to standard error.
///
/// # Errors
/// The server or nginx does not start, or an answer is not what it should be.
pub fn doors(args: &DoorsArgs) -> Result<DoorsReport, BenchError> {
    let site = site::Site::start(args.subscribers)?;
    let mut rows = Vec::new();
    for part in &args.parts {
        let row = match part {
            Part::Lists => lists::row(args, &site)?,
            Part::Delta => delta::row(args, &site)?,
        };
        eprintln!("{}: {:.2} {}", row.work, row.value.median, row.unit);
        rows.push(row);
    }
    Ok(DoorsReport { rows })
}

/// Prints the table for people.
pub fn print(report: &DoorsReport) {
    println!("| work | median | min - max | nginx | of nginx, same round | mark |");
    println!("| --- | ---: | ---: | ---: | ---: | --- |");
    for row in &report.rows {
        let Spread { median, min, max } = row.value;
        let shown = |value: &Option<Spread>| match value {
            Some(Spread { median, min, max }) => format!("{median:.2} ({min:.2}-{max:.2})"),
            None => String::new(),
        };
        println!(
            "| {} | {median:.2} {} | {min:.2} - {max:.2} | {} | {} | {} |",
            row.work,
            row.unit,
            shown(&row.nginx),
            shown(&row.ratio),
            row.mark
        );
    }
    println!(
        "Over loopback, where nginx's sendfile copies no octets; the client reads all of them on the same cores, and takes\n\
         about as much of them as either server. A network is not measured here."
    );
}

fn spread(values: Vec<f64>) -> Result<Spread, BenchError> {
    Spread::of(values).ok_or_else(|| BenchError::Failed("nothing was measured".into()))
}
