//! Elements of the table, by our own batches and by `nft -f`, in one namespace and in turn.

use super::{EnforcementRow, failed, timed};
use crate::cli::bench::BenchError;
use crate::cli::bench::suite::Spread;
use crate::cli::namespaces::{Namespaces, enter};
use crate::enforcement::kernel::Kernel;
use crate::enforcement::ranges::{Family, Range};
use crate::enforcement::skeleton::{Layout, Skeleton};
use crate::enforcement::wanted::{Data, Kind, Plan, Scope, SetId, Wanted};
use crate::model::SubscriberId;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

const TABLE: &str = "headgate";
const COUNTED_TABLE: &str = "headgate_bench";
const NAMESPACE: &str = "headgate-bench-elements";
const MANY: u32 = 100_000;
const CHURN: u32 = 1_000;
const COUNTED: u32 = 50_000;
const MILLION: u32 = 1_000_000;
/// 10.0.0.0
const FIRST: u32 = 0x0a00_0000;
const CHURNS_PER_ROUND: u32 = 10;

pub(super) fn rows(rounds: u32) -> Result<Vec<EnforcementRow>, BenchError> {
    let _namespaces = Namespaces::make(&[NAMESPACE]).map_err(failed)?;
    let directory = super::super::subject::Directory::make(false)?;
    std::thread::scope(|scope| {
        let measuring = scope.spawn(|| {
            enter(NAMESPACE).map_err(failed)?;
            measure(rounds, &directory.path)
        });
        measuring.join().map_err(|_| failed("the measuring thread panicked"))?
    })
}

/// The table and what belongs to it.
struct Table {
    kernel: Kernel,
    skeleton: Skeleton,
    wanted: Wanted,
}

impl Table {
    fn open() -> Result<Table, BenchError> {
        let wanted = Wanted::new(Scope { filter: true, guard: false });
        let interfaces = ["lan0".parse().map_err(failed)?];
        let skeleton = Skeleton::build(&Layout {
            interfaces: &interfaces,
            captive: None,
            sightings: false,
            wanted: &wanted,
        });
        Ok(Table { kernel: Kernel::open().map_err(failed)?, skeleton, wanted })
    }

    /// Empty sets with room for `elements` each, which a table for so many has.
    fn make_anew(&mut self, elements: u32) -> Result<(), BenchError> {
        let mut sets = self.wanted.sets().clone();
        for id in [DOWN, UP, CAPTIVE] {
            sets.insert(id, (0..elements).map(|n| (host(n), data(id, n))).collect());
        }
        self.kernel.rebuild(&self.skeleton, &sets).map_err(failed)?;
        let remove = [DOWN, UP, CAPTIVE].map(|id| (id, (0..elements).map(host).collect()));
        self.apply(&Plan { remove: remove.into(), ..Plan::default() })
    }

    fn apply(&mut self, plan: &Plan) -> Result<(), BenchError> {
        self.kernel.apply(plan).map(drop).map_err(failed)
    }
}

const DOWN: SetId = SetId::Hosts(Kind::Down, Family::V4);
const UP: SetId = SetId::Hosts(Kind::Up, Family::V4);
const CAPTIVE: SetId = SetId::Hosts(Kind::Captive, Family::V4);

fn host(n: u32) -> Range {
    let address = u128::from(FIRST + n);
    Range { first: address, last: address }
}

/// The class of the n-th subscriber.
fn class(n: u32) -> u32 {
    0x6867_0000 | (0x10 + n % 60_000)
}

fn data(id: SetId, n: u32) -> Data {
    if id == CAPTIVE { Data::None } else { Data::Class(class(n)) }
}

/// As [`data`], of a subscriber whose octets are counted here.
fn metered(_: SetId, n: u32) -> Data {
    Data::Metered { class: class(n), subscriber: SubscriberId(n.into()), length: 32 }
}

/// What the n-th element of a set holds.
type DataOf = fn(SetId, u32) -> Data;

/// Adds the first `count` elements to sets.
fn adding(ids: &[SetId], data: DataOf, count: u32) -> Plan {
    let add = ids.iter().map(|id| (*id, (0..count).map(|n| (host(n), data(*id, n))).collect()));
    Plan { add: add.collect(), ..Plan::default() }
}

/// The same in the words of `nft`.
fn nft_file(path: &Path, table: &str, (ids, data): (&[SetId], DataOf), count: u32) -> Result<(), BenchError> {
    let mut text = String::new();
    for id in ids {
        // Writing to a String cannot fail.
        let _ = write!(text, "add element inet {table} {} {{ ", id.name());
        for n in 0..count {
            let address = std::net::Ipv4Addr::from(FIRST + n);
            let _ = match data(*id, n) {
                Data::Class(class) => {
                    write!(text, "{address} : {:x}:{:x}, ", class >> 16, class & 0xffff)
                }
                Data::Metered { class, .. } => {
                    write!(text, "{address} counter : {:x}:{:x}, ", class >> 16, class & 0xffff)
                }
                _ => write!(text, "{address}, "),
            };
        }
        text.push_str("}\n");
    }
    fs::write(path, text).map_err(BenchError::system)
}

/// Empty maps that count each element, as large as ours.
fn make_counted_table(ids: &[SetId]) -> Result<(), BenchError> {
    nft_says(&format!("add table inet {COUNTED_TABLE}"))?;
    ids.iter().try_for_each(|id| {
        let map = "{ type ipv4_addr : classid; size 262144; counter; }";
        nft_says(&format!("add map inet {COUNTED_TABLE} {} {map}", id.name()))
    })
}

