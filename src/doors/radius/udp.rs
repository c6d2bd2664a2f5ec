//! UDP sockets with a batch of datagrams in one system call (recvmmsg, sendmmsg). Linux only.
//!
//! Buffers are made once. On a wildcard address each answer leaves from the address that was asked, because a NAS
//! drops an answer that comes from another.

use crate::radius::codec::PACKET_OCTETS_MAX;
use socket2::{Domain, Protocol, SockAddr, Type};
use std::io;
use std::mem::{size_of, zeroed};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsRawFd, RawFd};
use std::ptr::null_mut;
use std::time::Duration;

/// Datagrams taken or sent in one system call.
pub const BATCH: usize = 64;
/// What a burst of requests may fill while the workers are busy.
const RECEIVE_BUFFER_OCTETS: libc::c_int = 32 << 20;
const SEND_BUFFER_OCTETS: usize = 4 << 20;
/// One datagram's place. Not a power of two: equal places in every page would fight for the same cache lines.
const PLACE_OCTETS: usize = PACKET_OCTETS_MAX + 320;
/// Room for one IP_PKTINFO or IPV6_PKTINFO with its header.
const CONTROL_OCTETS: usize = 64;

/// A bound socket of one worker.
#[derive(Debug)]
pub struct Socket {
    socket: socket2::Socket,
    address: SocketAddr,
}

/// Who sent a datagram and which of our addresses it came to.
#[derive(Clone, Copy, Debug)]
pub struct Origin {
    pub peer: SocketAddr,
    /// The address asked and its interface; None where the socket has only one address.
    local: Option<(IpAddr, u32)>,
}

/// A received datagram.
#[derive(Clone, Copy, Debug)]
pub struct Received<'a> {
    pub octets: &'a [u8],
    pub origin: Origin,
    /// It was longer than any RADIUS packet; the rest is lost.
    pub truncated: bool,
}

impl Socket {
    /// Binds `count` sockets that share an address; the kernel spreads sources over them. Port 0 takes a free one.
    pub fn bind_group(address: SocketAddr, count: usize) -> io::Result<Vec<Socket>> {
        // A socket without SO_REUSEPORT finds out whether another process has the port: with it, two servers of one
        // user would share the port in silence.
        let probe = open(address)?;
        probe.bind(&SockAddr::from(address))?;
        let mut address = address;
        if address.port() == 0
            && let Some(bound) = probe.local_addr()?.as_socket()
        {
            address.set_port(bound.port());
        }
        drop(probe);
        (0..count.max(1)).map(|_| Socket::bind_shared(address)).collect()
    }

