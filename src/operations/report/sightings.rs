//! IPoE: a source that was seen becomes a session of the subscriber whose address, MAC or circuit it is.

use super::Draft;
use crate::directory::{Entry, Inner, LoginAttempt, LoginResult};
use crate::model::*;
use crate::operations::status::Counters;
use ipnet::{IpNet, Ipv6Net};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

/// IPv6 addresses of one session; a further one (RFC 8981 makes them) takes the place of the oldest.
const IPV6_ADDRESSES_MAX: usize = 8;

/// By what a subscriber was known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum KnownBy {
    Address,
    Mac,
    Circuit,
}

impl KnownBy {
    fn method(self) -> &'static str {
        match self {
            KnownBy::Address => "IPoE, known by its address,",
            KnownBy::Mac => "IPoE, known by its MAC,",
            KnownBy::Circuit => "IPoE, known by its circuit,",
        }
    }
}

/// Why a sighting logs nobody in.
struct Declined {
    token: &'static str,
    text: String,
}

fn declined<T>(token: &'static str, text: impl Into<String>) -> Result<T, Declined> {
    Err(Declined { token, text: text.into() })
}

impl Draft<'_> {
    /// Takes sightings. Gives back those that have to wait until the records are merged.
    pub fn see<'s>(&mut self, sightings: &[&'s Sighting]) -> Vec<&'s Sighting> {
        let operations = self.operations;
        let inner = operations.directory.read();
        let mut later = Vec::new();
        for sighting in sightings.iter().filter(|sighting| is_source(sighting.address)) {
            let (entry, by) = match find_owner(&inner, sighting) {
                Ok(found) => found,
                Err(declined) => {
                    self.note_stranger(sighting, &declined);
                    continue;
                }
            };
            if self.touched.contains(&entry.id()) {
                later.push(*sighting);
                continue;
            }
            match self.admit(&inner, entry, by, sighting) {
                Ok(None) => {}
                Ok(Some(record)) => {
                    self.touched.insert(entry.id());
                    self.logged_in(entry, by, sighting, &record);
                    self.records.push(record);
                }
                Err(declined) => {
                    entry.recent.lock().login =
                        Some(self.attempt(by.method(), sighting, rejected(&declined)));
                    self.note_stranger(sighting, &declined);
                }
            }
        }
        later
    }

    fn logged_in(&mut self, entry: &Entry, by: KnownBy, sighting: &Sighting, record: &AccountingRecord) {
        let captive = entry.view.standing.verdict != Verdict::LetThrough;
        let result = LoginResult::Accepted { captive, address: record.framed_ip };
        entry.recent.lock().login = Some(self.attempt(by.method(), sighting, result));
        self.answer.logged_in += 1;
        Counters::count(&self.operations.counters.ipoe_logins);
        let mac = sighting.mac.map(|mac| mac.to_string()).unwrap_or_default();
        let login = &entry.view.subscriber.login;
        tracing::info!(login, address = %sighting.address, mac, enforcer = self.enforcer, "seen: logged in");
    }

    fn note_stranger(&mut self, sighting: &Sighting, declined: &Declined) {
        let mac = sighting.mac.map(|mac| format!(" with MAC {mac}")).unwrap_or_default();
        let text = format!("{}{mac}: {}", sighting.address, declined.text);
        let result = LoginResult::Rejected { token: declined.token, text };
        let attempt = self.attempt("IPoE", sighting, result);
        let directory = &self.operations.directory;
        if let Some(mac) = sighting.mac {
            directory.note_sighted(&mac.to_string(), attempt.clone());
        }
        directory.note_sighted(&sighting.address.to_string(), attempt);
        self.answer.strangers += 1;
        Counters::count(&self.operations.counters.ipoe_strangers);
    }

    fn attempt(&self, method: &'static str, sighting: &Sighting, result: LoginResult) -> LoginAttempt {
        LoginAttempt {
            at: self.time_of(sighting.age_seconds),
            nas: NasId::SIGHTING,
            nas_address: self.place(),
            method,
            enforcer: Some(self.enforcer.into()),
            result,
        }
    }

    /// The record that logs the subscriber in or gives its session a further address. None: it is in already.
    fn admit(
        &self,
        inner: &Inner,
        entry: &Arc<Entry>,
        by: KnownBy,
        sighting: &Sighting,
    ) -> Result<Option<AccountingRecord>, Declined> {
        self.may_be_here(inner, entry)?;
        if by != KnownBy::Address {
            self.may_have(entry, sighting.address)?;
        }
        let open = || inner.sessions_of(entry.id()).filter(|s| s.key.origin() == SessionOrigin::Sighting);
        if open().any(|session| session.holds(sighting.address)) {
            return Ok(None);
        }
        let same_device = |session: &&Session| session.mac.is_some() && session.mac == sighting.mac;
        let session = open().find(same_device).or_else(|| open().next().filter(|_| by == KnownBy::Address));
        let time = self.time_of(sighting.age_seconds);
        let net = self.net_of(entry, sighting.address);
        let Some(session) = session else {
            self.has_room(inner, entry)?;
            return Ok(Some(self.start(entry, sighting, net, time)));
        };
        let mut record = self.record_of(session, AccountingKind::Interim, time.max(session.updated));
        match net {
            // Configured addresses are in the feed as long as any of them is logged in.
            IpNet::V4(_) if by == KnownBy::Address && session.framed_ip.is_some() => return Ok(None),
            IpNet::V4(net) => record.framed_ip = Some(net.addr()),
            IpNet::V6(net) => {
                record.ipv6_prefixes.push(net);
                let beyond = record.ipv6_prefixes.len().saturating_sub(IPV6_ADDRESSES_MAX);
                record.ipv6_prefixes.drain(..beyond);
            }
        }
        Ok(Some(record))
    }

    /// The feed would not tell this enforcer of a subscriber of another NAS, so a login would help nobody.
    fn may_be_here(&self, inner: &Inner, entry: &Entry) -> Result<(), Declined> {
        let Some(here) = self.report.nas.filter(|here| inner.nas_of(*here).is_none()) else { return Ok(()) };
        let nas = entry.view.subscriber.nas.and_then(|id| inner.nas(id));
        match nas.filter(|nas| !nas.nas.address.contains(&here)) {
            None => Ok(()),
            Some(nas) => {
                let login = &entry.view.subscriber.login;
                declined("other-nas", format!("{login} is on {}, and {here} is no NAS", nas.nas.name))
            }
        }
    }

    /// An address that is nobody's, for somebody known by MAC or circuit: not beside a configured one, and of the pool
    /// where there is one.
    fn may_have(&self, entry: &Entry, address: IpAddr) -> Result<(), Declined> {
        let subscriber = &entry.view.subscriber;
        let login = &subscriber.login;
        let mut configured = subscriber.addresses.iter().filter(|own| own.is_ipv4() == address.is_ipv4());
        if let Some(own) = configured.next() {
            return declined("other-address", format!("it is {login}, whose address is {own}"));
        }
        match (subscriber.pool, address) {
            (Some(pool), IpAddr::V4(v4)) if !self.operations.directory.pool_holds(pool, v4) => {
                declined("other-pool", format!("it is {login}, and the address is not of its pool"))
            }
            _ => Ok(()),
        }
    }

    fn has_room(&self, inner: &Inner, entry: &Entry) -> Result<(), Declined> {
        let max = usize::try_from(entry.view.subscriber.sessions_max).unwrap_or(usize::MAX);
        let open = inner.sessions_of(entry.id()).count();
        if max != 0 && open >= max {
            let login = &entry.view.subscriber.login;
            return declined(
                "sessions-max",
                format!("{login} has {open} open sessions, allowed at once: {max}"),
            );
        }
        Ok(())
    }

    /// What the session holds: the host, or the delegated prefix that it lies in.
    fn net_of(&self, entry: &Entry, address: IpAddr) -> IpNet {
        let prefix = entry.view.subscriber.ipv6_prefix.filter(|prefix| prefix.contains(&address));
        prefix.map_or_else(|| IpNet::from(address), |prefix| prefix.trunc())
    }

    fn start(&self, entry: &Entry, sighting: &Sighting, net: IpNet, time: Timestamp) -> AccountingRecord {
        let (framed_ip, prefix) = match net {
            IpNet::V4(net) => (Some(net.addr()), None),
            IpNet::V6(net) => (None, Some(net)),
        };
        AccountingRecord {
            kind: AccountingKind::Start,
            nas: NasId::SIGHTING,
            nas_address: self.place(),
            login: entry.view.subscriber.login.clone(),
            acct_session_id: format!("ipoe-{:x}-{}", self.now.micros(), sighting.address),
            subscriber: Some(entry.id()),
            event_time: time,
            session_seconds: 0,
            terminate_cause: 0,
            framed_ip,
            ipv6_prefixes: prefix.into_iter().collect::<Vec<Ipv6Net>>(),
            mac: sighting.mac,
            calling_station_id: sighting.circuit_id.clone(),
            nas_port_id: self.enforcer.to_owned(),
            usage: Usage::default(),
            has_usage: false,
        }
    }
}

