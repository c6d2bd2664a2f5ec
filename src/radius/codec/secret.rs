//! What a shared secret proves and hides: Message-Authenticator, authenticators, hidden passwords and keys.
//!
//! MD5 is what the protocol demands; states that begin with the secret are kept, so that a packet pays only for its
//! own octets.

use super::{Authenticator, Code, HEADER_OCTETS, PacketView};
use crate::model::SecretText;
use crate::radius::lanes::{self, Algorithm};
use md5::{Digest, Md5};
use std::fmt;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

const MD5_BLOCK_OCTETS: usize = 64;
const ZEROS: [u8; 16] = [0; 16];

/// What Message-Authenticator (RFC 3579 section 3.2) says of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageAuthenticator {
    Absent,
    Valid,
    Invalid,
}

/// A secret shared with one NAS, with the digest states that begin with it.
#[derive(Clone)]
pub struct SharedSecret {
    secret: Zeroizing<Box<[u8]>>,
    absorbed: Md5,
    inner: Md5,
    outer: Md5,
    /// The same two, for [`super::Digests`].
    inner_state: [u32; 4],
    outer_state: [u32; 4],
}

impl SharedSecret {
    pub fn new(secret: &[u8]) -> SharedSecret {
        let mut key = Zeroizing::new([0u8; MD5_BLOCK_OCTETS]);
        let digest: [u8; 16];
        let short = if secret.len() > MD5_BLOCK_OCTETS {
            digest = Md5::digest(secret).into();
            &digest[..]
        } else {
            secret
        };
        for (place, octet) in key.iter_mut().zip(short) {
            *place = *octet;
        }
        let state_after = |mask: u8| {
            let mut state = lanes::Md5::INITIAL;
            lanes::Md5::compress(&mut state, &Zeroizing::new(key.map(|octet| octet ^ mask)));
            state
        };
        SharedSecret {
            inner_state: state_after(0x36),
            outer_state: state_after(0x5c),
            absorbed: Md5::new_with_prefix(secret),
            inner: Md5::new_with_prefix(Zeroizing::new(key.map(|octet| octet ^ 0x36)).as_slice()),
            outer: Md5::new_with_prefix(Zeroizing::new(key.map(|octet| octet ^ 0x5c)).as_slice()),
            secret: Zeroizing::new(secret.into()),
        }
    }

    pub(in crate::radius) fn octets(&self) -> &[u8] {
        &self.secret
    }

    pub(super) fn inner_state(&self) -> [u32; 4] {
        self.inner_state
    }

    pub(super) fn outer_state(&self) -> [u32; 4] {
        self.outer_state
    }

    /// Checks Message-Authenticator of a request wherever it stands. In Access-Request and Status-Server it covers
    /// the packet as it is (RFC 3579 section 3.2), in CoA and Disconnect the packet with the authenticator zeroed
    /// (RFC 5176 section 3.4). No RFC says it of Accounting-Request and senders differ: either is taken.
    /// Replies are checked by [`SharedSecret::verify_reply`].
    pub fn verify_message_authenticator(&self, packet: &PacketView<'_>) -> MessageAuthenticator {
        match packet.code() {
            Code::COA_REQUEST | Code::DISCONNECT_REQUEST => self.verify_hmac(packet, &ZEROS),
            Code::ACCOUNTING_REQUEST => match self.verify_hmac(packet, &ZEROS) {
                MessageAuthenticator::Invalid => self.verify_hmac(packet, packet.authenticator()),
                answer => answer,
            },
            _ => self.verify_hmac(packet, packet.authenticator()),
        }
    }

    /// Checks the Request Authenticator of Accounting-Request (RFC 2866 section 3), CoA-Request and
    /// Disconnect-Request (RFC 5176 section 2.3), which is a digest over the packet.
    pub fn verify_accounting_authenticator(&self, packet: &PacketView<'_>) -> bool {
        let expected = self.authenticator_of(packet.as_bytes(), &ZEROS);
        expected.ct_eq(packet.authenticator()).into()
    }

