//! CoA and Disconnect (RFC 5176): keeps open sessions at their NASes equal to what the directory says, and carries
//! out orders of people.
//!
//! A follower of the directory: whatever changed a subscriber, it compares what the NAS was told with what is wanted
//! now and sends the difference. Not here: what is wanted (the ledger's standing and the plan), the kernel
//! (`enforcement`), and accounting's answers.

mod follower;
mod lane;
mod packet;
mod told;

pub use packet::OPEN_ADDRESS_LIST;

use crate::operations::{NasOrder, Operations};
use crate::radius::codec::PACKET_OCTETS_MAX;
use follower::Follower;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::UdpSocket;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

/// Two looks at the directory are at least this far apart: many changes cost one look.
const LOOK_PAUSE: Duration = Duration::from_millis(3);
/// Nothing to wait for: look at the clock now and then.
const IDLE: Duration = Duration::from_secs(3600);
/// Answers taken in one go before others have their turn.
const ANSWERS_MAX: usize = 64;

/// How requests are sent.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where vendors that redirect by URL send debtors; empty: they are not redirected.
    pub captive_url: String,
    /// Wait for the first answer; it doubles with each of 5 tries.
    pub first_wait: Duration,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings { captive_url: String::new(), first_wait: Duration::from_secs(1) }
    }
}

/// Follows the directory and carries out orders until `stop` is true. Opens one UDP socket of each family.
pub async fn run(
    settings: Settings,
    operations: Arc<Operations>,
    mut orders: mpsc::Receiver<NasOrder>,
    mut stop: watch::Receiver<bool>,
) {
    let sockets = Sockets::open().await;
    let mut revision = operations.directory.subscribe();
    let mut follower = Follower::new(settings, operations);
    let mut answer = vec![0; PACKET_OCTETS_MAX];
    let mut look_at = Instant::now();
    let mut behind = true;
    while !*stop.borrow() {
        if behind && Instant::now() >= look_at {
            revision.mark_unchanged();
            follower.look();
            behind = false;
            look_at = Instant::now() + LOOK_PAUSE;
        }
        follower.send_due(&sockets);
        let due = follower.next_due().unwrap_or_else(|| Instant::now() + IDLE);
        let wake = if behind { due.min(look_at) } else { due };
        tokio::select! {
            changed = stop.changed() => if changed.is_err() { return },
            changed = revision.changed(), if !behind => match changed {
                Ok(()) => behind = true,
                Err(_) => return,
            },
            Some(order) = orders.recv() => follower.order(order),
            () = sockets.readable() => {}
            () = sleep_until(wake) => {}
        }
        for _ in 0..ANSWERS_MAX {
            let Some((octets, from)) = sockets.receive(&mut answer) else { break };
            follower.answer(answer.get(..octets).unwrap_or_default(), from);
        }
    }
}

/// A socket of each family that the system has.
struct Sockets {
    v4: Option<UdpSocket>,
    v6: Option<UdpSocket>,
}

impl Sockets {
    async fn open() -> Sockets {
        let v4 = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).await;
        let v6 = UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0)).await;
        if let Err(error) = &v4 {
            tracing::error!(%error, "no socket for CoA over IPv4");
        }
        if let Err(error) = &v6 {
            tracing::info!(%error, "no socket for CoA over IPv6");
        }
        Sockets { v4: v4.ok(), v6: v6.ok() }
    }

    /// What cannot be sent now is sent again later, as if it were lost on its way.
    fn send(&self, octets: &[u8], to: SocketAddr) {
        let socket = if to.is_ipv4() { &self.v4 } else { &self.v6 };
        if let Some(socket) = socket
            && let Err(error) = socket.try_send_to(octets, to)
        {
            tracing::debug!(%error, %to, "a CoA was not sent");
        }
    }

    fn receive(&self, into: &mut [u8]) -> Option<(usize, SocketAddr)> {
        [&self.v4, &self.v6].into_iter().flatten().find_map(|socket| socket.try_recv_from(into).ok())
    }

    async fn readable(&self) {
        async fn one(socket: &Option<UdpSocket>) {
            match socket {
                // An error shows when it is read.
                Some(socket) => drop(socket.readable().await),
                None => std::future::pending().await,
            }
        }
        tokio::select! {
            () = one(&self.v4) => {}
            () = one(&self.v6) => {}
        }
    }
}
