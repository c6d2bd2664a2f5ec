//! Bytes to and from the kernel's nf_tables: messages ([`wire`]), elements of sets ([`elements`]), sets and rules
//! through libnftnl ([`rules`]), comparison of what was sent with what is there ([`compare`]), and the socket.
//!
//! What is to be in the table is not decided here.

pub(super) mod compare;
pub(super) mod elements;
pub(super) mod rules;
pub(super) mod socket;
pub(super) mod wire;
