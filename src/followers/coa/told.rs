//! What a NAS was told of each open session, and what it is to be told now.

use crate::directory::{Applied, Entry};
use crate::model::{MikrotikBurst, SessionKey, Shape, SubscriberId, Verdict};
use crate::operations::RadiusRules;
use smallvec::SmallVec;
use std::collections::HashMap;

/// Open sessions followed at most; what is beyond gets no CoA by itself.
const SESSIONS_MAX: usize = 2_000_000;

/// How a session is treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Treatment {
    /// At the plan's speed.
    Open,
    /// At the captive speed, redirected.
    Captive,
    /// To be ended.
    Cut,
    /// The NAS has ended it; its Stop is on the way, and there is nothing more to say.
    Gone,
}

/// One session as its NAS has it, or is to have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    pub treatment: Treatment,
    pub shape: Shape,
    pub burst: MikrotikBurst,
}

impl Told {
    /// What the subscriber's standing asks for. An open session of a debtor is redirected and not ended, even where
    /// a new login would be refused (rules, States).
    pub fn wanted(entry: &Entry, rules: &RadiusRules) -> Told {
        let treatment = match entry.view.standing.verdict {
            Verdict::LetThrough => Treatment::Open,
            Verdict::Negbal | Verdict::Paused => Treatment::Captive,
            Verdict::Blocked if rules.blocked_captive => Treatment::Captive,
            Verdict::Blocked => Treatment::Cut,
        };
        match treatment {
            Treatment::Open => Told::open(entry, None),
            Treatment::Captive => {
                Told { treatment, shape: rules.captive_shape, burst: MikrotikBurst::default() }
            }
            // Speeds do not matter any more and must not make two of one.
            Treatment::Cut | Treatment::Gone => {
                Told { treatment, shape: Shape::default(), burst: MikrotikBurst::default() }
            }
        }
    }

    /// What the last Access-Accept said.
    fn accepted(entry: &Entry, applied: Applied) -> Told {
        match applied.verdict {
            Verdict::LetThrough => Told::open(entry, Some(applied.shape)),
            _ => {
                Told { treatment: Treatment::Captive, shape: applied.shape, burst: MikrotikBurst::default() }
            }
        }
    }

    fn open(entry: &Entry, shape: Option<Shape>) -> Told {
        Told {
            treatment: Treatment::Open,
            shape: shape.unwrap_or(entry.view.shape),
            burst: entry.view.mikrotik_burst,
        }
    }
}

/// Sessions of one subscriber; None: the NAS may have either of two things.
type Sessions = SmallVec<[(SessionKey, Option<Told>); 1]>;

/// What NASes hold of the sessions that are open. Bounded.
#[derive(Default)]
pub struct Applications {
    told: HashMap<SubscriberId, Sessions>,
    count: usize,
}

impl Applications {
    /// Takes in the open sessions of a subscriber as they are now: those that are over are forgotten, new ones have
    /// what their login was answered, or what is right now where no login was seen.
    pub fn refresh(&mut self, entry: &Entry, wanted: Told, open: impl Iterator<Item = SessionKey>) {
        let old = self.told.remove(&entry.id()).unwrap_or_default();
        self.count -= old.len();
        let accepted = entry.recent.lock().accepted_as;
        let first = accepted.map_or(wanted, |applied| Told::accepted(entry, applied));
        let sessions: Sessions = open
            .take(SESSIONS_MAX.saturating_sub(self.count))
            .map(|key| {
                let known = old.iter().find(|(known, _)| *known == key);
                let told = known.map_or(Some(first), |(_, told)| *told);
                (key, told)
            })
            .collect();
        self.count += sessions.len();
        if !sessions.is_empty() {
            self.told.insert(entry.id(), sessions);
        }
    }

    /// The sessions of a subscriber that are known to have, or may have, something else than `wanted`.
    pub fn different(&self, subscriber: SubscriberId, wanted: Told) -> Vec<SessionKey> {
        let sessions = self.told.get(&subscriber).into_iter().flatten();
        let has = |told: &Told| *told == wanted || told.treatment == Treatment::Gone;
        sessions.filter(|(_, told)| !told.as_ref().is_some_and(has)).map(|(key, _)| key.clone()).collect()
    }

    /// Notes what a session has; None where that is not known.
    pub fn note(&mut self, subscriber: SubscriberId, key: &SessionKey, told: Option<Told>) {
        let sessions = self.told.get_mut(&subscriber).into_iter().flatten();
        for (_, place) in sessions.filter(|(known, _)| known == key) {
            *place = told;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::NasId;

    fn key(id: &str) -> SessionKey {
        SessionKey { nas: NasId(1), acct_session_id: id.into(), login: "ivanov".into() }
    }

    const OPEN: Told =
        Told { treatment: Treatment::Open, shape: Shape { download: B, upload: B }, burst: BURST };
    const B: crate::model::Bandwidth = crate::model::Bandwidth { rate: 1, ceil: 1, burst: 16, cburst: 16 };
    const BURST: MikrotikBurst =
        MikrotikBurst { rate_in: 0, threshold_in: 0, rate_out: 0, threshold_out: 0, time: 0 };

    fn applications(told: Option<Told>) -> Applications {
        let mut applications = Applications::default();
        let sessions: Sessions = [(key("1"), told)].into_iter().collect();
        applications.told.insert(SubscriberId(1), sessions);
        applications.count = 1;
        applications
    }

    #[test]
    fn a_session_is_different_when_it_has_something_else_or_nobody_knows() {
        let captive = Told { treatment: Treatment::Captive, ..OPEN };
        for (told, different) in [(Some(OPEN), 0), (Some(captive), 1), (None, 1)] {
            assert_eq!(applications(told).different(SubscriberId(1), OPEN).len(), different);
        }
    }

    #[test]
    fn a_session_that_the_nas_has_ended_is_left_alone() {
        let mut applications = applications(None);
        let gone = Told { treatment: Treatment::Gone, ..OPEN };
        applications.note(SubscriberId(1), &key("1"), Some(gone));
        assert!(applications.different(SubscriberId(1), OPEN).is_empty());
    }
}
