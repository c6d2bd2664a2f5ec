//! Non-blocking UDP sockets with whole batches in one system call (sendmmsg, recvmmsg), and epoll. Linux only.

use super::BenchError;
use std::io;
use std::mem::zeroed;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::ptr::null_mut;

/// The largest RADIUS packet (RFC 2865, 3).
pub const PACKET_MAX: usize = 4096;
/// Asked for in both directions; the kernel gives at most `net.core.rmem_max`.
const SOCKET_BUFFER_OCTETS: libc::c_int = 4 << 20;
/// How long a full send buffer is waited for before the run is given up.
const SEND_WAIT_MS: libc::c_int = 2000;
const EVENTS_MAX: usize = 64;

/// A socket connected to the server under test.
pub fn connect(to: SocketAddr) -> Result<UdpSocket, BenchError> {
    let any = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let open = || -> io::Result<UdpSocket> {
        let socket = UdpSocket::bind(any)?;
        socket.connect(to)?;
        socket.set_nonblocking(true)?;
        Ok(socket)
    };
    let socket =
        open().map_err(|error| BenchError::Failed(format!("cannot open a socket to {to}: {error}")))?;
    widen_buffers(&socket);
    Ok(socket)
}

/// Asks for large buffers; what the kernel refuses only costs lost packets, which are counted.
pub fn widen_buffers(socket: &UdpSocket) {
    let size = libc::socklen_t::try_from(size_of::<libc::c_int>()).unwrap_or(4);
    for option in [libc::SO_RCVBUF, libc::SO_SNDBUF] {
        let value: *const libc::c_int = &SOCKET_BUFFER_OCTETS;
        // SAFETY: the pointer and size name one c_int that outlives the call.
        unsafe { libc::setsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, option, value.cast(), size) };
    }
}

/// Keeps the calling thread, and the threads it starts later, on one core.
pub fn pin(core: usize) -> Result<(), BenchError> {
    let cores_max = usize::try_from(libc::CPU_SETSIZE).unwrap_or(0);
    if core >= cores_max {
        return Err(BenchError::Usage(format!("there is no core {core}")));
    }
    // SAFETY: an all-zero cpu_set_t is an empty set; `core` is inside it as checked above.
    let result = unsafe {
        let mut set: libc::cpu_set_t = zeroed();
        libc::CPU_SET(core, &mut set);
        libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &set)
    };
    if result == 0 {
        Ok(())
    } else {
        Err(BenchError::Failed(format!("cannot run on core {core}: {}", io::Error::last_os_error())))
    }
}

/// Waits until one of a set of sockets can be read.
pub struct Poller(OwnedFd);

impl Poller {
    pub fn new<'a>(sockets: impl Iterator<Item = &'a UdpSocket>) -> io::Result<Poller> {
        // SAFETY: the descriptor is checked and owned by nothing else.
        let epoll = unsafe {
            let raw = libc::epoll_create1(libc::EPOLL_CLOEXEC);
            if raw < 0 {
                return Err(io::Error::last_os_error());
            }
            OwnedFd::from_raw_fd(raw)
        };
        let readable = u32::try_from(libc::EPOLLIN).unwrap_or(1);
        for socket in sockets {
            let mut event = libc::epoll_event { events: readable, u64: 0 };
            // SAFETY: both descriptors are open; `event` outlives the call.
            let added = unsafe {
                libc::epoll_ctl(epoll.as_raw_fd(), libc::EPOLL_CTL_ADD, socket.as_raw_fd(), &mut event)
            };
            if added != 0 {
                return Err(io::Error::last_os_error());
            }
        }
        Ok(Poller(epoll))
    }

    /// Returns after `millis` at the latest. An interruption only makes it shorter.
    pub fn wait(&self, millis: libc::c_int) {
        // SAFETY: an all-zero epoll_event is valid; the array has as many places as the call is told.
        unsafe {
            let mut events: [libc::epoll_event; EVENTS_MAX] = zeroed();
            let places = libc::c_int::try_from(EVENTS_MAX).unwrap_or(1);
            libc::epoll_wait(self.0.as_raw_fd(), events.as_mut_ptr(), places, millis);
        }
    }
}

