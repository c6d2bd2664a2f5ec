//! The whole list for each second, ours and nginx's in turn.

use super::client::{self, Client};
use super::site::{LIST, Site};
use super::{BenchError, DoorsArgs, DoorsRow, spread};
use crate::cli::bench::report::float;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

pub(super) fn row(args: &DoorsArgs, site: &Site) -> Result<DoorsRow, BenchError> {
    let list = client::fetch(site.server, LIST)?;
    let (_nginx, beside) = site.nginx(&list)?;
    if client::fetch(beside, "/list")? != list {
        return Err(BenchError::Failed("nginx serves other octets".into()));
    }
    let time = Duration::from_secs_f64(args.seconds);
    let (mut ours, mut theirs, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for round in 1..=args.rounds {
        // Who goes first changes, so that neither has the warmer machine.
        let measure_ours = || rate(site.server, LIST, list.len(), args.connections, time);
        let measure_nginx = || rate(beside, "/list", list.len(), args.connections, time);
        let (own, nginx) = if round % 2 == 0 {
            let own = measure_ours()?;
            (own, measure_nginx()?)
        } else {
            let nginx = measure_nginx()?;
            (measure_ours()?, nginx)
        };
        eprintln!("round {round} of {}: {own:.1} lists/s, nginx {nginx:.1}", args.rounds);
        ours.push(own);
        theirs.push(nginx);
        ratios.push(own / nginx);
    }
    let kib = list.len() / 1024;
    Ok(DoorsRow {
        work: format!("list of {} subscribers, {kib} KiB, {} clients", site.subscribers, args.connections),
        value: spread(ours)?,
        unit: "lists/s",
        nginx: Some(spread(theirs)?),
        ratio: Some(spread(ratios)?),
        mark: "0.80 of nginx",
    })
}

/// Whole answers of `length` octets for each second.
fn rate(
    to: SocketAddr,
    target: &str,
    length: usize,
    connections: u32,
    time: Duration,
) -> Result<f64, BenchError> {
    let begin = Instant::now();
    let counts: Vec<Result<u64, BenchError>> = std::thread::scope(|scope| {
        let clients: Vec<_> =
            (0..connections).map(|_| scope.spawn(|| count(to, target, length, begin + time))).collect();
        clients
            .into_iter()
            .map(|client| {
                client.join().unwrap_or_else(|_| Err(BenchError::Failed("a client panicked".into())))
            })
            .collect()
    });
    let elapsed = begin.elapsed().as_secs_f64();
    let mut all = 0;
    for count in counts {
        all += count?;
    }
    Ok(float(all) / elapsed)
}

fn count(to: SocketAddr, target: &str, length: usize, until: Instant) -> Result<u64, BenchError> {
    let mut client = Client::connect(to, target)?;
    let mut answers = 0;
    while Instant::now() < until {
        if client.ask(None)? != length {
            return Err(BenchError::Failed("an answer has another length".into()));
        }
        answers += 1;
    }
    Ok(answers)
}
