//! What the kernel has counted of `ipoe` and `static` subscribers, and what of that is still to be told. Pure.
//!
//! A value is absolute for one element of the kernel (address and generation), so telling it twice does no harm.

use super::kernel::Reading;
use super::wanted::{Kind, SetId};
use crate::model::{Counted, SubscriberId};
use ipnet::IpNet;
use rustc_hash::{FxHashMap, FxHashSet};

/// An element that so many rounds of reading did not show has gone without a last word (somebody flushed the table).
const ROUNDS_UNSEEN_MAX: u32 = 6;
/// Elements that have gone and could not be told yet; the oldest knowledge of the rest is lost beyond it.
const GONE_MAX: usize = 1_048_576;

type Key = (IpNet, u64);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Tally {
    subscriber: i64,
    down: u64,
    up: u64,
    gone: bool,
    untold: bool,
    /// The round in which it was last seen.
    round: u32,
}

#[derive(Debug, Default)]
pub struct Book {
    tallies: FxHashMap<Key, Tally>,
    /// Told as gone in this round and the one before: a reading of them that was on its way is old.
    gone: [FxHashSet<Key>; 2],
    gone_untold: usize,
    round: u32,
}

impl Book {
    /// Takes what an element has counted so far.
    pub fn take(&mut self, reading: &Reading) {
        let Some((key, down)) = key(reading) else { return };
        if self.gone.iter().any(|gone| gone.contains(&key)) {
            return;
        }
        let tally = self.tallies.entry(key).or_default();
        tally.subscriber = reading.meter.subscriber.0;
        tally.round = self.round;
        let value = if down { &mut tally.down } else { &mut tally.up };
        if reading.octets > *value {
            *value = reading.octets;
            tally.untold = true;
        }
    }

    /// Takes what elements had counted when they were taken out in one step: of each address both directions.
    pub fn finish(&mut self, readings: &[Reading]) {
        for reading in readings {
            self.take(reading);
        }
        for (key, _) in readings.iter().filter_map(key) {
            self.close(key);
        }
    }

    /// All elements have been read once more.
    pub fn end_round(&mut self) {
        self.round = self.round.wrapping_add(1);
        let unseen: Vec<Key> = self
            .tallies
            .iter()
            .filter(|(_, tally)| !tally.gone && self.round.wrapping_sub(tally.round) > ROUNDS_UNSEEN_MAX)
            .map(|(key, _)| *key)
            .collect();
        for key in unseen {
            self.close(key);
        }
        self.gone.swap(0, 1);
        if let Some(recent) = self.gone.first_mut() {
            recent.clear();
        }
    }

    /// What has changed since it was last told, `most` of it; it counts as told from here on.
    pub fn untold(&mut self, most: usize) -> Vec<Counted> {
        let keys: Vec<Key> =
            self.tallies.iter().filter(|(_, tally)| tally.untold).map(|(key, _)| *key).take(most).collect();
        keys.into_iter().filter_map(|key| self.tell(key)).collect()
    }

    /// It could not be told after all.
    pub fn untell(&mut self, counted: &[Counted]) {
        for each in counted {
            let fresh = Tally {
                subscriber: each.subscriber.0,
                down: each.down_octets,
                up: each.up_octets,
                round: self.round,
                ..Tally::default()
            };
            let tally = self.tallies.entry((each.address, each.generation)).or_insert(fresh);
            tally.untold = true;
            if each.gone && !tally.gone {
                tally.gone = true;
                self.gone_untold += 1;
            }
        }
    }

    fn close(&mut self, key: Key) {
        let full = self.gone_untold >= GONE_MAX;
        let Some(tally) = self.tallies.get_mut(&key) else { return };
        let silent = tally.down == 0 && tally.up == 0;
        if tally.gone {
            return;
        }
        if full {
            tracing::error!(address = %key.0, octets = tally.down.saturating_add(tally.up), "counters lost");
        }
        tally.gone = true;
        tally.untold = true;
        self.gone_untold += 1;
        // What has carried nothing was never told and need not be.
        if full || silent {
            self.tell(key);
        }
    }

    fn tell(&mut self, key: Key) -> Option<Counted> {
        let tally = self.tallies.get_mut(&key)?;
        tally.untold = false;
        let (address, generation) = key;
        let counted = Counted {
            subscriber: SubscriberId(tally.subscriber),
            address,
            generation,
            down_octets: tally.down,
            up_octets: tally.up,
            gone: tally.gone,
            age_seconds: 0,
        };
        if counted.gone {
            self.tallies.remove(&key);
            self.gone_untold = self.gone_untold.saturating_sub(1);
            if let Some(recent) = self.gone.first_mut() {
                recent.insert(key);
            }
        }
        Some(counted)
    }
}

