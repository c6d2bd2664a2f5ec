//! The log of visible changes, and the cursor into it.

use super::Visible;
use crate::model::SubscriberId;
use ipnet::IpNet;
use smallvec::SmallVec;
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::{fmt, str::FromStr};

/// Changes kept; a follower that is further behind gets everything.
const CHANGES_MAX: usize = 200_000;

/// `EPOCH.N`, opaque outside: N counts this start's changes, EPOCH is random per start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Cursor {
    pub epoch: u64,
    pub n: u64,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}.{}", self.epoch, self.n)
    }
}

impl FromStr for Cursor {
    type Err = ();

    fn from_str(text: &str) -> Result<Cursor, ()> {
        let (epoch, n) = text.split_once('.').ok_or(())?;
        Ok(Cursor { epoch: u64::from_str_radix(epoch, 16).map_err(|_| ())?, n: n.parse().map_err(|_| ())? })
    }
}

/// What changed between two cursors.
#[derive(Clone, Debug)]
pub struct Delta {
    pub cursor: Cursor,
    /// Each address that changed with its owner now; None: nobody's any more.
    pub rows: Vec<(IpNet, Option<Arc<Visible>>)>,
    pub subscribers: BTreeSet<SubscriberId>,
}

#[derive(Debug)]
struct Change {
    subscriber: SubscriberId,
    addresses: SmallVec<[IpNet; 2]>,
}

/// Bounded log; the change at index `i` has the number `first + i`.
#[derive(Debug, Default)]
pub(super) struct Changes {
    log: VecDeque<Change>,
    last: u64,
}

/// Addresses and subscribers touched since some revision.
pub(super) struct TouchedSince {
    pub addresses: BTreeSet<IpNet>,
    pub subscribers: BTreeSet<SubscriberId>,
}

impl Changes {
    pub fn last(&self) -> u64 {
        self.last
    }

    pub fn push(&mut self, subscriber: SubscriberId, addresses: SmallVec<[IpNet; 2]>) {
        if self.log.len() >= CHANGES_MAX {
            self.log.pop_front();
        }
        self.log.push_back(Change { subscriber, addresses });
        self.last += 1;
    }

    /// None when `n` is not of this log: in the future, or forgotten.
    pub fn since(&self, n: u64) -> Option<TouchedSince> {
        let behind = usize::try_from(self.last.checked_sub(n)?).ok()?;
        let start = self.log.len().checked_sub(behind)?;
        let mut touched = TouchedSince { addresses: BTreeSet::new(), subscribers: BTreeSet::new() };
        for change in self.log.range(start..) {
            touched.addresses.extend(change.addresses.iter().copied());
            touched.subscribers.insert(change.subscriber);
        }
        Some(touched)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_and_nonsense_does_not() {
        let cursor = Cursor { epoch: 0xbeef, n: 42 };
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
        for text in ["", "1", "x.1", "1.x", "1.-1", "1.2.3"] {
            assert!(text.parse::<Cursor>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_follower_too_far_behind_or_ahead_gets_everything() {
        let mut changes = Changes::default();
        for n in 0..CHANGES_MAX + 5 {
            changes.push(SubscriberId(n as i64), SmallVec::new());
        }
        assert!(changes.since(4).is_none());
        assert!(changes.since(changes.last() + 1).is_none());
        assert_eq!(changes.since(5).map(|t| t.subscribers.len()), Some(CHANGES_MAX));
        assert_eq!(changes.since(changes.last()).map(|t| t.subscribers.len()), Some(0));
    }
}
