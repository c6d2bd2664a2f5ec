//! What payment operators asked and why it was refused: kept for those who have to find out.
//!
//! Not the journal of payments, which is the ledger's: these are calls, most of which never became one.

use crate::model::Timestamp;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::net::IpAddr;
use tokio::sync::watch;

/// Refused calls that are kept.
pub const REFUSED_MAX: usize = 1_000;
/// Answered calls that are kept, for `why`.
const ANSWERED_MAX: usize = 4_096;
/// A call that is like one of so many last ones is counted with it: a scanner must not push out what matters.
const ALIKE_LOOK: usize = 64;
/// Longest text that is kept of what somebody sent, characters.
const TEXT_CHARS_MAX: usize = 200;

/// One call of a payment operator, or of somebody who would like to be one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PaymentCall {
    pub at: Timestamp,
    pub source: Option<IpAddr>,
    /// Empty: it is not known whose call it was.
    pub operator: String,
    /// What was asked, in words: `pay 100.00 to 1001, id 7`.
    pub asked: String,
    /// The account as the operator names it; empty: none was named.
    pub account: String,
    /// Whose account that is; empty: nobody's.
    pub contract: String,
    /// A stable token: `ok`, `repeat`, `unknown-account`, `wrong-address`, ...
    pub result: String,
    /// What the operator was told: `result 5`, `HTTP 403`.
    pub answer: String,
    /// What happened and what to do about it; empty when nothing.
    pub advice: String,
    /// It came from an address that is no operator's: forgotten first, for anybody can make as many as he likes.
    pub stranger: bool,
}

/// A refused call with its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptCall {
    /// Grows with each refusal.
    pub number: u64,
    /// How many calls like this one there were.
    pub times: u64,
    pub call: PaymentCall,
}

/// The last calls. Bounded: the oldest ones go.
pub struct PaymentCalls {
    refused: Mutex<VecDeque<KeptCall>>,
    answered: Mutex<VecDeque<PaymentCall>>,
    /// The number of the last refusal.
    last: watch::Sender<u64>,
}

impl Default for PaymentCalls {
    fn default() -> PaymentCalls {
        PaymentCalls { refused: Mutex::default(), answered: Mutex::default(), last: watch::Sender::new(0) }
    }
}

impl PaymentCalls {
    /// Keeps a call that was answered as it was meant.
    pub fn answered(&self, call: PaymentCall) {
        let mut answered = self.answered.lock();
        if answered.len() >= ANSWERED_MAX {
            answered.pop_front();
        }
        answered.push_back(cut(call));
    }

    /// Keeps a refusal, and wakes those who follow.
    pub fn refused(&self, call: PaymentCall) {
        let call = cut(call);
        let mut refused = self.refused.lock();
        let alike = refused.iter().rev().take(ALIKE_LOOK).position(|kept| is_alike(&kept.call, &call));
        let times = alike
            .and_then(|back| refused.len().checked_sub(back + 1))
            .and_then(|at| refused.remove(at))
            .map_or(0, |kept| kept.times);
        if refused.len() >= REFUSED_MAX {
            let oldest = refused.iter().position(|kept| kept.call.stranger).unwrap_or(0);
            refused.remove(oldest);
        }
        let number = self.last.borrow().saturating_add(1);
        refused.push_back(KeptCall { number, times: times.saturating_add(1), call });
        drop(refused);
        self.last.send_replace(number);
    }

    /// Refusals with a greater number than `after`, oldest first; of many the last `limit`.
    pub fn refused_after(&self, after: u64, limit: usize) -> Vec<KeptCall> {
        let refused = self.refused.lock();
        let newest = refused.iter().rev().take_while(|kept| kept.number > after).take(limit);
        let mut found: Vec<KeptCall> = newest.cloned().collect();
        found.reverse();
        found
    }

