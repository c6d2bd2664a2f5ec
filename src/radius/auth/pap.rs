//! PAP: User-Password revealed with the shared secret (RFC 2865 section 5.2).

use crate::radius::codec::{PASSWORD_OCTETS_MAX, PacketView, SharedSecret};
use std::fmt;
use subtle::ConstantTimeEq;
use zeroize::Zeroize;

/// Why there is no password to compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PapError {
    /// No User-Password.
    Absent,
    /// Not 16 to 128 octets in blocks of 16.
    Length,
}

impl fmt::Display for PapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PapError::Absent => "no User-Password",
            PapError::Length => "User-Password is not 16 to 128 octets in blocks of 16",
        })
    }
}

impl std::error::Error for PapError {}

/// A revealed password, at most 128 octets, without its padding. Wiped when dropped, never printed.
#[derive(Clone)]
pub struct RevealedPassword {
    blocks: [[u8; 16]; PASSWORD_OCTETS_MAX / 16],
    used: usize,
}

impl RevealedPassword {
    pub fn as_bytes(&self) -> &[u8] {
        self.blocks.as_flattened().get(..self.used).unwrap_or_default()
    }

    /// Compares in constant time, the length included: whole blocks, whatever of them is used.
    pub fn matches(&self, password: &[u8]) -> bool {
        let mut expected = [[0u8; 16]; PASSWORD_OCTETS_MAX / 16];
        let Some(place) = expected.as_flattened_mut().get_mut(..password.len()) else { return false };
        place.copy_from_slice(password);
        let blocks = expected.iter().zip(&self.blocks);
        let difference = blocks.fold(0u128, |difference, (expected, revealed)| {
            difference | u128::from_ne_bytes(*expected) ^ u128::from_ne_bytes(*revealed)
        });
        let same = difference.ct_eq(&0) & self.used.ct_eq(&password.len());
        wipe(&mut expected, password.len());
        same.into()
    }

    /// Whether this reads as text. Where it does not, the NAS most likely has another shared secret.
    pub fn is_text(&self) -> bool {
        std::str::from_utf8(self.as_bytes()).is_ok_and(|text| !text.chars().any(char::is_control))
    }
}

impl Drop for RevealedPassword {
    fn drop(&mut self) {
        wipe(&mut self.blocks, self.used);
    }
}

/// Wipes the blocks that octets stand in; the others are zero already, and wiping is slow.
fn wipe(blocks: &mut [[u8; 16]], used: usize) {
    blocks.iter_mut().take(used.div_ceil(16)).for_each(|block| block.zeroize());
}

impl fmt::Debug for RevealedPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Reveals User-Password of an Access-Request.
pub fn password(packet: &PacketView<'_>, secret: &SharedSecret) -> Result<RevealedPassword, PapError> {
    let hidden = packet.user_password().ok_or(PapError::Absent)?;
    let (hidden, rest) = hidden.as_chunks::<16>();
    let mut revealed = RevealedPassword { blocks: [[0; 16]; PASSWORD_OCTETS_MAX / 16], used: 0 };
    if !rest.is_empty() || hidden.is_empty() || hidden.len() > revealed.blocks.len() {
        return Err(PapError::Length);
    }
    let mut previous: &[u8] = packet.authenticator();
    for (place, block) in revealed.blocks.iter_mut().zip(hidden) {
        *place = secret.pad([previous, &[]]);
        for (octet, hidden) in place.iter_mut().zip(block) {
            *octet ^= hidden;
        }
        previous = block;
    }
    let octets = revealed.blocks.as_flattened();
    revealed.used = octets.iter().rposition(|octet| *octet != 0).map_or(0, |last| last + 1);
    Ok(revealed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::radius::codec::{Code, RequestWriter, dictionary::USER_PASSWORD};
    use crate::radius::testing::hex;

    #[test]
    fn the_password_of_rfc_2865_section_7_1_is_revealed() {
        let request = hex("01 00 00 38 0f 40 3f 94 73 97 80 57 bd 83 d5 cb 98 f4 22 7a
             01 06 6e 65 6d 6f 02 12 0d be 70 8d 93 d4 13 ce 31 96 e4 3f
             78 2a 0a ee 04 06 c0 a8 01 10 05 06 00 00 00 03");
        let view = PacketView::parse(&request).unwrap();
        let revealed = password(&view, &SharedSecret::new(b"xyzzy5461")).unwrap();
        assert_eq!(revealed.as_bytes(), b"arctangent");
        assert!(revealed.matches(b"arctangent") && revealed.is_text());
        for other in [&b""[..], b"arctangen", b"arctangent\0", b"arctangenT", &[b'a'; 300]] {
            assert!(!revealed.matches(other));
        }
        let other_secret = password(&view, &SharedSecret::new(b"xyzzy5462")).unwrap();
        assert!(!other_secret.matches(b"arctangent") && !other_secret.is_text());
        assert_eq!(format!("{revealed:?}"), "***");
    }

    #[test]
    fn passwords_of_every_length_come_back() {
        let secret = SharedSecret::new(b"testing123");
        let mut sent = Vec::new();
        for length in 0..=128 {
            let clear: Vec<u8> = (0..length).map(|n| b'a' + n % 26).collect();
            let mut request = RequestWriter::access(&mut sent, Code::ACCESS_REQUEST, 1, [length; 16]);
            request.user_password(&clear, &secret).unwrap();
            request.finish(&secret);
            let revealed = password(&PacketView::parse(&sent).unwrap(), &secret).unwrap();
            assert!(revealed.matches(&clear), "{length}");
            assert_eq!(revealed.as_bytes(), clear);
        }
    }

    #[test]
    fn lengths_that_no_nas_should_send_are_refused() {
        let secret = SharedSecret::new(b"testing123");
        let mut sent = Vec::new();
        for length in [0, 1, 15, 17, 129, 144] {
            let mut request = RequestWriter::access(&mut sent, Code::ACCESS_REQUEST, 1, [1; 16]);
            request.attribute(USER_PASSWORD, &vec![1; length]).unwrap();
            request.finish(&secret);
            let view = PacketView::parse(&sent).unwrap();
            assert_eq!(password(&view, &secret).err(), Some(PapError::Length));
        }
        RequestWriter::access(&mut sent, Code::ACCESS_REQUEST, 1, [1; 16]).finish(&secret);
        assert_eq!(password(&PacketView::parse(&sent).unwrap(), &secret).err(), Some(PapError::Absent));
    }
}
