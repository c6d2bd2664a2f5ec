//! MS-CHAP versions 1 (RFC 2433) and 2 (RFC 2759) over RADIUS (RFC 2548): proofs, the server's own proof, keys.

mod many;

pub use many::{Many, Unproved};

use super::{Encryption, MppeKeys, NtKeys, mppe};
use crate::radius::codec::dictionary::*;
use crate::radius::codec::{Authenticator, PacketView, PacketWriter, SharedSecret, WriteError};
use sha1::{Digest, Sha1};
use subtle::ConstantTimeEq;

/// Version 2 was proved: what the reply owes.
pub struct V2Proof {
    identifier: u8,
    challenge_hash: [u8; 8],
    nt_response: [u8; 24],
    hash_hash: [u8; 16],
}

/// MS-CHAP2-Response with what it answers, taken apart (RFC 2548 section 2.3.2).
#[derive(Clone, Copy)]
pub struct V2Response<'p> {
    pub identifier: u8,
    /// MS-CHAP-Challenge.
    pub challenge: &'p [u8; 16],
    pub peer_challenge: &'p [u8; 16],
    pub name: &'p [u8],
    pub nt_response: &'p [u8; 24],
}

/// What the NT-Response has to be, worked out by [`Many::expect`]. Not to be shown to anybody.
#[derive(Clone, Copy)]
pub struct Expected {
    challenge_hash: [u8; 8],
    nt_response: [u8; 24],
}

/// Checks MS-CHAP2-Response against the challenge (RFC 2759 section 8.1); None when it proves nothing. The name is
/// taken as sent and then, where it has a domain, without it (RFC 2759 section 4).
pub fn verify_v2(packet: &PacketView<'_>, keys: &NtKeys) -> Option<V2Proof> {
    V2Response::of(packet)?.prove(keys, None)
}

impl<'p> V2Response<'p> {
    /// None when the packet has none, or not of this form.
    pub fn of(packet: &PacketView<'p>) -> Option<V2Response<'p>> {
        let challenge: &[u8; 16] = packet.ms_chap_challenge()?.try_into().ok()?;
        let response: &[u8; 50] = packet.ms_chap2_response()?.try_into().ok()?;
        let (&[identifier, _flags], response) = response.split_first_chunk::<2>()?;
        let (peer_challenge, response) = response.split_first_chunk::<16>()?;
        let (_reserved, response) = response.split_first_chunk::<8>()?;
        let nt_response: &[u8; 24] = response.try_into().ok()?;
        Some(V2Response { identifier, challenge, peer_challenge, name: packet.user_name()?, nt_response })
    }

    /// Checks it; `expected`, if it is there, is what [`Many::expect`] gave for it and these keys.
    pub fn prove(&self, keys: &NtKeys, expected: Option<&Expected>) -> Option<V2Proof> {
        let whole = match expected {
            Some(expected) => *expected,
            None => self.expected(self.name, keys),
        };
        self.compared(&whole, keys).or_else(|| {
            let domain_end = self.name.iter().position(|octet| *octet == b'\\')?;
            self.compared(&self.expected(self.name.get(domain_end + 1..)?, keys), keys)
        })
    }

    fn expected(&self, name: &[u8], keys: &NtKeys) -> Expected {
        let digest = Sha1::new_with_prefix(self.peer_challenge)
            .chain_update(self.challenge)
            .chain_update(name)
            .finalize();
        let challenge_hash = *digest.first_chunk::<8>().unwrap_or(&[0; 8]);
        Expected { challenge_hash, nt_response: keys.challenge_response(challenge_hash) }
    }

    fn compared(&self, expected: &Expected, keys: &NtKeys) -> Option<V2Proof> {
        bool::from(expected.nt_response.ct_eq(self.nt_response)).then(|| V2Proof {
            identifier: self.identifier,
            challenge_hash: expected.challenge_hash,
            nt_response: *self.nt_response,
            hash_hash: *keys.hash_hash(),
        })
    }
}

impl V2Proof {
    /// The server's proof to the subscriber, `S=` and 40 hexadecimal digits (RFC 2759 section 8.7).
    pub fn authenticator_response(&self) -> [u8; 42] {
        let inner = Sha1::new_with_prefix(self.hash_hash)
            .chain_update(self.nt_response)
            .chain_update(SIGNING)
            .finalize();
        let digest =
            Sha1::new_with_prefix(inner).chain_update(self.challenge_hash).chain_update(ITERATION).finalize();
        success_text(&digest.into())
    }

