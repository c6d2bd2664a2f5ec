//! May this login come in, and as what? Answered from the directory alone; never waits for the store.

use super::Operations;
use crate::directory::{
    Applied, Asking, Entry, Grant, Inner, LoginAttempt, LoginResult, NasEntry, SessionLimits,
};
use crate::model::*;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

/// A session without news for this many interim intervals no longer counts against `sessions-max`.
pub(super) const STALE_INTERVALS: u32 = 3;

/// What the configuration says about logins.
#[derive(Clone, Debug)]
pub struct RadiusRules {
    /// Out of money or paused: let in to the captive page, or reject.
    pub negbal_captive: bool,
    /// Blocked by the administrator: let in to the captive page, or reject.
    pub blocked_captive: bool,
    /// Acct-Interim-Interval before jitter.
    pub interim: Duration,
    /// Speed of captive logins, both directions.
    pub captive_shape: Shape,
}

/// One login as a door has understood it.
pub struct LoginRequest<'a> {
    pub login: &'a str,
    pub nas: &'a NasEntry,
    pub nas_address: IpAddr,
    /// `PAP`, `CHAP`, `MS-CHAPv2`, ...
    pub method: &'static str,
    /// Calling-Station-Id where it is a MAC.
    pub mac: Option<Mac>,
    pub now: Timestamp,
}

/// What the door found of the password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    Right,
    Wrong,
    /// The stored form of the password does not allow this method; the text says so.
    Impossible(&'static str),
}

/// The verdict on a login.
pub enum Authorization {
    Accept(Accepted),
    Reject { token: &'static str, text: String },
}

pub struct Accepted {
    pub entry: Arc<Entry>,
    /// Not let through: redirected to the captive page.
    pub captive: bool,
    pub shape: Shape,
    pub address: Option<Ipv4Addr>,
    /// A pool address that was given now; the door writes it to the spool.
    pub grant: Option<PoolGrant>,
    /// Money that was reserved now; the door writes it to the spool.
    pub reservation: Option<Box<Reservation>>,
    /// What money allows the session.
    pub limits: SessionLimits,
}

impl Operations {
    /// Decides a login; `entry` is the one that [`Inner::login`] has for it. `prove` checks the password of that entry;
    /// it is called at most once, and its result is known to nobody else, so that an unknown login and a wrong password
    /// look the same outside.
    pub fn authorize(
        &self,
        inner: &Inner,
        entry: Option<&Arc<Entry>>,
        request: &LoginRequest<'_>,
        prove: impl FnOnce(&Entry) -> Proof,
    ) -> Authorization {
        let Some(entry) = entry else {
            let text = format!("there is no login {:?}", request.login);
            let rejected = rejected("unknown-login", text);
            self.directory.note_stranger(request.login, attempt(request, &rejected));
            return rejected;
        };
        let authorization = self.judge(inner, entry, request, prove);
        let mut recent = entry.recent.lock();
        if let Authorization::Accept(accepted) = &authorization {
            let verdict = match entry.view.standing.verdict {
                Verdict::LetThrough if accepted.captive => Verdict::Negbal,
                verdict => verdict,
            };
            recent.accepted_as = Some(Applied { verdict, shape: accepted.shape });
        }
        recent.login = Some(attempt(request, &authorization));
        drop(recent);
        authorization
    }

    fn judge(
        &self,
        inner: &Inner,
        entry: &Arc<Entry>,
        request: &LoginRequest<'_>,
        prove: impl FnOnce(&Entry) -> Proof,
    ) -> Authorization {
        match prove(entry) {
            Proof::Right => {}
            Proof::Wrong => return rejected("wrong-password", "the password is wrong"),
            Proof::Impossible(text) => return rejected("method-impossible", text),
        }
        let standing = &entry.view.standing;
        let mut captive = match standing.verdict {
            Verdict::LetThrough => false,
            Verdict::Negbal | Verdict::Paused if self.rules.negbal_captive => true,
            Verdict::Blocked if self.rules.blocked_captive => true,
            Verdict::Negbal => return no_money(),
            Verdict::Paused => return rejected("paused", "paused, and negbal-login is \"reject\""),
            Verdict::Blocked => return rejected("blocked", self.reason_text(standing)),
        };
        if let Some(rejection) = self.too_many_sessions(inner, entry, request) {
            return rejection;
        }
        let (address, grant) = match self.address(inner, entry, request) {
            Some(address) => address,
            None => return rejected("pool-empty", "no free address is left in the pool"),
        };
        let (mut reservation, mut limits) = (None, SessionLimits::default());
        if !captive {
            match self.directory.reserve(inner, entry, self.asking(request)) {
                Grant::Unpriced => {}
                Grant::Granted { reservation: granted, limits: bought } => {
                    (reservation, limits) = (granted.map(Box::new), bought);
                }
                Grant::NothingLeft if self.rules.negbal_captive => captive = true,
                Grant::NothingLeft => return no_money(),
            }
        }
        Authorization::Accept(Accepted {
            entry: Arc::clone(entry),
            captive,
            shape: if captive { self.rules.captive_shape } else { entry.view.shape },
            address,
            grant,
            reservation,
            limits,
        })
    }

