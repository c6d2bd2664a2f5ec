//! headgate: RADIUS, billing and enforcement for internet providers.
//!
//! The modules stand in the order in which data flows (docs/architecture.md); each may use those above it.

pub mod model;

pub mod config;
pub mod radius;
pub mod rating;

pub mod engine;
pub mod storage;

pub mod directory;
pub mod writer;

pub mod operations;

pub mod doors;
pub mod enforcement;
pub mod followers;
pub mod web;

pub mod observe;

pub mod cli;
