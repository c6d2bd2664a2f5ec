//! Who had an address at a moment: sessions, what is agreed, and everybody behind a source NAT address.

use super::Operations;
use super::money::store_trouble;
use super::search::address_text;
use crate::engine::moment;
use crate::model::*;
use crate::storage::AddressSession;
use crate::writer::Rejected;
use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

/// Subscribers that one answer names at most.
const HOLDERS_MAX: usize = 10_000;

#[derive(Clone, Debug, JsonSchema, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WhoHadQuery {
    /// An address, IPv4 or IPv6.
    pub ip: String,
    /// A moment in the server's time zone, or RFC 3339 with its offset; absent or empty: now.
    #[serde(default)]
    pub at: String,
}

/// `who-had`.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct WhoHad {
    pub ip: String,
    /// In `time_zone`, as every time in the answer.
    pub at: String,
    pub time_zone: String,
    /// Those online first.
    pub holders: Vec<Holder>,
    /// What has to be known to read the answer, a sentence each.
    pub notes: Vec<String>,
}

/// One subscriber that had it, with the session it had then; texts are empty where there is nothing to say.
#[derive(Clone, Debug, Default, JsonSchema, Serialize)]
pub struct Holder {
    /// As it is now.
    pub contract: String,
    pub login: String,
    /// As it is now.
    pub name: String,
    /// `session` (the NAS gave it), `pool`, `configured`, `delegated-prefix`, `routed`, `source-nat`.
    pub how: String,
    /// What it had: the address, or the prefix that the address lies in.
    pub address: String,
    /// Its own addresses behind source NAT.
    pub inside: Vec<String>,
    /// Had a session then, or is always on.
    pub online: bool,
    /// Since when it had the address, and until when; empty: it still has it.
    pub since: String,
    pub until: String,
    pub pool: String,
    pub nas: String,
    pub nas_ip: String,
    pub session_id: String,
    pub session_from: String,
    /// Empty: open.
    pub session_until: String,
    /// Until when records told of the session: one that is open and silent may have ended unheard.
    pub last_news: String,
    pub mac: String,
    pub calling_station_id: String,
    pub nas_port: String,
}

impl Operations {
    /// Who had an address. Blocks on the store.
    ///
    /// # Errors
    /// `bad-address`, `bad-date`, `date-in-future`; [`Rejected::Later`] when the store does not answer.
    pub fn who_had(&self, query: &WhoHadQuery) -> Result<WhoHad, Rejected> {
        let address = address(&query.ip)?;
        let at = self.moment_asked(&query.at)?;
        let mut notes = Vec::new();
        let sessions = self.reader.sessions_with(address, at).map_err(store_trouble)?;
        let mut agreed = self.reader.assignments_with(address, at, HOLDERS_MAX + 1).map_err(store_trouble)?;
        if agreed.len() > HOLDERS_MAX {
            agreed.truncate(HOLDERS_MAX);
            notes.push(format!("there are more; the first {HOLDERS_MAX} are given"));
        }
        let (translated, own): (Vec<Assignment>, Vec<Assignment>) =
            agreed.into_iter().partition(|assignment| assignment.kind == AssignmentKind::SourceNat);
        let mut holders = self.holders_by_session(&sessions, &own)?;
        let told: BTreeSet<SubscriberId> =
            sessions.iter().filter_map(|found| found.session.subscriber).collect();
        let mut of = BTreeMap::new();
        // The longest prefix comes first: an address configured out of one's own network is told once.
        for assignment in own.iter().filter(|assignment| !told.contains(&assignment.subscriber)) {
            of.entry(assignment.subscriber).or_insert(assignment);
        }
        for assignment in of.into_values().chain(&translated) {
            self.holders_by_agreement(address, at, assignment, &mut holders)?;
        }
        holders.sort_by_key(|holder| !holder.online);
        self.explain(at, &holders, &mut notes)?;
        Ok(WhoHad {
            ip: address.to_string(),
            at: self.time(at),
            time_zone: self.settings.time_zone.iana_name().unwrap_or_default().to_owned(),
            holders,
            notes,
        })
    }

