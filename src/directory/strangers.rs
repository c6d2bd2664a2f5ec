//! Logins that nobody has, remembered so that `why` can say that they knocked.

use super::LoginAttempt;
use std::collections::{HashMap, VecDeque};

/// Unknown logins remembered; a flood of made-up names costs no more.
const STRANGERS_MAX: usize = 1_000;
/// Longest unknown login remembered, octets.
const LOGIN_OCTETS_MAX: usize = 128;

/// The last attempt of an unknown login.
pub type Stranger = LoginAttempt;

#[derive(Default)]
pub(super) struct Strangers {
    attempts: HashMap<String, LoginAttempt>,
    order: VecDeque<String>,
}

impl Strangers {
    pub fn note(&mut self, login: &str, attempt: LoginAttempt) {
        if login.len() > LOGIN_OCTETS_MAX {
            return;
        }
        if let Some(known) = self.attempts.get_mut(login) {
            *known = attempt;
            return;
        }
        if self.order.len() >= STRANGERS_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.attempts.remove(&oldest);
        }
        self.order.push_back(login.to_owned());
        self.attempts.insert(login.to_owned(), attempt);
    }

    pub fn find(&self, login: &str) -> Option<Stranger> {
        self.attempts.get(login).cloned()
    }
}
