//! Why is WHO online or not: the ladder of checks with evidence, the same for every door.

use super::Operations;
use crate::directory::{Entry, Inner, LoginAttempt, LoginResult};
use crate::model::*;
use schemars::JsonSchema;
use serde::Serialize;

/// Every check in the order in which a help desk would make it.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct Ladder {
    pub who: String,
    /// Empty when nobody was found.
    pub login: String,
    pub contract: String,
    /// `let-through`, `negbal`, `paused`, `blocked`, or `unknown`.
    pub verdict: String,
    pub logged: bool,
    /// One sentence that answers the question.
    pub summary: String,
    pub steps: Vec<Step>,
}

#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct Step {
    pub check: &'static str,
    pub result: CheckResult,
    pub evidence: String,
    /// What to do about it; empty when nothing.
    pub action: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CheckResult {
    Ok,
    Fail,
    Unknown,
}

fn step(check: &'static str, ok: bool, evidence: impl Into<String>, action: impl Into<String>) -> Step {
    let result = if ok { CheckResult::Ok } else { CheckResult::Fail };
    let action = if ok { String::new() } else { action.into() };
    Step { check, result, evidence: evidence.into(), action }
}

fn unknown(check: &'static str, evidence: impl Into<String>, action: impl Into<String>) -> Step {
    Step { check, result: CheckResult::Unknown, evidence: evidence.into(), action: action.into() }
}

impl Operations {
    /// The ladder for a WHO. An unknown WHO has a ladder too: what it tried. A WHO that means several is refused.
    pub fn why(&self, who: &str) -> Result<Ladder, Refusal> {
        let found = match self.who(who) {
            Ok(found) => found,
            Err(refusal) if refusal.token == "not-found" => return Ok(self.why_unknown(who, &refusal)),
            Err(refusal) => return Err(refusal),
        };
        if found.subscriber.is_none() && found.mates.is_empty() {
            return Err(Refusal::new("no-subscriber", format!("contract {who} has no login")));
        }
        let entry = match found.subscriber {
            Some(entry) => entry,
            None => self.subscriber(who)?,
        };
        let inner = self.directory.read();
        Ok(self.ladder(who, &inner, &entry))
    }

    fn why_unknown(&self, who: &str, refusal: &Refusal) -> Ladder {
        let mut steps =
            vec![step("subscriber", false, refusal.text.clone(), "look for a typing error, or load it")];
        let known = self.sighted(who).or_else(|| self.directory.stranger(who));
        if let Some(attempt) = &known {
            steps.push(self.login_step(&self.directory.read(), Some(attempt)));
        }
        steps.extend(self.payment_step(&[who.trim()]));
        Ladder {
            who: who.to_owned(),
            login: String::new(),
            contract: String::new(),
            verdict: "unknown".into(),
            logged: false,
            summary: refusal.text.clone(),
            steps,
        }
    }

    fn ladder(&self, who: &str, inner: &Inner, entry: &Entry) -> Ladder {
        let view = &entry.view;
        let standing = &view.standing;
        let logged = inner.visible(entry.id()).is_some_and(|visible| visible.logged);
        let recent = entry.recent.lock().clone();
        let mut steps = vec![
            step(
                "subscriber",
                true,
                format!("{}, contract {}", view.subscriber.login, view.account.contract),
                "",
            ),
            self.block_step(entry),
            self.money_step(entry),
            match &view.plan {
                Some(plan) => step("plan", true, plan_text(plan, entry.view.shape), ""),
                None => step("plan", false, "no plan", "give it a plan: without one there is no speed limit"),
            },
            password_step(entry),
            self.login_step(inner, recent.login.as_ref()),
            self.session_step(inner, entry),
            addresses_step(inner, entry),
            match &recent.notice {
                None => unknown("coa", "none sent since the start", ""),
                Some(notice) => {
                    let text = format!(
                        "{} to {} at {}: {}",
                        notice.kind,
                        notice.nas_address,
                        self.time(notice.at),
                        notice.result
                    );
                    let ok = notice.result.starts_with("ACK") || notice.result == "sent";
                    step(
                        "coa",
                        ok,
                        text,
                        "check the NAS: CoA port, secret, and that it takes CoA from this server",
                    )
                }
            },
        ];
        steps.extend(self.payment_step(&[&view.account.contract, &view.subscriber.login]));
        let summary = match (standing.verdict, logged) {
            (Verdict::LetThrough, true) => "online and let through".to_owned(),
            (Verdict::LetThrough, false) => "in good standing, but has no session".to_owned(),
            _ => self.reason_text(standing),
        };
        Ladder {
            who: who.to_owned(),
            login: view.subscriber.login.clone(),
            contract: view.account.contract.clone(),
            verdict: standing.verdict.as_str().to_owned(),
            logged,
            summary,
            steps,
        }
    }

