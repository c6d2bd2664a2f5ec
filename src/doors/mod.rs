//! Doors: each speaks one protocol, makes one call to [`crate::operations`] and renders the answer. They do not know
//! each other.

pub mod radius;
