//! Is this datagram a correct reply to that request? Every octet of it is suspect.

use super::args::{Mode, RadiusArgs};
use super::crypto::{Authenticator, HmacMd5, md5, mppe_decrypt};
use super::request::{Expected, HEADER, MESSAGE_AUTHENTICATOR, MschapProof, User};
use subtle::ConstantTimeEq;

/// The vendor's number and its attributes in a reply (RFC 2548).
const MICROSOFT: [u8; 4] = [0, 0, 1, 55];
const MS_MPPE_SEND_KEY: u8 = 16;
const MS_MPPE_RECV_KEY: u8 = 17;
const MS_CHAP2_SUCCESS: u8 = 26;

/// What the code of a well-signed reply says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Accept,
    Reject,
    Challenge,
    Accounting,
}

/// Where a reply has its Message-Authenticator (draft-ietf-radext-deprecating-radius wants it first).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    First,
    Later,
    Absent,
}

/// A reply whose signatures hold.
#[derive(Debug, PartialEq, Eq)]
pub struct Verified {
    pub answer: Answer,
    pub message_authenticator: Place,
}

/// Why a datagram is no correct reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Too short, a wrong length, attributes that do not add up, or a code that answers something else.
    Malformed,
    Authenticator,
    MessageAuthenticator,
}

/// Checks replies under one shared secret.
pub struct Checker {
    secret: Vec<u8>,
    hmac: HmacMd5,
    require_message_authenticator: bool,
}

impl Checker {
    pub fn new(args: &RadiusArgs) -> Checker {
        let secret = args.secret.expose().as_bytes().to_vec();
        Checker { hmac: HmacMd5::new(&secret), secret, require_message_authenticator: args.require_msg_auth }
    }

    /// Length, Response Authenticator (RFC 2865, 3), framing, Message-Authenticator where it stands, and the code.
    pub fn check(&self, datagram: &[u8], expected: &Expected) -> Result<Verified, Fault> {
        let packet = stated_packet(datagram).ok_or(Fault::Malformed)?;
        let (head, body) = packet.split_at_checked(HEADER).ok_or(Fault::Malformed)?;
        let (start, given) = head.split_at_checked(4).ok_or(Fault::Malformed)?;
        let wanted = md5(&[start, &expected.authenticator, body, &self.secret]);
        if !bool::from(wanted[..].ct_eq(given)) {
            return Err(Fault::Authenticator);
        }
        let message_authenticator = self.check_message_authenticator(start, body, expected)?;
        let answer = answer_of(packet, expected.mode).ok_or(Fault::Malformed)?;
        Ok(Verified { answer, message_authenticator })
    }

    /// Checks an accept's MS-CHAP2-Success ("S=" of RFC 2759, 8.7) and both MPPE keys.
    pub fn mschap_holds(&self, datagram: &[u8], expected: &Expected, users: &[User]) -> bool {
        let proof = expected.mschap.as_ref();
        let nt = users.get(expected.user).and_then(|user| user.nt.as_ref());
        let (Some(proof), Some(nt), Some(packet)) = (proof, nt, stated_packet(datagram)) else {
            return false;
        };
        let body = packet.get(HEADER..).unwrap_or_default();
        let success = microsoft(body, MS_CHAP2_SUCCESS);
        let key = |kind| {
            microsoft(body, kind).and_then(|value| mppe_decrypt(value, &self.secret, &expected.authenticator))
        };
        let (send, receive) = nt.mppe_keys(&proof.response);
        let told = nt.authenticator_response(&proof.response, &proof.challenge);
        success.is_some_and(|value| success_says(value, proof, &told))
            && key(MS_MPPE_SEND_KEY).is_some_and(|found| found == send)
            && key(MS_MPPE_RECV_KEY).is_some_and(|found| found == receive)
    }

