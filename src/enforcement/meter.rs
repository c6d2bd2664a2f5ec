//! Reads the counters of the table again and again, beside the thread that changes it.

use super::daemon::Event;
use super::kernel::{Kernel, Reading};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant};

/// Between two readings of all counters.
const INTERVAL: Duration = Duration::from_secs(10);
/// Readings handed over at a time.
const READINGS_MAX: usize = 4096;
/// How often it looks whether it is to stop.
const LOOK_UP: Duration = Duration::from_millis(200);

/// Reads until it is to stop, while somebody is counted at all; `kernel` is a socket of its own.
pub fn run(mut kernel: Kernel, counted: &AtomicBool, events: &SyncSender<Event>, stop: &Arc<AtomicBool>) {
    let mut next = Instant::now() + INTERVAL;
    while !stop.load(Ordering::Relaxed) {
        if Instant::now() < next || !counted.load(Ordering::Relaxed) {
            std::thread::sleep(LOOK_UP);
            continue;
        }
        if read(&mut kernel, events).is_none() {
            return;
        }
        next = Instant::now() + INTERVAL;
    }
}

/// None: nobody listens any more.
fn read(kernel: &mut Kernel, events: &SyncSender<Event>) -> Option<()> {
    let mut readings: Vec<Reading> = Vec::new();
    let mut listened = true;
    let result = kernel.counters(|reading| {
        readings.push(reading);
        if readings.len() >= READINGS_MAX {
            listened &= events.send(Event::Readings(std::mem::take(&mut readings))).is_ok();
        }
    });
    let whole = match result {
        Ok(whole) => whole,
        Err(error) => {
            tracing::warn!("the counters were not read: {error}");
            false
        }
    };
    let sent = listened
        && (readings.is_empty() || events.send(Event::Readings(readings)).is_ok())
        && events.send(Event::RoundRead { whole }).is_ok();
    sent.then_some(())
}