    /// The start keys of 128 bits, as the server's side uses them (RFC 3079 sections 3.2 and 3.3).
    pub fn keys(&self) -> MppeKeys<16> {
        let master = Sha1::new_with_prefix(self.hash_hash)
            .chain_update(self.nt_response)
            .chain_update(MASTER_KEY)
            .finalize();
        let start_key = |magic: &[u8; 84]| {
            let digest = Sha1::new_with_prefix(master.first_chunk::<16>().unwrap_or(&[0; 16]))
                .chain_update([0; 40])
                .chain_update(magic)
                .chain_update([0xf2; 40])
                .finalize();
            *digest.first_chunk::<16>().unwrap_or(&[0; 16])
        };
        MppeKeys { send: start_key(SERVER_SEND), recv: start_key(SERVER_RECEIVE) }
    }

    /// Writes what [`V2Proof::write`] writes, with zeros for what [`Many::complete`] works out.
    pub fn reserve(
        &self,
        reply: &mut PacketWriter<'_>,
        (encryption, salt): (Encryption, u16),
    ) -> Result<Reserved, WriteError> {
        let success_at = reply.octets() + VENDOR_HEADER_OCTETS + 1;
        reply.vendor_of_parts(VENDOR_MICROSOFT, MS_CHAP2_SUCCESS, &[&[self.identifier], &[0; 42]])?;
        if encryption == Encryption::Off {
            return Ok(Reserved { success_at, keys_at: None });
        }
        encryption.write(reply)?;
        let (send, recv) = mppe::salts(salt);
        let send_at = reply.octets() + VENDOR_HEADER_OCTETS;
        reply.vendor_of_parts(VENDOR_MICROSOFT, MS_MPPE_SEND_KEY, &[&send, &[0; 32]])?;
        let recv_at = reply.octets() + VENDOR_HEADER_OCTETS;
        reply.vendor_of_parts(VENDOR_MICROSOFT, MS_MPPE_RECV_KEY, &[&recv, &[0; 32]])?;
        Ok(Reserved { success_at, keys_at: Some((send_at, recv_at)) })
    }

    /// Writes MS-CHAP2-Success (RFC 2548 section 2.3.3) and, unless off, the encryption policy and both keys.
    /// `salt` as in [`MppeKeys::write`].
    pub fn write(
        &self,
        reply: &mut PacketWriter<'_>,
        request: &Authenticator,
        secret: &SharedSecret,
        (encryption, salt): (Encryption, u16),
    ) -> Result<(), WriteError> {
        let success = self.authenticator_response();
        reply.vendor_of_parts(VENDOR_MICROSOFT, MS_CHAP2_SUCCESS, &[&[self.identifier], &success])?;
        if encryption == Encryption::Off {
            return Ok(());
        }
        encryption.write(reply)?;
        self.keys().write(reply, request, secret, salt)
    }
}

/// RFC 2759 section 8.7.
const SIGNING: &[u8] = b"Magic server to client signing constant";
const ITERATION: &[u8] = b"Pad to make it do more than one iteration";
/// RFC 3079 section 3.4.
const MASTER_KEY: &[u8] = b"This is the MPPE Master Key";
const SERVER_RECEIVE: &[u8; 84] =
    b"On the client side, this is the send key; on the server side, it is the receive key.";
const SERVER_SEND: &[u8; 84] =
    b"On the client side, this is the receive key; on the server side, it is the send key.";

/// Version 1 was proved: what the reply owes.
pub struct V1Proof {
    /// LM-Key and NT-Key of MS-CHAP-MPPE-Keys, and its padding.
    keys: [[u8; 16]; 2],
}

/// Checks the NT-Response of MS-CHAP-Response (RFC 2433, RFC 2548 section 2.1.3); None when it proves nothing or only
/// the LAN Manager response is filled in.
pub fn verify_v1(packet: &PacketView<'_>, keys: &NtKeys) -> Option<V1Proof> {
    let challenge: [u8; 8] = packet.ms_chap_challenge()?.try_into().ok()?;
    let response: &[u8; 50] = packet.ms_chap_response()?.try_into().ok()?;
    let (&[_identifier, flags], response) = response.split_first_chunk::<2>()?;
    let nt_response = response.last_chunk::<24>()?;
    if flags != 1 || !bool::from(keys.challenge_response(challenge).ct_eq(nt_response)) {
        return None;
    }
    let plain = keys.lm_key().iter().chain(keys.hash_hash());
    let mut blocks = [[0; 16]; 2];
    for (place, octet) in blocks.as_flattened_mut().iter_mut().zip(plain) {
        *place = *octet;
    }
    Some(V1Proof { keys: blocks })
}

impl V1Proof {
    /// Writes, unless off, the encryption policy and MS-CHAP-MPPE-Keys (RFC 2548 section 2.4.1), hidden as
    /// User-Password is.
    pub fn write(
        &self,
        reply: &mut PacketWriter<'_>,
        request: &Authenticator,
        secret: &SharedSecret,
        encryption: Encryption,
    ) -> Result<(), WriteError> {
        if encryption == Encryption::Off {
            return Ok(());
        }
        encryption.write(reply)?;
        let mut hidden = self.keys;
        secret.hide(&mut hidden, [request, &[]]);
        reply.vendor(VENDOR_MICROSOFT, MS_CHAP_MPPE_KEYS, hidden.as_flattened())
    }
}

/// Type and length of attribute 26, the vendor, type and length of the vendor's.
const VENDOR_HEADER_OCTETS: usize = 8;

/// Where the proof and the two keys go in a reply, octets.
#[derive(Clone, Copy, Debug)]
pub struct Reserved {
    success_at: usize,
    /// Of send and receive key, the salt first.
    keys_at: Option<(usize, usize)>,
}

/// Why a login by MS-CHAP is refused, as the subscriber's system is told (RFC 2759 section 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// 646
    RestrictedLogonHours,
    /// 647
    AccountDisabled,
    /// 649
    NoDialInPermission,
    /// 691
    Authentication,
}

