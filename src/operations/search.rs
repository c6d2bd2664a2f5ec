//! Finding subscribers and their sessions.

use super::Operations;
use crate::directory::{Entry, Inner};
use crate::model::*;
use serde::Serialize;

/// A subscriber as `find --json` shows it.
#[derive(Clone, Debug, Serialize)]
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
#[derive(Clone, Debug, Serialize)]
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
    pub fn find(&self, words: &[String]) -> Vec<FoundRow> {
        let inner = self.directory.read();
        inner.search(words).iter().map(|entry| self.found_row(&inner, entry)).collect()
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

    /// Open sessions, oldest first; of one subscriber when `who` is given.
    pub fn sessions(&self, who: Option<&str>) -> Result<Vec<SessionRow>, Refusal> {
        let only = who.map(|who| self.subscriber(who)).transpose()?.map(|entry| entry.id());
        let inner = self.directory.read();
        let mut sessions: Vec<&Session> = match only {
            Some(id) => inner.sessions_of(id).collect(),
            None => inner.open_sessions().collect(),
        };
        sessions.sort_by(|a, b| (a.started, &a.key).cmp(&(b.started, &b.key)));
        Ok(sessions.into_iter().map(|session| self.session_row(&inner, session)).collect())
    }

    fn session_row(&self, inner: &Inner, session: &Session) -> SessionRow {
        let usage = session.usage_total();
        SessionRow {
            login: session.key.login.clone(),
            nas: inner.nas(session.key.nas).map(|entry| entry.nas.name.clone()).unwrap_or_default(),
            nas_ip: session.nas_address.to_string(),
            session_id: session.key.acct_session_id.clone(),
            ip: session.framed_ip.map(|ip| ip.to_string()).unwrap_or_default(),
            mac: session.mac.map(|mac| mac.to_string()).unwrap_or_default(),
            started: self.time(session.started),
            updated: self.time(session.updated),
            seconds: session.session_seconds,
            octets_in: usage.download_octets,
            octets_out: usage.upload_octets,
        }
    }
}

/// A host without its length, a prefix with it.
pub(super) fn address_text(net: ipnet::IpNet) -> String {
    if net.prefix_len() == net.max_prefix_len() { net.addr().to_string() } else { net.to_string() }
}
