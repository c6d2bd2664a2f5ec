//! Class (RFC 2865 section 5.25): whom an accounting record belongs to, as we told the NAS at login. It comes back
//! unchanged, and stays right when the NAS writes the name in another form.

use crate::model::SubscriberId;

const MARK: &[u8; 3] = b"hg1";
/// "headgate", and an odd number without pattern (2^64 over the golden ratio).
const CHECK_SEED: u64 = u64::from_be_bytes(*b"headgate");
const CHECK_FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
/// Mark, id, check.
pub const CLASS_OCTETS: usize = 3 + 8 + 4;

/// The value for a subscriber.
pub fn class_of(subscriber: SubscriberId) -> [u8; CLASS_OCTETS] {
    let id = subscriber.0.to_be_bytes();
    let [m0, m1, m2] = *MARK;
    let [a, b, c, d, e, f, g, h] = id;
    let [s0, s1, s2, s3] = check(&id);
    [m0, m1, m2, a, b, c, d, e, f, g, h, s0, s1, s2, s3]
}

/// Whom a Class names; None when it is not one of ours.
pub fn subscriber_of(class: &[u8]) -> Option<SubscriberId> {
    let (id, sum) = class.strip_prefix(MARK)?.split_first_chunk::<8>()?;
    (sum == check(id)).then_some(SubscriberId(i64::from_be_bytes(*id)))
}

/// Tells our own values from another server's. It proves nothing: the NAS is trusted by its authenticator.
fn check(id: &[u8; 8]) -> [u8; 4] {
    let [a, b, c, d, ..] = (u64::from_be_bytes(*id) ^ CHECK_SEED).wrapping_mul(CHECK_FACTOR).to_be_bytes();
    [a, b, c, d]
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
