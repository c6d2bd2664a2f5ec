//! Requests that we send: CoA and Disconnect to a NAS (RFC 5176), and what a NAS would send us, for tests and tools.

use super::{
    Authenticator, Code, MessageAuthenticator, PASSWORD_OCTETS_MAX, PacketView, PacketWriter, SharedSecret,
    WriteError, dictionary::USER_PASSWORD,
};
use std::fmt;
use std::ops::{Deref, DerefMut};

/// Writes one request.
#[derive(Debug)]
pub struct RequestWriter<'b> {
    packet: PacketWriter<'b>,
    /// What an Access-Request or Status-Server carries; zeros for requests whose authenticator is a digest.
    random: Authenticator,
}

impl<'b> RequestWriter<'b> {
    /// A CoA-Request or Disconnect-Request, Message-Authenticator first. The caller adds Event-Timestamp, which a
    /// NAS checks against replay (RFC 5176 section 3.6).
    pub fn change(out: &'b mut Vec<u8>, code: Code, identifier: u8) -> RequestWriter<'b> {
        RequestWriter::with_message_authenticator(out, code, identifier, [0; 16])
    }

    /// An Access-Request or Status-Server with this random authenticator, Message-Authenticator first.
    pub fn access(
        out: &'b mut Vec<u8>,
        code: Code,
        identifier: u8,
        random: Authenticator,
    ) -> RequestWriter<'b> {
        RequestWriter::with_message_authenticator(out, code, identifier, random)
    }

    /// An Accounting-Request; without Message-Authenticator unless the caller adds it.
    pub fn accounting(out: &'b mut Vec<u8>, identifier: u8) -> RequestWriter<'b> {
        let packet = PacketWriter::new(out, Code::ACCOUNTING_REQUEST, identifier);
        RequestWriter { packet, random: [0; 16] }
    }

    fn with_message_authenticator(
        out: &'b mut Vec<u8>,
        code: Code,
        identifier: u8,
        random: Authenticator,
    ) -> RequestWriter<'b> {
        let mut packet = PacketWriter::new(out, code, identifier);
        // An empty packet always has room for it.
        let _ = packet.message_authenticator();
        RequestWriter { packet, random }
    }

    /// User-Password, hidden (RFC 2865 section 5.2). For [`RequestWriter::access`] only.
    pub fn user_password(&mut self, password: &[u8], secret: &SharedSecret) -> Result<(), WriteError> {
        let mut blocks = [[0u8; 16]; PASSWORD_OCTETS_MAX / 16];
        let used = password.len().div_ceil(16).max(1);
        let blocks = blocks.get_mut(..used).ok_or(WriteError::ValueTooLong)?;
        for (place, octet) in blocks.as_flattened_mut().iter_mut().zip(password) {
            *place = *octet;
        }
        secret.hide(blocks, [&self.random, &[]]);
        self.packet.attribute(USER_PASSWORD, blocks.as_flattened())
    }

    /// Signs the packet and gives its authenticator, with which the reply is to be checked. The buffer holds the
    /// packet then.
    pub fn finish(mut self, secret: &SharedSecret) -> Authenticator {
        // Message-Authenticator goes first: the digest that is the authenticator covers it.
        self.packet.sign(secret, &self.random);
        let authenticator = match self.packet.code().has_random_authenticator() {
            true => self.random,
            false => secret.authenticator_of(self.packet.as_bytes(), &[0; 16]),
        };
        self.packet.put_authenticator(&authenticator);
        authenticator
    }
}

impl<'b> Deref for RequestWriter<'b> {
    type Target = PacketWriter<'b>;

    fn deref(&self) -> &PacketWriter<'b> {
        &self.packet
    }
}

impl<'b> DerefMut for RequestWriter<'b> {
    fn deref_mut(&mut self) -> &mut PacketWriter<'b> {
        &mut self.packet
    }
}

/// What a NAS says to a CoA-Request or Disconnect-Request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeAnswer {
    /// Done.
    Ack,
    /// Refused, with Error-Cause where one was given ([`super::error_cause_name`]).
    Nak(Option<u32>),
}

/// The packet is not an answer of that NAS to that request; to be dropped, and waited on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ForgedAnswer;

impl fmt::Display for ForgedAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not an answer of this NAS to this request")
    }
}

impl std::error::Error for ForgedAnswer {}

