//! Class (RFC 2865 section 5.25): whom an accounting record belongs to, as we told the NAS at login. It comes back
//! unchanged, and stays right when the NAS writes the name in another form.

use crate::model::SubscriberId;

const MARK: &[u8; 3] = b"hg1";
/// Mark, id, check.
pub const CLASS_OCTETS: usize = 3 + 8 + 4;

/// The value for a subscriber.
pub fn class_of(subscriber: SubscriberId) -> [u8; CLASS_OCTETS] {
    let id = subscriber.0.to_be_bytes();
    let mut class = [0; CLASS_OCTETS];
    let parts = MARK.iter().chain(&id).copied().chain(check(&id));
    for (place, octet) in class.iter_mut().zip(parts) {
        *place = octet;
    }
    class
}

/// Whom a Class names; None when it is not one of ours.
pub fn subscriber_of(class: &[u8]) -> Option<SubscriberId> {
    let (id, sum) = class.strip_prefix(MARK)?.split_first_chunk::<8>()?;
    (sum == check(id)).then_some(SubscriberId(i64::from_be_bytes(*id)))
}

/// Tells our own values from another server's, by the FNV-1a digest. It proves nothing: the NAS is trusted by its
/// authenticator.
fn check(id: &[u8; 8]) -> [u8; 4] {
    let digest = MARK
        .iter()
        .chain(id)
        .fold(0x811c_9dc5_u32, |digest, octet| (digest ^ u32::from(*octet)).wrapping_mul(0x0100_0193));
    digest.to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_comes_back_and_a_foreign_one_does_not() {
        for id in [1, 42, i64::MAX] {
            assert_eq!(subscriber_of(&class_of(SubscriberId(id))), Some(SubscriberId(id)));
        }
        let mut other = class_of(SubscriberId(7));
        other[10] ^= 1;
        for class in [&other[..], b"", b"hg1", b"something else", &[0; 15], &[1; 253]] {
            assert_eq!(subscriber_of(class), None);
        }
    }
}