    fn asking(&self, request: &LoginRequest<'_>) -> Asking {
        Asking {
            nas: request.nas.nas.id,
            mac: request.mac,
            now: request.now,
            term: self.settings.reservation_term,
        }
    }

    fn too_many_sessions(
        &self,
        inner: &Inner,
        entry: &Entry,
        request: &LoginRequest<'_>,
    ) -> Option<Authorization> {
        let max = usize::try_from(entry.view.subscriber.sessions_max).unwrap_or(usize::MAX);
        if max == 0 {
            return None;
        }
        let stale_before = request.now.saturating_sub(self.rules.interim * STALE_INTERVALS);
        let counted = inner.sessions_of(entry.id()).filter(|session| {
            // The same device dialling again replaces its session; a silent session is a ghost.
            let same_device = session.mac.is_some() && session.mac == request.mac;
            !same_device && session.updated >= stale_before
        });
        let open = counted.count();
        (open >= max)
            .then(|| rejected("sessions-max", format!("open sessions: {open}, allowed at once: {max}")))
    }

    /// The address for this login: configured, or of a pool, and what the spool must learn of it. None: the pool is
    /// empty.
    fn address(
        &self,
        inner: &Inner,
        entry: &Entry,
        request: &LoginRequest<'_>,
    ) -> Option<(Option<Ipv4Addr>, Option<PoolGrant>)> {
        let subscriber = &entry.view.subscriber;
        let configured = subscriber.addresses.iter().filter_map(|address| match address {
            IpAddr::V4(address) => Some(*address),
            IpAddr::V6(_) => None,
        });
        let in_use = |address: &Ipv4Addr| {
            inner.sessions_of(subscriber.id).any(|session| session.framed_ip == Some(*address))
        };
        let mut configured = configured.peekable();
        if let Some(first) = configured.peek().copied() {
            let free = configured.find(|address| !in_use(address));
            return Some((Some(free.unwrap_or(first)), None));
        }
        let Some(pool) = subscriber.pool.or(request.nas.nas.pool) else { return Some((None, None)) };
        let address = self.directory.grant_address(inner, pool, subscriber.id, request.now)?;
        let (subscriber, at) = (subscriber.id, request.now);
        let grant = PoolGrant { pool, subscriber, address: IpAddr::V4(address), at };
        Some((Some(address), Some(grant)))
    }

    /// The sentence for a reason, with money in the ledger's currency.
    pub fn reason_text(&self, standing: &Standing) -> String {
        match &standing.reason {
            None => "in good standing".into(),
            Some(Reason::Administrator { text }) => format!("blocked by the administrator: {text}"),
            Some(Reason::NotYetValid) => "its validity has not begun (valid-from)".into(),
            Some(Reason::Expired) => "its validity is over (valid-until)".into(),
            Some(Reason::AccountClosed) => "the account is closed".into(),
            Some(Reason::Paused) => "paused at own wish".into(),
            Some(Reason::Shortage { missing }) => format!("out of money: {} to pay", self.money(*missing)),
            Some(Reason::FeeDue { missing }) => {
                format!("today's fee is not covered: {} to pay", self.money(*missing))
            }
        }
    }
}

fn no_money() -> Authorization {
    rejected("no-money", "out of money, and negbal-login is \"reject\"")
}

fn rejected(token: &'static str, text: impl Into<String>) -> Authorization {
    Authorization::Reject { token, text: text.into() }
}

fn attempt(request: &LoginRequest<'_>, authorization: &Authorization) -> LoginAttempt {
    let result = match authorization {
        Authorization::Accept(accepted) => {
            LoginResult::Accepted { captive: accepted.captive, address: accepted.address }
        }
        Authorization::Reject { token, text } => LoginResult::Rejected { token, text: text.clone() },
    };
    LoginAttempt {
        at: request.now,
        nas: request.nas.nas.id,
        nas_address: request.nas_address,
        method: request.method,
        enforcer: None,
        result,
    }
}
