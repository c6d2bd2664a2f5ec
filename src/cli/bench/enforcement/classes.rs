//! HTB classes on one device: one changed, and thousands made.

use super::{EnforcementRow, failed, timed};
use crate::cli::bench::BenchError;
use crate::cli::namespaces::{Namespaces, enter, ip};
use crate::enforcement::shaping::assignment::{MINOR_FIRST, Slot};
use crate::enforcement::shaping::shaper::Shaper;
use crate::model::Bandwidth;
use std::collections::BTreeMap;

const NAMESPACE: &str = "headgate-bench-classes";
const DEVICE: &str = "dev0";
const CLASSES: u16 = 10_000;
const CHANGES_PER_ROUND: u16 = 20;

pub(super) fn rows(rounds: u32) -> Result<Vec<EnforcementRow>, BenchError> {
    let _namespaces = Namespaces::make(&[NAMESPACE]).map_err(failed)?;
    ip(&format!("-n {NAMESPACE} link add {DEVICE} type veth peer name dev1")).map_err(failed)?;
    ip(&format!("-n {NAMESPACE} link set {DEVICE} up")).map_err(failed)?;
    std::thread::scope(|scope| {
        let measuring = scope.spawn(|| {
            enter(NAMESPACE).map_err(failed)?;
            measure(rounds)
        });
        measuring.join().map_err(|_| failed("the measuring thread panicked"))?
    })
}

fn bandwidth(rate: i32) -> Bandwidth {
    let burst = Bandwidth::burst_default(rate);
    Bandwidth { rate, ceil: rate, burst, cburst: burst }
}

fn slot(n: u16) -> Slot {
    Slot { device: 0, minor: MINOR_FIRST + n }
}

fn measure(rounds: u32) -> Result<Vec<EnforcementRow>, BenchError> {
    let mut shaper = Shaper::open(std::iter::once(DEVICE)).map_err(failed)?;
    let mut made = Vec::new();
    let mut changed = Vec::new();
    for _ in 0..rounds.min(3) {
        shaper.want((0..CLASSES).map(|n| (slot(n), Some(bandwidth(20_000)))).collect());
        made.push(timed(|| make_all(&mut shaper))?);
        for n in 0..CHANGES_PER_ROUND {
            // Another speed each time: a class that is as wanted is left alone.
            shaper.want(BTreeMap::from([(slot(n), Some(bandwidth(50_000 + i32::from(n))))]));
            changed.push(timed(|| make_all(&mut shaper))?);
        }
        shaper.want((0..CLASSES).map(|n| (slot(n), None)).collect());
        while shaper.to_remove() > 0 {
            shaper.remove(usize::from(CLASSES)).map_err(failed)?;
        }
    }
    Ok(vec![
        EnforcementRow::with_percentile("one class of 10,000 changed", changed, "1 ms")?,
        EnforcementRow::new("10,000 classes made on one device", made, "")?,
    ])
}

fn make_all(shaper: &mut Shaper) -> Result<(), BenchError> {
    while shaper.to_make() > 0 {
        let done = shaper.make(usize::from(CLASSES)).map_err(failed)?;
        if done.refused > 0 {
            return Err(failed(format!("the kernel refused {} classes", done.refused)));
        }
    }
    Ok(())
}
