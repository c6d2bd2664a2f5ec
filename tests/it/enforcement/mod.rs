//! The enforcer against a real kernel: each test makes its own network namespaces (root is needed) and takes them
//! away again.

mod enforcer;
mod feed;
mod guards;
mod mending;
mod network;
mod table;
mod traffic;
