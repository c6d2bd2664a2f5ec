//! The promised payment and the end of a pause, pressed on the page.

use super::{PROMISE, Page, RESUME};
use headgate::model::{Actor, BillingRules, Money, Verdict};
use headgate::operations::PaymentInput;

#[tokio::test(flavor = "multi_thread")]
async fn a_promise_is_told_before_it_is_pressed_and_opens_the_way() {
    let rules = BillingRules { promise_price: Money::from_units(5), ..BillingRules::default() };
    let page = Page::with("[enforcement]\ncaptive = \"10.0.0.1:8080\"\n", rules).await;
    let question = page.own(25, PROMISE).await;
    assert_eq!(question.status, 200);
    for text in [
        "Take a promised payment?",
        "<dt>Sum</dt><dd>100.00\u{a0}RUB</dd>",
        "<dt>Valid until</dt><dd>9\u{a0}April at\u{a0}10:00</dd>",
        "<dt>Price</dt><dd>5.00\u{a0}RUB</dd>",
        "<form method=\"post\" action=\"/captive-portal/promise\">",
    ] {
        assert!(question.body.contains(text), "lacks {text}: {}", question.body);
    }
    assert!(!question.body.contains("http-equiv"), "a question does not go away while it is read");
    assert_eq!(page.verdict(25), Verdict::Negbal);

    let token = super::token_in(&question.body);
    let answer = page.press(25, PROMISE, &format!("token={token}")).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let given = "The promised payment is taken: 100.00\u{a0}RUB until 9\u{a0}April at\u{a0}10:00.";
    assert!(answer.body.contains(given), "{}", answer.body);
    assert_eq!(page.verdict(25), Verdict::LetThrough);
    assert_eq!(page.fixture.balance("short"), "-55.00", "its price was charged once");
    // Pressed again, and loaded again: the same answer, and nothing is done.
    let again = page.press(25, PROMISE, &format!("token={token}")).await;
    assert_eq!((again.status, again.body.contains(given)), (200, true));
    assert_eq!(page.fixture.balance("short"), "-55.00");
    let shown = page.own(25, "/").await.body;
    for text in [
        "<h1>Internet access is open by a promised payment</h1>",
        "Please top up the account before 9\u{a0}April at\u{a0}10:00",
        "<dt>Promised payment</dt><dd>100.00\u{a0}RUB until 9\u{a0}April",
        "<dd class=\"pay\">55.00\u{a0}RUB</dd>",
        "How to pay",
    ] {
        assert!(shown.contains(text), "lacks {text}: {shown}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn presses_at_the_same_time_are_one_promise() {
    let rules = BillingRules {
        promise_price: Money::from_units(5),
        promises_per_month: 5,
        ..BillingRules::default()
    };
    let page = Page::with("[enforcement]\ncaptive = \"10.0.0.1:8080\"\n", rules).await;
    let fields = format!("token={}", page.token(25, PROMISE).await);
    let (a, b, c) = tokio::join!(
        page.press(25, PROMISE, &fields),
        page.press(25, PROMISE, &fields),
        page.press(25, PROMISE, &fields)
    );
    assert_eq!([a.status, b.status, c.status], [200; 3]);
    assert_eq!(page.fixture.balance("short"), "-55.00");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_refusal_of_a_promise_has_its_words_before_and_after_the_press() {
    let page = Page::start().await;
    // What is owed is more than a promise gives: it would be used up and open nothing.
    let body = page.own(21, "/").await.body;
    assert!(
        body.contains(
            "A promised payment of 100.00\u{a0}RUB is not enough now. Pay at least 1,134.56\u{a0}RUB"
        ),
        "{body}"
    );
    assert!(!page.own(21, PROMISE).await.body.contains("<form"));

    // Two pages were open; the second press comes too late.
    let first = page.token(25, PROMISE).await;
    page.fixture.clock.set(
        headgate::model::Clock::now(page.fixture.clock.as_ref())
            .saturating_add(std::time::Duration::from_secs(1)),
    );
    let second = page.token(25, PROMISE).await;
    assert_ne!(first, second);
    assert_eq!(page.press(25, PROMISE, &format!("token={first}")).await.status, 200);
    let late = page.press(25, PROMISE, &format!("token={second}")).await;
    let already = "A promised payment is taken already: 100.00\u{a0}RUB until 9\u{a0}April at\u{a0}10:00.";
    assert_eq!((late.status, late.body.contains(already)), (409, true), "{}", late.body);

    // Paid, and short again in the same month.
    let pay = PaymentInput {
        who: "20/05/Я".into(),
        sum: "60".into(),
        operator: "desk".into(),
        id: "1".into(),
        date: String::new(),
    };
    page.fixture.operations.pay(pay, Actor::system()).await.unwrap();
    let not_needed = page.press(25, PROMISE, &format!("token={second}")).await;
    assert_eq!(not_needed.status, 409);
    page.fixture.operations.charge("short", "70", "router".into(), Actor::system()).await.unwrap();
    let used_up =
        "There are no more promised payments this month. The next one can be taken from 1\u{a0}May.";
    let body = page.own(25, "/").await.body;
    assert!(body.contains(used_up) && !body.contains(PROMISE), "{body}");
    let pressed = page.press(25, PROMISE, &format!("token={second}")).await;
    assert_eq!((pressed.status, pressed.body.contains(used_up)), (409, true), "{}", pressed.body);

    // Blocked between the question and the press; the open, the blocked and the unknown are not asked at all.
    let token = page.token(26, PROMISE).await;
    page.fixture.operations.block("flat1", "abuse".into(), Actor::system()).await.unwrap();
    let blocked = page.press(26, PROMISE, &format!("token={token}")).await;
    assert_eq!(
        (blocked.status, blocked.body.contains("cannot be taken now")),
        (409, true),
        "{}",
        blocked.body
    );
    page.fixture.operations.block("blocked", "abuse".into(), Actor::system()).await.unwrap();
    for last in [22, 23, 24, 99] {
        assert!(!page.own(last, PROMISE).await.body.contains("<form"), "127.0.0.{last}");
    }
    assert_eq!(page.press(99, PROMISE, &format!("token={token}")).await.status, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn whose_prepaid_money_is_spent_may_promise_though_nothing_is_below_zero() {
    let page = Page::start().await;
    assert_eq!((page.fixture.balance("spent").as_str(), page.verdict(30)), ("0.00", Verdict::Negbal));
    let answer = page.press(30, PROMISE, &format!("token={}", page.token(30, PROMISE).await)).await;
    assert_eq!((answer.status, page.verdict(30)), (200, Verdict::LetThrough), "{}", answer.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_without_promises_does_not_speak_of_them() {
    let rules = BillingRules { promises_per_month: 0, ..BillingRules::default() };
    let page = Page::with("[enforcement]\ncaptive = \"10.0.0.1:8080\"\n", rules).await;
    for path in ["/", PROMISE] {
        let body = page.own(25, path).await.body;
        assert!(body.contains("not enough money") && !body.to_lowercase().contains("promise"), "{body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_promise_of_a_shared_contract_says_so_and_opens_all_of_it() {
    let page = Page::start().await;
    let question = page.own(26, PROMISE).await.body;
    assert!(
        question.contains("It is given to contract 2006 and holds for all 2 of its connections."),
        "{question}"
    );
    assert_eq!(page.press(26, PROMISE, &format!("token={}", super::token_in(&question))).await.status, 200);
    assert_eq!((page.verdict(26), page.verdict(27)), (Verdict::LetThrough, Verdict::LetThrough));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_is_ended_from_the_page_alone_or_with_the_others_of_the_contract() {
    for (all, other) in [("", Verdict::Paused), ("&all=1", Verdict::LetThrough)] {
        let page = Page::start().await;
        page.pause_both().await;
        assert_eq!((page.verdict(28), page.verdict(29)), (Verdict::Paused, Verdict::Paused));
        let question = page.own(28, RESUME).await.body;
        for text in [
            "Resume the service?",
            "The pause from 7\u{a0}April to 20\u{a0}April ends today",
            "Plan Дом &lt;20&gt;: 300.00\u{a0}RUB a month.",
            "<input type=\"checkbox\" name=\"all\" value=\"1\"> Also resume the other paused connections of this contract: 1",
        ] {
            assert!(question.contains(text), "lacks {text}: {question}");
        }
        let fields = format!("token={}{all}", super::token_in(&question));
        for _ in 0..2 {
            let answer = page.press(28, RESUME, &fields).await;
            assert_eq!(
                (answer.status, answer.body.contains("The service is resumed.")),
                (200, true),
                "{}",
                answer.body
            );
        }
        assert_eq!((page.verdict(28), page.verdict(29)), (Verdict::LetThrough, other), "{all:?}");
        assert!(page.own(28, RESUME).await.body.contains("Internet access is open"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_that_has_ended_meanwhile_is_said_to_have() {
    let page = Page::start().await;
    page.pause_both().await;
    let token = page.token(28, RESUME).await;
    page.fixture.operations.resume("away1", Actor::system()).await.unwrap();
    let answer = page.press(28, RESUME, &format!("token={token}")).await;
    assert_eq!((answer.status, answer.body.contains("There is no pause that could be ended.")), (409, true));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_cannot_write_says_so_and_the_same_press_can_be_made_later() {
    let page = Page::start().await;
    let token = page.token(25, PROMISE).await;
    page.fixture.operations.writer.stop();
    let answer = page.press(25, PROMISE, &format!("token={token}")).await;
    assert_eq!(
        (answer.status, answer.body.contains("It is not known yet whether this was done.")),
        (503, true)
    );
}
