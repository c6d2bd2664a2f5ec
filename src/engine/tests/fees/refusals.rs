//! Every refusal of promises, pauses and cuts, and that nothing is written then.

use super::{Story, refused};
use crate::engine::testing::money;
use crate::model::BillingRules;
use crate::model::*;

#[test]
fn refusals_have_their_tokens_and_write_nothing() {
    // Moment, events before, event | result.
    let table: &[(&str, &[&str], &str, &str)] = &[
        ("2026-04-01 12:00", &[], "promise", "promise-not-needed"),
        ("2026-04-03 12:00", &[], "promise 0 3", "bad-sum"),
        ("2026-04-03 12:00", &[], "promise -1 3", "bad-sum"),
        ("2026-04-03 12:00", &[], "promise 1.005 3", "bad-sum"),
        ("2026-04-03 12:00", &[], "promise 1000000.01 3", "bad-sum"),
        ("2026-04-03 12:00", &[], "promise 10 0", "bad-days"),
        ("2026-04-03 12:00", &[], "promise 10 32", "bad-days"),
        ("2026-04-03 12:00", &["promise"], "promise", "promise-open"),
        ("2026-04-03 12:00", &["promise", "pay 30.00"], "promise", "promises-used-up"),
        ("2026-04-01 12:00", &[], "pause 2026-04-01 2026-04-02", "pause-not-in-future"),
        ("2026-04-01 12:00", &[], "pause 2026-03-01 2026-04-02", "pause-not-in-future"),
        ("2026-04-01 12:00", &[], "pause 2026-04-03 2026-04-02", "pause-ends-before-it-begins"),
        ("2026-04-01 12:00", &[], "pause 2026-04-02 2026-07-01", "pause-too-long"),
        ("2026-04-01 12:00", &[], "pause 2026-04-02 5000-01-01", "pause-too-long"),
        ("2026-04-01 12:00", &["pause 2026-04-05 2026-04-05"], "pause 2026-04-07 2026-04-08", "pause-open"),
        ("2026-04-01 12:00", &["charge 15.01"], "pause 2026-04-02 2026-04-03", "balance-negative"),
        ("2026-04-03 12:00", &["promise", "charge 1"], "pause 2026-04-05 2026-04-06", "promise-open"),
        ("2026-04-01 12:00", &[], "resume", "not-paused"),
        ("2026-04-01 12:00", &["pause 2026-04-05 2026-04-05", "resume"], "resume", "not-paused"),
        ("2026-04-01 12:00", &[], "cut-now", "not-short"),
        ("2026-04-01 12:00", &[], "defer 2026-04-02 10:00", "not-short"),
        ("2026-04-03 12:00", &[], "defer 2026-04-03 12:00", "date-in-past"),
        ("2026-04-03 12:00", &[], "defer 2027-04-03 12:00", "date-too-far"),
        ("2026-04-03 12:00", &[], "catch-up", "nothing-held"),
    ];
    for (at, before, event, token) in table {
        let mut story = Story::new("", "25.00");
        story.to(at);
        for event in *before {
            assert_eq!(story.event(event), "ok", "{at} {event}");
        }
        let (written, balance, state) = (story.ledger.changes.len(), story.balance(), story.state());
        let case = format!("{at} {before:?} {event}");
        assert_eq!(story.event(event), *token, "{case}");
        assert_eq!(
            (story.ledger.changes.len(), story.balance(), story.state()),
            (written, balance, state),
            "{case}"
        );
        story.check();
    }
}

#[test]
fn nobody_and_closed_accounts_get_neither_promise_nor_pause() {
    let mut story = Story::new("", "5.00");
    story.to("2026-04-03 12:00");
    let (account, subscriber) = (AccountId(99), SubscriberId(99));
    let day = |text: &str| text.parse::<Day>().unwrap();
    let pause =
        |subscriber| TermsCommand::Pause { subscriber, from: day("2026-05-01"), to: day("2026-05-02") };
    let promise = |account| TermsCommand::Promise { account, sum: None, days: None };
    let until = story.at("2026-05-01");
    for (command, token) in [
        (promise(account), "account-not-found"),
        (TermsCommand::CutNow { account }, "account-not-found"),
        (TermsCommand::DeferCut { account, until }, "account-not-found"),
        (pause(subscriber), "subscriber-not-found"),
        (TermsCommand::Resume { subscriber }, "subscriber-not-found"),
    ] {
        assert_eq!(refused(&story.ledger, &Command::Terms(command.clone())), token, "{command:?}");
    }
    let (open, _) = story.ledger.state.account_view(story.account()).unwrap();
    story.ledger.put(Change::Account(Account { closed: true, ..Account::clone(&open) }));
    let subscriber = story.ledger.subscriber("s");
    for command in [promise(story.account()), pause(subscriber)] {
        assert_eq!(refused(&story.ledger, &Command::Terms(command)), "account-closed");
    }
    // And it costs nothing.
    story.to("2026-04-20 12:00");
    story.event("pay 100.00");
    assert_eq!(story.balance(), "105.00");
}

#[test]
fn a_promise_whose_price_would_leave_the_ledgers_range_is_refused() {
    let rules = BillingRules { promise_price: money("1.00"), ..BillingRules::default() };
    let mut story = Story::with("", "-9223372036854.77", rules);
    story.to("2026-04-01 12:00");
    let written = story.ledger.changes.len();
    assert_eq!(story.event("promise"), "out-of-range");
    assert_eq!((story.ledger.changes.len(), story.balance().as_str()), (written, "-9223372036854.77"));
}

#[test]
fn days_of_pause_are_counted_by_the_calendar_year() {
    let mut story = Story::new("", "9000.00");
    story.to("2026-12-01 12:00");
    for (event, result) in [
        ("pause 2026-12-02 2027-03-31", "ok"),
        ("resume", "ok"),
        ("pause 2026-12-02 2027-04-01", "pause-too-long"),
        ("pause 2026-12-02 2026-12-31", "ok"),
        ("resume", "ok"),
    ] {
        assert_eq!(story.event(event), result, "{event}");
    }
    let subscriber = story.ledger.subscriber("s");
    let view = story.ledger.state.view(subscriber, story.ledger.now).unwrap();
    assert_eq!(
        (view.subscriber.terms.pause, view.subscriber.terms.pause_days.as_slice()),
        (None, [].as_slice())
    );
    // A pause that was begun counts as far as it went.
    story.event("pause 2026-12-02 2026-12-31");
    story.to("2026-12-10 12:00");
    story.event("resume");
    let view = story.ledger.state.view(subscriber, story.ledger.now).unwrap();
    assert_eq!(view.subscriber.terms.pause_days, [(2026, 9)]);
}
