//! The interfaces of this network namespace that hosts can be asked on: up, Ethernet, and on the subscribers' side.

use crate::enforcement::settings::InterfacePattern;
use pnet_base::MacAddr;
use std::collections::HashMap;
use std::ffi::CStr;
use std::io;
use std::net::Ipv6Addr;
use std::os::fd::RawFd;

/// Interfaces at most; a question goes to each of them until it is known where the host is.
pub const INTERFACES_MAX: usize = 64;
/// Addresses of this machine looked through at most.
const ADDRESSES_MAX: usize = 100_000;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    pub index: i32,
    pub name: String,
    pub mac: MacAddr,
    /// Its link-local address: solicitations come from there. None: no IPv6 host is asked here.
    pub link_local: Option<Ipv6Addr>,
}

/// Those whose names fit; `socket` is any socket of the namespace.
pub fn list(patterns: &[InterfacePattern], socket: RawFd) -> io::Result<Vec<Interface>> {
    let link_locals = link_locals();
    let mut found = Vec::new();
    for (index, name) in names()? {
        let fits = patterns.iter().any(|pattern| match pattern {
            InterfacePattern::Exact(exact) => *exact == name,
            InterfacePattern::StartsWith(start) => name.starts_with(start.as_str()),
        });
        if !fits || found.len() >= INTERFACES_MAX {
            continue;
        }
        // One that went away meanwhile, is down, or is no Ethernet has no hosts to be asked.
        let Some(mac) = ethernet_address(&name, socket) else { continue };
        let link_local = link_locals.get(&name).copied();
        found.push(Interface { index, name, mac, link_local });
    }
    Ok(found)
}

fn names() -> io::Result<Vec<(i32, String)>> {
    // SAFETY: gives null or an array that ends with an index of 0, to be freed with if_freenameindex.
    let array = unsafe { libc::if_nameindex() };
    if array.is_null() {
        return Err(io::Error::last_os_error());
    }
    let mut found = Vec::new();
    let mut entry = array;
    loop {
        // SAFETY: within the array, whose end is looked for before going on.
        let one = unsafe { &*entry };
        if one.if_index == 0 || one.if_name.is_null() {
            break;
        }
        // SAFETY: a name that ends with NUL, valid until the array is freed.
        let name = unsafe { CStr::from_ptr(one.if_name) };
        if let (Ok(index), Ok(name)) = (i32::try_from(one.if_index), name.to_str()) {
            found.push((index, name.to_owned()));
        }
        // SAFETY: the end was not reached.
        entry = unsafe { entry.add(1) };
    }
    // SAFETY: as it was given.
    unsafe { libc::if_freenameindex(array) };
    Ok(found)
}

/// The hardware address of an Ethernet interface that is up.
fn ethernet_address(name: &str, socket: RawFd) -> Option<MacAddr> {
    // SAFETY: all zeros is an ifreq.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    if name.len() >= request.ifr_name.len() {
        return None;
    }
    for (place, octet) in request.ifr_name.iter_mut().zip(name.bytes()) {
        *place = libc::c_char::from_ne_bytes([octet]);
    }
    // SAFETY: a valid request; the kernel fills in the flags.
    if unsafe { libc::ioctl(socket, libc::SIOCGIFFLAGS, &mut request) } != 0 {
        return None;
    }
    // SAFETY: the flags were filled in.
    let flags = i32::from(unsafe { request.ifr_ifru.ifru_flags });
    if flags & libc::IFF_UP == 0 || flags & libc::IFF_NOARP != 0 {
        return None;
    }
    // SAFETY: the same request; the kernel fills in the address.
    if unsafe { libc::ioctl(socket, libc::SIOCGIFHWADDR, &mut request) } != 0 {
        return None;
    }
    // SAFETY: the address was filled in.
    let address = unsafe { request.ifr_ifru.ifru_hwaddr };
    let [a, b, c, d, e, f, ..] = address.sa_data.map(|octet| u8::from_ne_bytes(octet.to_ne_bytes()));
    (address.sa_family == libc::ARPHRD_ETHER).then(|| MacAddr::new(a, b, c, d, e, f))
}

/// By interface name, as `/proc/thread-self/net/if_inet6` has them: address, index, prefix, scope, flags, name.
fn link_locals() -> HashMap<String, Ipv6Addr> {
    // Of the calling thread's namespace; absent where there is no IPv6.
    let table = std::fs::read_to_string("/proc/thread-self/net/if_inet6").unwrap_or_default();
    table.lines().take(ADDRESSES_MAX).filter_map(link_local).collect()
}

fn link_local(line: &str) -> Option<(String, Ipv6Addr)> {
    let mut words = line.split_ascii_whitespace();
    let address = Ipv6Addr::from(u128::from_str_radix(words.next()?, 16).ok()?);
    let name = words.nth(4)?.to_owned();
    address.is_unicast_link_local().then_some((name, address))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn link_local_addresses_are_found_in_the_kernels_table() {
        let lines = [
            ("fe800000000000000042a1fffe000001 02 40 20 80     eth1", Some(("eth1", "fe80::42:a1ff:fe00:1"))),
            ("20010db8000000000000000000000001 02 40 00 80     eth1", None),
            ("nonsense", None),
            ("", None),
        ];
        for (line, expected) in lines {
            let expected = expected.map(|(name, address)| (name.to_owned(), address.parse().unwrap()));
            assert_eq!(link_local(line), expected, "{line}");
        }
    }

    #[test]
    fn the_loopback_is_no_ethernet() {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let fd = std::os::fd::AsRawFd::as_raw_fd(&socket);
        assert_eq!(list(&[InterfacePattern::Exact("lo".into())], fd).unwrap(), []);
        assert!(names().unwrap().iter().any(|(_, name)| name == "lo"));
    }
}
