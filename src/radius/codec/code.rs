//! Packet codes.

use std::fmt;

/// The first octet of a packet: what it is (RFC 2865 section 3, RFC 2866, 5176, 5997, 7930).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Code(pub u8);

impl Code {
    pub const ACCESS_REQUEST: Code = Code(1);
    pub const ACCESS_ACCEPT: Code = Code(2);
    pub const ACCESS_REJECT: Code = Code(3);
    pub const ACCOUNTING_REQUEST: Code = Code(4);
    pub const ACCOUNTING_RESPONSE: Code = Code(5);
    pub const ACCESS_CHALLENGE: Code = Code(11);
    pub const STATUS_SERVER: Code = Code(12);
    pub const DISCONNECT_REQUEST: Code = Code(40);
    pub const DISCONNECT_ACK: Code = Code(41);
    pub const DISCONNECT_NAK: Code = Code(42);
    pub const COA_REQUEST: Code = Code(43);
    pub const COA_ACK: Code = Code(44);
    pub const COA_NAK: Code = Code(45);
    pub const PROTOCOL_ERROR: Code = Code(52);

    /// The name in the RFC; `unknown` for a code not listed here.
    pub fn name(self) -> &'static str {
        match self {
            Code::ACCESS_REQUEST => "Access-Request",
            Code::ACCESS_ACCEPT => "Access-Accept",
            Code::ACCESS_REJECT => "Access-Reject",
            Code::ACCOUNTING_REQUEST => "Accounting-Request",
            Code::ACCOUNTING_RESPONSE => "Accounting-Response",
            Code::ACCESS_CHALLENGE => "Access-Challenge",
            Code::STATUS_SERVER => "Status-Server",
            Code::DISCONNECT_REQUEST => "Disconnect-Request",
            Code::DISCONNECT_ACK => "Disconnect-ACK",
            Code::DISCONNECT_NAK => "Disconnect-NAK",
            Code::COA_REQUEST => "CoA-Request",
            Code::COA_ACK => "CoA-ACK",
            Code::COA_NAK => "CoA-NAK",
            Code::PROTOCOL_ERROR => "Protocol-Error",
            _ => "unknown",
        }
    }

    /// Requests whose authenticator is random; in all others it is a digest over the packet.
    pub(super) fn has_random_authenticator(self) -> bool {
        matches!(self, Code::ACCESS_REQUEST | Code::STATUS_SERVER)
    }

    /// Replies that begin with Message-Authenticator whatever the request had (CVE-2024-3596,
    /// draft-ietf-radext-deprecating-radius).
    pub(super) fn is_signed_reply(self) -> bool {
        matches!(
            self,
            Code::ACCESS_ACCEPT | Code::ACCESS_REJECT | Code::ACCESS_CHALLENGE | Code::PROTOCOL_ERROR
        )
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name(), self.0)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            "unknown" => write!(f, "Code-{}", self.0),
            name => f.write_str(name),
        }
    }
}
