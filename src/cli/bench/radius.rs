//! A whole run: threads, the measured window, CPU of the server and of the machine, the report.

use super::BenchError;
use super::args::{Mode, RadiusArgs};
use super::net::pin;
use super::process::{MachineTicks, cpu_ticks, machine_ticks, ticks_per_second};
use super::report::{Counts, Report, float, rounded};
use super::request::users;
use super::worker::Worker;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

/// How often the main thread looks whether the senders are done.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Sends the load that `args` describe and waits for its end.
///
/// # Errors
/// [`BenchError::Usage`] for options that contradict each other, [`BenchError::Failed`] when sockets or threads
/// cannot be had. Wrong replies are no error here: see [`Report::faults`].
pub fn radius(args: &RadiusArgs) -> Result<Report, BenchError> {
    args.check()?;
    if let Some(core) = args.cpu {
        pin(core)?;
    }
    let args = Arc::new(args.clone());
    let users = Arc::new(users(&args, args.mode == Mode::Mschapv2));
    let mut workers = Vec::with_capacity(args.threads);
    for number in 0..u8::try_from(args.threads).unwrap_or(u8::MAX) {
        workers.push(Worker::new(Arc::clone(&args), Arc::clone(&users), number)?);
    }
    let begin = Instant::now();
    let mut threads = Vec::with_capacity(workers.len());
    for worker in workers {
        let thread = thread::Builder::new().name("bench-radius".to_owned());
        threads.push(thread.spawn(move || worker.run(begin)).map_err(BenchError::system)?);
    }
    // CPU is counted over the measured window only.
    thread::sleep(Duration::from_secs_f64(args.warmup).saturating_sub(begin.elapsed()));
    let before = Cpu::read(&args.server_pid);
    let window = Instant::now();
    let length = Duration::from_secs_f64(args.seconds);
    while window.elapsed() < length && threads.iter().any(|thread| !thread.is_finished()) {
        thread::sleep(LOOK_EVERY);
    }
    let seconds = window.elapsed().as_secs_f64();
    let after = Cpu::read(&args.server_pid);
    let mut counts = Counts::default();
    for thread in threads {
        let result = thread.join().map_err(|_| BenchError::Failed("a sender thread panicked".to_owned()))?;
        counts.merge(&result?);
    }
    Ok(summarize(&args, &counts, seconds, &before, &after))
}

/// CPU used so far, in clock ticks.
struct Cpu {
    server: u64,
    own: u64,
    machine: MachineTicks,
}

impl Cpu {
    fn read(server: &[u32]) -> Cpu {
        Cpu {
            server: server.iter().filter_map(|pid| cpu_ticks(*pid)).sum(),
            own: cpu_ticks(std::process::id()).unwrap_or(0),
            machine: machine_ticks().unwrap_or_default(),
        }
    }
}

fn summarize(args: &RadiusArgs, counts: &Counts, seconds: f64, before: &Cpu, after: &Cpu) -> Report {
    let server = after.server.saturating_sub(before.server);
    let own = after.own.saturating_sub(before.own);
    let busy = after.machine.busy.saturating_sub(before.machine.busy);
    let total = after.machine.total.saturating_sub(before.machine.total).max(1);
    let replies = float(counts.replies.max(1));
    let micros = |ticks| rounded(float(ticks) / ticks_per_second() * 1e6 / replies);
    Report {
        label: args.label.clone(),
        mode: args.mode,
        window: args.window,
        sockets: args.sockets,
        threads: args.threads,
        seconds: rounded(seconds),
        replies_per_s: (float(counts.replies) / seconds.max(1e-9)).round(),
        sent: counts.sent,
        replies: counts.replies,
        accept: counts.accept,
        reject: counts.reject,
        acct_ok: counts.acct_ok,
        lost: counts.lost,
        late: counts.late,
        dups_sent: counts.dups_sent,
        dup_replies: counts.dup_replies,
        bad_authenticator: counts.bad_authenticator,
        bad_msg_auth: counts.bad_msg_auth,
        no_msg_auth: counts.no_msg_auth,
        msg_auth_not_first: counts.msg_auth_not_first,
        wrong_verdict: counts.wrong_verdict,
        mschap_checked: counts.mschap_checked,
        mschap_bad: counts.mschap_bad,
        malformed_or_other: counts.malformed_or_other,
        refused: counts.refused,
        p50_us: counts.latency.quantile(500),
        p90_us: counts.latency.quantile(900),
        p99_us: counts.latency.quantile(990),
        max_us: counts.latency.max(),
        server_cpu_us_per_reply: micros(server),
        gen_cpu_us_per_reply: micros(own),
        others_percent: rounded(float(busy.saturating_sub(server + own)) * 100.0 / float(total)),
    }
}
