//! Objects by their fields, in two envelopes, and the chain get, set, save.

use super::{EVERYTHING, Server};
use serde_json::{Value, json};

impl Server {
    async fn base(&self, query: &str) -> Value {
        let answer = self.get(&format!("context=base&psw=base_1&format=json&{query}")).await;
        assert_eq!(answer.status, 200, "{query}");
        serde_json::from_str(&answer.body).unwrap()
    }
}

fn objects(answer: &Value) -> &Vec<Value> {
    answer["data"]["result"]["result"].as_array().unwrap_or_else(|| panic!("{answer}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_are_found_by_their_fields() {
    let server = Server::with(EVERYTHING).await;
    let found = server.base(r#"model=Abonents&method1=objects.get&arg1={"contract_number":"1001"}"#).await;
    let ivanov = &objects(&found)[0];
    assert_eq!((&ivanov["model"], &ivanov["fields"]["name"]), (&json!("Abonents"), &json!("Иванов Иван")));
    let pk = &ivanov["pk"];
    let query =
        format!(r#"model=abonents&method1=objects.get&arg1={{"pk":"{pk}"}}&fields1=["name","balance"]"#);
    let narrow = server.base(&query).await;
    assert_eq!(objects(&narrow)[0]["fields"], json!({"name": "Иванов Иван", "balance": "150.00"}));
    let users = server.base(r#"model=Users&method1=objects.filter&arg1={"__tarif":"defaults"}"#).await;
    let logins: Vec<&Value> = objects(&users).iter().map(|user| &user["fields"]["login"]).collect();
    assert_eq!(logins, ["abonent-2", "1009-b", "1009-a"]);
    let tarif = server.base(r#"model=Tarif&method1=objects.filter&arg1={"name":"home-20"}"#).await;
    assert_eq!(objects(&tarif)[0]["fields"]["abonent_pay"], "300.00");
    let paged = server.base(r#"model=Users&method1=objects.filter&arg1={"limit":2}"#).await;
    let after = &objects(&paged)[1]["pk"];
    let next = server
        .base(&format!(r#"model=Users&method1=objects.filter&arg1={{"limit":2,"after":{after}}}"#))
        .await;
    assert!(objects(&next)[0]["pk"].as_i64() > after.as_i64());
    let pay = r#"model=Abonents&method1=asr_fiscal_manager.act_pay&arg1={"contract_number":"1001","sum_in":1,"pay_operator":"o","pay_id_str":"1","act":"PAY"}&context=asr_fiscal&psw=fiscal_1"#;
    server.get(pay).await;
    let query = format!(r#"model=FinanceOperations&method1=objects.filter&arg1={{"abonent_id":{pk}}}"#);
    assert_eq!(objects(&server.base(&query).await)[0]["fields"]["op_summa"], "1.00");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_changes_one_object_and_what_is_not_writable_stays() {
    let server = Server::with(EVERYTHING).await;
    let get = r#"model=Abonents&method1=objects.get&arg1={"contract_number":"1001"}"#;
    let chain = |set: &str| format!("{get}&method2=set&arg2={set}&method3=save&arg3={{}}");
    let saved = server.base(&chain(r#"{"name":"Иванова Анна","code1c":"17"}"#)).await;
    let fields = &objects(&saved)[0]["fields"];
    assert_eq!((&fields["name"], &fields["code1c"]), (&json!("Иванова Анна"), &json!("17")));
    assert_eq!(objects(&server.base(get).await), objects(&saved));
    for (query, error) in [
        (chain(r#"{"balance":"1000"}"#), "not-writable"),
        (chain(r#"{"name":"x","contract_number":"1"}"#), "not-writable"),
        (chain("{}"), "missing-argument"),
        (chain("[1]"), "bad-argument"),
        (format!("{get}&method2=set&arg2={{\"name\":\"x\"}}"), "bad-chain"),
        (format!("{get}&method2=delete&arg2={{}}"), "bad-chain"),
        (get.replace("get", "set"), "bad-chain"),
        (get.replace("get", "filter") + "&method2=set&arg2={\"name\":\"x\"}&method3=save", "bad-chain"),
        (get.replace("Abonents", "Passwords"), "unknown-model"),
        (get.replace("contract_number", "password"), "unknown-field"),
        (get.replace("1001", "none"), "object-not-found"),
        (get.replace(r#""contract_number":"1001""#, ""), "several-objects"),
        ("model=FinanceOperations&method1=objects.filter&arg1={}".to_owned(), "missing-argument"),
        (
            chain("{\"name\":\"x\"}")
                .replace("Abonents", "Tarif")
                .replace("contract_number\":\"1001", "name\":\"home-20"),
            "not-writable",
        ),
        (format!("{get}&fields1=name"), "bad-argument"),
    ] {
        let answer = server.base(&query).await;
        assert_eq!(answer["error"], error, "{query}: {answer}");
    }
    assert_eq!(objects(&server.base(get).await), objects(&saved));
}