    fn moment_asked(&self, text: &str) -> Result<Timestamp, Refusal> {
        let now = self.clock.now();
        let Ok(asked) = moment(text, &self.settings.time_zone) else {
            let text = format!(
                "at: {text:?} is not a moment; expected 2026-11-03 14:20, 2026-11-03 14:20:59 (time of the server) or \
                 2026-11-03T14:20:59+03:00"
            );
            return Err(Refusal::new("bad-date", text));
        };
        match asked {
            Some(at) if at > now => {
                let text = format!("at: {} is in the future; expected a moment that is past", self.time(at));
                Err(Refusal::new("date-in-future", text))
            }
            asked => Ok(asked.unwrap_or(now)),
        }
    }

    fn holders_by_session(
        &self,
        sessions: &[AddressSession],
        own: &[Assignment],
    ) -> Result<Vec<Holder>, Rejected> {
        let pools =
            if sessions.is_empty() { Vec::new() } else { self.reader.pools().map_err(store_trouble)? };
        let holder = |found: &AddressSession| {
            let session = &found.session;
            let agreed = own.iter().find(|assignment| Some(assignment.subscriber) == session.subscriber);
            let pool = pools.iter().find(|pool| pool.prefixes.iter().any(|net| net.contains(&found.prefix)));
            let (how, pool) = match (agreed, pool) {
                (Some(assignment), _) => (how(assignment.kind), ""),
                (None, Some(pool)) => ("pool", pool.name.as_str()),
                (None, None) => ("session", ""),
            };
            let until = [found.until, session.stopped].into_iter().flatten().min();
            Holder {
                how: how.to_owned(),
                address: address_text(found.prefix),
                since: self.time(found.since),
                until: self.time_or_empty(until),
                pool: pool.to_owned(),
                ..self.with_session(self.person(session.subscriber, &session.key.login), session)
            }
        };
        Ok(sessions.iter().map(holder).collect())
    }

    /// A holder for each session that it had then; one without, where it had none.
    fn holders_by_agreement(
        &self,
        address: IpAddr,
        at: Timestamp,
        assignment: &Assignment,
        holders: &mut Vec<Holder>,
    ) -> Result<(), Rejected> {
        let id = assignment.subscriber;
        let mut sessions = self.reader.sessions_at(id, at).map_err(store_trouble)?;
        if assignment.kind == AssignmentKind::Configured {
            // A session that reports another address than the configured one did not use it.
            sessions.retain(|session| {
                session.framed_ip.is_none_or(|ip| address.is_ipv6() || IpAddr::V4(ip) == address)
            });
        }
        let always_on = self
            .directory
            .read()
            .subscriber(id)
            .is_some_and(|entry| entry.view.subscriber.access == AccessMethod::Static);
        let holder = |inside: Vec<String>, of: Holder| Holder {
            how: how(assignment.kind).to_owned(),
            address: address_text(assignment.prefix),
            inside,
            since: self.time(assignment.since),
            until: self.time_or_empty(assignment.until),
            ..of
        };
        let person = || self.person(Some(id), &assignment.login);
        let translated = assignment.kind == AssignmentKind::SourceNat;
        let configured = match translated && sessions.iter().all(|session| session.framed_ip.is_none()) {
            true => self.configured_then(id, at)?,
            false => Vec::new(),
        };
        if sessions.is_empty() {
            holders.push(holder(configured, Holder { online: always_on, ..person() }));
            return Ok(());
        }
        for session in &sessions {
            let own = session.framed_ip.filter(|_| translated).map(|ip: Ipv4Addr| vec![ip.to_string()]);
            let inside = own.unwrap_or_else(|| configured.clone());
            holders.push(holder(inside, self.with_session(person(), session)));
        }
        Ok(())
    }

