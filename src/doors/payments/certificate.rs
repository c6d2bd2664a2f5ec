//! The common name of a client's certificate: as much of X.509 as that takes (RFC 5280, section 4.1).
//!
//! The certificate's signature has been checked by then; here nothing is trusted but the lengths that fit.

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const OBJECT_ID: u8 = 0x06;
/// `[0]` of the version, which may be absent.
const VERSION: u8 = 0xa0;
/// id-at-commonName, 2.5.4.3.
const COMMON_NAME: [u8; 3] = [0x55, 0x04, 0x03];
/// UTF8String, PrintableString, T61String, IA5String.
const TEXTS: [u8; 4] = [0x0c, 0x13, 0x14, 0x16];
/// Parts of one name that are looked at.
const PARTS_MAX: usize = 64;

/// The subject's last common name; None: it has none, or this is no certificate.
pub(super) fn common_name(certificate: &[u8]) -> Option<String> {
    let (whole, _) = element(certificate, SEQUENCE)?;
    let (mut fields, _) = element(whole, SEQUENCE)?;
    if fields.first() == Some(&VERSION) {
        fields = any(fields)?.2;
    }
    // Serial number, signature, issuer, validity.
    for _ in 0..4 {
        fields = any(fields)?.2;
    }
    let (mut subject, _) = element(fields, SEQUENCE)?;
    let mut name = None;
    for _ in 0..PARTS_MAX {
        if subject.is_empty() {
            break;
        }
        let (mut set, rest) = element(subject, SET)?;
        while !set.is_empty() {
            let (pair, others) = element(set, SEQUENCE)?;
            let (id, value) = element(pair, OBJECT_ID)?;
            let (kind, text, _) = any(value)?;
            if id == COMMON_NAME && TEXTS.contains(&kind) {
                name = std::str::from_utf8(text).ok().map(str::to_owned);
            }
            set = others;
        }
        subject = rest;
    }
    name
}

/// The content of an element of this kind, and what follows it.
fn element(octets: &[u8], kind: u8) -> Option<(&[u8], &[u8])> {
    let (found, content, rest) = any(octets)?;
    (found == kind).then_some((content, rest))
}

/// Kind, content and rest (DER, X.690 section 8.1).
fn any(octets: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (kind, rest) = octets.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(*first), rest),
        0x81..=0x83 => {
            let (octets, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (octets.iter().fold(0, |length, octet| length << 8 | usize::from(*octet)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((*kind, content, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, DnType, KeyPair};

    #[test]
    fn the_common_name_of_a_certificate_is_found_and_nothing_else_is_taken_for_one() {
        let mut parameters = CertificateParams::new(vec!["other.example.org".into()]).unwrap();
        parameters.distinguished_name = rcgen::DistinguishedName::new();
        parameters.distinguished_name.push(DnType::OrganizationName, "Банк");
        parameters.distinguished_name.push(DnType::CommonName, "Платёжная система");
        let made = parameters.self_signed(&KeyPair::generate().unwrap()).unwrap();
        let der: &[u8] = made.der();
        assert_eq!(common_name(der).as_deref(), Some("Платёжная система"));
        for length in 0..der.len() {
            assert_eq!(common_name(&der[..length]), None, "{length}");
        }
        // Whatever octet is wrong: an answer, and no panic.
        for at in 0..der.len() {
            let mut wrong = der.to_vec();
            wrong[at] ^= 0xff;
            let _ = common_name(&wrong);
        }
    }
}
