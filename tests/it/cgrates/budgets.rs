//! What each method takes from whose balance, seen over TCP and in the ledger.

use super::{Server, amount, call, files};
use headgate::model::*;
use headgate::operations::LedgerQuery;

/// Seconds of the buckets nationale and retea, and the credit, as the ledger has them.
async fn state(server: &Server, subject: &str) -> (String, String, String) {
    let calls = server.fixture.operations.directory.calls();
    let budget = &calls.budget(subject).unwrap().budget;
    let [nationale, retea] = &budget.minute_buckets[..] else { panic!("{budget:?}") };
    let credit = budget.credit.to_string();
    (nationale.seconds.to_string(), retea.seconds.to_string(), credit)
}

#[tokio::test(flavor = "multi_thread")]
async fn money_is_taken_and_given_and_may_go_below_zero() {
    let server = Server::start().await;
    for (taken, left) in
        [("6", "15"), ("-6", "21"), ("21", "0"), ("0", "0"), ("1", "-1"), ("-16", "15"), ("0.35", "14.65")]
    {
        let argument = amount("minutosu", "0723", taken);
        assert_eq!(server.number("DebitBalance", &argument).await, left, "{taken}");
    }
    assert_eq!(server.number("DebitCents", &amount("minutosu", "0723", "0.0001")).await, "14.6499");
    assert_eq!(server.number("DebitBalance", &amount("nobody", "0723", "5")).await, "0");
    assert_eq!(server.number("DebitSMS", &amount("nobody", "0723", "5")).await, "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_are_never_more_than_there_are() {
    let server = Server::start().await;
    assert_eq!(server.number("DebitSMS", &amount("free", "", "12")).await, "88");
    let error = server.call("DebitSMS", &amount("free", "", "110")).await.unwrap_err();
    assert_eq!(error, "Amount excedes budget!");
    assert_eq!(server.number("DebitSMS", &amount("free", "", "88")).await, "0");
    assert_eq!(server.number("DebitSMS", &amount("free", "", "-15")).await, "15");
}

#[tokio::test(flavor = "multi_thread")]
async fn seconds_come_from_the_buckets_in_their_order() {
    for (subject, taken, nationale, retea, credit, refused) in [
        ("free", "6", "10", "94", "21.00", false),
        ("free", "105", "5", "0", "21.00", false),
        ("free", "110", "0", "0", "21.00", false),
        ("free", "115", "10", "100", "21.00", true),
        ("priced", "5", "10", "95", "16.00", false),
        ("priced", "21", "10", "79", "0.00", false),
        ("priced", "25", "10", "100", "21.00", true),
        ("priced", "-15", "10", "115", "36.00", false),
        ("free", "-15", "10", "115", "21.00", false),
    ] {
        let server = Server::start().await;
        let answer = server.call("DebitSeconds", &amount(subject, "0723", taken)).await;
        assert_eq!(answer.is_err(), refused, "{subject} {taken}: {answer:?}");
        let expected = (nationale.to_owned(), retea.to_owned(), credit.to_owned());
        assert_eq!(state(&server, subject).await, expected, "{subject} {taken}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn received_calls_earn_the_bonus_once_and_a_reset_fills_the_buckets() {
    let server = Server::start().await;
    assert_eq!(server.number("AddRecievedCallSeconds", &amount("free", "", "12")).await, "0");
    assert_eq!(server.number("GetBalance", &amount("free", "", "0")).await, "121");
    let received = server.fixture.operations.directory.calls().budget("free").unwrap().budget.clone();
    assert_eq!(received.received_call_seconds.to_string(), "3");
    server.number("DebitSMS", &amount("free", "", "100")).await;
    server.number("DebitSeconds", &amount("free", "0723", "110")).await;
    assert_eq!(server.number("ResetUserBudget", &amount("free", "", "0")).await, "0");
    assert_eq!(state(&server, "free").await, ("10".into(), "100".into(), "121.00".into()));
    assert_eq!(server.number("DebitSMS", &amount("free", "", "0")).await, "100");
    server.number("AddVolumeDiscountSeconds", &amount("free", "", "551")).await;
    let rated = call("minutosu", "0723", "2012-02-08T22:50:00Z", "2012-02-08T22:51:00Z");
    let account = rated.replace("\"Tor\":0", "\"Account\":\"free\"");
    server.number("DebitSeconds", &amount("free", "0723", "110")).await;
    assert_eq!(server.call("GetCost", &account).await.unwrap()["Cost"].to_string(), "0.8");
    server.number("ResetVolumeDiscountSeconds", &amount("free", "", "0")).await;
    assert_eq!(server.call("GetCost", &account).await.unwrap()["Cost"].to_string(), "1");
    let error = server.call("ResetUserBudget", &amount("contracted", "", "0")).await.unwrap_err();
    assert_eq!(error, "the budget has no tariff plan");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_debited_call_takes_its_cost_and_its_bucket_seconds() {
    let server = Server::start().await;
    let argument = call("minutosu", "0723", "2012-02-08T22:50:00Z", "2012-02-08T22:51:50Z");
    let cost = server.call("Debit", &argument).await.unwrap();
    assert_eq!(cost["Cost"].to_string(), "0.1");
    let calls = server.fixture.operations.directory.calls().budget("minutosu").unwrap().budget.clone();
    assert_eq!(calls.credit.micros(), 20_900_000);
    assert!(calls.minute_buckets.iter().all(|bucket| bucket.seconds.to_string() == "0"));
    // A minute costs 1: no free seconds are left.
    let cost = server.call("MaxDebit", &argument.replace("\"Tor\":0", "\"Amount\":600")).await.unwrap();
    assert_eq!(cost["Cost"].to_string(), "10");
    assert_eq!(server.number("GetBalance", &amount("minutosu", "", "0")).await, "10.9");
    let rif = call("rif", "0723045326", "2012-02-08T22:50:00Z", "2012-02-08T23:50:21Z");
    assert_eq!(server.call("Debit", &rif).await.unwrap()["Cost"].to_string(), "60.35");
    let wrong = call("rif", "0723", "2012-02-08T22:50:00Z", "2012-02-08T22:49:00Z");
    assert_eq!(server.call("Debit", &wrong).await.unwrap_err(), "TimeEnd is before TimeStart");
    assert!(server.call("Debit", "{\"Amount\":\"x\"}").await.unwrap_err().contains("Amount"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subject_that_a_contract_names_spends_the_contracts_money() {
    let server = Server::start().await;
    // 10.00 in the currency are 1000 of the dialect.
    assert_eq!(server.number("GetBalance", &amount("contracted", "", "0")).await, "1000");
    assert_eq!(server.number("DebitBalance", &amount("contracted", "", "60.35")).await, "940");
    assert_eq!(server.fixture.balance("5001"), "9.40");
    let hour = call("contracted", "0723", "2012-02-08T22:50:00Z", "2012-02-08T23:50:21Z");
    assert_eq!(server.call("Debit", &hour).await.unwrap()["Cost"].to_string(), "60.35");
    assert_eq!(server.fixture.balance("5001"), "8.80");
    assert_eq!(server.number("GetMaxSessionTime", &amount("contracted", "0723", "1000")).await, "1000");
    let verdict = |server: &Server| {
        let directory = server.fixture.operations.directory.read();
        directory.login("switch").unwrap().view.standing.verdict
    };
    assert_eq!(verdict(&server), Verdict::LetThrough);
    assert_eq!(server.number("DebitBalance", &amount("contracted", "", "881")).await, "-1");
    assert_eq!(verdict(&server), Verdict::Negbal);
    assert_eq!(server.number("GetMaxSessionTime", &amount("contracted", "0723", "1000")).await, "0");
    let query = LedgerQuery { who: "5001".into(), limit: 10, ..LedgerQuery::default() };
    let page = server.fixture.operations.ledger(&query).unwrap();
    let line = page.postings.iter().find(|line| line.text == "Call to 0723").unwrap();
    assert_eq!(
        (line.kind.as_str(), line.amount.as_str(), line.by.as_str()),
        ("call", "-0.60", "cgrates:127.0.0.1")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn loading_twice_changes_nothing_and_a_fault_loads_nothing() {
    let server = Server::start().await;
    let operations = &server.fixture.operations;
    server.number("DebitBalance", &amount("minutosu", "", "6")).await;
    server.number("DebitSeconds", &amount("free", "0723", "6")).await;
    let again = operations.load_rating(files(), LoadOptions::default(), Actor::system()).await.unwrap();
    assert!(again.rows.iter().all(|row| row.effect == RowEffect::Unchanged), "{again:?}");
    assert_eq!(server.number("GetBalance", &amount("minutosu", "", "0")).await, "15");
    let faulty =
        RatingFiles { budgets: Some("[{\"Id\":\"x\",\"TariffPlanId\":\"none\"}]".into()), ..files() };
    let error = operations.load_rating(faulty, LoadOptions::default(), Actor::system()).await.unwrap_err();
    assert!(error.to_string().starts_with("ub.json: element 1: TariffPlanId"), "{error}");
    let without = RatingFiles { plans: Some("[]".into()), ..RatingFiles::default() };
    let error = operations.load_rating(without, LoadOptions::default(), Actor::system()).await.unwrap_err();
    assert!(error.to_string().starts_with("tp.json: the budget of \"broker\""), "{error}");
    let set = LoadOptions { set_balances: true, ..LoadOptions::default() };
    operations.load_rating(files(), LoadOptions { dry_run: true, ..set }, Actor::system()).await.unwrap();
    assert_eq!(server.number("GetBalance", &amount("minutosu", "", "0")).await, "15");
    operations.load_rating(files(), set, Actor::system()).await.unwrap();
    assert_eq!(server.number("GetBalance", &amount("minutosu", "", "0")).await, "21");
    assert_eq!(state(&server, "free").await, ("10".into(), "100".into(), "21.00".into()));
    assert_eq!(operations.reader.check_books().unwrap(), [] as [String; 0]);
}
