//! Milliseconds of a poll for what changed since, when one in a hundred has.

use super::client::{self, Client};
use super::site::{LIST, Site};
use super::{BenchError, DoorsArgs, DoorsRow, spread};
use std::time::Instant;

/// Polls with one cursor: each has the same to do.
const POLLS: u32 = 50;

pub(super) fn row(args: &DoorsArgs, site: &Site) -> Result<DoorsRow, BenchError> {
    let changed = site.subscribers / 100;
    let mut medians = Vec::new();
    for round in 1..=args.rounds {
        let before = cursor(&client::fetch(site.server, &format!("{LIST}&since=0"))?)?;
        site.block(changed, round % 2 == 1)?;
        let target = format!("{LIST}&since={before}");
        let lines = client::fetch(site.server, &target)?.iter().filter(|octet| **octet == b'\n').count();
        if u32::try_from(lines) != Ok(changed + 1) {
            return Err(BenchError::Failed(format!("{lines} lines for {changed} changed subscribers")));
        }
        let mut client = Client::connect(site.server, &target)?;
        let mut times = Vec::new();
        for _ in 0..POLLS {
            let begin = Instant::now();
            client.ask(None)?;
            times.push(begin.elapsed().as_secs_f64() * 1e3);
        }
        medians.push(spread(times)?.median);
    }
    Ok(DoorsRow {
        work: format!("poll with since, {changed} of {} changed", site.subscribers),
        value: spread(medians)?,
        unit: "ms",
        nginx: None,
        ratio: None,
        mark: "3 ms",
    })
}

/// Of the first line, `# full EPOCH.N`.
fn cursor(list: &[u8]) -> Result<String, BenchError> {
    let line = list.split(|octet| *octet == b'\n').next().unwrap_or_default();
    let text = String::from_utf8_lossy(line);
    let cursor = text.strip_prefix("# full ").or_else(|| text.strip_prefix("# rev "));
    cursor.map(str::to_owned).ok_or_else(|| BenchError::Failed(format!("no cursor in {text:?}")))
}
