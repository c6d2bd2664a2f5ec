//! A small HTTP/1.1 server (RFC 9112) under all plain doors, over any stream: TCP, a Unix socket, TLS.
//!
//! Strict where looseness would be dangerous (message framing, limits), tolerant where real pollers are loose: the
//! request line is read by ourselves, so that raw braces, quotes, spaces and octets of any charset may stand in the
//! target. Every wait and every buffer has a limit; what breaks one is answered in one line and closed.
//!
//! A [`Handler`] gets a whole [`Request`] and gives a whole [`Response`]. Not here: what a path means, who may ask,
//! HTTP/2, compression, files, a `Date` header (RFC 9110 6.6.1 leaves it out where there is no clock, and nothing
//! here reads one).

mod channel;
mod connection;
mod framing;
mod input;
mod query;
mod rate;
mod request;
mod response;
mod server;

pub use channel::{Channel, Misdirected, Security, TLS_HANDSHAKE};
pub use query::{Parameters, percent_decoded, text_of};
pub use rate::RateLimit;
pub use request::{Headers, Method, Request};
pub use response::{Body, Response};
pub use server::{Door, Handler, Limits, Listener, serve};

#[cfg(test)]
mod tests;
