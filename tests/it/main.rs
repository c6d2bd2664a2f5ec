//! The one integration-test binary: what needs the whole crate, its sources, or a process of its own.

mod layers;
mod source;
mod tidy;
