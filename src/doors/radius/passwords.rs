//! Whether a request proves the password that is stored, by each method and each form of storage.

use crate::directory::{Entry, NasEntry};
use crate::model::{Password, SubscriberId};
use crate::operations::Proof;
use crate::radius::auth::{Method, NtKeys, chap, mschap, pap};
use crate::radius::codec::{MessageAuthenticator, PacketView};
use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use subtle::ConstantTimeEq;

/// Passwords whose costly hash was found right, remembered at most.
const KNOWN_MAX: usize = 65_536;

const NO_PASSWORD: &str = "no password is stored for it";
const NO_PROOF: &str = "the request carries no password";
const EAP: &str = "EAP is not served";
const CHAP_OF_HASH: &str = "CHAP needs the clear-text password, and only a hash of it is stored";
const MSCHAP_OF_CRYPT: &str =
    "MS-CHAP needs the clear-text password or its NT hash, and only a crypt hash is stored";
const BAD_NT_HASH: &str = "the stored NT hash is not 32 hexadecimal digits";
const BAD_PAP: &str = "User-Password is not 16 to 128 octets in blocks of 16";
const OTHER_SECRET: &str =
    "User-Password does not read as text: the NAS most likely has another shared secret";
const BEING_CHECKED: &str = "the password's hash is costly and is still being checked";

/// The name of a method as people write it.
pub fn method_name(method: Option<Method>) -> &'static str {
    match method {
        Some(Method::Pap) => "PAP",
        Some(Method::Chap) => "CHAP",
        Some(Method::MsChap1) => "MS-CHAPv1",
        Some(Method::MsChap2) => "MS-CHAPv2",
        Some(Method::Eap) => "EAP",
        None => "none",
    }
}

/// What an accept owes the subscriber's system beyond its attributes.
pub enum Owed {
    Nothing,
    MsChap1(mschap::V1Proof),
    MsChap2(mschap::V2Proof),
}

/// The result of a proof.
pub struct Proved {
    pub proof: Proof,
    pub owed: Owed,
    /// It needs a hash that takes too long here; it is to be checked elsewhere and asked again with `checked`.
    pub costly: bool,
}

impl From<Proof> for Proved {
    fn from(proof: Proof) -> Proved {
        Proved { proof, owed: Owed::Nothing, costly: false }
    }
}

impl From<bool> for Proved {
    fn from(right: bool) -> Proved {
        Proved::from(if right { Proof::Right } else { Proof::Wrong })
    }
}

/// Asks for the memory that a login of this entry reads beside the entry.
pub fn prefetch(entry: &Entry) {
    let subscriber = &entry.view.subscriber;
    match &subscriber.password {
        Password::Clear(secret) | Password::NtHash(secret) | Password::Crypt(secret) => {
            super::prefetch::slice(secret.expose().as_bytes());
        }
        Password::None => {}
    }
    super::prefetch::slice(&subscriber.addresses);
}

/// One request and what is needed to judge its proof.
pub struct Attempt<'a> {
    pub packet: &'a PacketView<'a>,
    pub nas: &'a NasEntry,
    pub signed: MessageAuthenticator,
    pub method: Option<Method>,
    /// What came out where the hash was costly; None: not checked yet.
    pub checked: Option<bool>,
    /// What an MS-CHAPv2 login of the entry has to be, where it was worked out together with others.
    pub expected: Option<&'a mschap::Expected>,
}

impl Attempt<'_> {
    /// Compares with what is stored for this entry.
    pub fn prove(&self, entry: &Entry, known: &KnownPasswords) -> Proved {
        let stored = &entry.view.subscriber.password;
        match (self.method, stored) {
            (None, _) => Proof::Impossible(NO_PROOF).into(),
            (Some(Method::Eap), _) => Proof::Impossible(EAP).into(),
            (_, Password::None) => Proof::Impossible(NO_PASSWORD).into(),
            (Some(Method::Pap), _) => self.prove_pap(entry, known),
            (Some(Method::Chap), Password::Clear(clear)) => {
                chap::verify(self.packet, clear.expose().as_bytes()).into()
            }
            (Some(Method::Chap), _) => Proof::Impossible(CHAP_OF_HASH).into(),
            (Some(_), Password::Crypt(_)) => Proof::Impossible(MSCHAP_OF_CRYPT).into(),
            (Some(method), _) => match nt_keys(entry) {
                Some(keys) => self.prove_mschap(method, keys),
                None => Proof::Impossible(BAD_NT_HASH).into(),
            },
        }
    }

    fn prove_pap(&self, entry: &Entry, known: &KnownPasswords) -> Proved {
        let Ok(sent) = pap::password(self.packet, &self.nas.secret) else {
            return Proof::Impossible(BAD_PAP).into();
        };
        let right = match &entry.view.subscriber.password {
            Password::None => false,
            Password::Clear(clear) => sent.matches(clear.expose().as_bytes()),
            Password::NtHash(_) => match nt_keys(entry) {
                Some(keys) => keys.matches_password(sent.as_bytes()),
                None => return Proof::Impossible(BAD_NT_HASH).into(),
            },
            Password::Crypt(hash) => match self.checked {
                Some(right) => right,
                None if known.knows(entry.id(), hash.expose(), sent.as_bytes()) => true,
                None => {
                    return Proved { costly: true, ..Proof::Impossible(BEING_CHECKED).into() };
                }
            },
        };
        if !right && self.signed == MessageAuthenticator::Absent && !sent.is_text() {
            return Proof::Impossible(OTHER_SECRET).into();
        }
        right.into()
    }

    fn prove_mschap(&self, method: Method, keys: &NtKeys) -> Proved {
        let owed = match method {
            Method::MsChap1 => mschap::verify_v1(self.packet, keys).map(Owed::MsChap1),
            _ => mschap::V2Response::of(self.packet)
                .and_then(|response| response.prove(keys, self.expected))
                .map(Owed::MsChap2),
        };
        match owed {
            Some(owed) => Proved { proof: Proof::Right, owed, costly: false },
            None => Proof::Wrong.into(),
        }
    }
}