    fn check_message_authenticator(
        &self,
        start: &[u8],
        body: &[u8],
        expected: &Expected,
    ) -> Result<Place, Fault> {
        let mut found = None;
        for attribute in Attributes::of(body) {
            let attribute = attribute.ok_or(Fault::Malformed)?;
            if attribute.kind == MESSAGE_AUTHENTICATOR {
                if attribute.value.len() != 16 || found.is_some() {
                    return Err(Fault::MessageAuthenticator);
                }
                found = Some(attribute);
            }
        }
        let accounting = expected.mode == Mode::Acct;
        let Some(found) = found else {
            let missing = self.require_message_authenticator && !accounting;
            return if missing { Err(Fault::MessageAuthenticator) } else { Ok(Place::Absent) };
        };
        let before = body.get(..found.at + 2).unwrap_or_default();
        let after = body.get(found.at + 18..).unwrap_or_default();
        let matches = |authenticator: &Authenticator| {
            let code = self.hmac.code(&[start, authenticator, before, &[0; 16], after]);
            bool::from(code[..].ct_eq(found.value))
        };
        // Servers differ for accounting: over the request's authenticator, or over zeros (RFC 2869, 5.14 is silent).
        if !(matches(&expected.authenticator) || accounting && matches(&[0; 16])) {
            return Err(Fault::MessageAuthenticator);
        }
        Ok(if found.at == 0 { Place::First } else { Place::Later })
    }
}

/// The part of a datagram that its length field covers; what follows is padding (RFC 2865, 3).
fn stated_packet(datagram: &[u8]) -> Option<&[u8]> {
    let &[_, _, high, low] = datagram.get(..4)? else { return None };
    let length = usize::from(u16::from_be_bytes([high, low]));
    if length < HEADER { None } else { datagram.get(..length) }
}

fn answer_of(packet: &[u8], mode: Mode) -> Option<Answer> {
    match (packet.first()?, mode) {
        (2, Mode::Status | Mode::Pap | Mode::Chap | Mode::Mschapv2) => Some(Answer::Accept),
        (3, Mode::Pap | Mode::Chap | Mode::Mschapv2) => Some(Answer::Reject),
        (11, Mode::Pap | Mode::Chap | Mode::Mschapv2) => Some(Answer::Challenge),
        (5, Mode::Acct | Mode::Status) => Some(Answer::Accounting),
        _ => None,
    }
}

fn success_says(value: &[u8], proof: &MschapProof, told: &[u8; 20]) -> bool {
    let text: String = told.iter().map(|octet| format!("{octet:02X}")).collect();
    value.split_first().is_some_and(|(ident, message)| {
        *ident == proof.ident
            && message.strip_prefix(b"S=").is_some_and(|rest| rest.starts_with(text.as_bytes()))
    })
}

/// The first value of this Microsoft attribute.
fn microsoft(body: &[u8], kind: u8) -> Option<&[u8]> {
    Attributes::of(body).flatten().filter(|attribute| attribute.kind == 26).find_map(|attribute| {
        let inner = attribute.value.strip_prefix(&MICROSOFT)?;
        let (&[found, length], value) = inner.split_first_chunk::<2>()?;
        (found == kind && usize::from(length) == value.len() + 2).then_some(value)
    })
}

struct Attribute<'a> {
    /// Octets from the first attribute to this one.
    at: usize,
    kind: u8,
    value: &'a [u8],
}

/// The attributes of a packet's body; None, and then no more, where the framing is wrong.
struct Attributes<'a> {
    body: &'a [u8],
    at: usize,
}

impl<'a> Attributes<'a> {
    fn of(body: &'a [u8]) -> Attributes<'a> {
        Attributes { body, at: 0 }
    }

    fn parse(&self) -> Option<Attribute<'a>> {
        let &[kind, length] = self.body.get(self.at..self.at + 2)? else { return None };
        let value = self.body.get(self.at + 2..self.at + usize::from(length))?;
        Some(Attribute { at: self.at, kind, value })
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Option<Attribute<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.body.len() {
            return None;
        }
        let attribute = self.parse();
        self.at = attribute.as_ref().map_or(self.body.len(), |found| found.at + 2 + found.value.len());
        Some(attribute)
    }
}
