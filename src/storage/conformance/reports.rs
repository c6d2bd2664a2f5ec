//! Payments by filter, postings of a period, totals of days, drafts and acts of closed months.

use super::{Writing, account, ledger_account, payment, transfer};
use crate::model::*;
use crate::storage::{OperatorTotals, PaymentFilter, Reader, RevenueTotals, Span, Store};

const DAY: i64 = 86_400;

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

fn at(text: &str) -> Timestamp {
    Timestamp::from_seconds(i64::from(day(text).number()) * DAY)
}

fn span(first: &str, last: &str) -> Span {
    let (first, last) = (day(first), day(last));
    Span { first, last, from: at(&first.to_string()), to: at(&last.next().to_string()) }
}

fn revenue(id: i64, name: &str) -> Change {
    let (id, kind) = (AccountId(id), LedgerKind::Revenue);
    Change::LedgerAccount(LedgerAccount { id, kind, asset: Asset::Money, name: name.into() })
}

/// A fee of so much (less than zero: given back) for contract `account`, posted on `time`.
fn fee(id: i64, account: i64, micros: i64, time: &str, for_day: Option<&str>) -> Change {
    let (debit, credit) = if micros > 0 { (account, -10) } else { (-10, account) };
    let kind = TransferKind::Fee;
    let of = transfer(id, debit, credit, micros.abs());
    Change::Transfer(Transfer { kind, time: at(time), day: for_day.map(day), ..of })
}

fn closing(month: &str, last_transfer: i64) -> ClosedMonth {
    let month: Month = month.parse().unwrap();
    ClosedMonth {
        month,
        begins: at(&month.first_day().to_string()),
        ends: at(&month.next().first_day().to_string()),
        last_transfer: TransferId(last_transfer),
        at: Timestamp::default(),
        vat_basis_points: None,
        acts_after: None,
        acts_complete: true,
    }
}

fn closed(closings: Vec<ClosedMonth>) -> Change {
    let closed_through = closings.last().map(|closing| closing.month);
    Change::Books(BooksState { closings, closed_through, ..BooksState::default() })
}

fn act(number: i64, month: &str, account: i64, micros: i64) -> Change {
    let sum = Money::from_micros(micros);
    Change::Act(Act {
        number,
        month: month.parse().unwrap(),
        account: AccountId(account),
        lines: vec![ActLine { name: "fee".into(), sum }],
        sum,
        vat: Money::ZERO,
        made: Timestamp::default(),
    })
}

pub(in crate::storage) fn payments_are_filtered_and_paged(store: &mut dyn Store, reader: &dyn Reader) {
    let mut writing = Writing::new(store);
    let mut changes = vec![ledger_account(1), ledger_account(2), ledger_account(-1)];
    for id in 1..=6 {
        let [booked, paid] = payment(id, 1 + id % 2, id * 10);
        let Change::Payment(paid) = paid else { panic!("no payment") };
        let operator = if id < 4 { "osmp" } else { "sber" };
        let key = PaymentKey { operator: operator.into(), ..paid.key };
        // Two and two are taken at the same moment.
        let time = Timestamp::from_seconds(id / 2);
        changes.extend([booked, Change::Payment(Payment { key, time, reversed: id == 5, ..paid })]);
    }
    writing.commit(&changes);
    let all = || PaymentFilter { limit: 9, ..PaymentFilter::default() };
    let ids = |filter: PaymentFilter| {
        reader.payments(&filter).unwrap().iter().map(|p| p.transfer.0).collect::<Vec<_>>()
    };
    let (second, micros) = (Timestamp::from_seconds, Money::from_micros);
    assert_eq!(ids(all()), [6, 5, 4, 3, 2, 1]);
    assert_eq!(ids(PaymentFilter { until: Some(second(2)), ..all() }), [3, 2, 1]);
    assert_eq!(ids(PaymentFilter { since: Some(second(1)), until: Some(second(3)), ..all() }), [5, 4, 3, 2]);
    assert_eq!(ids(PaymentFilter { operator: Some("osmp".into()), ..all() }), [3, 2, 1]);
    assert_eq!(ids(PaymentFilter { operator: Some("OSMP".into()), ..all() }), [0i64; 0]);
    let sums = PaymentFilter { sum_from: Some(micros(20)), sum_to: Some(micros(50)), ..all() };
    assert_eq!(ids(sums.clone()), [5, 4, 3, 2]);
    assert_eq!(ids(PaymentFilter { reversed: Some(true), ..all() }), [5]);
    assert_eq!(ids(PaymentFilter { reversed: Some(false), account: Some(AccountId(2)), ..all() }), [3, 1]);
    for limit in 1..7 {
        let (mut paged, mut filter) = (Vec::new(), PaymentFilter { limit, ..all() });
        while let page @ [_, ..] = reader.payments(&filter).unwrap().as_slice() {
            paged.extend(page.iter().map(|payment| payment.transfer.0));
            filter.after = page.last().map(|payment| (payment.time, payment.transfer));
        }
        assert_eq!(paged, [6, 5, 4, 3, 2, 1], "pages of {limit}");
    }
    let after = Some((second(2), TransferId(5)));
    assert_eq!(ids(PaymentFilter { after, until: Some(second(2)), ..all() }), [3, 2, 1]);
    assert_eq!(ids(PaymentFilter { after, account: Some(AccountId(1)), ..all() }), [4, 2]);
    assert_eq!(reader.payment(TransferId(4)).unwrap().unwrap().transfer, TransferId(4));
    assert_eq!(reader.payment(TransferId(7)).unwrap(), None);
    let first = reader.payment(TransferId(1)).unwrap().unwrap();
    let keys = [first.key.id.clone(), "nobody's".to_owned()];
    assert_eq!(reader.payments_of("osmp", &keys).unwrap(), [first]);
    assert_eq!(reader.payments_of("sber", &keys).unwrap(), []);
}

