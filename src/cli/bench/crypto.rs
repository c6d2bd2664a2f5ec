//! The digests of RADIUS, CHAP, MS-CHAPv2 and MPPE, written a second time on purpose.
//!
//! Nothing of the server's own code is used here: a server that computes a digest wrongly must not be judged by
//! a generator that computes it wrongly in the same way.

use des::Des;
use des::cipher::{Array, BlockCipherEncrypt, KeyInit};
use md4::Md4;
use md5::{Digest, Md5};
use sha1::Sha1;

/// A Request or Response Authenticator, and the size of every MD5 digest.
pub type Authenticator = [u8; 16];

/// Octets of an MD5 block; longer keys are digested first (RFC 2104, 2).
const MD5_BLOCK: usize = 64;

/// HMAC-MD5 (RFC 2104) with the padded key already absorbed.
#[derive(Clone)]
pub struct HmacMd5 {
    inner: Md5,
    outer: Md5,
}

impl HmacMd5 {
    pub fn new(key: &[u8]) -> HmacMd5 {
        let mut padded = [0u8; MD5_BLOCK];
        let digested = md5(&[key]);
        let short = if key.len() > MD5_BLOCK { &digested[..] } else { key };
        for (slot, octet) in padded.iter_mut().zip(short) {
            *slot = *octet;
        }
        let mut inner = Md5::new();
        inner.update(padded.map(|octet| octet ^ 0x36));
        let mut outer = Md5::new();
        outer.update(padded.map(|octet| octet ^ 0x5c));
        HmacMd5 { inner, outer }
    }

    /// The code over the parts as if they stood in a row.
    pub fn code(&self, parts: &[&[u8]]) -> Authenticator {
        let mut inner = self.inner.clone();
        for part in parts {
            inner.update(part);
        }
        let mut outer = self.outer.clone();
        outer.update(inner.finalize());
        outer.finalize().into()
    }
}

/// MD5 over the parts as if they stood in a row.
pub fn md5(parts: &[&[u8]]) -> Authenticator {
    let mut digest = Md5::new();
    for part in parts {
        digest.update(part);
    }
    digest.finalize().into()
}

/// Appends a User-Password value (RFC 2865, 5.2): padded with zeros to whole blocks of 16, at least one, and hidden.
pub fn hide_password(password: &[u8], secret: &[u8], authenticator: &Authenticator, out: &mut Vec<u8>) {
    let blocks = password.len().div_ceil(16).max(1);
    let mut previous = *authenticator;
    let mut clear = password.iter().copied().chain(std::iter::repeat(0));
    for _ in 0..blocks {
        let mut block = md5(&[secret, &previous]);
        for (hidden, octet) in block.iter_mut().zip(clear.by_ref()) {
            *hidden ^= octet;
        }
        out.extend_from_slice(&block);
        previous = block;
    }
}

/// What MS-CHAPv2 needs of a password, computed once: MD4 twice and three DES key schedules (RFC 2759, 8).
pub struct NtSecret {
    hash_of_hash: [u8; 16],
    ciphers: [Des; 3],
}

impl NtSecret {
    pub fn new(password: &str) -> NtSecret {
        let utf16: Vec<u8> = password.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let hash: [u8; 16] = Md4::digest(&utf16).into();
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = hash;
        NtSecret {
            hash_of_hash: Md4::digest(hash).into(),
            ciphers: [
                des_with([a, b, c, d, e, f, g]),
                des_with([h, i, j, k, l, m, n]),
                des_with([o, p, 0, 0, 0, 0, 0]),
            ],
        }
    }

    /// ChallengeResponse (RFC 2759, 8.5).
    pub fn response(&self, challenge: &[u8; 8]) -> [u8; 24] {
        let mut response = [0u8; 24];
        for (cipher, out) in self.ciphers.iter().zip(response.chunks_exact_mut(8)) {
            let mut block = Array::from(*challenge);
            cipher.encrypt_block(&mut block);
            out.copy_from_slice(&block);
        }
        response
    }

    /// The 20 octets behind "S=" (RFC 2759, 8.7).
    pub fn authenticator_response(&self, response: &[u8; 24], challenge: &[u8; 8]) -> [u8; 20] {
        let first = sha1(&[&self.hash_of_hash, response, b"Magic server to client signing constant"]);
        sha1(&[&first, challenge, b"Pad to make it do more than one iteration"])
    }

    /// (MS-MPPE-Send-Key, MS-MPPE-Recv-Key) of 128 bits as the server hands them to the NAS (RFC 3079, 3.4).
    pub fn mppe_keys(&self, response: &[u8; 24]) -> ([u8; 16], [u8; 16]) {
        let master = head16(&sha1(&[&self.hash_of_hash, response, b"This is the MPPE Master Key"]));
        let key = |magic: &[u8]| head16(&sha1(&[&master, &[0u8; 40], magic, &[0xf2u8; 40]]));
        (
            key(b"On the client side, this is the receive key; on the server side, it is the send key."),
            key(b"On the client side, this is the send key; on the server side, it is the receive key."),
        )
    }
}

