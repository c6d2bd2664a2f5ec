//! Proofs of who asks and what they are given: PAP, CHAP, MS-CHAP and crypt(3), and plans as attributes of each
//! vendor.
//!
//! Not here: whose password it is, whether money allows the login, EAP conversations.

pub mod pap;
/// TEMPORARY
#[derive(Debug)]
pub struct NtKeys;
