//! Two packet sockets, opened once: one hears ARP, the other Neighbor Advertisements and nothing else of IPv6.
//!
//! Not pnet's own channel: that hears everything on one interface, which on a router is all its traffic.

use socket2::{Domain, SockAddr, Socket, Type};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, RawFd};

/// The longest frame that is looked at.
const FRAME_OCTETS_MAX: usize = 256;
const ETHERNET_TYPE_ARP: u16 = 0x0806;
const ETHERNET_TYPE_IPV6: u16 = 0x86dd;

pub struct Sockets {
    arp: Socket,
    nd: Socket,
}

impl Sockets {
    /// Needs CAP_NET_RAW.
    pub fn open() -> io::Result<Sockets> {
        Ok(Sockets {
            arp: open(ETHERNET_TYPE_ARP, None)?,
            nd: open(ETHERNET_TYPE_IPV6, Some(&ADVERTISEMENTS))?,
        })
    }

    pub fn fd(&self) -> RawFd {
        self.arp.as_raw_fd()
    }

    /// Sends a whole frame out of an interface.
    pub fn send(&self, interface: i32, frame: &[u8]) -> io::Result<()> {
        let to = address(0, interface)?;
        self.arp.send_to(frame, &to).map(|_| ())
    }

    /// Gives up to `max` frames that have come, with their interface; never waits.
    pub fn receive(&self, max: usize, mut take: impl FnMut(i32, &[u8])) {
        for socket in [&self.arp, &self.nd] {
            for _ in 0..max {
                let mut buffer = [MaybeUninit::uninit(); FRAME_OCTETS_MAX];
                // Nothing more has come, or the socket has an error of an interface that went away.
                let Ok((length, from)) = socket.recv_from(&mut buffer) else { break };
                let Some(from) = link_address(&from) else { continue };
                if from.sll_pkttype == libc::PACKET_OUTGOING {
                    continue;
                }
                let octets: Vec<u8> = buffer
                    .iter()
                    .take(length)
                    // SAFETY: the kernel has written the first `length` octets.
                    .map(|octet| unsafe { octet.assume_init() })
                    .collect();
                take(from.sll_ifindex, &octets);
            }
        }
    }
}

/// Opened with no protocol, so that nothing is queued before the filter stands.
fn open(protocol: u16, filter: Option<&[libc::sock_filter]>) -> io::Result<Socket> {
    let socket = Socket::new(Domain::PACKET, Type::RAW, None)?;
    socket.set_nonblocking(true)?;
    if let Some(filter) = filter {
        attach(&socket, filter)?;
    }
    socket.bind(&address(protocol, 0)?)?;
    Ok(socket)
}

fn attach(socket: &Socket, filter: &[libc::sock_filter]) -> io::Result<()> {
    let program = libc::sock_fprog {
        len: u16::try_from(filter.len()).map_err(io::Error::other)?,
        // The kernel copies the program and changes nothing of it.
        filter: filter.as_ptr().cast_mut(),
    };
    let length = libc::socklen_t::try_from(size_of::<libc::sock_fprog>()).map_err(io::Error::other)?;
    // SAFETY: a program of this length that lives until the call returns.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_ATTACH_FILTER,
            (&raw const program).cast(),
            length,
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Interface 0: all of them.
fn address(protocol: u16, interface: i32) -> io::Result<SockAddr> {
    // SAFETY: the storage is as large as any address, all zeros is a sockaddr_ll, and its length is set.
    let (_, address) = unsafe {
        SockAddr::try_init(|storage, length| {
            let link = storage.cast::<libc::sockaddr_ll>();
            (*link).sll_family = u16::try_from(libc::AF_PACKET).map_err(io::Error::other)?;
            (*link).sll_protocol = protocol.to_be();
            (*link).sll_ifindex = interface;
            *length = libc::socklen_t::try_from(size_of::<libc::sockaddr_ll>()).map_err(io::Error::other)?;
            Ok(())
        })
    }?;
    Ok(address)
}

fn link_address(from: &SockAddr) -> Option<&libc::sockaddr_ll> {
    let whole = usize::try_from(from.len()).ok()? >= size_of::<libc::sockaddr_ll>();
    let is_link = i32::from(from.family()) == libc::AF_PACKET && whole;
    // SAFETY: family and length say that it is one; socket2's storage is aligned for every address.
    is_link.then(|| unsafe { &*from.as_ptr().cast::<libc::sockaddr_ll>() })
}

/// One instruction of the kernel's packet filter.
const fn instruction(code: u32, jump_true: u8, jump_false: u8, k: u32) -> libc::sock_filter {
    // The codes of <linux/bpf_common.h> are small.
    let [low, high, ..] = code.to_le_bytes();
    libc::sock_filter { code: u16::from_le_bytes([low, high]), jt: jump_true, jf: jump_false, k }
}

const LOAD_OCTET: u32 = libc::BPF_LD | libc::BPF_B | libc::BPF_ABS;
const JUMP_EQUAL: u32 = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
const RETURN: u32 = libc::BPF_RET | libc::BPF_K;

/// ICMPv6 (58) of type 136, right behind the IPv6 header.
const ADVERTISEMENTS: [libc::sock_filter; 6] = [
    instruction(LOAD_OCTET, 0, 0, 14 + 6),
    instruction(JUMP_EQUAL, 0, 3, 58),
    instruction(LOAD_OCTET, 0, 0, 14 + 40),
    instruction(JUMP_EQUAL, 0, 1, 136),
    instruction(RETURN, 0, 0, 256),
    instruction(RETURN, 0, 0, 0),
];
