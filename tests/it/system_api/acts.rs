//! The acts of `act_pay` beside PAY, at a payment operator's door and at a cash desk's.

use super::{EVERYTHING, Server};
use serde_json::{Value, json};

const FISCAL: &str = "asr_fiscal_manager.act_pay|asr_fiscal|fiscal_1";
const DESK: &str = "asr_fiscal_manager.act_pay|webcash|cash_1";

fn act(act: &str, id: &str, more: &Value) -> Value {
    let mut argument =
        json!({"pay_operator": "osmp", "pay_id_str": id, "act": act, "contract_number": "1001"});
    for (name, value) in more.as_object().unwrap() {
        argument[name] = value.clone();
    }
    argument
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_is_checked_announced_made_and_cancelled() {
    let server = Server::with(EVERYTHING).await;
    let sum = json!({"sum_in": "20.50"});
    let checked = |status: Option<&str>, message: &str| {
        let mut answer = json!({
            "contract_number": "1001", "fio": "Иванов Иван", "balance": "150.00",
            "recomend_pay_sum": "0.00", "message": message,
        });
        if let Some(status) = status {
            answer["status"] = json!(status);
        }
        answer
    };
    let found = server.call(FISCAL, &act("CHECK_ABONENT", "", &json!({}))).await;
    assert_eq!(found, checked(None, "Абонент найден"));
    let possible = server.call(FISCAL, &act("CHECK", "A-1", &sum)).await;
    assert_eq!(possible, checked(Some("new"), "Платеж возможен"));

    let added = server.call(FISCAL, &act("ADD", "A-1", &sum)).await;
    assert_eq!(
        added,
        json!({"order_id": 1, "pay_id_str": "A-1", "sum_in": "20.50", "message": "Платеж создан", "repeat": false})
    );
    let again = server.call(FISCAL, &act("ADD", "A-1", &sum)).await;
    assert_eq!((&again["order_id"], &again["message"]), (&json!(1), &json!("Платеж уже создан")));
    let waiting = server.call(FISCAL, &act("CHECK", "A-1", &sum)).await;
    assert_eq!(waiting, checked(Some("created"), "Платеж уже создан"));
    assert_eq!(server.fixture.balance("1001"), "150.00");

    // What was announced is known without its contract.
    let mut bare = act("PAY", "A-1", &sum);
    bare.as_object_mut().unwrap().remove("contract_number");
    let paid = server.call(FISCAL, &bare).await;
    assert_eq!((&paid["balance"], &paid["repeat"]), (&json!("170.50"), &json!(false)), "{paid}");
    let repeated = server.call(FISCAL, &bare).await;
    assert_eq!((&repeated["op_id"], &repeated["repeat"]), (&paid["op_id"], &json!(true)), "{repeated}");
    let late = server.call(FISCAL, &act("ADD", "A-1", &sum)).await;
    assert_eq!((&late["op_id"], &late["repeat"]), (&paid["op_id"], &json!(true)));
    let done = server.call(FISCAL, &act("CHECK", "A-1", &sum)).await;
    assert_eq!((&done["status"], &done["op_id"]), (&json!("paid"), &paid["op_id"]));

    let cancelled = server.call(FISCAL, &act("CANCEL", "A-1", &json!({"reason": "ошибка кассира"}))).await;
    let answer = json!({
        "op_id": cancelled["op_id"], "pay_id_str": "A-1", "sum_in": "20.50", "balance": "150.00",
        "message": "Платеж отменен", "repeat": false,
    });
    assert_eq!(cancelled, answer);
    // Other money moves; the answer stays the first one.
    server.call(FISCAL, &act("PAY", "A-2", &sum)).await;
    let again = server.call(FISCAL, &act("CANCEL", "A-1", &sum)).await;
    assert_eq!((&again["op_id"], &again["balance"]), (&cancelled["op_id"], &json!("150.00")));
    assert_eq!(again["message"], "Платеж уже отменен, возвращаем старые данные!");
    assert_eq!(server.fixture.balance("1001"), "170.50");
    let gone = server.call(FISCAL, &act("CHECK", "A-1", &sum)).await;
    assert_eq!(gone["status"], "canceled");
}

#[tokio::test(flavor = "multi_thread")]
async fn acts_are_refused_in_the_vendors_words() {
    let server = Server::with(EVERYTHING).await;
    let sum = json!({"sum_in": "20.50"});
    server.call(FISCAL, &act("PAY", "P-1", &sum)).await;
    server.call(FISCAL, &act("ADD", "O-1", &sum)).await;
    let other = json!({"sum_in": "20.51"});
    let before = server.fixture.balance("1001");
    for (of, argument, error, text) in [
        (
            FISCAL,
            act("CHECK", "P-1", &other),
            "duplicate-other-sum",
            "Сумма дублирующего платежа не совпадает с оригиналом!",
        ),
        (
            FISCAL,
            act("CHECK", "O-1", &other),
            "duplicate-other-sum",
            "Сумма дублирующего платежа не совпадает с оригиналом!",
        ),
        (
            FISCAL,
            act("ADD", "P-1", &other),
            "duplicate-other-sum",
            "Сумма дублирующего платежа не совпадает с оригиналом!",
        ),
        (
            FISCAL,
            act("ADD", "O-1", &other),
            "duplicate-other-sum",
            "Сумма дублирующего платежа не совпадает с оригиналом!",
        ),
        (
            FISCAL,
            act("CANCEL", "P-1", &other),
            "duplicate-other-sum",
            "Сумма дублирующего платежа не совпадает с оригиналом!",
        ),
        (
            FISCAL,
            act("CANCEL", "P-1", &json!({"contract_number": "1002"})),
            "duplicate-other-account",
            "Дублирующий платеж указывает другого абонента! (1002)",
        ),
        (
            FISCAL,
            act("CANCEL", "P-9", &json!({})),
            "payment-not-found",
            "Невозможно получить старые данные (P-9)",
        ),
        (
            FISCAL,
            act("CANCEL", "O-1", &json!({})),
            "payment-not-found",
            "Невозможно получить старые данные (O-1)",
        ),
        (
            FISCAL,
            act("ADD", "", &sum),
            "no-payment-id",
            "pay_id_str is empty; expected the operator's id of the payment",
        ),
        (FISCAL, act("ADD", "O-2", &json!({})), "no-sum", "В платеже не указана сумма!"),
        (FISCAL, act("ADD", "O-2", &json!({"sum_in": 0})), "bad-sum", "the sum must be more than 0"),
        (
            FISCAL,
            act("CHECK", "X", &json!({"contract_number": "нет"})),
            "subscriber-not-found",
            "Абонент не найден! (нет)",
        ),
        (
            FISCAL,
            act("CHECK_ABONENT", "", &json!({"contract_number": "нет"})),
            "subscriber-not-found",
            "Абонент не найден! (нет)",
        ),
        (DESK, act("CANCEL", "P-1", &json!({})), "unknown-act", "Неизвестная команда! (CANCEL)"),
        (DESK, act("ADD", "O-3", &sum), "unknown-act", "Неизвестная команда! (ADD)"),
    ] {
        let answer = server.call(of, &argument).await;
        assert_eq!(answer, json!({"error": error, "error_text": text}), "{argument}");
    }
    assert_eq!(server.fixture.balance("1001"), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cash_desk_checks_and_takes_payments_under_either_name() {
    let server = Server::with(EVERYTHING).await;
    let sum = json!({"sum_in": "1\u{a0}000,10"});
    assert_eq!(server.call(DESK, &act("CHECK", "K-1", &sum)).await["status"], "new");
    let paid = server.call(DESK, &act("PAY", "K-1", &sum)).await;
    assert_eq!(paid["balance"], "1150.10");
    let again = server.call("webcash_manager.act_pay|webcash|cash_1", &act("PAY", "K-1", &sum)).await;
    assert_eq!((&again["op_id"], &again["repeat"]), (&paid["op_id"], &json!(true)));
    // Both doors have one ledger, and one name for a payment.
    assert_eq!(server.call(FISCAL, &act("CHECK", "K-1", &sum)).await["status"], "paid");
}
