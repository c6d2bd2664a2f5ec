//! What readers and followers see of a ledger and of presence.

mod lookup;
mod pools;
mod rows;

use super::{Directory, DirectorySettings};
use crate::engine::Touched;
use crate::engine::testing::{Ledger, record};
use crate::model::*;
use std::time::Duration;

/// A ledger and the directory that it publishes in.
struct Published {
    ledger: Ledger,
    directory: Directory,
}

impl Published {
    fn sample() -> Published {
        Published::of(Ledger::sample())
    }

    fn of(ledger: Ledger) -> Published {
        let settings = DirectorySettings {
            grant_hold: Duration::from_secs(60),
            pool_quarantine: Duration::from_secs(600),
        };
        let directory = Directory::new(&settings);
        directory.publish_all(&ledger.state, ledger.now);
        Published { ledger, directory }
    }

    /// Carries out a command and publishes what it touched, as the writer does.
    fn run(&mut self, command: &Command) -> Result<Outcome, Refusal> {
        self.ledger.touched = Touched::default();
        let outcome = self.ledger.run(command);
        self.directory.publish(&self.ledger.state, &self.ledger.touched, self.ledger.now);
        outcome
    }

    fn load(&mut self, toml: &str) {
        self.run(&crate::engine::testing::load(toml, LoadOptions::default())).unwrap();
    }

    fn merge(&self, record: AccountingRecord) {
        self.directory.merge_presence([record].iter());
    }

    /// A session of `login` on `bras1` with this address begins.
    fn start(&self, session: &str, login: &str, ip: &str) {
        let subscriber = self.ledger.subscriber(login);
        self.merge(record(AccountingKind::Start, session, Some(subscriber), Some(ip), 0));
    }

    fn stop(&self, session: &str, login: &str) {
        let subscriber = self.ledger.subscriber(login);
        self.merge(record(AccountingKind::Stop, session, Some(subscriber), None, 60));
    }

    /// Who is found under `who`: contract and login, or what was found instead.
    fn who(&self, who: &str) -> String {
        match self.directory.read().find_who(who) {
            Ok(found) => {
                let login = found.subscriber.map(|entry| entry.view.subscriber.login.clone());
                format!("{} {}", found.account.contract, login.unwrap_or_default())
            }
            Err(super::LookupError::Nobody) => "nobody".into(),
            Err(super::LookupError::Several(logins)) => logins.join(" or "),
        }
    }

    fn revision(&self) -> u64 {
        self.directory.cursor().n
    }

    fn grant(&self, login: &str) -> Option<String> {
        self.grant_at(login, self.ledger.now)
    }

    fn grant_at(&self, login: &str, now: Timestamp) -> Option<String> {
        let inner = self.directory.read();
        let subscriber = self.ledger.subscriber(login);
        self.directory.grant_address(&inner, PoolId(1), subscriber, now).map(|address| address.to_string())
    }
}
