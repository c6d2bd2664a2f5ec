//! The enforcer against a real kernel: each test makes its own network namespaces (root is needed) and takes them
//! away again.

// The exception for tests does not reach their helpers.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod counting;
mod enforcer;
mod faults;
mod feed;
mod fw;
mod guards;
mod ipoe;
mod limits;
mod mending;
mod scale;
mod seen;
mod shaping;
mod shaping_classes;
mod shaping_flows;
mod table;
mod traffic;
mod translating;
