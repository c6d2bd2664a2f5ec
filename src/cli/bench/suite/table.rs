//! Rounds become medians and spreads, and those a table that people read.

use super::{Round, SuiteReport};
use crate::cli::bench::args::Mode;
use crate::cli::bench::report::{Report, rounded};
use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;

/// A median with the range it was taken from.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spread {
    pub median: f64,
    pub min: f64,
    pub max: f64,
}

impl Spread {
    /// None where there is nothing to take it from.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Spread> {
        let mut sorted: Vec<f64> = values.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let (below, above) = (sorted.get((sorted.len().max(1) - 1) / 2)?, sorted.get(sorted.len() / 2)?);
        let median = f64::midpoint(*below, *above);
        let (min, max) = (*sorted.first()?, *sorted.last()?);
        Some(Spread { median: rounded(median), min: rounded(min), max: rounded(max) })
    }
}

/// One mode over all rounds. Ratios are taken inside each round, then their median.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    pub mode: Mode,
    pub replies_per_s: Spread,
    pub echo_replies_per_s: Spread,
    /// Rate of the server by that of the echo with one packet a system call.
    pub ratio: Spread,
    /// Rate of the server by that of the echo with batches.
    pub ratio_batch: Spread,
    pub server_cpu_us_per_reply: Spread,
    pub echo_cpu_us_per_reply: Spread,
    pub cpu_ratio: Spread,
    pub p50_us: Spread,
    pub p99_us: Spread,
    pub others_percent: Spread,
    pub lost: u64,
    pub faults: u64,
}

/// None where no round measured this mode.
pub fn row(mode: Mode, rounds: &[Round]) -> Option<Row> {
    let rounds: Vec<&Round> = rounds.iter().filter(|round| round.server.mode == mode).collect();
    let spread = |value: &dyn Fn(&Round) -> f64| Spread::of(rounds.iter().map(|round| value(round)));
    let by = |above: f64, below: f64| if below > 0.0 { above / below } else { 0.0 };
    let micros = |value: u64| f64::from(u32::try_from(value).unwrap_or(u32::MAX));
    Some(Row {
        mode,
        replies_per_s: spread(&|round| round.server.replies_per_s)?,
        echo_replies_per_s: spread(&|round| round.echo.replies_per_s)?,
        ratio: spread(&|round| by(round.server.replies_per_s, round.echo.replies_per_s))?,
        ratio_batch: spread(&|round| by(round.server.replies_per_s, round.echo_batch.replies_per_s))?,
        server_cpu_us_per_reply: spread(&|round| round.server.server_cpu_us_per_reply)?,
        echo_cpu_us_per_reply: spread(&|round| round.echo.server_cpu_us_per_reply)?,
        cpu_ratio: spread(&|round| {
            by(round.server.server_cpu_us_per_reply, round.echo.server_cpu_us_per_reply)
        })?,
        p50_us: spread(&|round| micros(round.server.p50_us))?,
        p99_us: spread(&|round| micros(round.server.p99_us))?,
        others_percent: spread(&|round| others(round))?,
        lost: rounds.iter().map(|round| round.server.lost).sum(),
        faults: rounds.iter().map(|round| round.server.faults()).sum(),
    })
}

/// The worst of a round's three runs: what disturbed one of them disturbed the ratio.
fn others(round: &Round) -> f64 {
    let share = |report: &Report| report.others_percent;
    share(&round.echo).max(share(&round.echo_batch)).max(share(&round.server))
}

/// Prints the table and what it does not show.
pub fn print(report: &SuiteReport) {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    let names = ["mode", "replies/s", "(min-max)", "echo/s", "ratio", "(min-max)", "ratio to batch echo"];
    let more = ["CPU us", "echo CPU us", "CPU ratio", "p50/p99 ms", "lost", "bad", "others %"];
    table.set_header(names.iter().chain(&more));
    for row in &report.summary {
        table.add_row(vec![
            row.mode.as_str().to_owned(),
            format!("{:.0}", row.replies_per_s.median),
            format!("{:.0}-{:.0}", row.replies_per_s.min, row.replies_per_s.max),
            format!("{:.0}", row.echo_replies_per_s.median),
            format!("{:.2}", row.ratio.median),
            format!("{:.2}-{:.2}", row.ratio.min, row.ratio.max),
            format!("{:.2}", row.ratio_batch.median),
            format!("{:.2}", row.server_cpu_us_per_reply.median),
            format!("{:.2}", row.echo_cpu_us_per_reply.median),
            format!("{:.2}", row.cpu_ratio.median),
            format!("{:.2}/{:.2}", row.p50_us.median / 1000.0, row.p99_us.median / 1000.0),
            row.lost.to_string(),
            row.faults.to_string(),
            format!("{:.0}-{:.0}", row.others_percent.min, row.others_percent.max),
        ]);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    println!("{table}");
    println!("{}", caveats(report));
}

fn caveats(report: &SuiteReport) -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let rounds = report.rounds.len() / report.summary.len().max(1);
    format!(
        "\nMedians of {rounds} rounds; ratio: server's rate by the echo's (one packet a system call) of the same mode \
         and round;\nCPU: user and system time of the process for each reply, the kernel's network path included.\n\
         What this does not show: a network. Everything ran over loopback on {cores} shared cores, the generator \
         on the same\nones (it takes about as much CPU as the server, and near 200,000 replies/s it is the limit). \
         \"others %\" is the\nmachine's CPU that neither took: above 8 the rates of that row say little, CPU for each \
         reply still does."
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_of_values_lies_between_the_middle_two() {
        let spread = Spread::of([4.0, 1.0, 3.0, 2.0]).unwrap();
        assert_eq!(spread, Spread { median: 2.5, min: 1.0, max: 4.0 });
        assert_eq!(Spread::of([7.0]).unwrap().median, 7.0);
        assert_eq!(Spread::of([]), None);
    }
}
