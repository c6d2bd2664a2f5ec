//! Whether an object of the table still is what was sent for it.
//!
//! The kernel's dump of an object holds what was sent, and more (handles, defaults). So an object is ours and
//! whole when every attribute that we send is in the dump with the same value; nothing needs to be remembered from
//! one run to the next.

use super::wire::{ATTR_RULE_EXPRESSIONS, ATTR_RULE_USERDATA, Attributes};

const EXPRESSION_NAME: u16 = 1;
const EXPRESSION_DATA: u16 = 2;

/// Every attribute of `sent` but those in `except` is in `present` with the same value. One that the kernel leaves
/// out of its dump counts as zero there.
pub fn holds(sent: Attributes<'_>, present: Attributes<'_>, except: &[u16]) -> bool {
    { sent }.filter(|a| !except.contains(&a.kind)).all(|a| match present.find(a.kind) {
        Some(there) if a.nested => holds(Attributes(a.payload), Attributes(there), &[]),
        Some(there) => there == a.payload,
        None => a.payload.iter().all(|octet| *octet == 0),
    })
}

/// The same expressions in the same order, and the same comment.
pub fn same_rule(sent: Attributes<'_>, present: Attributes<'_>) -> bool {
    let expressions = |rule: Attributes<'_>| -> Vec<Vec<u8>> {
        let list = rule.find(ATTR_RULE_EXPRESSIONS).unwrap_or_default();
        Attributes(list).map(|item| item.payload.to_vec()).collect()
    };
    let (ours, theirs) = (expressions(sent), expressions(present));
    ours.len() == theirs.len()
        && sent.find(ATTR_RULE_USERDATA) == present.find(ATTR_RULE_USERDATA)
        && ours.iter().zip(&theirs).all(|(a, b)| same_expression(Attributes(a), Attributes(b)))
}

fn same_expression(sent: Attributes<'_>, present: Attributes<'_>) -> bool {
    sent.text(EXPRESSION_NAME) == present.text(EXPRESSION_NAME)
        && match (sent.find(EXPRESSION_DATA), present.find(EXPRESSION_DATA)) {
            (Some(ours), Some(theirs)) => holds(Attributes(ours), Attributes(theirs), &[]),
            (ours, _) => ours.is_none_or(<[u8]>::is_empty),
        }
}
