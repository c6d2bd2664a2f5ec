//! What differs between the wanted state and the kernel, in numbers and a few examples.

use super::ranges::{Family, Range};
use super::wanted::{Plan, SetId, Sets};
use ipnet::{IpNet, Ipv4Subnets, Ipv6Subnets};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Examples of each difference; the rest is counted.
pub const EXAMPLES_MAX: usize = 5;

/// What a whole comparison found. Nothing: the kernel is as it is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// What is wrong with the table itself, in words: absent, another set, chain or rule. Told up to the first.
    pub table: Option<String>,
    pub sets: Vec<Part>,
    pub devices: Vec<Part>,
}

/// What differs in one set (its elements) or on one device (its classes).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    pub name: String,
    /// What is wrong with the whole of it, in words.
    pub trouble: Option<String>,
    /// Wanted and not there.
    pub missing: Items,
    /// There and not wanted.
    pub foreign: Items,
    /// There with something else in it.
    pub different: Items,
}

/// How many, and the first of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Items {
    pub count: usize,
    pub examples: Vec<String>,
}

impl Items {
    pub fn add(&mut self, text: impl FnOnce() -> String) {
        self.count += 1;
        if self.examples.len() < EXAMPLES_MAX {
            self.examples.push(text());
        }
    }
}

impl Part {
    pub fn named(name: impl Into<String>) -> Part {
        Part { name: name.into(), ..Part::default() }
    }

    pub fn is_nothing(&self) -> bool {
        self.trouble.is_none() && self.missing.count + self.foreign.count + self.different.count == 0
    }
}

impl Difference {
    pub fn is_nothing(&self) -> bool {
        self.table.is_none() && self.sets.is_empty() && self.devices.is_empty()
    }
}

impl std::fmt::Display for Difference {
    /// A line for each kind of difference.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(table) = &self.table {
            writeln!(f, "table: {table}")?;
        }
        for (what, items, parts) in [("set", "elements", &self.sets), ("device", "classes", &self.devices)] {
            for part in parts {
                if let Some(trouble) = &part.trouble {
                    writeln!(f, "{what} {}: {trouble}", part.name)?;
                }
                for (word, found) in
                    [("missing", &part.missing), ("foreign", &part.foreign), ("different", &part.different)]
                {
                    if found.count > 0 {
                        let more = if found.count > found.examples.len() { ", ..." } else { "" };
                        let examples = found.examples.join(", ");
                        writeln!(
                            f,
                            "{what} {}: {} {items} {word}: {examples}{more}",
                            part.name, found.count
                        )?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// The sets' part of a comparison, from the plan that would mend `present`.
pub fn of_sets(plan: &Plan, present: &Sets) -> Vec<Part> {
    let mut parts: BTreeMap<SetId, Part> = BTreeMap::new();
    let added: BTreeMap<SetId, FxHashMap<Range, _>> =
        plan.add.iter().map(|(id, elements)| (*id, elements.iter().copied().collect())).collect();
    for (id, ranges) in &plan.remove {
        let part = parts.entry(*id).or_insert_with(|| Part::named(id.name()));
        let mut ranges = ranges.clone();
        ranges.sort_unstable();
        for range in ranges {
            let text = || range_text(id.family(), range);
            match added.get(id).and_then(|added| added.get(&range)) {
                None => part.foreign.add(text),
                // Made anew only because its other direction is.
                Some(data) if present.get(id).and_then(|there| there.get(&range)) == Some(data) => {}
                Some(_) => part.different.add(text),
            }
        }
    }
    for (id, elements) in &plan.add {
        let part = parts.entry(*id).or_insert_with(|| Part::named(id.name()));
        let there = |range: &Range| present.get(id).is_some_and(|there| there.contains_key(range));
        let mut ranges: Vec<Range> = elements.iter().map(|(range, _)| *range).filter(|r| !there(r)).collect();
        ranges.sort_unstable();
        for range in ranges {
            part.missing.add(|| range_text(id.family(), range));
        }
    }
    parts.into_values().filter(|part| !part.is_nothing()).collect()
}

/// An address, a prefix, or first and last address.
pub fn range_text(family: Family, range: Range) -> String {
    let (Some(first), Some(last)) = (family.address(range.first), family.address(range.last)) else {
        return String::new();
    };
    if first == last {
        return first.to_string();
    }
    let mut nets: Box<dyn Iterator<Item = IpNet>> = match (first, last) {
        (IpAddr::V4(first), IpAddr::V4(last)) => Box::new(Ipv4Subnets::new(first, last, 0).map(IpNet::from)),
        (IpAddr::V6(first), IpAddr::V6(last)) => Box::new(Ipv6Subnets::new(first, last, 0).map(IpNet::from)),
        _ => return String::new(),
    };
    match (nets.next(), nets.next()) {
        (Some(net), None) => net.to_string(),
        _ => format!("{first}-{last}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::enforcement::wanted::{Data, Elements, Kind, diff};

    fn host(last: u8) -> Range {
        let number = u128::from(u32::from_be_bytes([10, 9, 0, last]));
        Range { first: number, last: number }
    }

    fn sets(id: SetId, elements: &[(Range, Data)]) -> Sets {
        Sets::from([(id, elements.iter().copied().collect::<Elements>())])
    }

    #[test]
    fn elements_are_missing_foreign_or_different_and_few_are_named() {
        let id = SetId::Hosts(Kind::Down, Family::V4);
        let wanted: Vec<_> = (1..=9).map(|n| (host(n), Data::Class(0))).collect();
        let present = [(host(1), Data::Class(7)), (host(77), Data::Class(0))];
        let present = sets(id, &present);
        let parts = of_sets(&diff(&sets(id, &wanted), &present), &present);
        let difference = Difference { sets: parts, ..Difference::default() };
        assert_eq!(
            difference.to_string(),
            "set down4: 8 elements missing: 10.9.0.2, 10.9.0.3, 10.9.0.4, 10.9.0.5, 10.9.0.6, ...\n\
             set down4: 1 elements foreign: 10.9.0.77\n\
             set down4: 1 elements different: 10.9.0.1\n"
        );
        assert!(!difference.is_nothing());
    }

    #[test]
    fn an_element_made_anew_with_its_other_direction_is_no_difference() {
        let (down, up) = (SetId::Hosts(Kind::Down, Family::V4), SetId::Hosts(Kind::Up, Family::V4));
        let both = |class| Sets::from([(down, [(host(1), Data::Class(class))].into_iter().collect())]);
        let (mut wanted, mut present) = (both(5), both(6));
        for sets in [&mut wanted, &mut present] {
            sets.insert(up, [(host(1), Data::Class(1))].into_iter().collect());
        }
        let parts = of_sets(&diff(&wanted, &present), &present);
        assert_eq!(parts.len(), 1);
        assert_eq!((parts[0].name.as_str(), parts[0].different.count), ("down4", 1));
    }

    #[test]
    fn a_range_is_written_as_a_prefix_where_it_is_one() {
        let range = |first: [u8; 4], last: [u8; 4]| Range {
            first: u128::from(u32::from_be_bytes(first)),
            last: u128::from(u32::from_be_bytes(last)),
        };
        assert_eq!(range_text(Family::V4, range([10, 0, 0, 0], [10, 0, 0, 255])), "10.0.0.0/24");
        assert_eq!(range_text(Family::V4, range([10, 0, 0, 1], [10, 0, 0, 9])), "10.0.0.1-10.0.0.9");
        assert_eq!(range_text(Family::V6, Range { first: 0, last: u128::MAX }), "::/0");
    }
}