    fn bind_shared(address: SocketAddr) -> io::Result<Socket> {
        let socket = open(address)?;
        socket.set_reuse_port(true)?;
        widen(&socket)?;
        if address.ip().is_unspecified() {
            match address {
                SocketAddr::V4(_) => set_flag(&socket, libc::IPPROTO_IP, libc::IP_PKTINFO)?,
                SocketAddr::V6(_) => set_flag(&socket, libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO)?,
            }
        }
        socket.bind(&SockAddr::from(address))?;
        Ok(Socket { socket, address })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How long [`Inbox::receive`] waits for a datagram.
    pub fn set_wait(&self, wait: Duration) -> io::Result<()> {
        self.socket.set_read_timeout(Some(wait))
    }

    fn fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

fn open(address: SocketAddr) -> io::Result<socket2::Socket> {
    let socket = socket2::Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if address.is_ipv6() {
        // Each family has its own socket, so that no source is ever an IPv4 address in IPv6's clothes.
        socket.set_only_v6(true)?;
    }
    Ok(socket)
}

/// Beyond `net.core.rmem_max` where this process may, else up to it.
fn widen(socket: &socket2::Socket) -> io::Result<()> {
    if set_option(socket, libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, RECEIVE_BUFFER_OCTETS).is_err() {
        set_option(socket, libc::SOL_SOCKET, libc::SO_RCVBUF, RECEIVE_BUFFER_OCTETS)?;
    }
    socket.set_send_buffer_size(SEND_BUFFER_OCTETS)
}

fn set_flag(socket: &socket2::Socket, level: libc::c_int, option: libc::c_int) -> io::Result<()> {
    set_option(socket, level, option, 1)
}

fn set_option(
    socket: &socket2::Socket,
    level: libc::c_int,
    option: libc::c_int,
    value: libc::c_int,
) -> io::Result<()> {
    let octets = socklen(size_of::<libc::c_int>());
    let value: *const libc::c_int = &value;
    // SAFETY: the pointer and the size name one c_int that outlives the call.
    match unsafe { libc::setsockopt(socket.as_raw_fd(), level, option, value.cast(), octets) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

fn socklen(octets: usize) -> libc::socklen_t {
    libc::socklen_t::try_from(octets).unwrap_or_default()
}

/// Control data, aligned as the kernel wants it.
#[repr(C, align(16))]
#[derive(Clone, Copy)]
struct Control([u8; CONTROL_OCTETS]);

/// The places that one system call fills. It stays in the thread that made it: the headers point into its own
/// allocations, which never move.
pub struct Inbox {
    octets: Box<[u8]>,
    names: Box<[libc::sockaddr_storage]>,
    controls: Box<[Control]>,
    _vectors: Box<[libc::iovec]>,
    headers: Box<[libc::mmsghdr]>,
    filled: usize,
}

impl Inbox {
    pub fn new() -> Inbox {
        // SAFETY: null pointers and zero lengths are valid values of these C types.
        let (name, vector, header) = unsafe { (zeroed(), zeroed(), zeroed()) };
        let mut inbox = Inbox {
            octets: vec![0; BATCH * PLACE_OCTETS].into(),
            names: vec![name; BATCH].into(),
            controls: vec![Control([0; CONTROL_OCTETS]); BATCH].into(),
            _vectors: vec![vector; BATCH].into(),
            headers: vec![header; BATCH].into(),
            filled: BATCH,
        };
        let places = inbox.octets.chunks_exact_mut(PLACE_OCTETS);
        let parts = places.zip(&mut inbox._vectors).zip(&mut inbox.names).zip(&mut inbox.controls);
        for ((((place, vector), name), control), header) in parts.zip(&mut inbox.headers) {
            *vector = libc::iovec { iov_base: place.as_mut_ptr().cast(), iov_len: PACKET_OCTETS_MAX };
            let name: *mut libc::sockaddr_storage = name;
            let vector: *mut libc::iovec = vector;
            header.msg_hdr.msg_iov = vector;
            header.msg_hdr.msg_iovlen = 1;
            header.msg_hdr.msg_name = name.cast();
            header.msg_hdr.msg_control = control.0.as_mut_ptr().cast();
        }
        inbox
    }

    /// Waits for a datagram, up to the socket's wait, and takes what else is there. 0: nothing came.
    pub fn receive(&mut self, socket: &Socket) -> io::Result<usize> {
        let name_octets = socklen(size_of::<libc::sockaddr_storage>());
        let control_octets = if socket.address.ip().is_unspecified() { CONTROL_OCTETS } else { 0 };
        for header in self.headers.iter_mut().take(self.filled) {
            header.msg_hdr.msg_namelen = name_octets;
            header.msg_hdr.msg_controllen = control_octets;
            header.msg_hdr.msg_flags = 0;
        }
        let count = libc::c_uint::try_from(BATCH).unwrap_or_default();
        let (headers, flags) = (self.headers.as_mut_ptr(), libc::MSG_WAITFORONE);
        // SAFETY: there are BATCH headers, and each names live places of this value of the lengths it says.
        let received = unsafe { libc::recvmmsg(socket.fd(), headers, count, flags, null_mut()) };
        self.filled = usize::try_from(received).unwrap_or(0);
        if received >= 0 {
            return Ok(self.filled);
        }
        // Lengths of a call that failed are as they were.
        let error = io::Error::last_os_error();
        match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted => Ok(0),
            _ => Err(error),
        }
    }

    /// The datagrams of the last call.
    pub fn received(&self) -> impl Iterator<Item = Received<'_>> {
        (0..self.filled).filter_map(|index| self.datagram(index))
    }

    fn datagram(&self, index: usize) -> Option<Received<'_>> {
        let header = self.headers.get(index)?;
        let place = self.octets.get(index * PLACE_OCTETS..)?;
        let octets = place.get(..usize::try_from(header.msg_len).ok()?.min(PACKET_OCTETS_MAX))?;
        let peer = peer_of(self.names.get(index)?)?;
        let local = match header.msg_hdr.msg_controllen {
            0 => None,
            // SAFETY: the kernel filled the control data that this header names.
            _ => unsafe { local_of(&header.msg_hdr) },
        };
        let truncated = header.msg_hdr.msg_flags & libc::MSG_TRUNC != 0;
        Some(Received { octets, origin: Origin { peer, local }, truncated })
    }
}

fn peer_of(name: &libc::sockaddr_storage) -> Option<SocketAddr> {
    match libc::c_int::from(name.ss_family) {
        libc::AF_INET => {
            let name: *const libc::sockaddr_storage = name;
            // SAFETY: the family says that it is a sockaddr_in, which is smaller and aligned less strictly.
            let name = unsafe { &*name.cast::<libc::sockaddr_in>() };
            let address = Ipv4Addr::from(u32::from_be(name.sin_addr.s_addr));
            Some(SocketAddr::new(IpAddr::V4(address), u16::from_be(name.sin_port)))
        }
        libc::AF_INET6 => {
            let name: *const libc::sockaddr_storage = name;
            // SAFETY: as above, for sockaddr_in6.
            let name = unsafe { &*name.cast::<libc::sockaddr_in6>() };
            let address = Ipv6Addr::from(name.sin6_addr.s6_addr);
            let port = u16::from_be(name.sin6_port);
            Some(SocketAddr::V6(std::net::SocketAddrV6::new(address, port, 0, name.sin6_scope_id)))
        }
        _ => None,
    }
}

/// # Safety
/// The header's control data are what recvmmsg wrote.
unsafe fn local_of(header: &libc::msghdr) -> Option<(IpAddr, u32)> {
    // SAFETY: the macros stay inside msg_controllen, and the kernel writes whole, aligned messages.
    unsafe {
        let mut message = libc::CMSG_FIRSTHDR(header);
        while let Some(head) = message.as_ref() {
            match (head.cmsg_level, head.cmsg_type) {
                (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
                    let info = libc::CMSG_DATA(message).cast::<libc::in_pktinfo>().read_unaligned();
                    // ipi_spec_dst, not ipi_addr: the latter can be a broadcast address, which cannot be a source.
                    let address = Ipv4Addr::from(u32::from_be(info.ipi_spec_dst.s_addr));
                    return Some((IpAddr::V4(address), 0));
                }
                (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
                    let info = libc::CMSG_DATA(message).cast::<libc::in6_pktinfo>().read_unaligned();
                    let address = Ipv6Addr::from(info.ipi6_addr.s6_addr);
                    // Only link-local addresses need the interface; for others the routes decide.
                    let interface = if address.is_unicast_link_local() { info.ipi6_ifindex } else { 0 };
                    return Some((IpAddr::V6(address), interface));
                }
                _ => message = libc::CMSG_NXTHDR(header, message),
            }
        }
    }
    None
}

/// Buffers for answers, and those of them that go out together.
pub struct Outbox {
    packets: Box<[Vec<u8>]>,
    taken: usize,
    envelopes: Envelopes,
    queued: usize,
}

impl Outbox {
    pub fn new() -> Outbox {
        let packets = (0..BATCH).map(|_| Vec::with_capacity(PLACE_OCTETS)).collect();
        Outbox { packets, taken: 0, envelopes: Envelopes::new(BATCH), queued: 0 }
    }

