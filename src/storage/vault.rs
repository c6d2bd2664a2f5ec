//! Secrets at rest: subscribers' passwords and NAS shared secrets are encrypted in their columns.
//!
//! XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha) with a random nonce for each value. The place of a value (table,
//! id, column) is authenticated with it, so that a secret copied to another row does not open there.

use super::StoreError;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use zeroize::Zeroizing;

/// Name of the key's file in the state directory.
const KEY_FILE: &str = "store.key";
const KEY_BYTES: usize = 32;
/// Read of a key file at most; more than a key has, so that a longer file is noticed.
const KEY_FILE_BYTES_MAX: u64 = 64;
const NONCE_BYTES: usize = 24;
/// First octet of a sealed value: how it is sealed.
const FORMAT: u8 = 1;

/// Seals and opens secrets with one key.
pub struct Vault {
    cipher: XChaCha20Poly1305,
}

/// Where a sealed value stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    pub table: &'a str,
    pub id: i64,
    pub column: &'a str,
}

impl Vault {
    /// Reads `store.key` (32 octets) in `state_dir`; makes it, mode 0600, when there is none.
    ///
    /// # Errors
    /// [`StoreError::Unusable`] when the file cannot be read or made, or is not 32 octets long.
    pub fn open(state_dir: &Path) -> Result<Vault, StoreError> {
        let path = state_dir.join(KEY_FILE);
        let trouble = |e: std::io::Error| StoreError::Unusable(format!("{}: {e}", path.display()));
        super::sqlite::create_private_directory(state_dir).map_err(trouble)?;
        match read_key(&path) {
            Ok(key) => Ok(Vault::from_key(*key)),
            Err(e) if e.kind() == ErrorKind::NotFound => {
                make_key(state_dir, &path).map_err(trouble)?;
                // Read back: another process may have been first.
                Ok(Vault::from_key(*read_key(&path).map_err(trouble)?))
            }
            Err(e) => Err(trouble(e)),
        }
    }

    /// A vault with a key that comes from elsewhere (a systemd credential).
    pub fn from_key(key: [u8; 32]) -> Vault {
        let key = Zeroizing::new(key);
        Vault { cipher: XChaCha20Poly1305::new((&*key).into()) }
    }

    /// `1`, the nonce, the ciphertext and its tag: 41 octets longer than the secret.
    pub(super) fn seal(&self, place: Place<'_>, secret: &str) -> Result<Vec<u8>, StoreError> {
        let mut nonce = [0u8; NONCE_BYTES];
        getrandom::fill(&mut nonce).map_err(|e| StoreError::Unknown(format!("no random numbers: {e}")))?;
        let payload = Payload { msg: secret.as_bytes(), aad: &place.associated_data() };
        let sealed = self
            .cipher
            .encrypt(&XNonce::from(nonce), payload)
            .map_err(|_| StoreError::Poisoned("a secret is too long to be sealed".to_owned()))?;
        let mut value = Vec::with_capacity(1 + NONCE_BYTES + sealed.len());
        value.push(FORMAT);
        value.extend_from_slice(&nonce);
        value.extend_from_slice(&sealed);
        Ok(value)
    }

    /// None: sealed with another key, for another place, or damaged.
    pub(super) fn unseal(&self, place: Place<'_>, value: &[u8]) -> Option<Zeroizing<String>> {
        let (format, rest) = value.split_first()?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_BYTES>()?;
        if *format != FORMAT {
            return None;
        }
        let payload = Payload { msg: sealed, aad: &place.associated_data() };
        let secret = self.cipher.decrypt(&XNonce::from(*nonce), payload).ok()?;
        match String::from_utf8(secret) {
            Ok(text) => Some(Zeroizing::new(text)),
            Err(e) => {
                drop(Zeroizing::new(e.into_bytes()));
                None
            }
        }
    }
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Vault(***)")
    }
}