    /// Checks a reply to our own request: Response Authenticator (RFC 2865 section 3) and, where it is there,
    /// Message-Authenticator, both made over the authenticator of the request.
    pub fn verify_reply(&self, reply: &PacketView<'_>, request: &Authenticator) -> MessageAuthenticator {
        let expected = self.authenticator_of(reply.as_bytes(), request);
        if !bool::from(expected.ct_eq(reply.authenticator())) {
            return MessageAuthenticator::Invalid;
        }
        self.verify_hmac(reply, request)
    }

    fn verify_hmac(&self, packet: &PacketView<'_>, authenticator: &Authenticator) -> MessageAuthenticator {
        let (Some(at), Some(received)) =
            (packet.message_authenticator_offset(), packet.message_authenticator())
        else {
            return MessageAuthenticator::Absent;
        };
        let expected = self.message_authenticator_of(packet.as_bytes(), at, authenticator);
        match bool::from(expected.ct_eq(received)) {
            true => MessageAuthenticator::Valid,
            false => MessageAuthenticator::Invalid,
        }
    }

    /// HMAC-MD5 over a packet with these octets in place of its authenticator and zeros at `at`.
    pub(super) fn message_authenticator_of(
        &self,
        packet: &[u8],
        at: usize,
        authenticator: &Authenticator,
    ) -> [u8; 16] {
        let mut inner = self.inner.clone();
        inner.update(packet.get(..4).unwrap_or_default());
        inner.update(authenticator);
        inner.update(packet.get(HEADER_OCTETS..at).unwrap_or_default());
        inner.update(ZEROS);
        inner.update(packet.get(at + 16..).unwrap_or_default());
        self.outer.clone().chain_update(inner.finalize()).finalize().into()
    }

    /// MD5 over a packet with these octets in place of its authenticator, and the secret.
    pub(super) fn authenticator_of(&self, packet: &[u8], authenticator: &Authenticator) -> Authenticator {
        Md5::new()
            .chain_update(packet.get(..4).unwrap_or_default())
            .chain_update(authenticator)
            .chain_update(packet.get(HEADER_OCTETS..).unwrap_or_default())
            .chain_update(&*self.secret)
            .finalize()
            .into()
    }

    /// MD5(secret + parts): the octets that hide one block of a password or key (RFC 2865 section 5.2,
    /// RFC 2548 section 2.4.2).
    pub(in crate::radius) fn pad(&self, parts: [&[u8]; 2]) -> [u8; 16] {
        let [first, second] = parts;
        self.absorbed.clone().chain_update(first).chain_update(second).finalize().into()
    }

    /// Hides blocks in place, each chained to the one before (RFC 2865 section 5.2). `first` is the authenticator
    /// and, for keys, the salt.
    pub(in crate::radius) fn hide(&self, blocks: &mut [[u8; 16]], first: [&[u8]; 2]) {
        let mut pad = self.pad(first);
        for block in blocks {
            for (octet, key) in block.iter_mut().zip(pad) {
                *octet ^= key;
            }
            pad = self.pad([&block[..], &[]]);
        }
    }
}

impl From<&SecretText> for SharedSecret {
    fn from(text: &SecretText) -> SharedSecret {
        SharedSecret::new(text.expose().as_bytes())
    }
}

impl fmt::Debug for SharedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hmac::{Hmac, KeyInit, Mac};

    #[test]
    fn the_kept_states_give_the_hmac_of_rfc_2104_for_short_and_long_secrets() {
        let mut packet = vec![1, 2, 0, 46];
        packet.extend([9; 16]);
        packet.extend([80, 18]);
        packet.extend([0; 16]);
        packet.extend(b"\x01\x08ivanov");
        for secret in [&b""[..], b"testing123", &[7; 64], &[8; 65], &[9; 200]] {
            let mut second_opinion = Hmac::<Md5>::new_from_slice(secret).unwrap();
            second_opinion.update(&packet);
            let own = SharedSecret::new(secret).message_authenticator_of(&packet, 22, &[9; 16]);
            assert_eq!(own[..], second_opinion.finalize().into_bytes()[..]);
        }
    }

    #[test]
    fn a_secret_never_prints_itself() {
        assert_eq!(format!("{:?}", SharedSecret::new(b"testing123")), "***");
    }
}
