//! Requests with a key (rules of idempotency): the same key and payload has the first answer, for 30 days.

use super::{Decision, State};
use crate::model::*;
use std::time::Duration;

/// How long an answer is remembered.
const ANSWER_KEPT: Duration = Duration::from_secs(30 * 86_400);
/// How often old answers are looked for. Only requests with a key add answers, so only they look.
const FORGOTTEN_EVERY: Duration = Duration::from_secs(86_400);
/// Longest key that is taken, octets.
const KEY_OCTETS_MAX: usize = 255;

/// A command with who asks for it and, if the caller gave one, the key it can be repeated under.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    pub command: &'a Command,
    pub actor: &'a Actor,
    pub key: Option<&'a RequestKey>,
}

impl Request<'_> {
    /// The key as it is stored: each actor has keys of its own. A preview has none, because it does nothing that must
    /// not be done twice.
    pub fn stored_key(&self) -> Option<String> {
        let key = self.key.filter(|_| !is_preview(self.command))?;
        Some(format!("{}\n{}", self.actor.0, key.key))
    }
}

fn is_preview(command: &Command) -> bool {
    matches!(
        command,
        Command::Terms(TermsCommand::Plan { dry_run: true, .. })
            | Command::Load { options: LoadOptions { dry_run: true, .. }, .. }
            | Command::Calls(CallCommand::Load { options: LoadOptions { dry_run: true, .. }, .. })
    )
}

/// Decides a request. Refusals are not remembered: what was refused may be asked again under the same key.
pub(super) fn decide(state: &State, request: &Request<'_>, now: Timestamp) -> Result<Decision, Refusal> {
    let (Some(key), Some(stored_key)) = (request.key, request.stored_key()) else {
        return state.decide(request.command, request.actor, now);
    };
    if key.key.is_empty() || key.key.len() > KEY_OCTETS_MAX {
        let text = format!("an idempotency key has 1 to {KEY_OCTETS_MAX} octets");
        return Err(Refusal::new("bad-idempotency-key", text));
    }
    let kept_since = now.saturating_sub(ANSWER_KEPT);
    let known = state.answer(&stored_key);
    if let Some(answer) = known.filter(|answer| answer.at >= kept_since) {
        return repeat(answer, key);
    }
    let mut decision = state.decide(request.command, request.actor, now)?;
    let looked_for = state.answers_forgotten().saturating_add(FORGOTTEN_EVERY);
    if known.is_some() || now >= looked_for {
        decision.changes.push(Change::ForgetAnswers(kept_since));
    }
    decision.changes.push(Change::Answer(RememberedAnswer {
        key: stored_key,
        payload: key.payload,
        outcome: decision.outcome.clone(),
        at: now,
    }));
    Ok(decision)
}

fn repeat(answer: &RememberedAnswer, key: &RequestKey) -> Result<Decision, Refusal> {
    if answer.payload != key.payload {
        return Err(Refusal::new(
            "idempotency-conflict",
            format!("the key {:?} was used for another request", key.key),
        ));
    }
    Ok(Decision::unchanged(Outcome::Repeat(Box::new(answer.outcome.clone()))))
}
