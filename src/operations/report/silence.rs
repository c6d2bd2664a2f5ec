//! Subscribers that answer no more: their sessions end.

use super::Draft;
use crate::directory::{Entry, Inner};
use crate::model::*;
use crate::operations::status::Counters;
use ipnet::IpNet;
use std::collections::{BTreeSet, HashSet};

/// Acct-Terminate-Cause of a session ended for silence (RFC 2866 section 5.10: Idle Timeout).
const CAUSE_IDLE: u32 = 4;

impl Draft<'_> {
    /// Ends each session all of whose addresses are silent, after their last counters.
    pub fn hear_silence(&mut self) {
        if self.report.silent.is_empty() {
            return;
        }
        let operations = self.operations;
        let inner = operations.directory.read();
        let silent: HashSet<IpNet> = self.report.silent.iter().map(IpNet::trunc).collect();
        let owners: BTreeSet<SubscriberId> =
            silent.iter().filter_map(|net| inner.owner_of_address(net.addr())).collect();
        for entry in owners.into_iter().filter_map(|id| inner.subscriber(id)) {
            let of_ours = inner.sessions_of(entry.id()).filter(|session| self.is_ours(&inner, session));
            let ended: Vec<&Session> =
                of_ours.filter(|session| is_silent(&inner, entry, session, &silent)).collect();
            for session in ended {
                tracing::info!(
                    login = session.key.login,
                    enforcer = self.enforcer,
                    "answers no more: logged off"
                );
                let record = self.record_of(session, AccountingKind::Stop, self.now);
                self.records.push(AccountingRecord { terminate_cause: CAUSE_IDLE, ..record });
                self.touched.insert(entry.id());
                self.answer.ended += 1;
                Counters::count(&self.operations.counters.ipoe_silent);
            }
        }
    }

    /// Opened by a sighting of this enforcer, or it has counted for it: another one does not hear the subscriber at all.
    fn is_ours(&self, inner: &Inner, session: &Session) -> bool {
        let counts_for_it = || {
            let own = inner.counters_of(session.subscriber?).find(|counter| {
                counter.nas_port_id == self.enforcer
                    && counter.usage != Usage::default()
                    && counter.nets().any(|net| session.holds(net.addr()))
            });
            own.map(|_| ())
        };
        session.key.origin() == SessionOrigin::Sighting
            && (session.nas_port_id == self.enforcer || counts_for_it().is_some())
    }
}

/// Its own addresses, and those configured ones that no other session has.
fn is_silent(inner: &Inner, entry: &Entry, session: &Session, silent: &HashSet<IpNet>) -> bool {
    let of_others = |net: &IpNet| {
        let mut others = inner.sessions_of(entry.id()).filter(|other| other.key != session.key);
        others.any(|other| other.holds(net.addr()))
    };
    let own = inner.own_addresses(entry);
    let configured = own.iter().map(|(net, _)| *net).filter(|net| !of_others(net));
    session.nets().chain(configured).all(|net| silent.contains(&net))
}