    /// The last call of a payment operator about somebody of these names, if there was one.
    fn payment_step(&self, names: &[&str]) -> Option<Step> {
        let call = self.payment_calls.last_about(names)?;
        let evidence = format!(
            "{} at {}: {}: {}, {}",
            call.operator,
            self.time(call.at),
            call.asked,
            call.result,
            call.answer
        );
        Some(step("payment-call", call.advice.is_empty(), evidence, call.advice))
    }

    fn block_step(&self, entry: &Entry) -> Step {
        let standing = &entry.view.standing;
        if !standing.blocked {
            return step("block", true, "not blocked, not paused", "");
        }
        let mut evidence = self.reason_text(standing);
        if let Some(block) = &entry.view.subscriber.block {
            evidence = format!("{evidence} ({} by {})", self.time(block.since), block.by);
        }
        let action = match &standing.reason {
            Some(Reason::Administrator { .. }) => "headgate unblock, when the reason is gone",
            Some(Reason::Paused) => "wait for the end of the pause",
            _ => "change its validity, or the account",
        };
        step("block", false, evidence, action)
    }

    fn money_step(&self, entry: &Entry) -> Step {
        let view = &entry.view;
        let credit = view.account.credit_at(self.clock.now());
        let evidence = format!(
            "balance {}, credit {}, available {}",
            self.money(view.balance),
            self.money(credit),
            self.money(view.available)
        );
        let evidence = match (view.due.is_positive(), view.cut_at) {
            (false, None) => evidence,
            (true, None) => format!("{evidence}, fee due {}", self.money(view.due)),
            (false, Some(at)) => format!("{evidence}, to be cut at {}", self.time(at)),
            (true, Some(at)) => {
                format!("{evidence}, fee due {}, to be cut at {}", self.money(view.due), self.time(at))
            }
        };
        step("money", !view.standing.negbal, evidence, format!("{} to pay", self.money(view.to_pay)))
    }

    fn login_step(&self, inner: &Inner, attempt: Option<&LoginAttempt>) -> Step {
        let Some(attempt) = attempt else {
            return unknown(
                "last-login",
                "no Access-Request and no sighting since the start",
                "if it should be here: look at the link, the VLAN and the NAS",
            );
        };
        let nas = match &attempt.enforcer {
            Some(enforcer) => format!("enforcer {enforcer}"),
            None => {
                let nas = inner.nas(attempt.nas);
                nas.map_or_else(|| attempt.nas_address.to_string(), |entry| entry.nas.name.clone())
            }
        };
        let place = format!("{} from {nas} at {}", attempt.method, self.time(attempt.at));
        match &attempt.result {
            LoginResult::Accepted { captive: false, .. } => {
                step("last-login", true, format!("{place}: accepted"), "")
            }
            LoginResult::Accepted { captive: true, .. } => {
                step("last-login", true, format!("{place}: accepted as captive"), "")
            }
            LoginResult::Rejected { token, text } => {
                step("last-login", false, format!("{place}: rejected, {text}"), rejection_action(token))
            }
        }
    }