/// A fixed number of packets with the kernel's message headers kept beside them.
///
/// The headers point into the vectors of this value and are filled anew for each call, so moving it between calls
/// is harmless.
pub struct Batch {
    packets: Vec<Vec<u8>>,
    vectors: Vec<libc::iovec>,
    headers: Vec<libc::mmsghdr>,
    addresses: Vec<libc::sockaddr_storage>,
    used: usize,
}

impl Batch {
    pub fn new(capacity: usize) -> Batch {
        let capacity = capacity.max(1);
        // SAFETY: null pointers and zero lengths are valid values of all three C types.
        let (vector, header, address) = unsafe { (zeroed(), zeroed(), zeroed()) };
        Batch {
            packets: (0..capacity).map(|_| Vec::with_capacity(PACKET_MAX)).collect(),
            vectors: vec![vector; capacity],
            headers: vec![header; capacity],
            addresses: vec![address; capacity],
            used: 0,
        }
    }

    pub fn capacity(&self) -> usize {
        self.packets.len()
    }

    pub fn is_full(&self) -> bool {
        self.used >= self.packets.len()
    }

    pub fn clear(&mut self) {
        self.used = 0;
    }

    /// The next packet to fill, emptied; None when the batch is full.
    pub fn next_packet(&mut self) -> Option<&mut Vec<u8>> {
        let packet = self.packets.get_mut(self.used)?;
        self.used += 1;
        packet.clear();
        Some(packet)
    }

    /// Queues the last packet once more. False where there is no room or no packet.
    pub fn repeat(&mut self) -> bool {
        let Some((before, after)) = self.packets.split_at_mut_checked(self.used) else { return false };
        let (Some(last), Some(copy)) = (before.last(), after.first_mut()) else { return false };
        copy.clear();
        copy.extend_from_slice(last);
        self.used += 1;
        true
    }

    /// The packets of the last [`Batch::receive`], or those queued.
    pub fn packets(&self) -> impl Iterator<Item = &[u8]> {
        self.packets.iter().take(self.used).map(Vec::as_slice)
    }

    /// Sends everything queued. True: the peer's port is closed.
    pub fn send(&mut self, socket: &UdpSocket) -> io::Result<bool> {
        self.point(self.used, false);
        let mut refused = false;
        let mut sent = 0;
        while sent < self.used {
            match self.send_from(socket.as_raw_fd(), sent) {
                Ok(count) => sent += count,
                Err(error) => match error.raw_os_error() {
                    // The first reports an earlier packet; the second means that this one would not arrive either.
                    Some(libc::ECONNREFUSED) if refused => return Ok(true),
                    Some(libc::ECONNREFUSED) => refused = true,
                    Some(libc::EAGAIN) => wait_writable(socket.as_raw_fd())?,
                    Some(libc::EINTR) => {}
                    _ => return Err(error),
                },
            }
        }
        Ok(refused)
    }

    /// Reads what waits on the socket, at most one batch, without waiting for more. True: the peer's port is closed.
    pub fn receive(&mut self, socket: &UdpSocket) -> io::Result<bool> {
        self.used = 0;
        match self.receive_with(socket.as_raw_fd(), libc::MSG_DONTWAIT, false) {
            Ok(_) => Ok(false),
            Err(error) => match error.raw_os_error() {
                Some(libc::ECONNREFUSED) => Ok(true),
                Some(libc::EAGAIN | libc::EINTR) => Ok(false),
                _ => Err(error),
            },
        }
    }

