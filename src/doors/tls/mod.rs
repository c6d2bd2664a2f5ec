//! TLS 1.2 and 1.3 under the doors that speak it: an [`Identity`] (certificate chain and key, exchanged while serving)
//! and a [`TlsListener`] that `doors::http` accepts from.
//!
//! Not here: who may ask for what, and the client's side of TLS.

mod identity;
mod listener;
mod self_signed;

pub use identity::{Identity, TlsError};
pub use listener::{TlsListener, TlsStream};
pub use self_signed::{SelfSigned, certificate_path};
