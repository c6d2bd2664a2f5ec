//! How fast an address is: which class or limit each direction has. Who decides it is not known here.

use super::wanted::Entry;
use crate::model::SubscriberId;
use ipnet::IpNet;

/// What is done with one direction of a subscriber's traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lane {
    /// No limit.
    Unshaped,
    /// The class with this id (major and minor), as a packet's priority names it.
    Class(u32),
    /// No class can be had: packets beyond this are dropped.
    Policed { octets_per_second: u64, burst_octets: u32 },
}

/// Both directions, seen from the subscriber.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Lanes {
    pub down: Lane,
    pub up: Lane,
}

impl Lanes {
    pub const UNSHAPED: Lanes = Lanes { down: Lane::Unshaped, up: Lane::Unshaped };
}

/// Gives lanes to those who are let through.
pub trait Assign {
    /// The lanes of an address; asked for anew each time that the feed names it.
    fn lanes(&mut self, address: IpNet, entry: &Entry) -> Lanes;

    /// No address of the subscriber is let through any more.
    fn release(&mut self, subscriber: SubscriberId);
}

/// Nobody is shaped.
pub struct Unshaped;

impl Assign for Unshaped {
    fn lanes(&mut self, _: IpNet, _: &Entry) -> Lanes {
        Lanes::UNSHAPED
    }

    fn release(&mut self, _: SubscriberId) {}
}