    /// The IPv4 addresses that a subscriber had configured.
    fn configured_then(&self, id: SubscriberId, at: Timestamp) -> Result<Vec<String>, Rejected> {
        let had = self.reader.assignments_at(id, at).map_err(store_trouble)?;
        let inside = had.into_iter().filter(|assignment| {
            assignment.kind == AssignmentKind::Configured && matches!(assignment.prefix, IpNet::V4(_))
        });
        Ok(inside.map(|assignment| address_text(assignment.prefix)).collect())
    }

    /// Whose login it is; the login alone where it was nobody's.
    fn person(&self, id: Option<SubscriberId>, login: &str) -> Holder {
        let inner = self.directory.read();
        let entry = id.and_then(|id| inner.subscriber(id));
        let named = |entry: &std::sync::Arc<crate::directory::Entry>| {
            let (subscriber, account) = (&entry.view.subscriber, &entry.view.account);
            let name = if subscriber.name.is_empty() { &account.name } else { &subscriber.name };
            (account.contract.clone(), name.clone())
        };
        let (contract, name) = entry.map(named).unwrap_or_default();
        Holder { contract, login: login.to_owned(), name, ..Holder::default() }
    }

    fn with_session(&self, holder: Holder, session: &Session) -> Holder {
        let inner = self.directory.read();
        Holder {
            online: true,
            nas: inner.nas(session.key.nas).map(|entry| entry.nas.name.clone()).unwrap_or_default(),
            nas_ip: session.nas_address.to_string(),
            session_id: session.key.acct_session_id.clone(),
            session_from: self.time(session.started),
            session_until: self.time_or_empty(session.stopped),
            last_news: self.time(session.updated),
            mac: session.mac.map(|mac| mac.to_string()).unwrap_or_default(),
            calling_station_id: session.calling_station_id.clone(),
            nas_port: session.nas_port_id.clone(),
            ..holder
        }
    }

    fn explain(&self, at: Timestamp, holders: &[Holder], notes: &mut Vec<String>) -> Result<(), Rejected> {
        if holders.is_empty() {
            notes.push("nobody had it, as far as this server knows".to_owned());
        }
        let logins = |is: fn(&Holder) -> bool| {
            holders
                .iter()
                .filter(|holder| is(holder))
                .map(|holder| &holder.login)
                .collect::<BTreeSet<_>>()
                .len()
        };
        let behind = logins(|holder| holder.how == "source-nat");
        if behind > 1 {
            notes.push(format!(
                "{behind} subscribers shared it as their source NAT address: which of them it was, only the port tells, \
                 and ports are not known to this server; ask who keeps the log of the translating machine"
            ));
        }
        let at_once = logins(|holder| {
            holder.online && matches!(holder.how.as_str(), "session" | "pool" | "configured")
        });
        if at_once > 1 {
            notes.push(format!(
                "{at_once} subscribers seem to have had it at once: compare the last news of their sessions; a Stop may \
                 have been lost"
            ));
        }
        let since = self.reader.assignments_since().map_err(store_trouble)?;
        if let Some(since) = since.filter(|since| at < *since) {
            notes.push(format!(
                "what was configured, delegated, routed or translated is known since {}: of earlier moments only \
                 sessions are",
                self.time(since)
            ));
        }
        Ok(())
    }

    fn time_or_empty(&self, at: Option<Timestamp>) -> String {
        at.map(|at| self.time(at)).unwrap_or_default()
    }
}

fn how(kind: AssignmentKind) -> &'static str {
    match kind {
        AssignmentKind::Configured => "configured",
        AssignmentKind::DelegatedPrefix => "delegated-prefix",
        AssignmentKind::Routed => "routed",
        AssignmentKind::SourceNat => "source-nat",
    }
}

fn address(text: &str) -> Result<IpAddr, Refusal> {
    let expected = || {
        let text = format!("ip: {text:?} is not an address; expected one like 203.0.113.77 or 2001:db8::1");
        Refusal::new("bad-address", text)
    };
    text.trim().parse::<IpAddr>().map(|address| address.to_canonical()).map_err(|_| expected())
}
