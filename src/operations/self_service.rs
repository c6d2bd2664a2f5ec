//! What subscribers do for themselves from their own connection: who is there, a promise, the end of a pause.
//!
//! The identity is the address that the caller of these has seen a request come from; whether that can be believed is
//! the door's business.

use super::corrections::Answered;
use super::{Caller, Operations};
use crate::directory::{Entry, Found};
use crate::engine::{self, PromiseOffer, SubscriberView};
use crate::model::*;
use crate::radius::auth::{NtKeys, crypt};
use crate::writer::Rejected;
use std::net::IpAddr;
use std::sync::Arc;
use subtle::ConstantTimeEq;

impl Operations {
    /// Whether this is the password that is stored for a login. A costly hash is checked away from the threads that
    /// serve sockets; how many at once is the caller's business.
    pub async fn proves(&self, entry: &Arc<Entry>, password: &str) -> bool {
        let (entry, password) = (Arc::clone(entry), SecretText::new(password));
        let checked =
            tokio::task::spawn_blocking(move || is_password(&entry.view.subscriber.password, &password));
        checked.await.unwrap_or(false)
    }

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

fn is_password(stored: &Password, given: &SecretText) -> bool {
    let given = given.expose().as_bytes();
    match stored {
        Password::None => false,
        Password::Clear(clear) => clear.expose().as_bytes().ct_eq(given).into(),
        Password::NtHash(digits) => {
            nt_hash(digits.expose()).is_some_and(|hash| NtKeys::from_nt_hash(hash).matches_password(given))
        }
        Password::Crypt(hash) => crypt::verify(given, hash.expose()),
    }
}

fn nt_hash(digits: &str) -> Option<[u8; 16]> {
    let mut hash = [0; 16];
    for (octet, at) in hash.iter_mut().zip((0..).step_by(2)) {
        *octet = u8::from_str_radix(digits.get(at..at + 2)?, 16).ok()?;
    }
    (digits.len() == 32).then_some(hash)
}
