//! Statements, the journal, totals and the closing of months, over a store.

use super::*;
use crate::model::BillingRules;
use proptest::prelude::*;

/// 2026-04-06 11:20 UTC, as [`NOW`].
fn today() -> Day {
    "2026-04-06".parse().unwrap()
}

fn token<T: std::fmt::Debug>(result: Result<T, Rejected>) -> String {
    match result.unwrap_err() {
        Rejected::Refused(refusal) => refusal.token,
        other => panic!("{other:?}"),
    }
}

fn month(text: &str) -> Month {
    text.parse().unwrap()
}

/// An office where so many days before now nothing was posted but what the steps say, each with its days before now.
fn office_with(steps: &[(i64, &str, Step)]) -> Office {
    let mut ledger = Ledger::empty();
    ledger.now = days_ago(400);
    ledger.load(crate::engine::testing::SAMPLE).unwrap();
    for (days, contract, step) in steps {
        ledger.now = days_ago(*days);
        post(&mut ledger, contract, step);
    }
    Office::of(&ledger)
}

#[derive(Clone, Debug)]
enum Step {
    Pay(i64),
    Charge(i64),
    /// A fee for a day so many days earlier.
    Fee(i64, i32),
    /// Of the newest fee.
    TakeBack,
}

fn days_ago(days: i64) -> Timestamp {
    Timestamp::from_seconds(NOW.seconds() - days * 86_400)
}

fn kopecks(sum: i64) -> Money {
    Money::from_micros(sum * 10_000)
}

fn post(ledger: &mut Ledger, contract: &str, step: &Step) {
    let account = ledger.account(contract);
    match step {
        Step::Pay(sum) => {
            let id = ledger.changes.len().to_string();
            let mut request = crate::engine::testing::payment(&id, Some(account), "1");
            request.sum = kopecks(*sum);
            ledger.run(&Command::Pay(request)).unwrap();
        }
        Step::Charge(sum) => {
            ledger.run(&Command::Charge { account, sum: kopecks(*sum), text: "работы".into() }).unwrap();
        }
        Step::Fee(sum, days) => {
            let day = day_of(ledger.now, &jiff::tz::TimeZone::UTC).plus(-days);
            fee(ledger, account, kopecks(*sum), (*days > 0).then_some(day));
        }
        Step::TakeBack => take_back(ledger),
    }
}

/// What a fee run posts, put in by hand.
fn fee(ledger: &mut Ledger, account: AccountId, amount: Money, day: Option<Day>) {
    let revenue = AccountId(-100);
    if ledger.state.balance(revenue) == Money::ZERO {
        let name = "fee".into();
        let (kind, asset) = (LedgerKind::Revenue, Asset::Money);
        ledger.put(Change::LedgerAccount(LedgerAccount { id: revenue, kind, asset, name }));
    }
    let balance_after = ledger.state.balance(account).saturating_sub(amount);
    let last = ledger.changes.iter().filter(|change| matches!(change, Change::Transfer(_))).count();
    let day = day.and_then(|day| crate::engine::open_day(&ledger.state, day));
    ledger.put(Change::Transfer(Transfer {
        id: TransferId(i64::try_from(last).unwrap() + 1),
        debit: account,
        credit: revenue,
        amount,
        kind: TransferKind::Fee,
        reference: "fee".into(),
        text: "Fee".into(),
        time: ledger.now,
        by: "system".into(),
        balance_after,
        day,
        reverses: None,
    }));
}

fn take_back(ledger: &mut Ledger) {
    let taken: Vec<_> = ledger
        .changes
        .iter()
        .filter_map(|change| {
            if let Change::Transfer(Transfer { reverses: Some(id), .. }) = change { Some(*id) } else { None }
        })
        .collect();
    let original = ledger.changes.iter().rev().find_map(|change| match change {
        Change::Transfer(t) if t.kind == TransferKind::Fee && !taken.contains(&t.id) => Some(t.clone()),
        _ => None,
    });
    let Some(original) = original else { return };
    let last = ledger.changes.iter().filter(|change| matches!(change, Change::Transfer(_))).count();
    ledger.put(Change::Transfer(Transfer {
        id: TransferId(i64::try_from(last).unwrap() + 1),
        debit: original.credit,
        credit: original.debit,
        kind: TransferKind::Reversal,
        time: ledger.now,
        day: None,
        reverses: Some(original.id),
        balance_after: ledger.state.balance(original.debit).saturating_add(original.amount),
        ..original
    }));
}

fn sum_of<'a>(texts: impl Iterator<Item = &'a String>) -> Money {
    texts.map(|text| text.parse::<Money>().unwrap()).fold(Money::ZERO, Money::saturating_add)
}