    fn session_step(&self, inner: &Inner, entry: &Entry) -> Step {
        if entry.view.subscriber.access == AccessMethod::Static {
            return step("session", true, "always on (static)", "");
        }
        let Some(session) = inner.sessions_of(entry.id()).last() else {
            return step("session", false, "no open session", "it has to log in; look at the last login");
        };
        let (started, updated) = (self.time(session.started), self.time(session.updated));
        if session.key.origin() == SessionOrigin::Sighting {
            let mac = session.mac.map(|mac| format!(" with MAC {mac}")).unwrap_or_default();
            let seen = format!("seen by enforcer {}{mac} since {started}", session.nas_port_id);
            return step("session", true, format!("{seen}, last octets counted at {updated}"), "");
        }
        let id = &session.key.acct_session_id;
        let text = format!("{id} on {} since {started}, last news at {updated}", session.nas_address);
        let silent = self.clock.now().since(session.updated) > self.rules.interim * 2;
        step(
            "session",
            !silent,
            text,
            "no interim for two intervals: the session may be a ghost (headgate kick)",
        )
    }
}

fn addresses_step(inner: &Inner, entry: &Entry) -> Step {
    let joined = |nets: &mut dyn Iterator<Item = ipnet::IpNet>| {
        nets.map(super::search::address_text).collect::<Vec<_>>().join(" ")
    };
    let own = joined(&mut inner.own_addresses(entry).iter().map(|(net, _)| *net));
    let routes = joined(&mut entry.view.subscriber.routes.iter().copied());
    match (own.is_empty(), routes.is_empty()) {
        (true, true) => {
            unknown("addresses", "none", "it gets one from a pool at login, or none is configured")
        }
        (true, false) => step("addresses", true, format!("routed to it: {routes}"), ""),
        (false, true) => step("addresses", true, own, ""),
        (false, false) => step("addresses", true, format!("{own}, routed to it: {routes}"), ""),
    }
}

fn plan_text(plan: &Plan, now: Shape) -> String {
    let text = format!("{}, {}", plan.name, speed_text(now));
    if now == plan.shape {
        return text;
    }
    format!("{text} by the clock or its quota; its own speed: {}", speed_text(plan.shape))
}

fn speed_text(shape: Shape) -> String {
    if shape.is_unlimited() {
        return "not shaped".to_owned();
    }
    format!("{} kbit/s down, {} kbit/s up", shape.download.ceil, shape.upload.ceil)
}

fn password_step(entry: &Entry) -> Step {
    let subscriber = &entry.view.subscriber;
    match &subscriber.password {
        Password::None if subscriber.access != AccessMethod::Radius => {
            step("password", true, "none is set, and none is needed: it does not log in by RADIUS", "")
        }
        Password::None => step(
            "password",
            false,
            "no password is set",
            "give it one: headgate load of a [[subscriber]] row with this login and a password",
        ),
        Password::Clear(_) => step("password", true, "every method works", ""),
        Password::NtHash(_) => step("password", true, "NT hash: PAP and MS-CHAP work, CHAP cannot", ""),
        Password::Crypt(_) => {
            step("password", true, "crypt hash: only PAP works; CHAP and MS-CHAP are refused", "")
        }
    }
}

fn rejection_action(token: &str) -> &'static str {
    match token {
        "wrong-password" => {
            "compare the password on the device; after a change of the NAS's secret PAP passwords look wrong too"
        }
        "method-impossible" => "use PAP, or store the clear password",
        "sessions-max" => "end the old session (headgate kick), or raise sessions-max",
        "pool-empty" => "make the pool larger",
        "nobody" => "load it: a [[subscriber]] row with access = \"ipoe\" and this address, MAC or circuit",
        "other-address" => "put its configured address on the device, or take it out of its row",
        "unknown-login" => "look for a typing error on the device",
        _ => "see the checks above",
    }
}