impl Failure {
    fn number(self) -> &'static [u8] {
        match self {
            Failure::RestrictedLogonHours => b"646",
            Failure::AccountDisabled => b"647",
            Failure::NoDialInPermission => b"649",
            Failure::Authentication => b"691",
        }
    }
}

/// Longest message of MS-CHAP-Error, octets; more is cut off at a character's end.
const MESSAGE_OCTETS_MAX: usize = 160;

/// Writes MS-CHAP-Error (RFC 2548 section 2.1.5): no retry, a new challenge from the caller's random octets, and a
/// message for people. Nothing when the request was not MS-CHAP.
pub fn write_error(
    reply: &mut PacketWriter<'_>,
    request: &PacketView<'_>,
    failure: Failure,
    challenge: &[u8; 16],
    message: &str,
) -> Result<(), WriteError> {
    // Version 1 has challenges of 8 octets and the password change of version 2 of its own packet.
    let (response, challenge, version): (_, &[u8], &[u8]) =
        match (request.ms_chap2_response(), request.ms_chap_response()) {
            (Some(response), _) => (response, challenge, b" V=3 M="),
            (None, Some(response)) => (response, challenge.first_chunk::<8>().unwrap_or(&[0; 8]), b" V=2 M="),
            (None, None) => return Ok(()),
        };
    let identifier = response.get(..1).unwrap_or(&[0]);
    let mut digits = [0; 32];
    for (place, octet) in digits.as_chunks_mut::<2>().0.iter_mut().zip(challenge) {
        *place = hex_digits(*octet);
    }
    let digits = digits.get(..challenge.len() * 2).unwrap_or_default();
    let fits =
        message.char_indices().map(|(at, c)| at + c.len_utf8()).take_while(|end| *end <= MESSAGE_OCTETS_MAX);
    let message = message.get(..fits.last().unwrap_or(0)).unwrap_or_default();
    let parts = [identifier, b"E=", failure.number(), b" R=0 C=", digits, version, message.as_bytes()];
    reply.vendor_of_parts(VENDOR_MICROSOFT, MS_CHAP_ERROR, &parts)
}

/// `S=` and the digits of the server's proof.
fn success_text(proof: &[u8; 20]) -> [u8; 42] {
    let mut text = [0; 42];
    [text[0], text[1]] = *b"S=";
    let (_, digits) = text.split_at_mut(2);
    for (place, octet) in digits.as_chunks_mut::<2>().0.iter_mut().zip(proof) {
        *place = hex_digits(*octet);
    }
    text
}

/// Upper-case hexadecimal digits, as RFC 2759 wants them.
fn hex_digits(octet: u8) -> [u8; 2] {
    static DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    [DIGITS[usize::from(octet >> 4)], DIGITS[usize::from(octet & 15)]]
}

#[cfg(test)]
mod tests;