pub(in crate::storage) fn postings_of_a_period_begin_with_what_was_before(
    store: &mut dyn Store,
    reader: &dyn Reader,
) {
    let mut writing = Writing::new(store);
    writing.commit(&[ledger_account(1), ledger_account(2), revenue(-10, "fee")]);
    writing.commit(&[
        fee(1, 1, 300, "2026-03-30", None),
        fee(2, 2, 7, "2026-03-31", None),
        fee(3, 1, -100, "2026-03-31", None),
        fee(4, 1, 20, "2026-04-01", Some("2026-03-31")),
        fee(5, 1, 3, "2026-04-02", None),
        // The clock was set back.
        fee(6, 1, 1, "2026-03-31", None),
    ]);
    let ask = |from, to, limit| {
        let found = reader.postings(AccountId(1), at(from), at(to), limit).unwrap();
        let ids: Vec<i64> = found.postings.iter().map(|t| t.id.0).collect();
        (found.opening.micros(), ids, found.more)
    };
    assert_eq!(ask("2026-03-31", "2026-04-02", 9), (-300, vec![3, 4, 6], false));
    assert_eq!(ask("2026-03-31", "2026-04-02", 3), (-300, vec![3, 4, 6], false));
    assert_eq!(ask("2026-03-31", "2026-04-02", 2), (-300, vec![3, 4], true));
    assert_eq!(ask("2026-04-02", "2026-04-03", 9), (-221, vec![5], false));
    assert_eq!(ask("2026-05-01", "2026-06-01", 9), (-224, vec![], false));
    assert_eq!(ask("2026-01-01", "2026-02-01", 9), (0, vec![], false));
}