impl Place<'_> {
    /// The parts are separated by an octet that stands in no table or column name.
    fn associated_data(&self) -> Vec<u8> {
        format!("headgate\0{}\0{}\0{}", self.table, self.id, self.column).into_bytes()
    }
}

fn read_key(path: &Path) -> std::io::Result<Zeroizing<[u8; KEY_BYTES]>> {
    let file = File::open(path)?;
    if file.metadata()?.permissions().mode() & 0o077 != 0 {
        tracing::warn!(file = %path.display(), "the store's key could be read by others; set to mode 0600");
        file.set_permissions(Permissions::from_mode(0o600))?;
    }
    let mut text = Zeroizing::new(Vec::with_capacity(64));
    file.take(KEY_FILE_BYTES_MAX).read_to_end(&mut text)?;
    let key = <[u8; KEY_BYTES]>::try_from(text.as_slice())
        .map_err(|_| std::io::Error::other(format!("is not a key: expected {KEY_BYTES} octets")))?;
    Ok(Zeroizing::new(key))
}

/// Written aside and linked into place, so that a key file is whole and an existing one is never replaced.
fn make_key(state_dir: &Path, path: &Path) -> std::io::Result<()> {
    let mut key = Zeroizing::new([0u8; KEY_BYTES]);
    getrandom::fill(key.as_mut()).map_err(std::io::Error::other)?;
    let aside = state_dir.join(format!("{KEY_FILE}.{}", std::process::id()));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&aside)?;
    file.write_all(key.as_ref())?;
    file.sync_all()?;
    let linked = match fs::hard_link(&aside, path) {
        Err(e) if e.kind() == ErrorKind::AlreadyExists => Ok(()),
        other => other,
    };
    fs::remove_file(&aside)?;
    linked?;
    File::open(state_dir)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: Place<'_> = Place { table: "nas", id: 7, column: "secret" };

    #[test]
    fn a_sealed_secret_opens_only_in_its_place_and_with_its_key() {
        let vault = Vault::from_key([1; 32]);
        let sealed = vault.seal(PLACE, "пароль").unwrap();
        assert_eq!(vault.unseal(PLACE, &sealed).unwrap().as_str(), "пароль");
        assert!(vault.unseal(Place { id: 8, ..PLACE }, &sealed).is_none());
        assert!(vault.unseal(Place { table: "subscriber", ..PLACE }, &sealed).is_none());
        assert!(vault.unseal(Place { column: "other", ..PLACE }, &sealed).is_none());
        assert!(Vault::from_key([2; 32]).unseal(PLACE, &sealed).is_none());
    }

    #[test]
    fn no_octet_of_a_sealed_secret_can_be_changed_or_cut() {
        let vault = Vault::from_key([1; 32]);
        let sealed = vault.seal(PLACE, "s").unwrap();
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(vault.unseal(PLACE, &changed).is_none());
            assert!(vault.unseal(PLACE, &sealed[..at]).is_none());
        }
    }

    #[test]
    fn the_same_secret_is_sealed_differently_each_time() {
        let vault = Vault::from_key([1; 32]);
        assert_ne!(vault.seal(PLACE, "s").unwrap(), vault.seal(PLACE, "s").unwrap());
    }

    #[test]
    fn the_key_is_made_once_private_and_kept() {
        let dir = tempfile::tempdir().unwrap();
        let sealed = Vault::open(dir.path()).unwrap().seal(PLACE, "s").unwrap();
        assert_eq!(Vault::open(dir.path()).unwrap().unseal(PLACE, &sealed).unwrap().as_str(), "s");
        let mode = fs::metadata(dir.path().join(KEY_FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is left aside");
    }

    #[test]
    fn a_key_file_of_another_length_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        for length in [0, 31, 33] {
            fs::write(dir.path().join(KEY_FILE), vec![0; length]).unwrap();
            assert!(matches!(Vault::open(dir.path()), Err(StoreError::Unusable(_))));
        }
    }
}
