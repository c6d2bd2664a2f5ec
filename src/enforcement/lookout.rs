//! Looks whether a server that is preferred to the one being followed is back.
//!
//! It has to answer several times in a row first: a server that comes and goes is not worth changing to, because each
//! change means taking the whole state anew.

use super::http::Connection;
use super::server::Server;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Between two looks.
pub(super) const LOOK_BACK: Duration = Duration::from_secs(15);
/// Looks in a row at which a server must have answered.
const STEADY_LOOKS: u32 = 4;
/// An answer takes no longer than this.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often it looks whether it is to stop.
const NAP: Duration = Duration::from_millis(50);
const NOBODY: usize = usize::MAX;

/// A thread that looks; it ends when this is dropped.
pub(super) struct Lookout {
    done: Arc<AtomicBool>,
    steady: Arc<AtomicUsize>,
}

impl Lookout {
    /// For one of `preferred`, which are in order of preference, every `gap`. None: there is nobody to look for, or no
    /// thread to be had.
    pub fn start(preferred: &[Server], gap: Duration) -> Option<Lookout> {
        if preferred.is_empty() {
            return None;
        }
        let lookout = Lookout { done: Arc::default(), steady: Arc::new(AtomicUsize::new(NOBODY)) };
        let (servers, done, steady) =
            (preferred.to_vec(), Arc::clone(&lookout.done), Arc::clone(&lookout.steady));
        let body = move || look(&servers, gap, &done, &steady);
        let thread = std::thread::Builder::new().name("enforce-lookout".into()).spawn(body);
        thread.map_err(|error| tracing::warn!("nobody looks for earlier servers: {error}")).ok()?;
        Some(lookout)
    }

    /// The place in `preferred` of a server that has been answering for a while.
    pub fn steady(&self) -> Option<usize> {
        Some(self.steady.load(Ordering::Relaxed)).filter(|place| *place != NOBODY)
    }
}

impl Drop for Lookout {
    fn drop(&mut self) {
        self.done.store(true, Ordering::Relaxed);
    }
}

fn look(servers: &[Server], gap: Duration, done: &AtomicBool, steady: &AtomicUsize) {
    let mut answered = vec![0u32; servers.len()];
    loop {
        let until = Instant::now() + gap;
        while Instant::now() < until {
            if done.load(Ordering::Relaxed) {
                return;
            }
            std::thread::sleep(NAP.min(gap));
        }
        for (place, (server, answered)) in servers.iter().zip(&mut answered).enumerate() {
            *answered = if is_there(server, done) { *answered + 1 } else { 0 };
            if *answered >= STEADY_LOOKS {
                steady.store(place, Ordering::Relaxed);
                return;
            }
        }
    }
}

fn is_there(server: &Server, done: &AtomicBool) -> bool {
    Connection::open(server, done).is_ok_and(|mut connection| connection.would_answer("/feed", PATIENCE))
}
