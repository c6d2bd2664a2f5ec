//! Passwords kept as crypt(3) hashes, checked by the system's own library.

use std::ffi::{CStr, CString, c_char, c_int};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

/// The longest password that is tried, octets: what User-Password can carry.
pub const PASSWORD_OCTETS_MAX: usize = crate::radius::codec::PASSWORD_OCTETS_MAX;
/// The longest hash that is tried, octets (CRYPT_OUTPUT_SIZE of libxcrypt).
pub const HASH_OCTETS_MAX: usize = 383;
/// Rounds of SHA-crypt and its like that are tried; 5,000 is usual.
const ROUNDS_MAX: u64 = 200_000;
/// Two to this power is what bcrypt is allowed; 10 to 12 is usual.
const BCRYPT_COST_MAX: u8 = 13;

/// Whether this password has this hash. It takes from a microsecond (MD5-crypt) to a quarter of a second (yescrypt):
/// not for a thread that others wait on. False for a hash that the library does not know and for one whose cost
/// is beyond reason, so that one row of imported data cannot hold a processor for minutes.
pub fn verify(password: &[u8], hash: &str) -> bool {
    if password.len() > PASSWORD_OCTETS_MAX || hash.len() > HASH_OCTETS_MAX || !is_affordable(hash) {
        return false;
    }
    let mut text = Zeroizing::new([0u8; PASSWORD_OCTETS_MAX + 1]);
    for (place, octet) in text.iter_mut().zip(password) {
        *place = *octet;
    }
    // A NUL inside would end the password early and let a shorter one through.
    let password = text.get(..=password.len()).and_then(|text| CStr::from_bytes_with_nul(text).ok());
    let (Some(password), Ok(setting)) = (password, CString::new(hash)) else {
        return false;
    };
    let mut work = Work::new();
    // SAFETY: both texts end with NUL and live through the call; `work` is zeroed, aligned and larger than
    // `struct crypt_data` of libxcrypt (32,768 octets) and of older glibc (131,232).
    let answer = unsafe { crypt_r(password.as_ptr(), setting.as_ptr(), work.as_mut_ptr().cast()) };
    if answer.is_null() {
        return false;
    }
    // SAFETY: not null, so it is a text that ends with NUL inside `work`, which is still alive.
    let computed = unsafe { CStr::from_ptr(answer) }.to_bytes();
    // A failure is told by a text that begins with '*' and is never equal to the setting.
    !computed.starts_with(b"*") && bool::from(computed.ct_eq(hash.as_bytes()))
}

/// Whether the hash asks for no more work than a careful operator would. The forms are those of crypt(5).
fn is_affordable(hash: &str) -> bool {
    if let Some((_, rounds)) = hash.split_once("rounds=") {
        return leading_number(rounds).is_some_and(|rounds| rounds <= ROUNDS_MAX);
    }
    let method = hash.strip_prefix('$').and_then(|rest| rest.split_once('$'));
    match method {
        Some(("2a" | "2b" | "2x" | "2y", rest)) => {
            leading_number(rest).is_some_and(|cost| cost <= u64::from(BCRYPT_COST_MAX))
        }
        Some(("sha1", rest)) => leading_number(rest).is_some_and(|rounds| rounds <= ROUNDS_MAX),
        // `j`, a letter for the power of two, a letter for the block size: 7 to D is up to 64 MiB.
        Some(("y" | "gy", rest)) => {
            matches!(*rest.as_bytes(), [b'j', b'7'..=b'9' | b'A'..=b'D', b'5' | b'T', b'$', ..])
        }
        Some(("7", rest)) => {
            matches!(*rest.as_bytes(), [b'6'..=b'9' | b'A'..=b'D', b'U', b'.', b'.', b'.', b'.', b'/', ..])
        }
        Some(("1" | "3" | "5" | "6" | "md5", _)) => true,
        Some(_) => false,
        // The old forms: 13 characters of DES; BSDi's `_` names a count of its own and is not taken.
        None => hash.len() == 13 && !hash.starts_with(['_', '*', '$']),
    }
}

fn leading_number(text: &str) -> Option<u64> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text.get(..end)?.parse().ok()
}

/// Room for `struct crypt_data`, wiped when dropped.
#[repr(C, align(64))]
struct Aligned([u8; 64]);

struct Work(Box<[Aligned]>);

impl Work {
    const OCTETS: usize = 160 * 1024;

    fn new() -> Work {
        Work((0..Work::OCTETS / 64).map(|_| Aligned([0; 64])).collect())
    }

    fn as_mut_ptr(&mut self) -> *mut Aligned {
        self.0.as_mut_ptr()
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        self.0.iter_mut().for_each(|part| part.0.zeroize());
    }
}

/// `struct crypt_data`, opaque.
#[repr(C)]
struct CryptData {
    _opaque: c_int,
}

#[link(name = "crypt")]
unsafe extern "C" {
    fn crypt_r(phrase: *const c_char, setting: *const c_char, data: *mut CryptData) -> *mut c_char;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hashes of "arctangent", made by another binding of the library.
    const HASHES: [&str; 5] = [
        "$6$rounds=5000$saltsalt$GpCf.k2eoTPqOFOFlaF0cYajKNO37bqOYsoBraSjGDZHdTQhBwDvPsrXW4DGgLrINA70jZoYWFg/50W2Y4RtM/",
        "$1$saltsalt$goE80zxgRmj8C5ron0hJB/",
        "ab.2EYcfbtCD.",
        "$y$j9T$abcdefgh$4YnSxz9EjFZVu5rnTJ1EaalSvFcIze1rcAoCWLB6GJ/",
        "$2b$05$abcdefghijklmnopqrstuuQKAy.lm1SslDws9UlX2FwBdiZDMMhGq",
    ];

    #[test]
    fn the_password_of_each_kind_of_hash_is_known_and_no_other() {
        for hash in HASHES {
            assert!(verify(b"arctangent", hash), "{hash}");
        }
        for hash in ["$1$saltsalt$goE80zxgRmj8C5ron0hJB/", "$1$saltsalt$", "$1$"] {
            assert!(!verify(b"arctangenT", hash));
        }
        assert!(!verify(b"", HASHES[1]));
    }

    #[test]
    fn what_is_no_hash_or_no_password_is_refused() {
        for hash in ["", "*", "*0", "!", "x", "plain text", "$", "$99$x", "_J9..rasmBYk8r9AiWNc", "\0"] {
            assert!(!verify(b"arctangent", hash), "{hash}");
        }
        assert!(!verify(b"arctangent\0", HASHES[1]));
        assert!(!verify(&[b'x'; 129], HASHES[1]));
        assert!(!verify(b"x", &"a".repeat(384)));
    }

    #[test]
    fn a_hash_that_would_take_minutes_is_not_begun() {
        for hash in [
            "$6$rounds=999999999$saltsalt$GpCf",
            "$5$rounds=99999999999999999999$saltsalt$GpCf",
            "$md5,rounds=4000000000$salt$$x",
            "$2b$31$abcdefghijklmnopqrstuuQKAy.lm1SslDws9UlX2FwBdiZDMMhGq",
            "$sha1$4000000000$salt$x",
            "$y$jZT$abcdefgh$4Yn",
            "$7$zU..../....salt$x",
        ] {
            assert!(!is_affordable(hash), "{hash}");
        }
        assert!(HASHES.iter().all(|hash| is_affordable(hash)));
    }
}