fn nft_says(words: &str) -> Result<(), BenchError> {
    nft_runs(Command::new("nft").arg(words))
}

fn nft(path: &Path) -> Result<(), BenchError> {
    nft_runs(Command::new("nft").arg("-f").arg(path))
}

fn nft_runs(command: &mut Command) -> Result<(), BenchError> {
    let output = command.output();
    let output = output.map_err(|error| BenchError::Failed(format!("nft: {error}")))?;
    if output.status.success() {
        return Ok(());
    }
    let said: String = String::from_utf8_lossy(&output.stderr).chars().take(300).collect();
    Err(BenchError::Failed(format!("nft: {said}")))
}

fn measure(rounds: u32, directory: &Path) -> Result<Vec<EnforcementRow>, BenchError> {
    let mut table = Table::open()?;
    let mut rows = Vec::new();
    for (work, ids, count) in [
        ("100,000 elements of a set", &[CAPTIVE][..], MANY),
        ("100,000 elements of maps: 50,000 let through, both directions", &[DOWN, UP][..], MANY / 2),
    ] {
        rows.push(against_nft(&mut table, work, (ids, data), count, rounds, directory)?);
    }
    let work = "the same, all of them counted";
    rows.push(against_nft(&mut table, work, (&[DOWN, UP], metered), MANY / 2, rounds, directory)?);
    let work = "1 % of 100,000 subscribers pays or is cut, one batch";
    rows.push(churn(&mut table, work, data, rounds)?);
    rows.push(churn(&mut table, "the same, all of them counted", metered, rounds)?);
    rows.push(counters(&mut table, rounds)?);
    rows.push(million(&mut table, rounds.min(3))?);
    Ok(rows)
}

fn against_nft(
    table: &mut Table,
    work: &str,
    (ids, data): (&[SetId], DataOf),
    count: u32,
    rounds: u32,
    directory: &Path,
) -> Result<EnforcementRow, BenchError> {
    let file = directory.join("elements.nft");
    // nft counts only in maps that are declared so; ours carry a counter in each element that needs one.
    let counted = ids.iter().any(|id| data(*id, 0).is_metered());
    nft_file(&file, if counted { COUNTED_TABLE } else { TABLE }, (ids, data), count)?;
    let plan = adding(ids, data, count);
    let (mut ours, mut ratios) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        table.make_anew(count)?;
        let own = timed(|| table.apply(&plan))?;
        match counted {
            true => make_counted_table(ids)?,
            false => table.make_anew(count)?,
        }
        let theirs = timed(|| nft(&file))?;
        if counted {
            nft_says(&format!("delete table inet {COUNTED_TABLE}"))?;
        }
        ours.push(own);
        ratios.push(own / theirs);
    }
    Ok(EnforcementRow { ratio: Spread::of(ratios), ..EnforcementRow::new(work, ours, "0.4 of nft -f")? })
}

/// A hundredth of the subscribers changes from captive to let through, and back.
fn churn(
    table: &mut Table,
    work: &str,
    let_through: DataOf,
    rounds: u32,
) -> Result<EnforcementRow, BenchError> {
    table.make_anew(MANY)?;
    table.apply(&adding(&[CAPTIVE], data, MANY))?;
    let hosts: Vec<Range> = (0..CHURN).map(host).collect();
    let out = |ids: &[SetId]| ids.iter().map(|id| (*id, hosts.clone())).collect();
    let through = adding(&[DOWN, UP], let_through, CHURN).add;
    let pay = Plan { remove: out(&[CAPTIVE]), add: through, ..Plan::default() };
    let counted = [DOWN, UP].into_iter().filter(|id| let_through(*id, 0).is_metered()).collect();
    let cut = Plan { remove: out(&[DOWN, UP]), finals: counted, add: adding(&[CAPTIVE], data, CHURN).add };
    let mut times = Vec::new();
    for _ in 0..rounds * CHURNS_PER_ROUND {
        times.push(timed(|| table.apply(&pay))?);
        times.push(timed(|| table.apply(&cut))?);
    }
    EnforcementRow::with_percentile(work, times, "5 ms")
}

fn counters(table: &mut Table, rounds: u32) -> Result<EnforcementRow, BenchError> {
    table.make_anew(COUNTED)?;
    table.apply(&adding(&[DOWN, UP], metered, COUNTED))?;
    let mut times = Vec::new();
    for _ in 0..rounds {
        let mut read = 0;
        times.push(timed(|| table.kernel.counters(|_| read += 1).map_err(failed))?);
        if read != 2 * COUNTED {
            return Err(failed(format!("{read} counters were read instead of {}", 2 * COUNTED)));
        }
    }
    EnforcementRow::new("counters of 50,000 subscribers read, both directions", times, "")
}

fn million(table: &mut Table, rounds: u32) -> Result<EnforcementRow, BenchError> {
    let plan = adding(&[CAPTIVE], data, MILLION);
    let mut times = Vec::new();
    for _ in 0..rounds {
        table.make_anew(MILLION)?;
        times.push(timed(|| table.apply(&plan))?);
    }
    table.kernel.remove().map_err(failed)?;
    EnforcementRow::new("1,000,000 elements", times, "loads")
}
