//! Doors: each parses what comes in, makes one call of an operation, and renders the answer.
//!
//! A door knows its protocol and nothing else: no rule of money or access, no table of the store, no other door.
//! `http` is the transport that the HTTP doors share.

pub mod control;
pub mod http;