    /// The next buffer to be filled and its number. None when all of a batch are taken.
    pub fn take(&mut self) -> Option<(usize, &mut Vec<u8>)> {
        let number = self.taken;
        let packet = self.packets.get_mut(number)?;
        self.taken += 1;
        Some((number, packet))
    }

    /// The buffers that were taken, in order.
    pub fn taken(&mut self) -> impl Iterator<Item = &mut Vec<u8>> {
        self.packets.iter_mut().take(self.taken)
    }

    pub fn octets(&self, number: usize) -> &[u8] {
        self.packets.get(number).map(Vec::as_slice).unwrap_or_default()
    }

    /// Puts what a buffer holds among what is sent. It is not to be touched before [`Outbox::send`].
    pub fn queue(&mut self, number: usize, to: Origin) {
        if let Some(packet) = self.packets.get(number)
            && self.queued < BATCH
        {
            self.envelopes.fill(self.queued, packet, to);
            self.queued += 1;
        }
    }

    /// Sends what was queued, and gives all buffers free. What the kernel does not take is lost, as UDP may lose it
    /// anyway.
    pub fn send(&mut self, socket: &Socket) {
        // SAFETY: the envelopes name this value's own packets, which live as long, and whose octets have not moved
        // since they were queued: a buffer is never grown beyond its first capacity, nor written after that.
        unsafe { self.envelopes.send(socket, self.queued) };
        (self.taken, self.queued) = (0, 0);
    }
}

/// Sends datagrams, a batch in each system call.
pub fn send_all(socket: &Socket, datagrams: &[(&[u8], Origin)]) {
    let mut envelopes = Envelopes::new(datagrams.len().min(BATCH));
    for batch in datagrams.chunks(BATCH) {
        for (index, (octets, origin)) in batch.iter().enumerate() {
            envelopes.fill(index, octets, *origin);
        }
        // SAFETY: the envelopes name octets that the caller lends until this function ends.
        unsafe { envelopes.send(socket, batch.len()) };
    }
}

/// A socket address as the kernel reads it.
#[repr(C)]
#[derive(Clone, Copy)]
union Name {
    v4: libc::sockaddr_in,
    v6: libc::sockaddr_in6,
}

/// What sendmmsg is given for each datagram, made once and filled anew. It stays in the thread that made it, as
/// [`Inbox`] does.
struct Envelopes {
    names: Box<[Name]>,
    controls: Box<[Control]>,
    vectors: Box<[libc::iovec]>,
    headers: Box<[libc::mmsghdr]>,
}

impl Envelopes {
    fn new(count: usize) -> Envelopes {
        // SAFETY: null pointers and zeros are valid values of these C types.
        let (name, vector, header) = unsafe { (zeroed(), zeroed(), zeroed()) };
        let mut envelopes = Envelopes {
            names: vec![name; count].into(),
            controls: vec![Control([0; CONTROL_OCTETS]); count].into(),
            vectors: vec![vector; count].into(),
            headers: vec![header; count].into(),
        };
        let places = envelopes.names.iter_mut().zip(&mut envelopes.controls).zip(&mut envelopes.vectors);
        for (((name, control), vector), header) in places.zip(&mut envelopes.headers) {
            let (name, vector): (*mut Name, *mut libc::iovec) = (name, vector);
            header.msg_hdr.msg_name = name.cast();
            header.msg_hdr.msg_iov = vector;
            header.msg_hdr.msg_iovlen = 1;
            header.msg_hdr.msg_control = control.0.as_mut_ptr().cast();
        }
        envelopes
    }

