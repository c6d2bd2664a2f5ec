//! Lists of addresses and prefixes that may use a door.

use super::error::quoted;
use ipnet::IpNet;
use std::fmt;
use std::net::IpAddr;

/// Entries of one list; it is walked for every connection.
const ALLOW_ENTRIES_MAX: usize = 1024;

/// Who may use a door. An empty list allows nobody.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowList(Vec<IpNet>);

impl AllowList {
    pub fn new(networks: Vec<IpNet>) -> AllowList {
        AllowList(networks)
    }

    /// The addresses of this machine's loopback: `127.0.0.1 ::1`.
    pub fn loopback() -> AllowList {
        AllowList(vec![
            IpNet::from(IpAddr::V4(std::net::Ipv4Addr::LOCALHOST)),
            IpNet::from(IpAddr::V6(std::net::Ipv6Addr::LOCALHOST)),
        ])
    }

    /// An IPv4 address that came over an IPv6 socket (`::ffff:192.0.2.1`) counts as IPv4.
    pub fn allows(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    pub fn networks(&self) -> &[IpNet] {
        &self.0
    }

    /// Addresses and prefixes separated by white space; the error says which one is wrong and why.
    pub fn parse(text: &str) -> Result<AllowList, String> {
        let networks: Vec<IpNet> = text.split_whitespace().map(parse_network).collect::<Result<_, _>>()?;
        if networks.len() > ALLOW_ENTRIES_MAX {
            return Err(format!("expected at most {ALLOW_ENTRIES_MAX} entries, found {}", networks.len()));
        }
        Ok(AllowList(networks))
    }
}

impl fmt::Display for AllowList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, network) in self.0.iter().enumerate() {
            write!(f, "{}{network}", if index == 0 { "" } else { " " })?;
        }
        Ok(())
    }
}

/// An address (as a host's prefix) or a prefix. One with bits set behind its length is a slip of the pen: which
/// of the two was meant cannot be known.
pub(super) fn parse_network(text: &str) -> Result<IpNet, String> {
    let host = text.parse::<IpAddr>().ok().map(|address| IpNet::from(address.to_canonical()));
    let network = host.or_else(|| text.parse().ok());
    let network = network.ok_or_else(|| {
        format!("expected an address or a prefix such as 10.0.0.0/8, found {}", quoted(text))
    })?;
    if network != network.trunc() {
        let (prefix, host) = (network.trunc(), IpNet::from(network.addr()));
        return Err(format!("{network} has bits set behind its length; write {prefix} or {host}"));
    }
    Ok(network)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_allows_what_stands_in_it_and_nobody_when_empty() {
        let list = AllowList::parse("127.0.0.1  10.0.0.0/8\t2001:db8::/32 ::ffff:192.0.2.7").unwrap();
        for (address, allowed) in [
            ("127.0.0.1", true),
            ("127.0.0.2", false),
            ("10.255.0.1", true),
            ("::ffff:10.1.2.3", true),
            ("::ffff:11.1.2.3", false),
            ("192.0.2.7", true),
            ("2001:db8:1::1", true),
            ("2001:db9::1", false),
            ("::1", false),
        ] {
            assert_eq!(list.allows(address.parse().unwrap()), allowed, "{address}");
        }
        assert!(!AllowList::parse(" ").unwrap().allows("127.0.0.1".parse().unwrap()));
        assert_eq!(AllowList::parse("127.0.0.1 ::1"), Ok(AllowList::loopback()));
    }

    #[test]
    fn a_prefix_with_bits_behind_its_length_is_refused_with_both_readings() {
        let error = AllowList::parse("10.0.0.1/8").unwrap_err();
        assert_eq!(error, "10.0.0.1/8 has bits set behind its length; write 10.0.0.0/8 or 10.0.0.1/32");
        assert!(AllowList::parse("10.0.0.0/33").is_err());
        assert!(AllowList::parse("10.0.0.0/8,11.0.0.0/8").is_err());
    }
}