/// Reads the answer to our CoA-Request or Disconnect-Request: `sent` is its code, identifier and authenticator.
/// Message-Authenticator may be absent (accel-ppp sends none) but not wrong.
pub fn change_answer(
    reply: &PacketView<'_>,
    sent: (Code, u8, &Authenticator),
    secret: &SharedSecret,
) -> Result<ChangeAnswer, ForgedAnswer> {
    let (code, identifier, authenticator) = sent;
    let answer = match (code, reply.code()) {
        (Code::COA_REQUEST, Code::COA_ACK) | (Code::DISCONNECT_REQUEST, Code::DISCONNECT_ACK) => {
            ChangeAnswer::Ack
        }
        (Code::COA_REQUEST, Code::COA_NAK) | (Code::DISCONNECT_REQUEST, Code::DISCONNECT_NAK) => {
            ChangeAnswer::Nak(reply.error_cause())
        }
        _ => return Err(ForgedAnswer),
    };
    if reply.identifier() != identifier
        || secret.verify_reply(reply, authenticator) == MessageAuthenticator::Invalid
    {
        return Err(ForgedAnswer);
    }
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::radius::codec::{ReplyWriter, dictionary::*};

    #[test]
    fn a_coa_request_proves_itself_both_ways_and_its_answers_are_read() {
        let secret = SharedSecret::new(b"testing123");
        let (mut sent, mut back) = (Vec::new(), Vec::new());
        let mut request = RequestWriter::change(&mut sent, Code::COA_REQUEST, 9);
        request.attribute_u32(EVENT_TIMESTAMP, 1_700_000_000).unwrap();
        request.attribute(ACCT_SESSION_ID, b"81000001").unwrap();
        let authenticator = request.finish(&secret);
        let view = PacketView::parse(&sent).unwrap();
        assert!(secret.verify_accounting_authenticator(&view));
        assert_eq!(secret.verify_message_authenticator(&view), MessageAuthenticator::Valid);

        let mut reply = ReplyWriter::new(&mut back, Code::COA_NAK, 9);
        reply.attribute_u32(ERROR_CAUSE, 503).unwrap();
        reply.finish(&authenticator, &secret);
        let nak = PacketView::parse(&back).unwrap();
        let key = (Code::COA_REQUEST, 9, &authenticator);
        assert_eq!(change_answer(&nak, key, &secret), Ok(ChangeAnswer::Nak(Some(503))));
        for (code, identifier) in [(Code::DISCONNECT_REQUEST, 9), (Code::COA_REQUEST, 8)] {
            assert_eq!(change_answer(&nak, (code, identifier, &authenticator), &secret), Err(ForgedAnswer));
        }

        let mut reply = ReplyWriter::new(&mut back, Code::COA_ACK, 9);
        reply.message_authenticator().unwrap();
        reply.finish(&authenticator, &secret);
        let ack = PacketView::parse(&back).unwrap();
        assert_eq!(change_answer(&ack, key, &secret), Ok(ChangeAnswer::Ack));
        let other = SharedSecret::new(b"testing124");
        assert_eq!(change_answer(&ack, key, &other), Err(ForgedAnswer));
    }

    #[test]
    fn message_authenticator_of_accounting_is_taken_in_both_forms() {
        let secret = SharedSecret::new(b"testing123");
        let mut sent = Vec::new();
        let mut request = RequestWriter::accounting(&mut sent, 1);
        request.message_authenticator().unwrap();
        request.attribute_u32(ACCT_STATUS_TYPE, 1).unwrap();
        request.finish(&secret);
        let view = PacketView::parse(&sent).unwrap();
        assert_eq!(secret.verify_message_authenticator(&view), MessageAuthenticator::Valid);
        assert!(secret.verify_accounting_authenticator(&view));

        let authenticator = *view.authenticator();
        let as_it_stands = secret.message_authenticator_of(&sent, 22, &authenticator);
        sent[22..38].copy_from_slice(&as_it_stands);
        let view = PacketView::parse(&sent).unwrap();
        assert_eq!(secret.verify_message_authenticator(&view), MessageAuthenticator::Valid);
        sent[30] ^= 1;
        let view = PacketView::parse(&sent).unwrap();
        assert_eq!(secret.verify_message_authenticator(&view), MessageAuthenticator::Invalid);
    }

    #[test]
    fn a_password_of_more_than_128_octets_is_refused() {
        let secret = SharedSecret::new(b"testing123");
        let mut sent = Vec::new();
        let mut request = RequestWriter::access(&mut sent, Code::ACCESS_REQUEST, 1, [5; 16]);
        assert_eq!(request.user_password(&[b'x'; 129], &secret), Err(WriteError::ValueTooLong));
        assert_eq!(request.user_password(&[b'x'; 128], &secret), Ok(()));
    }
}
