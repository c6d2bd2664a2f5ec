//! Netlink sockets: one that asks and changes, one that hears of others' changes.

use super::wire::{Batch, Message, messages};
use std::io;
use std::mem::size_of;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::time::Duration;

/// A batch at most; 4,194,304 metered IPv6 hosts in both directions need 544 MiB.
const BATCH_OCTETS_MAX: usize = 640 << 20;
/// The kernel's accounting of a datagram is beyond its octets.
const SEND_SLACK_OCTETS: usize = 1 << 16;
pub const RECEIVE_BUFFER_OCTETS: libc::c_int = 8 << 20;
/// What the kernel tells of one removed element takes less of the receive buffer.
const ECHO_OCTETS: usize = 1024;
/// One read of a dump.
const READ_OCTETS: usize = 1 << 18;
/// A batch of a million elements is committed in about a second.
const ANSWER_SECONDS_MAX: u64 = 30;
/// Datagrams of one dump at most.
const DUMP_DATAGRAMS_MAX: usize = 1 << 20;
/// Others' changes make a dump inconsistent; it is asked for again.
const DUMP_TRIES_MAX: u32 = 10;

/// Kinds of trouble by what the enforcer does about them.
#[derive(Debug)]
pub enum NetlinkError {
    /// No CAP_NET_ADMIN here: stop.
    NotPermitted,
    /// The kernel refused a message (errno) and with it the batch: look at what is there, plan anew.
    Refused(i32),
    /// No answer or no consistent one; nothing is known: look at what is there.
    Unclear(io::Error),
}

impl std::fmt::Display for NetlinkError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            NetlinkError::NotPermitted => f.write_str("nf_tables needs CAP_NET_ADMIN"),
            NetlinkError::Refused(errno) => {
                write!(f, "the kernel refused: {}", io::Error::from_raw_os_error(*errno))
            }
            NetlinkError::Unclear(error) => write!(f, "the kernel did not answer: {error}"),
        }
    }
}

impl From<io::Error> for NetlinkError {
    fn from(error: io::Error) -> NetlinkError {
        match error.raw_os_error() {
            Some(errno) => NetlinkError::from_errno(errno, error),
            None => NetlinkError::Unclear(error),
        }
    }
}

impl NetlinkError {
    fn from_errno(errno: i32, error: io::Error) -> NetlinkError {
        if matches!(errno, libc::EPERM | libc::EACCES) {
            NetlinkError::NotPermitted
        } else {
            NetlinkError::Unclear(error)
        }
    }
}

/// A socket that sends batches and requests, one at a time.
pub struct Socket {
    fd: OwnedFd,
    port: u32,
    sequence: u32,
    buffer: Vec<u8>,
    receive_room: libc::c_int,
}

impl Socket {
    pub fn open() -> Result<Socket, NetlinkError> {
        let (fd, port) = open_bound(libc::NETLINK_NETFILTER)?;
        set_option(&fd, libc::SOL_NETLINK, libc::NETLINK_CAP_ACK, &1i32)?;
        // Refused without CAP_NET_ADMIN; the first batch will say so.
        let _ = set_option(&fd, libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, &RECEIVE_BUFFER_OCTETS);
        set_receive_timeout(&fd, Duration::from_secs(ANSWER_SECONDS_MAX))?;
        let receive_room = RECEIVE_BUFFER_OCTETS;
        Ok(Socket { fd, port, sequence: 1, buffer: vec![0; READ_OCTETS], receive_room })
    }

    /// What the kernel names this socket by, in notifications of its changes too.
    pub fn port(&self) -> u32 {
        self.port
    }

    /// An empty batch.
    pub fn batch(&self) -> Batch {
        Batch::new(self.sequence)
    }

