//! What subscribers do for themselves from their own connection: who is there, a promise, the end of a pause.
//!
//! The identity is the address that the caller of these has seen a request come from; whether that can be believed is
//! the door's business.

use super::corrections::Answered;
use super::{Caller, Operations};
use crate::directory::Found;
use crate::engine::{self, PromiseOffer, SubscriberView};
use crate::model::*;
use crate::writer::Rejected;
use std::net::IpAddr;

impl Operations {
    /// Whose address this is, with everybody of the same contract; None: nobody's.
    pub fn at_address(&self, address: IpAddr) -> Option<Found> {
        self.directory.read().find_address(address).ok()
    }

    /// The promise that the contract would get now, from published state, or why it would get none.
    pub fn promise_offer(&self, found: &Found) -> Result<PromiseOffer, Refusal> {
        let views: Vec<&SubscriberView> = found.mates.iter().map(|mate| &mate.view).collect();
        engine::promise_offer(&self.settings, &views, self.clock.now())
    }

    /// Takes the configured promise for a contract.
    pub async fn promise_for(
        &self,
        account: AccountId,
        caller: impl Into<Caller>,
    ) -> Result<Answered, Rejected> {
        self.terms(TermsCommand::Promise { account, sum: None, days: None }, caller).await
    }

    /// Ends the pause of one subscriber today.
    pub async fn resume_for(
        &self,
        subscriber: SubscriberId,
        caller: impl Into<Caller>,
    ) -> Result<Answered, Rejected> {
        self.terms(TermsCommand::Resume { subscriber }, caller).await
    }
}