fn check(statement: &Statement) {
    let opening: Money = statement.opening.parse().unwrap();
    let closing = opening.saturating_add(sum_of(statement.postings.iter().map(|line| &line.amount)));
    assert_eq!(closing.to_string(), statement.closing);
    assert_eq!(sum_of(statement.sums.iter().map(|sum| &sum.sum)), closing.saturating_sub(opening));
    assert_eq!(statement.sums.iter().map(|sum| sum.postings).sum::<usize>(), statement.postings.len());
    let mut balance = opening;
    for line in &statement.postings {
        balance = balance.saturating_add(line.amount.parse().unwrap());
        assert_eq!(line.balance, balance.to_string());
    }
}

#[test]
fn a_statement_goes_from_the_opening_to_the_closing_balance() {
    let office = office_with(&[
        (10, "1001", Step::Pay(20_000)),
        (3, "1001", Step::Charge(1_000)),
        (3, "1002", Step::Pay(500)),
        (2, "1001", Step::Fee(500, 1)),
        (1, "1001", Step::Pay(300)),
        (0, "1001", Step::Charge(100)),
    ]);
    let operations = &office.operations;
    let statement = operations.statement("ivanov", today().plus(-3), today().plus(-1)).unwrap();
    check(&statement);
    assert_eq!((statement.opening.as_str(), statement.closing.as_str()), ("350.00", "338.00"));
    let lines: Vec<_> =
        statement.postings.iter().map(|l| (l.kind.as_str(), l.amount.as_str(), l.day)).collect();
    assert_eq!(
        lines,
        [("charge", "-10.00", None), ("fee", "-5.00", Some(today().plus(-3))), ("payment", "3.00", None)]
    );
    let before = operations.statement("1001", today().plus(-900), today().plus(-800)).unwrap();
    assert_eq!(
        (before.opening.as_str(), before.closing.as_str(), before.postings.len()),
        ("0.00", "0.00", 0)
    );
    assert_eq!(token(operations.statement("1001", today(), today().plus(-1))), "bad-period");
    assert_eq!(token(operations.statement("nobody", today(), today())), "not-found");
}

#[test]
fn the_journal_is_filtered_and_paged_by_operation() {
    let steps: Vec<_> =
        (1..=6).map(|n| (n, if n < 4 { "1001" } else { "1002" }, Step::Pay(n * 100))).collect();
    let office = office_with(&steps);
    let ask = |query: PaymentQuery| {
        let rows = office.operations.payments(&query).unwrap();
        rows.iter().map(|row| row.sum_in.clone()).collect::<Vec<_>>().join(" ")
    };
    let query = PaymentQuery::default;
    // In the order of posting, which here is not that of time.
    assert_eq!(ask(query()), "1.00 2.00 3.00 4.00 5.00 6.00");
    assert_eq!(ask(PaymentQuery { who: Some("petrov".into()), ..query() }), "4.00 5.00 6.00");
    let (from, to) = (Some("2".into()), Some("4,00".into()));
    assert_eq!(ask(PaymentQuery { sum_from: from, sum_to: to, ..query() }), "2.00 3.00 4.00");
    assert_eq!(ask(PaymentQuery { operator: Some("sber".into()), ..query() }), "");
    assert_eq!(ask(PaymentQuery { reversed: Some(true), ..query() }), "");
    let day = |days: i32| Some(today().plus(-days).to_string());
    assert_eq!(ask(PaymentQuery { since: day(4), until: day(3), ..query() }), "3.00 4.00");
    let moment = Some(format!("{} 11:20", today().plus(-3)));
    assert_eq!(ask(PaymentQuery { since: day(4), until: moment, ..query() }), "4.00");
    let second = office.operations.payments(&PaymentQuery { limit: Some(2), ..query() }).unwrap()[1].op_id;
    assert_eq!(ask(PaymentQuery { after: Some(second), limit: Some(3), ..query() }), "3.00 4.00 5.00");
    for (bad, wanted) in [
        (PaymentQuery { after: Some(1_000), ..query() }, "not-found"),
        (PaymentQuery { sum_from: Some("x".into()), ..query() }, "bad-sum"),
        (PaymentQuery { until: Some("x".into()), ..query() }, "bad-date"),
        (PaymentQuery { who: Some("nobody".into()), ..query() }, "not-found"),
    ] {
        assert_eq!(token(office.operations.payments(&bad)), wanted, "{bad:?}");
    }
}