/// ChallengeHash (RFC 2759, 8.2).
pub fn challenge_hash(peer: &[u8; 16], authenticator: &[u8; 16], user: &[u8]) -> [u8; 8] {
    let [a, b, c, d, e, f, g, h, ..] = sha1(&[peer, authenticator, user]);
    [a, b, c, d, e, f, g, h]
}

/// The key inside a salted attribute value, salt first (RFC 2548, 2.4.2). None where the form is wrong.
pub fn mppe_decrypt(value: &[u8], secret: &[u8], request: &Authenticator) -> Option<Vec<u8>> {
    let (salt, cipher_text) = value.split_at_checked(2)?;
    if cipher_text.is_empty() || !cipher_text.len().is_multiple_of(16) {
        return None;
    }
    let mut clear = Vec::with_capacity(cipher_text.len());
    let mut pad = md5(&[secret, request, salt]);
    for block in cipher_text.chunks_exact(16) {
        clear.extend(block.iter().zip(pad).map(|(octet, key)| octet ^ key));
        pad = md5(&[secret, block]);
    }
    let (&length, rest) = clear.split_first()?;
    rest.get(..usize::from(length)).map(<[u8]>::to_vec)
}

fn sha1(parts: &[&[u8]]) -> [u8; 20] {
    let mut digest = Sha1::new();
    for part in parts {
        digest.update(part);
    }
    digest.finalize().into()
}

fn head16(digest: &[u8; 20]) -> [u8; 16] {
    let mut head = [0u8; 16];
    for (to, from) in head.iter_mut().zip(digest) {
        *to = *from;
    }
    head
}

/// Spreads 56 bits over eight octets, seven in each, the parity bit left 0 (RFC 2759, 8.6).
fn des_with(key: [u8; 7]) -> Des {
    let mut bits = key.iter().fold(0u64, |bits, octet| (bits << 8) | u64::from(*octet));
    let mut octets = [0u8; 8];
    for octet in octets.iter_mut().rev() {
        let [low, ..] = bits.to_le_bytes();
        *octet = low << 1;
        bits >>= 7;
    }
    Des::new(&Array::from(octets))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len() / 2).map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap()).collect()
    }

    #[test]
    fn the_vectors_of_rfc_2759_9_2_and_rfc_3079_3_5_3_come_out() {
        let user = NtSecret::new("clientPass");
        let authenticator: [u8; 16] = hex("5B5D7C7D7B3F2F3E3C2C602132262628").try_into().unwrap();
        let peer: [u8; 16] = hex("21402324255E262A28295F2B3A337C7E").try_into().unwrap();
        let challenge = challenge_hash(&peer, &authenticator, b"User");
        assert_eq!(challenge.to_vec(), hex("D02E4386BCE91226"));
        let response = user.response(&challenge);
        assert_eq!(response.to_vec(), hex("82309ECD8D708B5EA08FAA3981CD83544233114A3D85D6DF"));
        assert_eq!(
            user.authenticator_response(&response, &challenge).to_vec(),
            hex("407A5589115FD0D6209F510FE9C04566932CDA56")
        );
        assert_eq!(user.mppe_keys(&response).0.to_vec(), hex("8B7CDC149B993A1BA118CB153F56DCCB"));
    }

    #[test]
    fn the_hmac_vectors_of_rfc_2202_come_out_for_a_short_and_a_long_key() {
        let short = HmacMd5::new(b"Jefe").code(&[b"what do ya want ", b"for nothing?"]);
        assert_eq!(short.to_vec(), hex("750c783e6ab0b503eaa86e310a5db738"));
        let long =
            HmacMd5::new(&[0xaa; 80]).code(&[b"Test Using Larger Than Block-Size Key - Hash Key First"]);
        assert_eq!(long.to_vec(), hex("6b1ab7fe4bd7bf8f0b62e6ce61b9d0cd"));
    }

    /// RFC 2865, 7.1.
    #[test]
    fn the_user_password_of_rfc_2865_7_1_is_hidden_as_printed_there() {
        let request: Authenticator = hex("0f403f9473978057bd83d5cb98f4227a").try_into().unwrap();
        let mut hidden = Vec::new();
        hide_password(b"arctangent", b"xyzzy5461", &request, &mut hidden);
        assert_eq!(hidden, hex("0dbe708d93d413ce3196e43f782a0aee"));
    }

    #[test]
    fn a_salted_key_of_a_wrong_form_is_refused() {
        for length in [0, 1, 2, 3, 17, 19] {
            assert_eq!(mppe_decrypt(&vec![7; length], b"s", &[0; 16]), None, "{length} octets");
        }
    }
}
