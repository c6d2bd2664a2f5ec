//! The rtnetlink socket that changes and asks. Others' changes are heard by the house's one listener.

use super::route::{Message, Messages, messages};
use crate::enforcement::netlink::socket::{
    NetlinkError, RECEIVE_BUFFER_OCTETS, open_bound, receive, send, set_option, set_receive_timeout,
};
use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

/// The kernel works on one datagram without a pause; this is 30 ms for new classes beside 10,000 others.
const DATAGRAM_OCTETS: usize = 8 << 10;
const READ_OCTETS: usize = 1 << 18;
const ANSWER_SECONDS_MAX: u64 = 30;
/// Datagrams of one dump at most.
const DUMP_DATAGRAMS_MAX: usize = 1 << 20;
/// Others' changes make a dump inconsistent; it is asked for again.
const DUMP_TRIES_MAX: u32 = 5;

/// A message that the kernel refused: its position among those sent, and errno.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    pub position: usize,
    pub errno: i32,
}

pub struct RouteSocket {
    fd: OwnedFd,
    port: u32,
    sequence: u32,
    buffer: Vec<u8>,
}

impl RouteSocket {
    /// Opens it in the calling thread's network namespace.
    pub fn open() -> Result<RouteSocket, NetlinkError> {
        let (fd, port) = open_bound(libc::NETLINK_ROUTE)?;
        set_option(&fd, libc::SOL_NETLINK, libc::NETLINK_CAP_ACK, &1i32)?;
        // Refused without CAP_NET_ADMIN; the first change will say so.
        let _ = set_option(&fd, libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, &RECEIVE_BUFFER_OCTETS);
        set_receive_timeout(&fd, Duration::from_secs(ANSWER_SECONDS_MAX))?;
        Ok(RouteSocket { fd, port, sequence: 1, buffer: vec![0; READ_OCTETS] })
    }

    /// Whose changes ours are in notifications.
    pub fn port(&self) -> u32 {
        self.port
    }

    /// Sends all messages and waits until the kernel has done them. One that it refuses does not stop the others.
    pub fn commit(&mut self, all: Messages) -> Result<Vec<Refused>, NetlinkError> {
        let first = self.sequence;
        let count = all.len();
        self.sequence = first.wrapping_add(u32::try_from(count).unwrap_or(0)).wrapping_add(1);
        let mut datagrams = all.datagrams(first, DATAGRAM_OCTETS).into_iter().peekable();
        let mut refused = Vec::new();
        while let Some((_, bytes)) = datagrams.next() {
            let last = datagrams.peek().map_or(count, |(position, _)| *position).saturating_sub(1);
            send(&self.fd, &bytes)?;
            self.await_answers(first, last, &mut refused)?;
        }
        Ok(refused)
    }

    /// Reads answers up to the one to the message at `last`.
    fn await_answers(
        &mut self,
        first: u32,
        last: usize,
        refused: &mut Vec<Refused>,
    ) -> Result<(), NetlinkError> {
        loop {
            let length = receive(&self.fd, &mut self.buffer)?;
            for answer in messages(self.buffer.get(..length).unwrap_or_default()) {
                let position = usize::try_from(answer.sequence.wrapping_sub(first)).unwrap_or(usize::MAX);
                if i32::from(answer.kind) != libc::NLMSG_ERROR || position > last {
                    continue;
                }
                match answer.errno() {
                    Some(0) => {}
                    Some(libc::EPERM | libc::EACCES) => return Err(NetlinkError::NotPermitted),
                    errno => refused.push(Refused { position, errno: errno.unwrap_or(libc::EPROTO) }),
                }
                if position == last {
                    return Ok(());
                }
            }
        }
    }

    /// Asks until the answer was not disturbed by others' changes; `take` gets every message, from `T::default()` on
    /// each time. None: there is no such thing.
    pub fn ask<T: Default>(
        &mut self,
        request: impl Fn(u32) -> Vec<u8>,
        take: impl Fn(&mut T, &Message<'_>),
    ) -> Result<Option<T>, NetlinkError> {
        for _ in 0..DUMP_TRIES_MAX {
            let mut collected = T::default();
            match self.ask_once(&request, |message| take(&mut collected, message)) {
                Ok(()) => return Ok(Some(collected)),
                Err(NetlinkError::Refused(
                    libc::ENODEV | libc::ENOENT | libc::ENETUNREACH | libc::EHOSTUNREACH,
                )) => return Ok(None),
                Err(NetlinkError::Unclear(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Err(interrupted())
    }

    fn ask_once(
        &mut self,
        request: impl Fn(u32) -> Vec<u8>,
        mut take: impl FnMut(&Message<'_>),
    ) -> Result<(), NetlinkError> {
        let sequence = self.sequence;
        self.sequence = self.sequence.wrapping_add(1);
        send(&self.fd, &request(sequence))?;
        let mut consistent = true;
        for _ in 0..DUMP_DATAGRAMS_MAX {
            let length = receive(&self.fd, &mut self.buffer)?;
            let datagram = self.buffer.get(..length).unwrap_or_default();
            for message in messages(datagram).filter(|m| m.sequence == sequence) {
                consistent &= i32::from(message.flags) & libc::NLM_F_DUMP_INTR == 0;
                let kind = i32::from(message.kind);
                if kind == libc::NLMSG_ERROR || kind == libc::NLMSG_DONE {
                    return match message.errno() {
                        Some(0) if consistent => Ok(()),
                        Some(0) => Err(interrupted()),
                        Some(libc::EPERM | libc::EACCES) => Err(NetlinkError::NotPermitted),
                        errno => Err(NetlinkError::Refused(errno.unwrap_or(libc::EPROTO))),
                    };
                }
                take(&message);
                if i32::from(message.flags) & libc::NLM_F_MULTI == 0 {
                    return Ok(());
                }
            }
        }
        Err(interrupted())
    }
}

fn interrupted() -> NetlinkError {
    NetlinkError::Unclear(io::Error::new(io::ErrorKind::Interrupted, "it changed while it was read"))
}