/// The address or prefix that a reading is of with its generation, and whether it is of the way down.
fn key(reading: &Reading) -> Option<(Key, bool)> {
    let (SetId::Hosts(kind, family) | SetId::Nets(kind, family)) = reading.set else { return None };
    let address = IpNet::new(family.address(reading.first)?, reading.meter.length).ok()?;
    Some(((address.trunc(), reading.meter.generation), kind == Kind::Down))
}

#[cfg(test)]
mod tests {
    use super::super::kernel::Meter;
    use super::super::ranges::{Family, number};
    use super::*;

    fn reading(kind: Kind, address: &str, generation: u64, octets: u64) -> Reading {
        let address: IpNet = address.parse().unwrap();
        let host = address.prefix_len() == address.max_prefix_len();
        let family = Family::of(&address.addr());
        Reading {
            set: if host { SetId::Hosts(kind, family) } else { SetId::Nets(kind, family) },
            first: number(&address.addr()),
            meter: Meter { generation, subscriber: SubscriberId(7), length: address.prefix_len() },
            octets,
            packets: 1,
        }
    }

    fn told(book: &mut Book) -> Vec<(String, u64, u64, u64, bool)> {
        let shown = |c: Counted| (c.address.to_string(), c.generation, c.down_octets, c.up_octets, c.gone);
        book.untold(usize::MAX).into_iter().map(shown).collect()
    }

    const HOST: &str = "10.0.0.1/32";

    #[test]
    fn only_what_has_changed_is_told_and_a_last_value_once() {
        let mut book = Book::default();
        book.take(&reading(Kind::Down, HOST, 1, 100));
        book.take(&reading(Kind::Up, HOST, 1, 40));
        book.take(&reading(Kind::Up, "2001:db8:0:7::/56", 3, 0));
        assert_eq!(told(&mut book), [(HOST.into(), 1, 100, 40, false)]);
        book.take(&reading(Kind::Down, HOST, 1, 100));
        assert!(told(&mut book).is_empty());

        book.finish(&[reading(Kind::Down, HOST, 1, 150), reading(Kind::Up, HOST, 1, 40)]);
        assert_eq!(told(&mut book), [(HOST.into(), 1, 150, 40, true)]);
        book.take(&reading(Kind::Down, HOST, 1, 120));
        assert!(told(&mut book).is_empty(), "a reading that was on its way");
        book.take(&reading(Kind::Down, HOST, 2, 20));
        assert_eq!(told(&mut book), [(HOST.into(), 2, 20, 0, false)], "made anew: another generation");
    }

    #[test]
    fn a_part_of_a_prefix_is_the_prefix() {
        let mut book = Book::default();
        let mut part = reading(Kind::Down, "10.1.0.0/16", 5, 9);
        part.first += 0x80;
        book.take(&part);
        assert_eq!(told(&mut book), [("10.1.0.0/16".into(), 5, 9, 0, false)]);
    }

    #[test]
    fn what_could_not_be_told_is_told_later_with_what_came_since() {
        let mut book = Book::default();
        let (other, changed) = ("10.0.0.2/32", reading(Kind::Up, "10.0.0.2/32", 2, 5));
        book.take(&changed);
        book.finish(&[reading(Kind::Down, HOST, 1, 150)]);
        let first = book.untold(usize::MAX);
        assert_eq!(first.len(), 2);
        book.untell(&first);
        book.take(&reading(Kind::Up, other, 2, 6));
        let mut again = told(&mut book);
        again.sort();
        assert_eq!(again, [(HOST.into(), 1, 150, 0, true), (other.into(), 2, 0, 6, false)]);
        assert!(told(&mut book).is_empty());
        assert_eq!(book.untold(0), []);
    }

    #[test]
    fn what_is_not_seen_any_more_has_gone_and_what_never_carried_anything_is_not_told() {
        let mut book = Book::default();
        book.take(&reading(Kind::Down, HOST, 1, 100));
        book.take(&reading(Kind::Down, "10.0.0.9/32", 1, 0));
        assert_eq!(told(&mut book).len(), 1);
        for _ in 0..ROUNDS_UNSEEN_MAX {
            book.end_round();
        }
        assert!(told(&mut book).is_empty());
        book.end_round();
        assert_eq!(told(&mut book), [(HOST.into(), 1, 100, 0, true)]);
        assert!(book.tallies.is_empty());
    }
}
