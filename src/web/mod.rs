//! Pages for people. So far the captive page, which debtors, the paused and the blocked are led to.
//!
//! A page reads published state and renders it; rules and SQL are elsewhere. Everything from outside is escaped, and
//! no page needs anything that is not in it.

mod captive;
mod html;
mod texts;

pub use captive::Captive;
