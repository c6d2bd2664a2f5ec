//! What MS-CHAP needs of a password, worked out once: hash, hash of the hash, three DES key schedules.

use super::des::{self, SCHEDULES_WORDS, Schedule};
use md4::{Digest, Md4};
use std::fmt;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

/// Derived from a password and worth keeping per subscriber (424 octets). Never printed.
#[derive(Clone)]
pub struct NtKeys {
    nt_hash: [u8; 16],
    /// NT hash of the NT hash, from which session keys and the server's own proof are made.
    hash_hash: [u8; 16],
    /// Schedules of the three DES keys that the padded NT hash falls into.
    ciphers: [u32; SCHEDULES_WORDS],
    /// First half of the LAN Manager hash, for 40-bit keys of MS-CHAP version 1; zeros when it is not known.
    lm_key: [u8; 8],
}

impl NtKeys {
    /// From a clear-text password; both versions of MS-CHAP work.
    pub fn from_password(password: &str) -> NtKeys {
        let mut keys = NtKeys::from_nt_hash(nt_hash(password));
        keys.lm_key = lm_key(password);
        keys
    }

    /// From MD4 of the UTF-16LE password (RFC 2759 section 8.3). 40-bit keys of version 1 cannot be made from it.
    pub fn from_nt_hash(nt_hash: [u8; 16]) -> NtKeys {
        let mut padded = Zeroizing::new([0u8; 21]);
        for (place, octet) in padded.iter_mut().zip(nt_hash) {
            *place = octet;
        }
        let [first, second, third] = [0, 7, 14].map(|at| padded.get(at..at + 7).unwrap_or_default());
        let mut keys = NtKeys {
            hash_hash: Md4::digest(nt_hash).into(),
            nt_hash,
            ciphers: [0; SCHEDULES_WORDS],
            lm_key: [0; 8],
        };
        let schedules = [des_key(first), des_key(second), des_key(third)];
        keys.ciphers.iter_mut().zip(schedules.as_flattened()).for_each(|(place, word)| *place = *word);
        keys
    }

    /// Whether a password that came by PAP has this hash. Not UTF-8: no.
    pub fn matches_password(&self, password: &[u8]) -> bool {
        std::str::from_utf8(password).is_ok_and(|text| nt_hash(text).ct_eq(&self.nt_hash).into())
    }

    pub(super) fn hash_hash(&self) -> &[u8; 16] {
        &self.hash_hash
    }

    pub(super) fn lm_key(&self) -> &[u8; 8] {
        &self.lm_key
    }

    /// The three schedules one after another, for [`des::encrypt_three`].
    pub(super) fn ciphers(&self) -> &[u32; SCHEDULES_WORDS] {
        &self.ciphers
    }

    /// ChallengeResponse of RFC 2759 section 8.5: the challenge under the three keys.
    pub(super) fn challenge_response(&self, challenge: [u8; 8]) -> [u8; 24] {
        let [a, b, c, d, e, f, g, h] = challenge;
        let words = [u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h])];
        let mut response = [0; 24];
        let blocks = des::encrypt_three(&self.ciphers, words);
        for (place, word) in response.as_chunks_mut::<4>().0.iter_mut().zip(blocks) {
            *place = word.to_be_bytes();
        }
        response
    }
}

impl Drop for NtKeys {
    fn drop(&mut self) {
        self.nt_hash.zeroize();
        self.hash_hash.zeroize();
        self.lm_key.zeroize();
        self.ciphers.zeroize();
    }
}

impl fmt::Debug for NtKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// NtPasswordHash (RFC 2759 section 8.3).
fn nt_hash(password: &str) -> [u8; 16] {
    let mut digest = Md4::new();
    for unit in password.encode_utf16() {
        digest.update(unit.to_le_bytes());
    }
    digest.finalize().into()
}

/// First eight octets of LmPasswordHash (RFC 2433 section A.2); zeros for a password that it cannot express.
fn lm_key(password: &str) -> [u8; 8] {
    if !password.is_ascii() || password.len() > 14 {
        return [0; 8];
    }
    let upper = Zeroizing::new(password.to_ascii_uppercase());
    let mut half = Zeroizing::new([0u8; 7]);
    for (place, octet) in half.iter_mut().zip(upper.bytes()) {
        *place = octet;
    }
    des::encrypt(&des_key(half.as_slice()), *b"KGS!@#$%")
}

/// The schedule of 56 key bits, spread over eight octets whose lowest bit DES does not read.
fn des_key(seven: &[u8]) -> Schedule {
    let bits = seven.iter().fold(0u64, |bits, octet| bits << 8 | u64::from(*octet));
    let spread = (0..8).fold(0u64, |key, n| key << 8 | (bits >> (49 - 7 * n) & 0x7f) << 1);
    des::schedule(spread.to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::radius::testing::hex;

    #[test]
    fn hashes_are_those_of_rfc_2759_section_9_2() {
        let keys = NtKeys::from_password("clientPass");
        assert_eq!(keys.nt_hash[..], hex("44EBBA8D5312B8D611474411F56989AE"));
        assert_eq!(keys.hash_hash[..], hex("41C00C584BD2D91C4017A2A12FA59F3F"));
        let same = NtKeys::from_nt_hash(keys.nt_hash);
        let challenge = [0xd0, 0x2e, 0x43, 0x86, 0xbc, 0xe9, 0x12, 0x26];
        for keys in [&keys, &same] {
            assert_eq!(
                keys.challenge_response(challenge)[..],
                hex("82309ECD8D708B5EA08FAA3981CD83544233114A3D85D6DF")
            );
        }
    }

    #[test]
    fn a_pap_password_is_compared_with_the_hash() {
        let keys = NtKeys::from_password("пароль");
        assert!(keys.matches_password("пароль".as_bytes()));
        assert!(!keys.matches_password("Пароль".as_bytes()));
        assert!(!keys.matches_password(&[0xff, 0xfe]));
    }

    #[test]
    fn the_lan_manager_half_ignores_case_and_stops_at_fourteen_octets() {
        // The well-known first half of the LAN Manager hash of "password".
        assert_eq!(NtKeys::from_password("PassWord").lm_key[..], hex("e52cac67419a9a22"));
        assert_eq!(NtKeys::from_password("fifteen octets.").lm_key, [0; 8]);
        assert_eq!(NtKeys::from_password("пароль").lm_key, [0; 8]);
    }
}
