//! Addresses as numbers, and nested prefixes as ranges that do not overlap.

use ipnet::IpNet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    V4,
    V6,
}

impl Family {
    pub const BOTH: [Family; 2] = [Family::V4, Family::V6];

    pub fn of(address: &IpAddr) -> Family {
        if address.is_ipv4() { Family::V4 } else { Family::V6 }
    }

    /// The highest address, as a number.
    pub fn last(self) -> u128 {
        match self {
            Family::V4 => u128::from(u32::MAX),
            Family::V6 => u128::MAX,
        }
    }

    /// Octets of an address.
    pub fn octets(self) -> usize {
        match self {
            Family::V4 => 4,
            Family::V6 => 16,
        }
    }

    /// An address from its number; None where an IPv4 address does not hold it.
    pub fn address(self, number: u128) -> Option<IpAddr> {
        match self {
            Family::V4 => u32::try_from(number).ok().map(|n| IpAddr::V4(Ipv4Addr::from(n))),
            Family::V6 => Some(IpAddr::V6(Ipv6Addr::from(number))),
        }
    }
}

/// The address as a number.
pub fn number(address: &IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => u128::from(u32::from(*v4)),
        IpAddr::V6(v6) => u128::from(*v6),
    }
}

/// Addresses from `first` to `last`, both included. A host has both the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Range {
    pub first: u128,
    pub last: u128,
}

impl Range {
    pub fn of(net: &IpNet) -> Range {
        Range { first: number(&net.network()), last: number(&net.broadcast()) }
    }
}

/// The fewest ranges that hold exactly the addresses of those `nets` which are of `family`, in order.
pub fn merge(nets: &[IpNet], family: Family) -> Vec<Range> {
    let mut ranges: Vec<Range> =
        nets.iter().filter(|net| Family::of(&net.addr()) == family).map(Range::of).collect();
    ranges.sort_unstable();
    let mut merged: Vec<Range> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match merged.last_mut() {
            Some(previous) if range.first <= previous.last.saturating_add(1) => {
                previous.last = previous.last.max(range.last);
            }
            _ => merged.push(range),
        }
    }
    merged
}

/// Cuts prefixes, which may lie inside one another, into ranges of which each belongs to the most specific prefix
/// around it. `nets` are in order of first address, the wider first.
pub fn flatten<M: Copy>(nets: impl IntoIterator<Item = (Range, M)>) -> Vec<(Range, M)> {
    let mut cut = Cut { ranges: Vec::new(), open: Vec::new(), next: Some(0) };
    for (net, mark) in nets {
        cut.close_before(net.first);
        cut.emit_up_to(net.first);
        cut.open.push((net.last, mark));
        cut.next = Some(net.first);
    }
    while let Some((last, mark)) = cut.open.pop() {
        cut.close(last, mark);
    }
    cut.ranges
}

struct Cut<M> {
    ranges: Vec<(Range, M)>,
    /// Prefixes around the current position, the widest first.
    open: Vec<(u128, M)>,
    /// The first address not yet given to anybody; None behind the last address there is.
    next: Option<u128>,
}

impl<M: Copy> Cut<M> {
    /// Ends the prefixes that lie wholly before `first`.
    fn close_before(&mut self, first: u128) {
        while let Some((last, mark)) = self.open.pop_if(|(last, _)| *last < first) {
            self.close(last, mark);
        }
    }

    fn close(&mut self, last: u128, mark: M) {
        if let Some(next) = self.next.filter(|next| *next <= last) {
            self.ranges.push((Range { first: next, last }, mark));
            self.next = last.checked_add(1);
        }
    }

    /// Gives what lies before `first` to the innermost open prefix.
    fn emit_up_to(&mut self, first: u128) {
        if let (Some((_, mark)), Some(next)) = (self.open.last(), self.next)
            && next < first
        {
            self.ranges.push((Range { first: next, last: first - 1 }, *mark));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nets(texts: &[&str]) -> Vec<IpNet> {
        texts.iter().map(|t| t.parse().unwrap()).collect()
    }

    fn shown(family: Family, ranges: &[Range]) -> Vec<String> {
        ranges
            .iter()
            .map(|r| format!("{}-{}", family.address(r.first).unwrap(), family.address(r.last).unwrap()))
            .collect()
    }

    #[test]
    fn overlapping_and_adjacent_prefixes_become_one_range() {
        let list = nets(&["10.0.0.128/25", "10.0.0.0/25", "10.0.0.7/32", "10.0.2.0/24", "2001:db8::/32"]);
        assert_eq!(
            shown(Family::V4, &merge(&list, Family::V4)),
            ["10.0.0.0-10.0.0.255", "10.0.2.0-10.0.2.255"]
        );
        assert_eq!(
            shown(Family::V6, &merge(&list, Family::V6)),
            ["2001:db8::-2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"]
        );
    }

    #[test]
    fn everything_is_one_range() {
        let list = nets(&["0.0.0.0/0", "255.255.255.255/32", "::/0", "ffff::/16"]);
        assert_eq!(merge(&list, Family::V4), [Range { first: 0, last: u128::from(u32::MAX) }]);
        assert_eq!(merge(&list, Family::V6), [Range { first: 0, last: u128::MAX }]);
    }

    fn flat(texts: &[(&str, char)]) -> Vec<String> {
        let mut list: Vec<(IpNet, char)> = texts.iter().map(|(t, m)| (t.parse().unwrap(), *m)).collect();
        list.sort_by_key(|(net, _)| (number(&net.network()), net.prefix_len()));
        let family = Family::of(&list[0].0.addr());
        flatten(list.iter().map(|(net, mark)| (Range::of(net), *mark)))
            .iter()
            .map(|(range, mark)| format!("{} {mark}", shown(family, &[*range])[0]))
            .collect()
    }

    #[test]
    fn the_most_specific_prefix_decides() {
        assert_eq!(
            flat(&[("10.0.0.0/24", 'a'), ("10.0.0.64/26", 'b'), ("10.0.0.64/27", 'c'), ("10.0.1.0/24", 'd')]),
            [
                "10.0.0.0-10.0.0.63 a",
                "10.0.0.64-10.0.0.95 c",
                "10.0.0.96-10.0.0.127 b",
                "10.0.0.128-10.0.0.255 a",
                "10.0.1.0-10.0.1.255 d",
            ]
        );
    }

    #[test]
    fn nested_prefixes_that_end_with_the_last_address_are_cut_once() {
        assert_eq!(
            flat(&[("::/0", 'a'), ("ff00::/8", 'b'), ("ffff::/16", 'c')]),
            [
                "::-feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff a",
                "ff00::-fffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff b",
                "ffff::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff c",
            ]
        );
    }
}