#[test]
fn totals_are_of_days_in_the_servers_zone() {
    let mut ledger = Ledger::sample();
    for (seconds, sum) in [("2026-04-01T20:59:59Z", 100), ("2026-04-01T21:00:00Z", 1_000)] {
        let at: jiff::Timestamp = seconds.parse().unwrap();
        ledger.now = Timestamp::from_micros(at.as_microsecond());
        post(&mut ledger, "1001", &Step::Pay(sum));
        post(&mut ledger, "1001", &Step::Charge(sum));
    }
    let office = Office::with(&ledger, |operations| {
        operations.settings.time_zone = TimeZone::get("Europe/Moscow").unwrap();
    });
    let ask = |from: &str, to: &str| {
        let query = TotalsQuery { from: from.parse().unwrap(), to: to.parse().unwrap() };
        office.operations.totals(&query)
    };
    let totals = ask("2026-03-30", "2026-04-05").unwrap();
    let operators: Vec<_> =
        totals.operators.iter().map(|t| (t.day.to_string(), t.payments, t.net.as_str())).collect();
    assert_eq!(operators, [("2026-04-01".into(), 1, "1.00"), ("2026-04-02".into(), 1, "10.00")]);
    let revenue: Vec<_> =
        totals.revenue.iter().map(|t| (t.day.to_string(), t.kind.as_str(), t.sum.as_str())).collect();
    assert_eq!(
        revenue,
        [("2026-04-01".into(), "by-hand", "1.00"), ("2026-04-02".into(), "by-hand", "10.00")]
    );
    assert_eq!(token(ask("2026-04-02", "2026-04-01")), "bad-period");
    assert_eq!(token(ask("2020-01-01", "2026-04-01")), "period-too-long");
}

fn in_words(closed: &MonthClosed) -> String {
    let MonthClosed { acts, first_number, last_number, sum, vat, .. } = closed;
    format!("{acts} acts {first_number}-{last_number}, {sum}, {vat}")
}

#[tokio::test]
async fn months_are_closed_in_order_and_their_acts_shown_again() {
    let office = office_with(&[
        (60, "1001", Step::Fee(30_000, 0)),
        (59, "1002", Step::Charge(1_000)),
        (10, "1001", Step::Fee(30_000, 0)),
        (9, "1002", Step::Fee(100, 0)),
        (8, "1002", Step::TakeBack),
        (1, "1001", Step::Charge(5_000)),
        (1, "1002", Step::Fee(700, 6)),
    ]);
    let close = |text: &'static str| office.operations.close_month(month(text), actor());
    assert_eq!(token(close("2026-04").await), "earlier-month-open");
    assert_eq!(token(close("2026-03").await), "earlier-month-open");
    // The opening balances of the sample.
    assert_eq!(in_words(&close("2025-03").await.unwrap()), "0 acts 0-0, 0.00, 0.00");
    assert_eq!(token(office.operations.acts(month("2026-02"), 0, 9)), "month-open");
    let february = close("2026-02").await.unwrap();
    assert_eq!((in_words(&february).as_str(), february.repeat), ("2 acts 1-2, 310.00, 0.00", false));
    assert_eq!(in_words(&close("2026-03").await.unwrap()), "2 acts 3-4, 307.00, 0.00");
    let again = close("2026-02").await.unwrap();
    assert_eq!((in_words(&again), again.repeat), (in_words(&february), true));
    assert_eq!(token(close("2026-04").await), "month-not-over");
    let acts = office.operations.acts(month("2026-03"), 0, 9).unwrap();
    let lines: Vec<_> = acts
        .iter()
        .map(|act| {
            let lines: Vec<_> = act.lines.iter().map(|l| format!("{} {}", l.kind, l.sum)).collect();
            (act.number, act.contract.as_str(), lines.join("; "), act.sum.as_str())
        })
        .collect();
    assert_eq!(lines, [(3, "1001", "fee 300.00".into(), "300.00"), (4, "1002", "fee 7.00".into(), "7.00")]);
    assert_eq!(office.operations.acts(month("2026-03"), 3, 9).unwrap()[0].number, 4);
    assert_eq!(office.operations.reader.check_books().unwrap(), [""; 0]);
}