    /// Sends the batch as one datagram and waits until it is committed, or for the first error. What the kernel
    /// tells of what was done goes to `take`; `echoes` is how many elements that may be.
    pub fn commit(
        &mut self,
        batch: Batch,
        echoes: usize,
        mut take: impl FnMut(&Message<'_>),
    ) -> Result<(), NetlinkError> {
        let (bytes, first, end) = batch.finish();
        self.sequence = end;
        if bytes.len() > BATCH_OCTETS_MAX {
            return Err(NetlinkError::Refused(libc::EMSGSIZE));
        }
        let room = libc::c_int::try_from(bytes.len() + SEND_SLACK_OCTETS).unwrap_or(libc::c_int::MAX);
        set_option(&self.fd, libc::SOL_SOCKET, libc::SO_SNDBUFFORCE, &room)?;
        self.make_room(echoes)?;
        send(&self.fd, &bytes)?;
        loop {
            let length = receive(&self.fd, &mut self.buffer)?;
            let datagram = self.buffer.get(..length).unwrap_or_default();
            // What is told of has no number of a message.
            messages(datagram).filter(|m| m.is_nftables && m.sequence == 0).for_each(|m| take(&m));
            for answer in
                messages(datagram).filter(|m| m.sequence.wrapping_sub(first) < end.wrapping_sub(first))
            {
                match answer_of(&answer) {
                    Some(Ok(())) => return Ok(()),
                    // Others may follow, and the acknowledgement never comes: their numbers are behind us.
                    Some(Err(error)) => return Err(error),
                    None => {}
                }
            }
        }
    }

    /// Room for what the kernel will tell before we read it.
    fn make_room(&mut self, echoes: usize) -> io::Result<()> {
        let octets =
            libc::c_int::try_from(echoes.saturating_mul(ECHO_OCTETS)).unwrap_or(libc::c_int::MAX / 2);
        if octets > self.receive_room {
            set_option(&self.fd, libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, &octets)?;
            self.receive_room = octets;
        }
        Ok(())
    }

    /// Asks and gives every message of the answer to `take`. Ok(false): there is no such object.
    pub fn ask(
        &mut self,
        request: impl Fn(u32) -> Vec<u8>,
        mut take: impl FnMut(&Message<'_>),
    ) -> Result<bool, NetlinkError> {
        let sequence = self.sequence;
        self.sequence = self.sequence.wrapping_add(1);
        send(&self.fd, &request(sequence))?;
        let mut consistent = true;
        for _ in 0..DUMP_DATAGRAMS_MAX {
            let length = receive(&self.fd, &mut self.buffer)?;
            let datagram = self.buffer.get(..length).unwrap_or_default();
            for message in messages(datagram).filter(|m| m.sequence == sequence) {
                consistent &= i32::from(message.flags) & libc::NLM_F_DUMP_INTR == 0;
                if !message.is_nftables {
                    return match answer_of(&message) {
                        Some(Err(NetlinkError::Refused(libc::ENOENT))) => Ok(false),
                        Some(Err(error)) => Err(error),
                        _ if consistent => Ok(true),
                        _ => Err(interrupted()),
                    };
                }
                take(&message);
                if i32::from(message.flags) & libc::NLM_F_MULTI == 0 {
                    return Ok(true);
                }
            }
        }
        Err(interrupted())
    }

    /// Asks until an answer was not disturbed by others' changes; `take` starts from `T::default()` each time.
    pub fn ask_consistently<T: Default>(
        &mut self,
        request: impl Fn(u32) -> Vec<u8>,
        take: impl Fn(&mut T, &Message<'_>),
    ) -> Result<Option<T>, NetlinkError> {
        let mut tries = 0;
        loop {
            let mut collected = T::default();
            match self.ask(&request, |message| take(&mut collected, message)) {
                Ok(there) => return Ok(there.then_some(collected)),
                Err(NetlinkError::Unclear(error))
                    if error.kind() == io::ErrorKind::Interrupted && tries < DUMP_TRIES_MAX =>
                {
                    tries += 1;
                }
                Err(error) => return Err(error),
            }
        }
    }
}

fn interrupted() -> NetlinkError {
    NetlinkError::Unclear(io::Error::new(io::ErrorKind::Interrupted, "the table changed while it was read"))
}

/// What an error or done message says; None: another kind of message.
fn answer_of(message: &Message<'_>) -> Option<Result<(), NetlinkError>> {
    let kind = libc::c_int::from(message.kind);
    if message.is_nftables || (kind != libc::NLMSG_ERROR && kind != libc::NLMSG_DONE) {
        return None;
    }
    Some(match message.errno() {
        Some(0) => Ok(()),
        Some(libc::EPERM | libc::EACCES) => Err(NetlinkError::NotPermitted),
        Some(libc::EINTR | libc::EAGAIN) => Err(interrupted()),
        Some(errno) => Err(NetlinkError::Refused(errno)),
        None => Err(NetlinkError::Refused(libc::EPROTO)),
    })
}

/// Hears of changes to a netlink family's objects, except those of one port.
pub struct Listener {
    fd: OwnedFd,
    buffer: Vec<u8>,
    patience: Duration,
}

impl Listener {
    /// `groups` of the family are heard. `own_port`: whose changes are left out (already in the kernel, so that our own
    /// large batches cannot crowd out the foreign ones). A receive returns after `patience` at the latest. `room`: octets
    /// that wait to be read.
    pub fn open(
        family: libc::c_int,
        groups: &[libc::c_uint],
        own_port: u32,
        patience: Duration,
        room: libc::c_int,
    ) -> Result<Listener, NetlinkError> {
        let (fd, _) = open_bound(family)?;
        let _ = set_option(&fd, libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, &room);
        leave_out(&fd, own_port)?;
        set_receive_timeout(&fd, patience)?;
        // Joined only now, with the filter in place.
        for group in groups {
            set_option(&fd, libc::SOL_NETLINK, libc::NETLINK_ADD_MEMBERSHIP, group)?;
        }
        Ok(Listener { fd, buffer: vec![0; READ_OCTETS], patience })
    }

    /// The next datagram. Ok(None): nothing came in time. ENOBUFS: some were lost.
    pub fn receive(&mut self) -> io::Result<Option<&[u8]>> {
        match receive(&self.fd, &mut self.buffer) {
            Ok(length) => Ok(Some(self.buffer.get(..length).unwrap_or_default())),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether the next datagram is one that `concerns` us, or may have been: what was lost is not known.
    pub fn hears(&mut self, concerns: impl FnOnce(&[u8]) -> bool) -> bool {
        let patience = self.patience;
        match self.receive() {
            Ok(datagram) => datagram.is_some_and(concerns),
            Err(error) => {
                tracing::debug!("listening to netlink: {error}");
                // Anything but lost notifications is trouble that does not pass at once.
                if error.raw_os_error() != Some(libc::ENOBUFS) {
                    std::thread::sleep(patience);
                }
                true
            }
        }
    }
}

/// Lets the kernel drop notifications whose `nlmsg_pid` (octets 12 to 15) is `port`.
fn leave_out(fd: &OwnedFd, port: u32) -> io::Result<()> {
    let statement =
        |code: u32, k: u32| libc::sock_filter { code: u16::try_from(code).unwrap_or(0), jt: 0, jf: 0, k };
    let mut program = [
        statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 12),
        // A filter loads in network order what netlink wrote in the machine's.
        libc::sock_filter {
            jf: 1,
            ..statement(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, u32::from_be_bytes(port.to_ne_bytes()))
        },
        statement(libc::BPF_RET | libc::BPF_K, 0),
        statement(libc::BPF_RET | libc::BPF_K, u32::MAX),
    ];
    let length = libc::c_ushort::try_from(program.len()).unwrap_or(0);
    let filter = libc::sock_fprog { len: length, filter: program.as_mut_ptr() };
    set_option(fd, libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, &filter)
}

/// A socket of a netlink family in the calling thread's network namespace, and its port.
pub fn open_bound(family: libc::c_int) -> Result<(OwnedFd, u32), NetlinkError> {
    // SAFETY: plain system calls; the address is a zeroed plain structure of the given size.
    unsafe {
        let raw = libc::socket(libc::AF_NETLINK, libc::SOCK_RAW | libc::SOCK_CLOEXEC, family);
        if raw < 0 {
            return Err(io::Error::last_os_error().into());
        }
        let fd = OwnedFd::from_raw_fd(raw);
        let mut address: libc::sockaddr_nl = std::mem::zeroed();
        address.nl_family = libc::sa_family_t::try_from(libc::AF_NETLINK).unwrap_or(0);
        let mut length = socklen::<libc::sockaddr_nl>();
        if libc::bind(raw, (&raw const address).cast(), length) < 0
            || libc::getsockname(raw, (&raw mut address).cast(), &mut length) < 0
        {
            return Err(io::Error::last_os_error().into());
        }
        Ok((fd, address.nl_pid))
    }
}

fn socklen<T>() -> libc::socklen_t {
    libc::socklen_t::try_from(size_of::<T>()).unwrap_or(0)
}

pub fn set_option<T>(fd: &OwnedFd, level: libc::c_int, name: libc::c_int, value: &T) -> io::Result<()> {
    // SAFETY: the value is a plain C structure or number, read for its size only.
    let result =
        unsafe { libc::setsockopt(fd.as_raw_fd(), level, name, (&raw const *value).cast(), socklen::<T>()) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

pub fn set_receive_timeout(fd: &OwnedFd, patience: Duration) -> io::Result<()> {
    let timeout = libc::timeval {
        tv_sec: libc::time_t::try_from(patience.as_secs()).unwrap_or(1),
        tv_usec: libc::suseconds_t::from(patience.subsec_micros()),
    };
    set_option(fd, libc::SOL_SOCKET, libc::SO_RCVTIMEO, &timeout)
}

pub fn send(fd: &OwnedFd, bytes: &[u8]) -> io::Result<()> {
    // SAFETY: the buffer is read for its own length.
    let sent = unsafe { libc::send(fd.as_raw_fd(), bytes.as_ptr().cast(), bytes.len(), 0) };
    match usize::try_from(sent) {
        Ok(length) if length == bytes.len() => Ok(()),
        Ok(_) => Err(io::Error::from(io::ErrorKind::WriteZero)),
        Err(_) => Err(io::Error::last_os_error()),
    }
}

pub fn receive(fd: &OwnedFd, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        // SAFETY: the buffer is written for its own length at most.
        let length = unsafe { libc::recv(fd.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len(), 0) };
        match usize::try_from(length) {
            Ok(length) => return Ok(length),
            Err(_) => {
                let error = io::Error::last_os_error();
                if error.kind() != io::ErrorKind::Interrupted {
                    return Err(error);
                }
            }
        }
    }
}

/// Also while the machine sleeps; never back.
pub fn microseconds_since_boot() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: writes one timespec; the clock exists since Linux 2.6.39.
    unsafe { libc::clock_gettime(libc::CLOCK_BOOTTIME, &mut time) };
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let microseconds = u64::try_from(time.tv_nsec / 1000).unwrap_or(0);
    seconds.saturating_mul(1_000_000).saturating_add(microseconds)
}
