//! Which proof a request offers.

use crate::radius::codec::PacketView;

/// How an Access-Request proves its subscriber.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    Pap,
    Chap,
    MsChap1,
    MsChap2,
    Eap,
}

impl Method {
    /// None: the request names somebody and proves nothing (RFC 2865 section 4.1 wants exactly one of these).
    pub fn of(packet: &PacketView<'_>) -> Option<Method> {
        if packet.has_eap_message() {
            Some(Method::Eap)
        } else if packet.ms_chap2_response().is_some() {
            Some(Method::MsChap2)
        } else if packet.ms_chap_response().is_some() {
            Some(Method::MsChap1)
        } else if packet.chap_password().is_some() {
            Some(Method::Chap)
        } else {
            packet.user_password().map(|_| Method::Pap)
        }
    }

    /// Stable lower-case word, for metrics and `why`.
    pub fn token(self) -> &'static str {
        match self {
            Method::Pap => "pap",
            Method::Chap => "chap",
            Method::MsChap1 => "mschap",
            Method::MsChap2 => "mschapv2",
            Method::Eap => "eap",
        }
    }
}
