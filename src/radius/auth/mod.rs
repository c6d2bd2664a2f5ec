//! Proofs of who asks and what they are given: PAP, CHAP, MS-CHAP and crypt(3), and plans as attributes of each
//! vendor.
//!
//! Not here: whose password it is, whether money allows the login, EAP conversations.

pub mod chap;
pub mod crypt;
pub mod mschap;
pub mod pap;
pub mod rates;

mod des;
mod method;
mod mppe;
mod nt_keys;
mod quota;
mod redirect;

pub use method::Method;
pub use mppe::{Encryption, MppeKeys};
pub use nt_keys::NtKeys;
pub use quota::{Counted, write_quota};
pub use redirect::{CAPTIVE_ADDRESS_LIST, reaches_captive, redirects, rendered_redirect, write_redirect};