fn rejected(declined: &Declined) -> LoginResult {
    LoginResult::Rejected { token: declined.token, text: declined.text.clone() }
}

/// By configured address or prefix, else by MAC, else by circuit.
fn find_owner<'i>(inner: &'i Inner, sighting: &Sighting) -> Result<(&'i Arc<Entry>, KnownBy), Declined> {
    if let Some(entry) = inner.owner_of_address(sighting.address).and_then(|id| inner.subscriber(id)) {
        return with_ipoe(entry).map(|entry| (entry, KnownBy::Address));
    }
    let by_mac = sighting.mac.map(|mac| inner.with_mac(mac)).unwrap_or_default();
    let (owners, by) = match by_mac {
        [] => (inner.with_circuit(&sighting.circuit_id), KnownBy::Circuit),
        owners => (owners, KnownBy::Mac),
    };
    let entries: Vec<&Arc<Entry>> = owners.iter().filter_map(|id| inner.subscriber(*id)).collect();
    // Others may be configured with the same device for another way in.
    let ipoe = |entry: &&&Arc<Entry>| entry.view.subscriber.access == AccessMethod::Ipoe;
    match (entries.iter().filter(ipoe).collect::<Vec<_>>().as_slice(), entries.as_slice()) {
        ([], []) => declined("nobody", "seen, but nobody's"),
        ([], [first, ..]) => with_ipoe(first).map(|entry| (entry, by)),
        ([one], _) => Ok((one, by)),
        ([one, other, ..], _) => declined(
            "several",
            format!(
                "it may be {} or {}: several have this MAC or circuit",
                one.view.subscriber.login, other.view.subscriber.login
            ),
        ),
    }
}

fn with_ipoe(entry: &Arc<Entry>) -> Result<&Arc<Entry>, Declined> {
    let subscriber = &entry.view.subscriber;
    match subscriber.access {
        AccessMethod::Ipoe => Ok(entry),
        AccessMethod::Radius => {
            declined("not-ipoe", format!("it is {}, who has to log in by RADIUS", subscriber.login))
        }
        AccessMethod::Static => {
            declined("not-ipoe", format!("it is {}, who has other addresses", subscriber.login))
        }
    }
}

/// An address that a subscriber can have: not link-local, multicast, broadcast or none.
fn is_source(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let odd = v4.is_unspecified() || v4.is_loopback() || v4.is_multicast() || v4.is_link_local();
            !odd && v4 != Ipv4Addr::BROADCAST
        }
        IpAddr::V6(v6) => {
            let odd = v6.is_unspecified() || v6.is_loopback() || v6.is_multicast();
            !odd && !v6.is_unicast_link_local() && v6.to_ipv4_mapped().is_none()
        }
    }
}