/// The keys of an entry, made at the first use; None when there is nothing to make them of.
pub fn nt_keys(entry: &Entry) -> Option<&NtKeys> {
    if let Some(keys) = entry.nt_keys.get() {
        return Some(keys);
    }
    let keys = match &entry.view.subscriber.password {
        Password::Clear(clear) => NtKeys::from_password(clear.expose()),
        Password::NtHash(digits) => NtKeys::from_nt_hash(nt_hash_of(digits.expose())?),
        Password::None | Password::Crypt(_) => return None,
    };
    Some(entry.nt_keys.get_or_init(|| keys))
}

fn nt_hash_of(digits: &str) -> Option<[u8; 16]> {
    let mut hash = [0; 16];
    let (pairs, rest) = digits.trim().as_bytes().as_chunks::<2>();
    if pairs.len() != hash.len() || !rest.is_empty() {
        return None;
    }
    for (place, [high, low]) in hash.iter_mut().zip(pairs) {
        let digit = |digit: &u8| char::from(*digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        *place = digit(high)? << 4 | digit(low)?;
    }
    Some(hash)
}

/// Which password was last found right for a costly hash, as a keyed digest: a login that repeats does not cost
/// the hash again. The key lives only in this process.
pub struct KnownPasswords {
    key: [u8; 32],
    known: Mutex<HashMap<SubscriberId, [u8; 32]>>,
}

impl KnownPasswords {
    pub fn new() -> KnownPasswords {
        let mut key = [0; 32];
        // Without entropy the digests in this process's memory are merely unkeyed.
        let _ = getrandom::fill(&mut key);
        KnownPasswords { key, known: Mutex::default() }
    }

    pub fn knows(&self, subscriber: SubscriberId, hash: &str, password: &[u8]) -> bool {
        let expected = self.digest(hash, password);
        self.known.lock().get(&subscriber).is_some_and(|known| known.ct_eq(&expected).into())
    }

    pub fn remember(&self, subscriber: SubscriberId, hash: &str, password: &[u8]) {
        let digest = self.digest(hash, password);
        let mut known = self.known.lock();
        if known.len() >= KNOWN_MAX
            && !known.contains_key(&subscriber)
            && let Some(other) = known.keys().next().copied()
        {
            known.remove(&other);
        }
        known.insert(subscriber, digest);
    }

    fn digest(&self, hash: &str, password: &[u8]) -> [u8; 32] {
        let digest =
            Sha256::new_with_prefix(self.key).chain_update(hash).chain_update([0]).chain_update(password);
        digest.finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_password_is_known_for_its_hash_and_subscriber_only() {
        let known = KnownPasswords::new();
        known.remember(SubscriberId(1), "$1$x", b"secret");
        assert!(known.knows(SubscriberId(1), "$1$x", b"secret"));
        assert!(!known.knows(SubscriberId(1), "$1$x", b"secreT"));
        assert!(!known.knows(SubscriberId(1), "$1$y", b"secret"));
        assert!(!known.knows(SubscriberId(2), "$1$x", b"secret"));
    }

    #[test]
    fn known_passwords_are_bounded() {
        let known = KnownPasswords::new();
        for id in 0..70_000 {
            known.remember(SubscriberId(id), "$1$x", b"secret");
        }
        assert_eq!(known.known.lock().len(), KNOWN_MAX);
        assert!(known.knows(SubscriberId(69_999), "$1$x", b"secret"));
    }

    #[test]
    fn an_nt_hash_is_thirty_two_digits_in_any_case() {
        assert_eq!(
            nt_hash_of("44ebBA8D5312B8D611474411F56989AE").map(|hash| hash[..2].to_vec()),
            Some(vec![0x44, 0xeb])
        );
        for text in ["", "44eb", "44ebBA8D5312B8D611474411F56989A", "x4ebBA8D5312B8D611474411F56989AE"] {
            assert_eq!(nt_hash_of(text), None);
        }
    }
}