    /// Writes one datagram's place.
    fn fill(&mut self, index: usize, octets: &[u8], to: Origin) {
        let (Some(name), Some(control), Some(vector), Some(header)) = (
            self.names.get_mut(index),
            self.controls.get_mut(index),
            self.vectors.get_mut(index),
            self.headers.get_mut(index),
        ) else {
            return;
        };
        header.msg_hdr.msg_namelen = write_name(name, to.peer);
        header.msg_hdr.msg_controllen = to.local.map_or(0, |local| write_local(control, local));
        *vector = libc::iovec { iov_base: octets.as_ptr().cast_mut().cast(), iov_len: octets.len() };
    }

    /// Sends the first `count`.
    ///
    /// # Safety
    /// What they were filled with is still there.
    unsafe fn send(&mut self, socket: &Socket, count: usize) {
        let mut rest = self.headers.get_mut(..count).unwrap_or_default();
        while !rest.is_empty() {
            let count = libc::c_uint::try_from(rest.len()).unwrap_or_default();
            // SAFETY: the headers name places of this value and octets that are there, as the caller promises;
            // sending only reads them.
            let sent = unsafe { libc::sendmmsg(socket.fd(), rest.as_mut_ptr(), count, 0) };
            let done = match usize::try_from(sent) {
                Ok(sent) => sent.max(1),
                Err(_) if io::Error::last_os_error().kind() == io::ErrorKind::Interrupted => 0,
                // The first cannot be sent (no route, a filter); the others may.
                Err(_) => 1,
            };
            rest = rest.get_mut(done..).unwrap_or_default();
        }
    }
}

fn write_name(name: &mut Name, to: SocketAddr) -> libc::socklen_t {
    match to {
        SocketAddr::V4(to) => {
            name.v4 = libc::sockaddr_in {
                sin_family: libc::sa_family_t::try_from(libc::AF_INET).unwrap_or_default(),
                sin_port: to.port().to_be(),
                sin_addr: libc::in_addr { s_addr: u32::from(*to.ip()).to_be() },
                sin_zero: [0; 8],
            };
            socklen(size_of::<libc::sockaddr_in>())
        }
        SocketAddr::V6(to) => {
            name.v6 = libc::sockaddr_in6 {
                sin6_family: libc::sa_family_t::try_from(libc::AF_INET6).unwrap_or_default(),
                sin6_port: to.port().to_be(),
                sin6_flowinfo: 0,
                sin6_addr: libc::in6_addr { s6_addr: to.ip().octets() },
                sin6_scope_id: to.scope_id(),
            };
            socklen(size_of::<libc::sockaddr_in6>())
        }
    }
}

/// Writes the source address of an answer; gives the control data's length.
fn write_local(control: &mut Control, (address, interface): (IpAddr, u32)) -> usize {
    match address {
        IpAddr::V4(address) => {
            let info = libc::in_pktinfo {
                ipi_ifindex: 0,
                ipi_spec_dst: libc::in_addr { s_addr: u32::from(address).to_be() },
                ipi_addr: libc::in_addr { s_addr: 0 },
            };
            write_control(control, libc::IPPROTO_IP, libc::IP_PKTINFO, info)
        }
        IpAddr::V6(address) => {
            let ipi6_addr = libc::in6_addr { s6_addr: address.octets() };
            let info = libc::in6_pktinfo { ipi6_addr, ipi6_ifindex: interface };
            write_control(control, libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, info)
        }
    }
}

fn write_control<T: Copy>(control: &mut Control, level: libc::c_int, kind: libc::c_int, value: T) -> usize {
    let octets = libc::c_uint::try_from(size_of::<T>()).unwrap_or_default();
    // SAFETY: pure arithmetic.
    let (space, length) = unsafe { (libc::CMSG_SPACE(octets), libc::CMSG_LEN(octets)) };
    let (Ok(space), Ok(cmsg_len)) = (usize::try_from(space), usize::try_from(length)) else { return 0 };
    if space > CONTROL_OCTETS {
        return 0;
    }
    // SAFETY: a cmsghdr is plain numbers.
    let mut head: libc::cmsghdr = unsafe { zeroed() };
    head.cmsg_len = cmsg_len;
    head.cmsg_level = level;
    head.cmsg_type = kind;
    let at: *mut libc::cmsghdr = control.0.as_mut_ptr().cast();
    // SAFETY: `space` octets were just seen to fit, and Control is aligned for a header.
    unsafe {
        at.write(head);
        libc::CMSG_DATA(at).cast::<T>().write_unaligned(value);
    }
    space
}

#[cfg(test)]
mod tests;
