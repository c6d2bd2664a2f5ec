//! Reports of enforcers: kernel counters become accounting, sightings become sessions, silence ends them.
//!
//! Everything goes the way of RADIUS accounting: records into the spool, presence after its flush, then the answer, and
//! the ledger by replay, exactly once. A counter session is named by (enforcer, boot, address, generation, subscriber)
//! and its octets are absolute, so repeats, disorder and reports sent again after a lost answer count nothing twice.

mod counters;
mod sightings;
mod silence;

use super::{Operations, Record, status::Counters};
use crate::model::*;
use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;

/// Of one report at most.
pub(super) const COUNTED_MAX: usize = 5_000;
pub(super) const SIGHTINGS_MAX: usize = 1_000;
pub(super) const SILENT_MAX: usize = 5_000;
/// Octets of an enforcer's name and of its boot.
const NAME_OCTETS_MAX: usize = 64;
/// Enforcers remembered with their boot.
const ENFORCERS_MAX: usize = 1_024;
/// What a report says was at most this long ago; a clock that stood still is not believed.
const AGE_MAX: Duration = Duration::from_secs(7 * 86_400);
/// Rounds for one report's sightings of one subscriber: its IPv4 address, then its IPv6 addresses one by one.
const ROUNDS_MAX: usize = 8;

/// Why a report was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReportError {
    /// It cannot be understood; sending it again helps nobody.
    Malformed(String),
    /// It was not recorded: to be sent again.
    Later,
}

impl std::fmt::Display for ReportError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ReportError::Malformed(text) => f.write_str(text),
            ReportError::Later => f.write_str("the report could not be recorded; send it again"),
        }
    }
}

impl std::error::Error for ReportError {}

/// Takes reports. One at a time: what one decides, the next one sees.
pub struct Reports {
    operations: Arc<Operations>,
    recorder: Arc<dyn Record>,
    /// The boot of each enforcer's last report.
    boots: Mutex<HashMap<String, String>>,
}

impl Reports {
    pub fn new(operations: Arc<Operations>, recorder: Arc<dyn Record>) -> Arc<Reports> {
        Arc::new(Reports { operations, recorder, boots: Mutex::default() })
    }

    /// Takes a report of the enforcer of this name. Returns once all of it is on disk.
    pub async fn take(&self, enforcer: &str, report: &Report) -> Result<ReportAnswer, ReportError> {
        check(enforcer, report)?;
        let mut boots = self.boots.lock().await;
        let known_boot = boots.get(enforcer) == Some(&report.boot);
        let mut draft = Draft::new(&self.operations, enforcer, report);
        draft.count(known_boot);
        draft.hear_silence();
        let mut waiting: Vec<&Sighting> = report.sightings.iter().collect();
        for _ in 0..ROUNDS_MAX {
            waiting = draft.see(&waiting);
            self.record(draft.take_records()).await?;
            if waiting.is_empty() {
                break;
            }
        }
        if !known_boot {
            if boots.len() >= ENFORCERS_MAX {
                boots.clear();
            }
            boots.insert(enforcer.to_owned(), report.boot.clone());
        }
        Counters::count(&self.operations.counters.reports);
        Ok(draft.answer)
    }

    async fn record(&self, records: Vec<AccountingRecord>) -> Result<(), ReportError> {
        if records.is_empty() {
            return Ok(());
        }
        let entries = records.into_iter().map(SpoolEntry::Accounting).collect();
        let on_disk = self.recorder.record(entries).map_err(|_| ReportError::Later)?;
        on_disk.await.map_err(|_| ReportError::Later)
    }
}

fn check(enforcer: &str, report: &Report) -> Result<(), ReportError> {
    let named = |name: &str| {
        (1..=NAME_OCTETS_MAX).contains(&name.len())
            && name.bytes().all(|octet| octet.is_ascii_graphic() && octet != b'/')
    };
    let malformed = |text: String| Err(ReportError::Malformed(text));
    if !named(enforcer) {
        return malformed(format!("{enforcer:?} is not a name of an enforcer"));
    }
    if !named(&report.boot) {
        return malformed("boot: expected up to 64 printable characters without a slash".to_owned());
    }
    for (name, length, max) in [
        ("counted", report.counted.len(), COUNTED_MAX),
        ("sightings", report.sightings.len(), SIGHTINGS_MAX),
        ("silent", report.silent.len(), SILENT_MAX),
    ] {
        if length > max {
            return malformed(format!("{name}: expected at most {max}, found {length}"));
        }
    }
    Ok(())
}

/// A report on its way to records.
struct Draft<'a> {
    operations: &'a Operations,
    enforcer: &'a str,
    report: &'a Report,
    now: Timestamp,
    records: Vec<AccountingRecord>,
    /// Whose sessions the records change; the next look at them has to wait until these are merged.
    touched: HashSet<SubscriberId>,
    answer: ReportAnswer,
}

impl<'a> Draft<'a> {
    fn new(operations: &'a Operations, enforcer: &'a str, report: &'a Report) -> Draft<'a> {
        Draft {
            operations,
            enforcer,
            report,
            now: operations.clock.now(),
            records: Vec::new(),
            touched: HashSet::new(),
            answer: ReportAnswer::default(),
        }
    }

    fn take_records(&mut self) -> Vec<AccountingRecord> {
        self.touched.clear();
        std::mem::take(&mut self.records)
    }

    fn time_of(&self, age_seconds: u32) -> Timestamp {
        self.now.saturating_sub(Duration::from_secs(age_seconds.into()).min(AGE_MAX))
    }

    /// Where the enforcer's subscribers are, as far as it says.
    fn place(&self) -> IpAddr {
        self.report.nas.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
    }

    /// The next record of a session that is known.
    fn record_of(&self, session: &Session, kind: AccountingKind, event_time: Timestamp) -> AccountingRecord {
        let seconds = event_time.since(session.started).as_secs();
        // Counter sessions are not time online.
        let counted = session.key.origin() == SessionOrigin::Kernel;
        AccountingRecord {
            kind,
            nas: session.key.nas,
            nas_address: session.nas_address,
            login: session.key.login.clone(),
            acct_session_id: session.key.acct_session_id.clone(),
            subscriber: session.subscriber,
            event_time,
            session_seconds: if counted { 0 } else { u32::try_from(seconds).unwrap_or(u32::MAX) },
            terminate_cause: 0,
            framed_ip: session.framed_ip,
            ipv6_prefixes: session.ipv6_prefixes.clone(),
            mac: session.mac,
            calling_station_id: session.calling_station_id.clone(),
            nas_port_id: session.nas_port_id.clone(),
            usage: Usage::default(),
            has_usage: false,
        }
    }
}
