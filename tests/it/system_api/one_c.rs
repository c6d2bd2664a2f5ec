//! The exchange with 1C: what is not synchronised, confirmations, payments from there, acts of closed months.

use super::{EVERYTHING, Server};
use headgate::model::{Actor, Clock, Month};
use serde_json::{Value, json};
use std::time::Duration;

const GROUPS: &str = r#"
[[group]]
id = 5
name = "Юрлица"
[[group]]
id = 6
name = "Бюджет"
parent = "Юрлица"
[[account]]
contract = "2001"
name = "ООО Ромашка"
kind = "company"
group = "Юрлица"
tax-id = "7701234567"
address = "Москва"
[[account]]
contract = "2002"
name = "Школа"
group = "Бюджет"
"#;

async fn start() -> Server {
    let server = Server::with(EVERYTHING).await;
    server.fixture.load(GROUPS).await;
    server
}

impl Server {
    async fn one_c(&self, method: &str, argument: Value) -> Value {
        self.call(&format!("api_1c_manager.{method}|api_1c|onec_1"), &argument).await
    }
}

fn contracts(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|one| one["fields"]["contract_number"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_synchronised_is_given_until_it_is_confirmed() {
    let server = start().await;
    let all = server.one_c("api_1c_get_abonents", json!({"parent_id": 5})).await;
    assert_eq!(contracts(&all), ["2001", "2002"]);
    assert_eq!(
        all[0],
        json!({"pk": all[0]["pk"], "model": "Abonents", "fields": {
            "name": "ООО Ромашка", "contract_number": "2001", "parent_id": 5, "is_company": 1, "phone": "", "sms": "",
            "email": "", "address": "Москва", "inn": "7701234567", "balance": "0.00", "credit": "0.00", "closed": 0,
            "code1c": "", "sync1c": 0,
        }})
    );
    assert_eq!(contracts(&server.one_c("api_1c_get_abonents", json!({"parent_id": "6"})).await), ["2002"]);
    let marked = json!({"pk": all[0]["pk"], "code1c": "000000017", "sync1c": "1"});
    let done = server.one_c("api_1c_sync_abonent", marked).await;
    assert_eq!((&done["fields"]["code1c"], &done["fields"]["sync1c"]), (&json!("000000017"), &json!(1)));
    assert_eq!(contracts(&server.one_c("api_1c_get_abonents", json!({"parent_id": 5})).await), ["2002"]);
    let synced = json!({"parent_id": 5, "sync1c": "1"});
    assert_eq!(contracts(&server.one_c("api_1c_get_abonents", synced).await), ["2001"]);
    // In pages, of everybody.
    let first = server.one_c("api_1c_get_abonents", json!({"limit": 3})).await;
    let last = first[2]["pk"].clone();
    let second = server.one_c("api_1c_get_abonents", json!({"limit": 3, "after": last})).await;
    assert_eq!(contracts(&first).len() + contracts(&second).len(), 6);
    assert!(second[0]["pk"].as_i64() > last.as_i64());

    let id = all[0]["pk"].clone();
    let attributes = server.one_c("api_1c_get_abonent_attr", json!({"abonent_id": id})).await;
    assert_eq!(
        (&attributes[0]["fields"]["attribute"], &attributes[0]["fields"]["attribute_value"]),
        (&json!("ИНН"), &json!("7701234567"))
    );
    let ivanov = server.fixture.operations.who("1001").unwrap().account.id.0;
    let users = server.one_c("api_1c_get_abonent_users", json!({"abonent_id": ivanov})).await;
    assert_eq!((&users[0]["model"], &users[0]["fields"]["login"]), (&json!("Users"), &json!("ivanov")));
    let account = server.one_c("api_1c_get_account", json!({"abonent_id": ivanov})).await;
    assert_eq!(account[0]["fields"]["balance_buh"], "150.00");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_of_forty_is_confirmed_one_by_one() {
    let server = start().await;
    let begun = std::time::Instant::now();
    for n in 0..40 {
        let name = format!("Абонент {n}");
        let made = server.one_c("api_1c_create_abonent", json!({"code1c": n, "name": name})).await;
        server.one_c("api_1c_sync_abonent", json!({"pk": made["pk"], "sync1c": 1})).await;
    }
    let left = server.one_c("api_1c_get_abonents", json!({})).await;
    assert!(contracts(&left).len() < 40);
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contract_made_under_a_code_is_made_once() {
    let server = start().await;
    let create =
        |code: &str, name: &str| server.one_c("api_1c_create_abonent", json!({"code1c": code, "name": name}));
    let first = create("000000042", "Петров Пётр").await;
    assert_eq!(
        (&first["fields"]["contract_number"], &first["fields"]["name"]),
        (&json!("000000042"), &json!("Петров Пётр"))
    );
    assert_eq!(create("000000042", "Другое имя").await, first);
    // A contract of that number is somebody else's.
    let other = create("1001", "Сидоров").await;
    assert_eq!(other["fields"]["contract_number"], "1c-1001");
    assert_eq!(create("1001", "Сидоров").await, other);
    assert_eq!(create("с пробелом", "Пробел").await["fields"]["contract_number"], "с-пробелом");
    let taken = json!({"code1c": "9", "name": "x", "contract_number": "1001"});
    assert_eq!(server.one_c("api_1c_create_abonent", taken).await["error"], "contract-taken");
    let missing = server.one_c("api_1c_create_abonent", json!({"name": "x"})).await;
    assert_eq!(
        missing,
        json!({"error": "missing-argument", "error_text": "code1c: is missing; expected a text or a number"})
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_from_1c_is_taken_once_and_is_synchronised() {
    let server = start().await;
    let push = json!({"code1c": "П-000001", "contract_number": "1001", "op_summa": "1\u{a0}500,50", "op_date": "06.04.2026"});
    let first = server.one_c("api_1c_sync_fin_oper", push.clone()).await;
    let fields = &first["fields"];
    assert_eq!(
        (
            &fields["op_summa"],
            &fields["code1c"],
            &fields["sync1c"],
            &fields["op_type_id"],
            &fields["operator_name"]
        ),
        (&json!("1500.50"), &json!("П-000001"), &json!(1), &json!(1), &json!("1c"))
    );
    assert_eq!(server.one_c("api_1c_sync_fin_oper", push.clone()).await, first);
    assert_eq!(server.fixture.balance("1001"), "1650.50");
    let mut other = push;
    other["op_summa"] = json!("1");
    let refused = server.one_c("api_1c_sync_fin_oper", other).await;
    assert_eq!(refused["error_text"], "Сумма дублирующего платежа не совпадает с оригиналом!");
    let detail = server.one_c("api_1c_get_fin_detail", json!({"op_id": first["pk"]})).await;
    assert_eq!(detail, first);
    let unknown = server.one_c("api_1c_get_fin_detail", json!({"op_id": "1 000 000"})).await;
    assert_eq!(unknown["error_text"], "Финансовая операция не найдена! (1000000)");
}

#[tokio::test(flavor = "multi_thread")]
async fn payments_and_acts_of_closed_months_are_given_and_marked() {
    let server = start().await;
    let operations = &server.fixture.operations;
    let pay = json!({"contract_number": "1001", "sum_in": "20.50", "pay_operator": "osmp", "pay_id_str": "1", "act": "PAY"});
    server.call("asr_fiscal_manager.act_pay|asr_fiscal|fiscal_1", &pay).await;
    operations.charge("1001", "12.00", "работы".into(), Actor::system()).await.unwrap();
    server.fixture.clock.set(server.fixture.clock.now().saturating_add(Duration::from_secs(30 * 86_400)));
    let april: Month = "2026-04".parse().unwrap();
    std::sync::Arc::clone(operations).close_month(april, Actor::system()).await.unwrap();

    let id = operations.who("1001").unwrap().account.id.0;
    let list = async |more: Value| {
        let mut argument = json!({"abonent_id": id, "sdate": "01.04.2026", "edate": "30.04.2026"});
        for (name, value) in more.as_object().unwrap() {
            argument[name] = value.clone();
        }
        server.one_c("api_1c_get_fin_opers_with_context", argument).await
    };
    let all = list(json!({})).await;
    assert_eq!(all.as_array().unwrap().len(), 2, "{all}");
    let (payment, act) = (&all[0], &all[1]);
    assert_eq!(
        (
            &payment["fields"]["op_type_id"],
            &payment["fields"]["operator_pay_id_str"],
            &payment["fields"]["op_summa"]
        ),
        (&json!(1), &json!("1"), &json!("20.50"))
    );
    assert_eq!(
        (&act["fields"]["op_type_id"], &act["fields"]["op_summa"], &act["fields"]["operator_name"]),
        (&json!(2), &json!("12.00"), &json!("NULL"))
    );
    assert_eq!(act["fields"]["act_services"], json!([{"name": "by-hand", "summa": "12.00"}]));
    assert!(act["fields"]["op_date"].as_str().unwrap().starts_with("2026-04-30"));
    assert_eq!(list(json!({"op_type": "1"})).await, json!([payment]));
    assert_eq!(list(json!({"op_type": 2})).await, json!([act]));
    assert_eq!(list(json!({"op_type": 3})).await["error"], "bad-argument");
    assert_eq!(list(json!({"edate": "29.04.2026", "op_type": 2})).await, json!([]));
    assert_eq!(server.one_c("api_1c_get_fin_detail", json!({"op_id": act["pk"]})).await, *act);
    for (of, code) in [(payment, "П-1"), (act, "А-1")] {
        let done = server.one_c("api_1c_sync_fin_oper", json!({"pk": of["pk"], "code1c": code})).await;
        assert_eq!((&done["fields"]["code1c"], &done["fields"]["sync1c"]), (&json!(code), &json!(1)));
    }
    assert_eq!(list(json!({"sync1c": 0})).await, json!([]));
    assert_eq!(list(json!({"sync1c": 1})).await.as_array().unwrap().len(), 2);
    let nobody = server.one_c("api_1c_sync_fin_oper", json!({"pk": 999, "code1c": "x"})).await;
    assert_eq!(nobody["error"], "operation-not-found");
}