/// Whether it stops after the lock, or after any step of its acts: closing again gives the same acts.
#[tokio::test]
async fn a_closing_that_was_interrupted_is_finished_as_if_it_had_not_been() {
    let steps: Vec<_> = ["1001", "1002", "1003"].map(|contract| (20, contract, Step::Fee(12_345, 0))).into();
    let whole = office_with(&steps);
    for text in ["2025-03", "2026-03"] {
        whole.operations.close_month(month(text), actor()).await.unwrap();
    }
    let wanted = whole.operations.reader.acts(month("2026-03"), 0, 9).unwrap();
    assert_eq!(wanted.len(), 3);
    for made in 0..=3 {
        let office = office_with(&steps);
        let operations = &office.operations;
        operations.close_month(month("2025-03"), actor()).await.unwrap();
        let closing = |command| office.operations.writer.call(Command::Closing(command), actor());
        closing(ClosingCommand::LockMonth(month("2026-03"))).await.unwrap();
        let drafts = operations.reader.act_drafts(month("2026-03")).unwrap().unwrap();
        for draft in drafts.into_iter().take(made) {
            closing(ClosingCommand::MakeActs { month: month("2026-03"), drafts: vec![draft] }).await.unwrap();
        }
        // What comes in between is of the next month.
        operations.charge("ivanov", "1.00", "работы".into(), actor()).await.unwrap();
        let closed = operations.close_month(month("2026-03"), actor()).await.unwrap();
        assert!(closed.repeat);
        assert_eq!(operations.reader.acts(month("2026-03"), 0, 9).unwrap(), wanted, "after {made}");
        assert_eq!(operations.reader.check_books().unwrap(), [""; 0]);
    }
}

fn steps() -> impl Strategy<Value = Vec<(i64, &'static str, Step)>> {
    let step = prop_oneof![
        2 => (1..50_000i64).prop_map(Step::Pay),
        2 => (1..50_000i64).prop_map(Step::Charge),
        4 => (1..50_000i64, prop_oneof![Just(0), 0..40i32]).prop_map(|(sum, days)| Step::Fee(sum, days)),
        1 => Just(Step::TakeBack),
    ];
    let contract = prop::sample::select(vec!["1001", "1002", "1003"]);
    prop::collection::vec((7..399i64, contract, step), 1..60).prop_map(|mut steps| {
        steps.sort_by_key(|(days, ..)| -days);
        steps
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Over any postings of a year and any period.
    #[test]
    fn opening_and_postings_are_closing(steps in steps(), from in 0..420i32, days in 0..420i32) {
        let office = office_with(&steps);
        for contract in ["1001", "1002", "1003"] {
            let first = today().plus(-from);
            let statement = office.operations.statement(contract, first, first.plus(days)).unwrap();
            check(&statement);
            let next = office.operations.statement(contract, first.plus(days + 1), first.plus(days + 9)).unwrap();
            prop_assert_eq!(&next.opening, &statement.closing);
            let whole = office.operations.statement(contract, today().plus(-500), today()).unwrap();
            let balance = office.operations.who(contract).unwrap().balance;
            prop_assert_eq!(whole.closing, balance.to_string());
        }
    }

    /// A year of postings, each month closed: the acts are the revenue, and so are the totals of the days.
    #[test]
    fn acts_of_a_year_add_up_to_its_revenue(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
        let office = office_with(&steps);
        let operations = &office.operations;
        let (mut acts, mut of_days, mut number) = (Money::ZERO, Money::ZERO, 0);
        let mut closing = month("2025-01");
        while closing < month("2026-04") {
            let closed = runtime.block_on(operations.close_month(closing, actor())).unwrap();
            let query = TotalsQuery { from: closing.first_day(), to: closing.last_day() };
            let totals = operations.totals(&query).unwrap();
            let revenue = sum_of(totals.revenue.iter().map(|total| &total.sum));
            prop_assert_eq!(&closed.sum, &revenue.to_string(), "{}", closing);
            if closed.acts > 0 {
                prop_assert_eq!(closed.first_number, number + 1);
                number = closed.last_number;
                prop_assert_eq!(closed.acts, usize::try_from(number - closed.first_number + 1).unwrap());
            }
            acts = acts.saturating_add(closed.sum.parse().unwrap());
            of_days = of_days.saturating_add(revenue);
            closing = closing.next();
        }
        prop_assert_eq!(acts, of_days);
        prop_assert_eq!(operations.reader.check_books().unwrap(), [""; 0]);
    }
}

#[tokio::test]
async fn acts_have_the_vat_of_the_configuration() {
    let settings = Settings {
        billing: BillingRules { vat_basis_points: Some(2_000), ..BillingRules::default() },
        ..Settings::default()
    };
    let mut ledger = Ledger::with(settings.clone());
    ledger.now = days_ago(20);
    ledger.load(crate::engine::testing::SAMPLE).unwrap();
    post(&mut ledger, "1001", &Step::Fee(30_000, 0));
    ledger.now = NOW;
    let closing = |command| Command::Closing(command);
    ledger.run(&closing(ClosingCommand::LockMonth(month("2026-03")))).unwrap();
    // The server that makes the acts has another rate by now.
    let office = Office::of(&ledger);
    let closed = office.operations.close_month(month("2026-03"), actor()).await.unwrap();
    assert_eq!(in_words(&closed), "1 acts 1-1, 300.00, 50.00");
}
