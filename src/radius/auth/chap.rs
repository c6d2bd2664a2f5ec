//! CHAP (RFC 2865 section 5.3, RFC 1994): MD5 over identifier, password and challenge.

use crate::radius::codec::PacketView;
use md5::{Digest, Md5};
use subtle::ConstantTimeEq;

/// Whether CHAP-Password proves this password; false as well when it is absent or not 17 octets. The challenge is
/// CHAP-Challenge or, without it, the Request Authenticator (RFC 2865 section 5.40).
pub fn verify(packet: &PacketView<'_>, password: &[u8]) -> bool {
    let Some((identifier, response)) =
        packet.chap_password().and_then(|value| value.split_first_chunk::<1>())
    else {
        return false;
    };
    let challenge = packet.chap_challenge().unwrap_or(packet.authenticator());
    let expected = Md5::new_with_prefix(identifier).chain_update(password).chain_update(challenge).finalize();
    expected[..].ct_eq(response).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::radius::codec::{Code, RequestWriter, SharedSecret, dictionary::*};
    use crate::radius::testing::hex;

    #[test]
    fn the_chap_login_of_rfc_2865_section_7_2_is_proved() {
        let request = hex("01 01 00 47 2a ee 86 f0 8d 0d 55 96 9c a5 97 8e
             0d 33 67 a2 01 08 66 6c 6f 70 73 79 03 13 16 e9
             75 57 c3 16 18 58 95 f2 93 ff 63 44 07 72 75 04
             06 c0 a8 01 10 05 06 00 00 00 14 06 06 00 00 00
             02 07 06 00 00 00 01");
        let view = PacketView::parse(&request).unwrap();
        assert!(verify(&view, b"arctangent"));
        assert!(!verify(&view, b"arctangens"));
        assert!(!verify(&view, b""));
    }

    fn login(password: &[u8], challenge: Option<&[u8]>) -> Vec<u8> {
        let mut sent = Vec::new();
        let random: [u8; 16] = std::array::from_fn(|n| u8::try_from(n).unwrap());
        let mut request = RequestWriter::access(&mut sent, Code::ACCESS_REQUEST, 1, random);
        request.attribute(CHAP_PASSWORD, password).unwrap();
        if let Some(challenge) = challenge {
            request.attribute(CHAP_CHALLENGE, challenge).unwrap();
        }
        request.finish(&SharedSecret::new(b"s"));
        sent
    }

    #[test]
    fn the_challenge_is_the_attribute_or_the_request_authenticator() {
        // MD5(07 "hello" 00..0f) and MD5(07 "hello" 00..08), by another MD5.
        let by_authenticator = hex("07 5694f06ba6105ba5775fe81fab295965");
        let by_attribute = hex("07 e8a89129fe1d0a3d4c68349ad888ca3f");
        let nine: Vec<u8> = (0..9).collect();
        for (response, challenge, proved) in [
            (&by_authenticator, None, true),
            (&by_attribute, Some(&nine[..]), true),
            (&by_authenticator, Some(&nine[..]), false),
            (&by_attribute, None, false),
        ] {
            let request = login(response, challenge);
            assert_eq!(verify(&PacketView::parse(&request).unwrap(), b"hello"), proved);
        }
    }

    #[test]
    fn a_response_of_another_length_proves_nothing() {
        for length in [0, 1, 16, 18, 33] {
            let request = login(&vec![7; length], None);
            assert!(!verify(&PacketView::parse(&request).unwrap(), b"hello"));
        }
    }
}
