//! Counters of a kernel as records of counter sessions.

use super::Draft;
use crate::directory::Inner;
use crate::model::*;
use ipnet::IpNet;
use std::time::Duration;

/// How often a session that a sighting opened gets an interim record while its counters move.
const NEWS_INTERVAL: Duration = Duration::from_secs(60);
/// A counter that has not moved for this long while a newer one of its address does has lost its element. Not at once:
/// the elements of the two directions are made anew apart.
const FORGOTTEN: Duration = Duration::from_secs(3600);
/// Acct-Terminate-Cause of counters whose element was removed, or whose machine was booted (RFC 2866 section 5.10).
const CAUSE_NAS_REQUEST: u32 = 10;
const CAUSE_NAS_REBOOT: u32 = 11;

impl Draft<'_> {
    /// Takes the counters. Those of earlier boots, when this is a new one, count no further.
    pub fn count(&mut self, known_boot: bool) {
        let operations = self.operations;
        let inner = operations.directory.read();
        if !known_boot {
            self.end_earlier_boots(&inner);
        }
        for counted in &self.report.counted {
            match self.count_one(&inner, counted) {
                true => self.answer.counted += 1,
                false => self.answer.ignored += 1,
            }
        }
    }

    fn end_earlier_boots(&mut self, inner: &Inner) {
        let own = format!("{}/", self.enforcer);
        let boot = format!("{own}{}/", self.report.boot);
        for counter in inner.counters() {
            let id = &counter.key.acct_session_id;
            if id.starts_with(&own) && !id.starts_with(&boot) {
                self.end(counter, CAUSE_NAS_REBOOT);
            }
        }
    }

    fn end(&mut self, counter: &Session, terminate_cause: u32) {
        let record = self.record_of(counter, AccountingKind::Stop, self.now);
        self.records.push(AccountingRecord { terminate_cause, ..record });
    }

    /// False: nobody's, or a NAS counts for this subscriber.
    fn count_one(&mut self, inner: &Inner, counted: &Counted) -> bool {
        let Some(entry) = inner.subscriber(counted.subscriber) else { return false };
        let net = net_of(counted.address);
        let elements = format!("{}/{}/{}/", self.enforcer, self.report.boot, element_text(net));
        let key = SessionKey {
            nas: NasId::KERNEL,
            acct_session_id: format!("{elements}{}/{}", counted.generation, counted.subscriber),
            // Not the login, which may change while the element counts.
            login: String::new(),
        };
        let known = inner.session(&key);
        // Counters that began before the subscriber came by RADIUS go on to their end.
        if known.is_none() && entry.view.subscriber.access == AccessMethod::Radius {
            return false;
        }
        let usage = Usage { download_octets: counted.down_octets, upload_octets: counted.up_octets };
        let news = known.is_none_or(|session| {
            session.usage.download_octets < usage.download_octets
                || session.usage.upload_octets < usage.upload_octets
                || counted.gone && session.is_open()
        });
        if !news {
            return true;
        }
        let time = self.time_of(counted.age_seconds);
        let record = self.counter_record(&key, counted, net, time);
        self.records.push(AccountingRecord { usage, has_usage: true, ..record });
        self.end_older(inner, counted, &elements);
        self.news_of_login(inner, counted.subscriber, time);
        true
    }

    fn counter_record(
        &self,
        key: &SessionKey,
        counted: &Counted,
        net: IpNet,
        event_time: Timestamp,
    ) -> AccountingRecord {
        let (framed_ip, ipv6_prefixes) = match net {
            IpNet::V4(net) if net.prefix_len() == 32 => (Some(net.addr()), Vec::new()),
            IpNet::V4(_) => (None, Vec::new()),
            IpNet::V6(net) => (None, vec![net]),
        };
        AccountingRecord {
            kind: if counted.gone { AccountingKind::Stop } else { AccountingKind::Interim },
            nas: key.nas,
            nas_address: self.place(),
            login: key.login.clone(),
            acct_session_id: key.acct_session_id.clone(),
            subscriber: Some(counted.subscriber),
            event_time,
            session_seconds: 0,
            terminate_cause: if counted.gone { CAUSE_NAS_REQUEST } else { 0 },
            framed_ip,
            ipv6_prefixes,
            mac: None,
            calling_station_id: String::new(),
            nas_port_id: self.enforcer.to_owned(),
            usage: Usage::default(),
            has_usage: false,
        }
    }

    /// An element that stands no more though nobody said so: a newer one moves and this one has not for long. Should it
    /// move again, it is counted all the same.
    fn end_older(&mut self, inner: &Inner, counted: &Counted, elements: &str) {
        for counter in inner.counters_of(counted.subscriber) {
            let rest = counter.key.acct_session_id.strip_prefix(elements);
            let generation = rest.and_then(|rest| rest.split('/').next()?.parse::<u64>().ok());
            let older = generation.is_some_and(|generation| generation < counted.generation);
            if older && self.now.since(counter.updated) >= FORGOTTEN {
                self.end(counter, CAUSE_NAS_REQUEST);
            }
        }
    }

    /// Where its octets move, the session is alive, and its time goes on.
    fn news_of_login(&mut self, inner: &Inner, subscriber: SubscriberId, time: Timestamp) {
        let mut sighted = inner.sessions_of(subscriber).filter(|s| s.key.origin() == SessionOrigin::Sighting);
        let Some(session) = sighted.next() else { return };
        let told = session.started.saturating_add(Duration::from_secs(session.session_seconds.into()));
        if time.since(told) >= NEWS_INTERVAL && self.touched.insert(subscriber) {
            self.records.push(self.record_of(session, AccountingKind::Interim, time));
        }
    }
}

fn net_of(net: IpNet) -> IpNet {
    net.trunc()
}

/// A host without its length; a prefix with `-` before it, as the slash separates.
fn element_text(net: IpNet) -> String {
    if net.prefix_len() == net.max_prefix_len() {
        net.addr().to_string()
    } else {
        format!("{}-{}", net.addr(), net.prefix_len())
    }
}
