//! The rules as tables: event, answer, balances. What one file decides is tested beside it.

mod books;
pub(super) mod fees;
mod load;
mod load_refusals;
mod payment;
mod replay;
mod standing;