    /// The number of the last refusal; changes wake.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.last.subscribe()
    }

    /// The last call about an account that one of these names means.
    pub fn last_about(&self, names: &[&str]) -> Option<PaymentCall> {
        let about = |call: &PaymentCall| {
            let named = |name: &&str| !name.is_empty() && (call.contract == **name || call.account == **name);
            names.iter().any(named)
        };
        let refused =
            self.refused.lock().iter().rev().map(|kept| &kept.call).find(|call| about(call)).cloned();
        let answered = self.answered.lock().iter().rev().find(|call| about(call)).cloned();
        match (refused, answered) {
            (Some(refused), Some(answered)) if refused.at > answered.at => Some(refused),
            (refused, answered) => answered.or(refused),
        }
    }
}

/// The same somebody with the same trouble.
fn is_alike(a: &PaymentCall, b: &PaymentCall) -> bool {
    let key = |call: &PaymentCall| {
        (call.source, call.result.clone(), call.operator.clone(), call.account.clone(), call.contract.clone())
    };
    key(a) == key(b)
}

fn cut(mut call: PaymentCall) -> PaymentCall {
    for text in [&mut call.asked, &mut call.account] {
        if text.len() > TEXT_CHARS_MAX || text.contains(char::is_control) {
            *text = text.chars().filter(|c| !c.is_control()).take(TEXT_CHARS_MAX).collect();
        }
    }
    call
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(second: i64, account: &str, result: &str) -> PaymentCall {
        PaymentCall {
            at: Timestamp::from_seconds(second),
            account: account.into(),
            result: result.into(),
            ..PaymentCall::default()
        }
    }

    #[test]
    fn refusals_are_bounded_and_those_alike_are_one_with_a_number() {
        let calls = PaymentCalls::default();
        for second in 0..10 {
            calls.refused(call(second, "1", "unknown-account"));
        }
        calls.refused(call(10, "2", "unknown-account"));
        let kept = calls.refused_after(0, 99);
        assert_eq!(
            kept.iter().map(|kept| (kept.number, kept.times)).collect::<Vec<_>>(),
            [(10, 10), (11, 1)]
        );
        assert_eq!(kept[0].call.at, Timestamp::from_seconds(9));
        assert_eq!(calls.refused_after(10, 99).len(), 1);
        for n in 0..REFUSED_MAX + 10 {
            calls.refused(call(20, &n.to_string(), "unknown-account"));
        }
        let kept = calls.refused_after(0, usize::MAX);
        assert_eq!((kept.len(), kept.last().map(|kept| kept.number)), (REFUSED_MAX, Some(1_021)));
        assert_eq!(
            calls.refused_after(0, 2).iter().map(|kept| kept.number).collect::<Vec<_>>(),
            [1_020, 1_021]
        );
    }

    #[test]
    fn strangers_push_out_each_other_and_no_operator() {
        let calls = PaymentCalls::default();
        calls.refused(call(0, "1001", "bad-sum"));
        for n in 0..2 * REFUSED_MAX {
            calls.refused(PaymentCall { stranger: true, ..call(1, &n.to_string(), "wrong-address") });
        }
        let kept = calls.refused_after(0, usize::MAX);
        assert_eq!((kept.len(), kept[0].call.result.as_str()), (REFUSED_MAX, "bad-sum"));
    }

    #[test]
    fn the_last_call_about_an_account_is_found_among_both_kinds() {
        let calls = PaymentCalls::default();
        calls.answered(call(1, "1001", "ok"));
        assert_eq!(calls.last_about(&["x", "1001"]).map(|call| call.result).as_deref(), Some("ok"));
        calls.refused(call(2, "1001", "bad-sum"));
        assert_eq!(calls.last_about(&["1001"]).map(|call| call.result).as_deref(), Some("bad-sum"));
        calls.answered(call(3, "1001", "repeat"));
        assert_eq!(calls.last_about(&["1001"]).map(|call| call.result).as_deref(), Some("repeat"));
        calls.answered(call(4, "", "ok"));
        assert_eq!(calls.last_about(&["", "9"]), None);
    }

    #[test]
    fn what_somebody_sent_is_kept_short_and_on_one_line() {
        let calls = PaymentCalls::default();
        calls.refused(call(1, &format!("a\nb{}", "я".repeat(1_000)), "bad-account"));
        let account = calls.refused_after(0, 1)[0].call.account.clone();
        assert!(account.starts_with("abяя") && account.chars().count() == TEXT_CHARS_MAX, "{account}");
    }
}
