//! headgate: RADIUS, billing and enforcement for internet providers.
//!
//! The modules stand in the order in which data flows (docs/architecture.md); each may use those above it.

pub mod model;

pub mod storage;

pub mod enforcement;
