//! Finding subscribers and their sessions.

use super::Operations;
use crate::directory::{Entry, Inner, LoginResult, Stranger};
use crate::model::*;
use schemars::JsonSchema;
use serde::Serialize;
use std::net::IpAddr;

/// A subscriber as `find --json` shows it.
#[derive(Clone, Debug, Default, JsonSchema, Serialize)]
pub struct FoundRow {
    pub login: String,
    pub contract: String,
    pub name: String,
    pub balance: String,
    pub plan: String,
    pub nas: String,
    /// Without the networks that are only routed to it.
    pub ips: Vec<String>,
    pub mac: String,
    pub logged: bool,
    pub negbal: bool,
    pub blocked: bool,
    pub paused: bool,
    /// Stable token; empty when let through.
    pub reason: String,
}

/// A session as `sessions --json` shows it.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct SessionRow {
    pub login: String,
    pub nas: String,
    pub nas_ip: String,
    pub session_id: String,
    pub ip: String,
    pub mac: String,
    pub started: String,
    pub updated: String,
    pub seconds: u32,
    /// Towards the subscriber.
    pub octets_in: u64,
    /// From the subscriber.
    pub octets_out: u64,
}

impl Operations {
    /// Subscribers in which every word occurs: login, contract, name, phone, address, IP, MAC.
    /// A word that is a source which an enforcer saw, and which is nobody's, has a row without a login.
    pub fn find(&self, words: &[String]) -> Vec<FoundRow> {
        let inner = self.directory.read();
        let found = inner.search(words);
        let subscribers = found.iter().map(|entry| self.found_row(&inner, entry));
        let strangers = words.iter().filter(|_| found.is_empty()).filter_map(|word| self.stranger_row(word));
        subscribers.chain(strangers).collect()
    }

    /// The last sighting of an address or MAC, however it is written, that is nobody's.
    pub(super) fn sighted(&self, who: &str) -> Option<Stranger> {
        let address = who.trim().parse::<IpAddr>().map(|address| address.to_string());
        let source = address.or_else(|_| who.trim().parse::<Mac>().map(|mac| mac.to_string())).ok()?;
        self.directory.sighted(&source)
    }

    fn stranger_row(&self, word: &str) -> Option<FoundRow> {
        let seen = self.sighted(word)?;
        let LoginResult::Rejected { token, text } = seen.result else { return None };
        let enforcer = seen.enforcer.unwrap_or_default();
        let (ips, mac) = match word.trim().parse::<IpAddr>() {
            Ok(address) => (vec![address.to_string()], String::new()),
            Err(_) => (Vec::new(), word.trim().to_owned()),
        };
        Some(FoundRow {
            name: format!("{text} ({} at {enforcer})", self.time(seen.at)),
            ips,
            mac,
            reason: token.to_owned(),
            ..FoundRow::default()
        })
    }

    pub(super) fn found_row(&self, inner: &Inner, entry: &Entry) -> FoundRow {
        let view = &entry.view;
        let subscriber = &view.subscriber;
        let visible = inner.visible(subscriber.id);
        let nas = visible.and_then(|visible| visible.nas).and_then(|nas| inner.nas(nas.id));
        let name = if subscriber.name.is_empty() { &view.account.name } else { &subscriber.name };
        FoundRow {
            login: subscriber.login.clone(),
            contract: view.account.contract.clone(),
            name: name.clone(),
            balance: self.money(view.balance),
            plan: view.plan.as_ref().map(|plan| plan.name.clone()).unwrap_or_default(),
            nas: nas.map(|entry| entry.nas.name.clone()).unwrap_or_default(),
            ips: inner.own_addresses(entry).iter().map(|(net, _)| address_text(*net)).collect(),
            mac: visible.and_then(|visible| visible.mac).map(|mac| mac.to_string()).unwrap_or_default(),
            logged: visible.is_some_and(|visible| visible.logged),
            negbal: view.standing.negbal,
            blocked: view.standing.blocked,
            paused: view.standing.paused,
            reason: view.standing.reason.as_ref().map(|r| r.token().to_owned()).unwrap_or_default(),
        }
    }

    /// Open sessions, oldest first, and the counters of `static` subscribers, who have none; of one subscriber when `who` is given.
    pub fn sessions(&self, who: Option<&str>) -> Result<Vec<SessionRow>, Refusal> {
        let only = who.map(|who| self.subscriber(who)).transpose()?.map(|entry| entry.id());
        let inner = self.directory.read();
        let mut sessions: Vec<&Session> = match only {
            Some(id) => inner.sessions_of(id).chain(counters_shown(&inner, inner.counters_of(id))).collect(),
            None => inner.open_sessions().chain(counters_shown(&inner, inner.counters())).collect(),
        };
        sessions.sort_by(|a, b| (a.started, &a.key).cmp(&(b.started, &b.key)));
        Ok(sessions.into_iter().map(|session| self.session_row(&inner, session)).collect())
    }

    pub(super) fn session_row(&self, inner: &Inner, session: &Session) -> SessionRow {
        let usage = session.usage_total();
        let nas = inner.nas_of_session(session);
        // A counter's key has no login.
        let of_counter = Some(session).filter(|session| session.key.origin() == SessionOrigin::Kernel);
        let owner = of_counter.and_then(|counter| inner.subscriber(counter.subscriber?));
        let login = owner.map(|entry| &entry.view.subscriber.login);
        SessionRow {
            login: login.unwrap_or(&session.key.login).clone(),
            nas: nas.map(|entry| entry.nas.name.clone()).unwrap_or_default(),
            nas_ip: session.nas_address.to_string(),
            session_id: session.key.acct_session_id.clone(),
            ip: session.nets().next().map(address_text).unwrap_or_default(),
            mac: session.mac.map(|mac| mac.to_string()).unwrap_or_default(),
            started: self.time(session.started),
            updated: self.time(session.updated),
            seconds: session.session_seconds,
            octets_in: usage.download_octets,
            octets_out: usage.upload_octets,
        }
    }
}

/// Those of `static` subscribers; those of others stand in their sessions.
pub(super) fn counters_shown<'i>(
    inner: &'i Inner,
    counters: impl Iterator<Item = &'i Session>,
) -> impl Iterator<Item = &'i Session> {
    counters.filter(|counter| {
        let owner = counter.subscriber.and_then(|id| inner.subscriber(id));
        owner.is_some_and(|entry| entry.view.subscriber.access == AccessMethod::Static)
    })
}

/// A host without its length, a prefix with it.
pub(super) fn address_text(net: ipnet::IpNet) -> String {
    if net.prefix_len() == net.max_prefix_len() { net.addr().to_string() } else { net.to_string() }
}
