//! RADIUS as values: what stands in a datagram, and whether it proves who sent it.
//!
//! `codec` turns octets into values and back; `auth` checks passwords and renders speeds for each vendor.
//! Nothing here owns a socket, reads a clock or asks a store: the doors do, and call this.

pub mod auth;
pub mod codec;
mod lanes;

#[cfg(test)]
mod cross_check;
#[cfg(test)]
mod mutation_tests;
#[cfg(test)]
mod testing;
