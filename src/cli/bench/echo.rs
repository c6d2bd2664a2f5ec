//! The ceiling: a UDP server that sends back what it gets.

use super::BenchError;
use super::args::{EchoArgs, check_target};
use super::net::{Batch, PACKET_MAX, pin, widen_buffers};
use serde::Serialize;
use std::net::UdpSocket;
use std::time::{Duration, Instant};

/// How long a read waits before the clock is looked at.
const READ_WAIT: Duration = Duration::from_millis(200);
/// Packets between two looks at the clock under load.
const LOOK_EVERY: u64 = 1024;

#[derive(Clone, Debug, Serialize)]
pub struct EchoReport {
    pub echoed: u64,
}

/// Echoes until the time is over.
///
/// # Errors
/// [`BenchError::Usage`] for an address that was not allowed, [`BenchError::Failed`] where it cannot be bound.
pub fn echo(args: &EchoArgs) -> Result<EchoReport, BenchError> {
    check_target(args.bind.ip(), args.allow_target)?;
    if let Some(core) = args.cpu {
        pin(core)?;
    }
    let socket = UdpSocket::bind(args.bind)
        .map_err(|error| BenchError::Failed(format!("cannot listen on {}: {error}", args.bind)))?;
    widen_buffers(&socket);
    socket.set_read_timeout(Some(READ_WAIT)).map_err(BenchError::system)?;
    let end = Instant::now() + Duration::from_secs_f64(args.seconds);
    let echoed = if args.batch <= 1 { one_by_one(&socket, end) } else { batched(&socket, args.batch, end) };
    Ok(EchoReport { echoed })
}

fn one_by_one(socket: &UdpSocket, end: Instant) -> u64 {
    let mut buffer = [0u8; PACKET_MAX];
    let mut echoed = 0u64;
    while !echoed.is_multiple_of(LOOK_EVERY) || Instant::now() < end {
        match socket.recv_from(&mut buffer) {
            Ok((length, from)) => {
                // A reply that cannot be sent is a lost packet, which the generator counts.
                let _ = socket.send_to(buffer.get(..length).unwrap_or_default(), from);
                echoed += 1;
            }
            Err(_) if Instant::now() >= end => break,
            Err(_) => {}
        }
    }
    echoed
}

fn batched(socket: &UdpSocket, batch: usize, end: Instant) -> u64 {
    let mut batch = Batch::new(batch);
    let mut echoed = 0u64;
    while Instant::now() < end {
        if let Ok(count) = batch.receive_from_anyone(socket) {
            batch.send_back(socket);
            echoed += u64::try_from(count).unwrap_or(0);
        }
    }
    echoed
}
