//! The rules as tables: event, answer, balances. What one file decides is tested beside it.

mod books;
mod calls;
mod closing;
mod corrections;
mod exchange;
pub(super) mod fees;
mod load;
mod load_refusals;
mod payment;
mod replay;
mod requests;
mod simulation;
mod standing;