    /// For an echo: waits for at least one packet (up to the socket's read timeout) and remembers the senders.
    pub fn receive_from_anyone(&mut self, socket: &UdpSocket) -> io::Result<usize> {
        self.used = 0;
        self.receive_with(socket.as_raw_fd(), libc::MSG_WAITFORONE, true)
    }

    /// For an echo: sends each packet back to where it came from; one that cannot be sent ends the batch.
    pub fn send_back(&mut self, socket: &UdpSocket) {
        // Headers still hold the senders' addresses; only the lengths change from room to what was read.
        for (vector, packet) in self.vectors.iter_mut().zip(&self.packets).take(self.used) {
            vector.iov_len = packet.len();
        }
        let mut sent = 0;
        while sent < self.used {
            match self.send_from(socket.as_raw_fd(), sent) {
                Ok(count) if count > 0 => sent += count,
                _ => return,
            }
        }
    }

    fn point(&mut self, count: usize, with_addresses: bool) {
        let address_octets =
            libc::socklen_t::try_from(size_of::<libc::sockaddr_storage>()).unwrap_or_default();
        let parts =
            self.packets.iter_mut().zip(&mut self.vectors).zip(&mut self.headers).zip(&mut self.addresses);
        for (((packet, vector), header), address) in parts.take(count) {
            *vector = libc::iovec { iov_base: packet.as_mut_ptr().cast(), iov_len: packet.len() };
            // SAFETY: an all-zero header is valid: no name, no control data.
            *header = unsafe { zeroed() };
            header.msg_hdr.msg_iov = vector;
            header.msg_hdr.msg_iovlen = 1;
            if with_addresses {
                let name: *mut libc::sockaddr_storage = address;
                header.msg_hdr.msg_name = name.cast();
                header.msg_hdr.msg_namelen = address_octets;
            }
        }
    }

    fn send_from(&mut self, socket: RawFd, first: usize) -> io::Result<usize> {
        let headers = self.headers.get_mut(first..self.used).unwrap_or_default();
        let count = libc::c_uint::try_from(headers.len()).unwrap_or(libc::c_uint::MAX);
        // SAFETY: `point` made every header in the slice name one live packet of this batch.
        let sent = unsafe { libc::sendmmsg(socket, headers.as_mut_ptr(), count, 0) };
        usize::try_from(sent).map_err(|_| io::Error::last_os_error())
    }

    fn receive_with(&mut self, socket: RawFd, flags: libc::c_int, with_addresses: bool) -> io::Result<usize> {
        let capacity = self.capacity();
        for packet in &mut self.packets {
            packet.clear();
            packet.reserve(PACKET_MAX);
        }
        self.point(capacity, with_addresses);
        for vector in &mut self.vectors {
            vector.iov_len = PACKET_MAX;
        }
        let count = libc::c_uint::try_from(capacity).unwrap_or(libc::c_uint::MAX);
        // SAFETY: every header names PACKET_MAX reserved octets of one packet; no timeout is given.
        let read = unsafe { libc::recvmmsg(socket, self.headers.as_mut_ptr(), count, flags, null_mut()) };
        let read = usize::try_from(read).map_err(|_| io::Error::last_os_error())?;
        for (packet, header) in self.packets.iter_mut().zip(&self.headers).take(read) {
            let length = usize::try_from(header.msg_len).unwrap_or(0).min(PACKET_MAX);
            // SAFETY: the kernel wrote `msg_len` octets into the reserved room.
            unsafe { packet.set_len(length) };
        }
        self.used = read;
        Ok(read)
    }
}

fn wait_writable(socket: RawFd) -> io::Result<()> {
    let mut entry = libc::pollfd { fd: socket, events: libc::POLLOUT, revents: 0 };
    // SAFETY: one entry, as the count says.
    match unsafe { libc::poll(&mut entry, 1, SEND_WAIT_MS) } {
        0 => Err(io::Error::new(io::ErrorKind::TimedOut, "the socket's send buffer stays full")),
        _ => Ok(()),
    }
}