pub(in crate::storage) fn totals_are_by_operator_and_by_kind_of_revenue(
    store: &mut dyn Store,
    reader: &dyn Reader,
) {
    let mut writing = Writing::new(store);
    let mut changes = vec![ledger_account(1), ledger_account(-1), revenue(-10, "fee"), revenue(-11, "usage")];
    for id in 1..=3 {
        let [booked, paid] = payment(id, 1, 100 * id);
        let Change::Payment(paid) = paid else { panic!("no payment") };
        let time = at(if id < 3 { "2026-03-31" } else { "2026-04-01" });
        changes.extend([booked, Change::Payment(Payment { time, ..paid })]);
    }
    let reversal = Transfer {
        kind: TransferKind::Reversal,
        reverses: Some(TransferId(2)),
        time: at("2026-04-01"),
        ..transfer(4, 1, -1, 200)
    };
    let usage = Transfer { kind: TransferKind::Usage, time: at("2026-04-01"), ..transfer(9, 1, -11, 4) };
    changes.extend([
        Change::Transfer(reversal),
        fee(5, 1, 10, "2026-03-31", None),
        fee(6, 1, 20, "2026-04-01", Some("2026-03-31")),
        fee(7, 1, -5, "2026-04-01", None),
        fee(8, 1, 30, "2026-04-01", None),
        Change::Transfer(usage),
    ]);
    writing.commit(&changes);
    let spans = ["2026-03-30", "2026-03-31", "2026-04-01"].map(|day| span(day, day));
    let found = reader.totals(&spans).unwrap();
    let operator = |payments, sum, reversed, reversed_sum| OperatorTotals {
        operator: "osmp".into(),
        payments,
        sum: Money::from_micros(sum),
        reversed,
        reversed_sum: Money::from_micros(reversed_sum),
    };
    let of_kind = |kind: &str, postings, sum| RevenueTotals {
        kind: kind.into(),
        postings,
        sum: Money::from_micros(sum),
    };
    assert_eq!((found[0].operators.len(), found[0].revenue.len()), (0, 0));
    assert_eq!(found[1].operators, [operator(2, 300, 0, 0)]);
    assert_eq!(found[1].revenue, [of_kind("fee", 2, 30)]);
    assert_eq!(found[2].operators, [operator(1, 300, 1, 200)]);
    assert_eq!(found[2].revenue, [of_kind("fee", 2, 25), of_kind("usage", 1, 4)]);
    let whole = reader.totals(&[span("2026-03-30", "2026-04-01")]).unwrap();
    assert_eq!(whole[0].operators, [operator(3, 600, 1, 200)]);
    assert_eq!(whole[0].revenue, [of_kind("fee", 4, 55), of_kind("usage", 1, 4)]);
}

pub(in crate::storage) fn acts_are_drafted_from_the_revenue_of_a_closed_month(
    store: &mut dyn Store,
    reader: &dyn Reader,
) {
    let mut writing = Writing::new(store);
    let mut changes: Vec<Change> = (1..=3).map(|id| Change::Account(account(id))).collect();
    changes.extend((1..=3).map(ledger_account));
    changes.extend([ledger_account(-1), revenue(-10, "fee"), revenue(-11, "usage")]);
    changes.extend([
        fee(1, 2, 100, "2026-03-01", None),
        fee(2, 1, 40, "2026-03-31", None),
        fee(3, 1, -15, "2026-03-31", None),
        // Made up on the day after; and one that is for the next month.
        fee(4, 1, 5, "2026-04-01", Some("2026-03-31")),
        fee(5, 1, 1_000, "2026-03-31", Some("2026-04-01")),
        fee(6, 1, 7_000, "2026-02-28", None),
        // Between a contract and no revenue; between revenue and no contract.
        Change::Transfer(Transfer { time: at("2026-03-05"), ..transfer(7, -1, 3, 9) }),
        Change::Transfer(Transfer { time: at("2026-03-05"), ..transfer(8, -1, -10, 9) }),
        Change::Transfer(Transfer {
            kind: TransferKind::Usage,
            time: at("2026-03-05"),
            ..transfer(9, 3, -11, 6)
        }),
        fee(10, 3, 2, "2026-03-05", None),
        fee(11, 2, -100, "2026-03-06", None),
    ]);
    writing.commit(&changes);
    let march: Month = "2026-03".parse().unwrap();
    assert_eq!(reader.act_drafts(march).unwrap(), None);
    writing.commit(&[closed(vec![closing("2026-03", 11)])]);
    let late = [
        // Posted after March was closed: it belongs to April, whatever it says of its day or its time.
        fee(12, 1, 20_000, "2026-04-05", Some("2026-03-31")),
        fee(13, 1, 30_000, "2026-03-31", None),
        fee(14, 1, 40_000, "2026-04-05", None),
    ];
    writing.commit(&late);
    let drafts = |month: &str| {
        let drafts = reader.act_drafts(month.parse().unwrap()).unwrap().unwrap();
        let lines = |draft: ActDraft| {
            let lines = draft.lines.into_iter().map(|line| (line.name, line.sum.micros()));
            (draft.account.0, lines.collect::<Vec<_>>())
        };
        drafts.into_iter().map(lines).collect::<Vec<_>>()
    };
    let fee_and = |fee| ("fee".to_owned(), fee);
    let march =
        vec![(1, vec![fee_and(30)]), (2, vec![fee_and(0)]), (3, vec![fee_and(2), ("usage".to_owned(), 6)])];
    assert_eq!(drafts("2026-03"), march);
    writing.commit(&[closed(vec![closing("2026-03", 11), closing("2026-04", 14)])]);
    assert_eq!(drafts("2026-03"), march);
    assert_eq!(drafts("2026-04"), [(1, vec![fee_and(91_000)])]);
    let of = reader.first_postings(&span("2026-03-02", "2026-05-01")).unwrap();
    assert_eq!(of, (Some(at("2026-03-05")), Some(day("2026-03-31"))));
    assert_eq!(reader.first_postings(&span("2026-05-01", "2026-05-31")).unwrap(), (None, None));
}

