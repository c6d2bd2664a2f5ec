//! Octets to values and back: the borrowed view of a received packet, the writers of replies and requests, the
//! arithmetic of shared secrets, and the dictionary.
//!
//! Not here: who may log in (`auth` proves, the doors decide), sockets, duplicates, EAP conversations.

mod causes;
mod code;
pub mod dictionary;
mod many;
mod reply;
mod request;
mod secret;
mod text;
mod view;
mod writer;

pub use causes::{error_cause_name, terminate_cause_name};
pub use code::Code;
pub use many::{Digests, Unsigned};
pub use reply::ReplyWriter;
pub use request::{ChangeAnswer, ForgedAnswer, RequestWriter, change_answer};
pub use secret::{MessageAuthenticator, SharedSecret};
pub use text::printable;
pub use view::{Attributes, Malformed, PacketView, ipv6_prefix};
pub use writer::{PacketWriter, WriteError, rendered};

/// A Request or Response Authenticator (RFC 2865 section 3).
pub type Authenticator = [u8; 16];

/// Code, Identifier, Length and Authenticator (RFC 2865 section 3), octets.
pub const HEADER_OCTETS: usize = 20;
/// The longest packet over UDP (RFC 2865 section 3), octets.
pub const PACKET_OCTETS_MAX: usize = 4096;
/// The longest value of an attribute: one octet of length counts type and length too.
pub const VALUE_OCTETS_MAX: usize = 253;
/// The longest value of a vendor's attribute alone in its attribute 26 (RFC 2865 section 5.26).
pub const VENDOR_VALUE_OCTETS_MAX: usize = 247;
/// The longest User-Password, hidden or not (RFC 2865 section 5.2), octets.
pub const PASSWORD_OCTETS_MAX: usize = 128;
