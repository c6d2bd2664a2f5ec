//! Passwords, keys and SIDs: made, hashed, compared.

use crate::model::{Refusal, SecretHash, SecretText};
use crate::writer::Rejected;
use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use sha2::{Digest, Sha256};
use std::sync::LazyLock;

/// OWASP Password Storage Cheat Sheet, argon2id: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
const PASSWORD_CHARS_MIN: usize = 10;
/// More than anybody types; a longer one is wrong without being hashed.
const PASSWORD_OCTETS_MAX: usize = 1_024;
/// Characters of a generated password: 103 bits.
const GENERATED_CHARS: usize = 20;
/// As PHP's session ids in the document of the JeraSoft dialect: 134 bits.
const SID_PREFIX: &str = "1-";
const SID_CHARS: usize = 26;
/// So that a key is known as one where it should not be (a log, a repository).
const KEY_PREFIX: &str = "hgk_";
const KEY_CHARS: usize = 40;
const ALPHABET: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
/// Octets below it are spread evenly over the alphabet.
const EVEN_BELOW: u8 = 252;

/// What a login that nobody has is compared with, so that it takes as long.
static NOBODY: LazyLock<SecretText> = LazyLock::new(|| {
    let hash = hashed(&SecretText::new("nobody")).map(|hash| hash.expose().to_owned());
    SecretText::new(hash.unwrap_or_default())
});

/// The PHC string of a new password. Takes some 20 ms.
pub(super) fn hash_password(password: &SecretText) -> Result<SecretText, Rejected> {
    let text = password.expose();
    if text.chars().count() < PASSWORD_CHARS_MIN || text.len() > PASSWORD_OCTETS_MAX {
        let text = format!("a password has at least {PASSWORD_CHARS_MIN} characters");
        return Err(Refusal::new("weak-password", text).into());
    }
    hashed(password)
}

fn hashed(password: &SecretText) -> Result<SecretText, Rejected> {
    let hash: Result<PasswordHash, _> = argon2().hash_password(password.expose().as_bytes());
    match hash {
        Ok(hash) => Ok(SecretText::new(hash.to_string())),
        Err(error) => Err(Rejected::Later(format!("the password cannot be hashed: {error}"))),
    }
}

/// Whether this is the password that was hashed. As slow for an empty hash, which no password has.
pub(super) fn is_password(password: &SecretText, hash: &SecretText) -> bool {
    let known = !hash.is_empty() && password.expose().len() <= PASSWORD_OCTETS_MAX;
    let hash = if known { hash } else { &*NOBODY };
    let text = password.expose().as_bytes();
    let text = text.get(..PASSWORD_OCTETS_MAX).unwrap_or(text);
    argon2().verify_password(text, hash.expose()).is_ok() && known
}

fn argon2() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).unwrap_or_default();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// How keys and SIDs are stored and looked up. They are random, so a quick hash does.
pub(super) fn hash_of(secret: &str) -> SecretHash {
    SecretHash(Sha256::digest(secret.as_bytes()).into())
}

pub(super) fn new_sid() -> Result<String, Rejected> {
    Ok(format!("{SID_PREFIX}{}", random(SID_CHARS)?))
}

pub(super) fn new_key() -> Result<String, Rejected> {
    Ok(format!("{KEY_PREFIX}{}", random(KEY_CHARS)?))
}

pub(in crate::operations) fn new_password() -> Result<SecretText, Rejected> {
    random(GENERATED_CHARS).map(SecretText::new)
}

/// So many lower-case letters and digits from the system's randomness.
fn random(chars: usize) -> Result<String, Rejected> {
    let mut text = String::with_capacity(chars);
    let mut octets = [0u8; 64];
    while text.len() < chars {
        getrandom::fill(&mut octets)
            .map_err(|error| Rejected::Later(format!("no random numbers: {error}")))?;
        let even = octets.iter().filter(|octet| **octet < EVEN_BELOW);
        let letters = even.filter_map(|octet| ALPHABET.get(usize::from(*octet) % ALPHABET.len()));
        text.extend(letters.take(chars - text.len()).map(|letter| char::from(*letter)));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_known_by_its_hash_and_nothing_else_is() {
        let password = SecretText::new("correct horse");
        let hash = hash_password(&password).unwrap();
        assert!(hash.expose().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hash.expose());
        assert!(is_password(&password, &hash));
        for wrong in ["", "correct hors", "correct horse ", "nobody"] {
            assert!(!is_password(&SecretText::new(wrong), &hash), "{wrong}");
        }
        assert!(!is_password(&SecretText::new("nobody"), &SecretText::default()), "nobody has no password");
        assert!(!is_password(&password, &SecretText::new("not a hash")));
        assert_ne!(hash, hash_password(&password).unwrap(), "each hash has its own salt");
    }

    #[test]
    fn short_and_endless_passwords_are_not_taken() {
        for text in ["", "123456789", &"x".repeat(PASSWORD_OCTETS_MAX + 1)] {
            let refused = hash_password(&SecretText::new(text)).unwrap_err();
            assert!(matches!(refused, Rejected::Refused(Refusal { token, .. }) if token == "weak-password"));
        }
    }

    #[test]
    fn sids_and_keys_have_their_forms_and_are_never_the_same() {
        let letters = |text: &str| text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
        let (sid, key) = (new_sid().unwrap(), new_key().unwrap());
        let (of_sid, of_key) = (sid.strip_prefix("1-").unwrap(), key.strip_prefix("hgk_").unwrap());
        assert!(
            of_sid.len() == 26 && letters(of_sid) && of_key.len() == 40 && letters(of_key),
            "{sid} {key}"
        );
        assert_ne!(sid, new_sid().unwrap());
        let many: String = (0..400).map(|_| random(26).unwrap()).collect();
        assert!(ALPHABET.iter().all(|letter| many.contains(char::from(*letter))), "every letter comes");
    }
}