pub(in crate::storage) fn acts_that_do_not_add_up_are_found(store: &mut dyn Store, reader: &dyn Reader) {
    let mut writing = Writing::new(store);
    writing.commit(&[ledger_account(1), ledger_account(2), ledger_account(3), revenue(-10, "fee")]);
    writing.commit(&[
        fee(1, 1, 1_000_000, "2026-03-01", None),
        fee(2, 2, 2_000_000, "2026-03-01", None),
        fee(3, 3, 3_000_000, "2026-03-01", None),
        fee(4, 3, -3_000_000, "2026-03-02", None),
    ]);
    let unfinished = ClosedMonth { acts_complete: false, ..closing("2026-03", 4) };
    writing.commit(&[closed(vec![unfinished.clone()])]);
    assert_eq!(reader.check_books().unwrap(), [""; 0], "acts that are not made yet are no fault");
    writing.commit(&[act(1, "2026-03", 1, 1_000_000)]);
    assert_eq!(reader.check_books().unwrap(), [""; 0]);
    let passed_over = ClosedMonth { acts_after: Some(AccountId(2)), ..unfinished };
    writing.commit(&[closed(vec![passed_over])]);
    let missing = "account 2 has revenue of 2.000000 in 2026-03 and no act";
    assert_eq!(reader.check_books().unwrap(), [missing]);
    writing.commit(&[closed(vec![closing("2026-03", 4)]), act(3, "2026-03", 2, 2_500_000)]);
    assert_eq!(
        reader.check_books().unwrap(),
        ["act 3 follows number 1", "act 3 of account 2 for 2026-03 is 2.500000, its revenue is 2.000000"]
    );
    writing.commit(&[act(4, "2026-05", 1, 1)]);
    assert!(reader.check_books().unwrap().contains(&"act 4 is of 2026-05, which is not closed".to_owned()));
}

pub(in crate::storage) fn acts_are_given_in_order_of_number(store: &mut dyn Store, reader: &dyn Reader) {
    let mut writing = Writing::new(store);
    assert_eq!(reader.books().unwrap(), BooksState::default());
    let of_march: Vec<Change> = (1..=3).map(|number| act(number, "2026-03", 10 - number, number)).collect();
    writing.commit(&of_march);
    writing.commit(&[act(4, "2026-04", 1, 1), closed(vec![closing("2026-03", 4)])]);
    let numbers = |month: &str, after, limit| {
        let acts = reader.acts(month.parse().unwrap(), after, limit).unwrap();
        acts.iter().map(|act| act.number).collect::<Vec<_>>()
    };
    assert_eq!(numbers("2026-03", 0, 9), [1, 2, 3]);
    assert_eq!(numbers("2026-03", 1, 1), [2]);
    assert_eq!(numbers("2026-04", 0, 9), [4]);
    assert_eq!(numbers("2026-05", 0, 9), [0i64; 0]);
    let first = reader.acts("2026-03".parse().unwrap(), 0, 1).unwrap().remove(0);
    assert_eq!(Change::Act(first), of_march[0]);
    assert_eq!(reader.books().unwrap().closings, [closing("2026-03", 4)]);
}
