//! The cabinet's methods, as the sites of providers call them.

use super::{EVERYTHING, Server};
use serde_json::{Value, json};
use std::time::Duration;

const MORE: &str = r#"
[[service]]
name = "Статический адрес"
fee = "30.00"
[[service]]
name = "Выделенная линия"
fee = "3000.00"
[[account]]
contract = "1001"
phone = "+7 900 000-00-01"
email = "ivanov@example.org"
[[subscriber]]
login = "hashed"
crypt = "$1$abcdefgh$G//4keteveJp0qb8z2DxG/"
contract = "1020"
[[subscriber]]
login = "nt"
nt-hash = "8846f7eaee8fb117ad06bdd830b7586c"
contract = "1021"
"#;

async fn start() -> Server {
    let server = Server::with(EVERYTHING).await;
    server.fixture.load(MORE).await;
    server
}

impl Server {
    async fn web(&self, method: &str, argument: Value) -> Value {
        self.call(&format!("web_cabinet.{method}|web"), &argument).await
    }

    async fn log_in(&self) -> String {
        let answer = self.web("login", json!({"login": "ivanov", "passwd": "x"})).await;
        answer["session_id"].as_str().expect("a session").to_owned()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_logs_in_is_told_who_it_is_in_texts() {
    let server = start().await;
    let answer = server.web("login", json!({"login": "ivanov", "passwd": "x"})).await;
    assert_eq!(answer["currency"], json!({"NAME": "RUB", "SHORT_NAME": "руб."}));
    let user = &answer["user"];
    assert_eq!(
        (&user["login"], &user["__self"], &user["enabled"], &user["ip"], &user["email"]),
        (&json!("ivanov"), &json!("ivanov"), &json!("1"), &json!("10.9.0.2"), &json!("ivanov@example.org"))
    );
    let abonent = &user["abonent"];
    assert_eq!(abonent["__account"], "№ 1001 Баланс: 150.00");
    assert_eq!(abonent["__tarif"], "home-20");
    assert_eq!((&abonent["allow_internet"], &abonent["contract_number"]), (&json!("1"), &json!("1001")));
    // Every scalar is a text.
    for object in [user, abonent] {
        for (name, value) in object.as_object().unwrap() {
            assert!(value.is_string() || value.is_object(), "{name}: {value}");
        }
    }
    let suid = answer["session_id"].as_str().unwrap();
    assert_eq!(server.web("user_info", json!({"suid": suid})).await, *user);
    let whole = server.web("get_user", json!({"suid": suid})).await;
    assert_eq!((&whole["error"], &whole["__user"]), (&json!(""), &json!("ivanov")));
    assert_eq!(whole["user"]["abonent_pay"], "300.00");
    assert_eq!(whole["user"]["abonent_pay_next_date"], "07.04.2026");
    assert_eq!(whole["user"]["abonent"]["create_date"], "06.04.2026");
    for (method, answer) in [
        ("get_fio", json!({"fio": "Иванов Иван"})),
        ("get_balance", json!({"balance": "150.00"})),
        ("get_user_tarif", json!({"user_tarif": "home-20"})),
        ("get_create_date", json!({"create_date": "06.04.2026"})),
        ("get_account_id", json!({"account_id": abonent["pk"]})),
    ] {
        assert_eq!(server.web(method, json!({"suid": suid})).await, answer, "{method}");
    }
    assert_eq!(server.web("get_vpn_const", json!({"suid": suid})).await["promise_sum"], "100.00");
    // A debtor reads why, with the minus right before the digits.
    let debtor = server.web("try_auto_login", json!({"src_ip": "10.9.0.3"})).await;
    assert_eq!(debtor["user"]["abonent"]["__account"], "№ 1002 Баланс: -0.01");
    assert_eq!(debtor["user"]["abonent"]["allow_internet"], "0");
    server.web("logout", json!({"suid": suid})).await;
    assert_eq!(server.web("user_info", json!({"suid": suid})).await["error"], "not-logged-in");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_password_opens_and_no_other_does() {
    let server = start().await;
    for (login, password) in [("ivanov", "x"), ("hashed", "password"), ("nt", "password"), ("сидоров", "x")]
    {
        let answer = server.web("login", json!({"login": login, "passwd": password})).await;
        assert!(answer["session_id"].is_string(), "{login}: {answer}");
        for wrong in ["y", "X", "xx", "passwor"] {
            let answer = server.web("login", json!({"login": login, "passwd": wrong})).await;
            assert_eq!(
                answer,
                json!({"error": "wrong-password", "error_text": "Неверный логин или пароль"}),
                "{login} {wrong}"
            );
        }
    }
    let answer = server.web("login", json!({"login": "nobody", "passwd": "x"})).await;
    assert_eq!(answer["error_text"], "Неверный логин или пароль");
}

#[tokio::test(flavor = "multi_thread")]
async fn guesses_are_few_for_a_login_and_for_a_source() {
    let server = start().await;
    let guess = async |login: String, source: &str| {
        let argument = json!({"login": login, "passwd": "guess", "src_ip": source});
        server.web("login", argument).await["error"].as_str().unwrap_or_default().to_owned()
    };
    for _ in 0..10 {
        assert_eq!(guess("petrov".into(), "192.0.2.1").await, "wrong-password");
    }
    assert_eq!(guess("petrov".into(), "192.0.2.2").await, "too-many-attempts");
    // The right password is not tried either, and another login is.
    let right = server.web("login", json!({"login": "petrov", "passwd": "x"})).await;
    assert_eq!(right["error"], "too-many-attempts");
    assert!(server.web("login", json!({"login": "ivanov", "passwd": "x"})).await["session_id"].is_string());
    // Ten more than are allowed: a made-up login may share its place in the table with the one above.
    for n in 0..110 {
        let error = guess(format!("made-up-{n}"), "192.0.2.9").await;
        assert!(error == "wrong-password" || error == "too-many-attempts", "{error}");
    }
    assert_eq!(guess("dial".into(), "192.0.2.9").await, "too-many-attempts");
    assert_eq!(guess("dial".into(), "192.0.2.10").await, "wrong-password");
    server.fixture.clock.set(server.fixture.operations.clock.now().saturating_add(Duration::from_secs(301)));
    assert!(server.web("login", json!({"login": "petrov", "passwd": "x"})).await["session_id"].is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_after_an_hour_without_use() {
    let server = start().await;
    let suid = server.log_in().await;
    let later = |seconds| {
        let now = server.fixture.operations.clock.now();
        server.fixture.clock.set(now.saturating_add(Duration::from_secs(seconds)));
    };
    later(3_599);
    assert_eq!(server.web("get_balance", json!({"suid": suid})).await["balance"], "150.00");
    later(3_600);
    let answer = server.web("get_balance", json!({"suid": suid})).await;
    assert_eq!(answer, json!({"error": "not-logged-in", "error_text": "Необходимо авторизоваться"}));
}

#[tokio::test(flavor = "multi_thread")]
async fn payments_are_shown_in_pages() {
    let server = start().await;
    for n in 1..=5 {
        let fields = format!(
            r#"{{"contract_number":"1001","sum_in":"{n}.00","pay_operator":"osmp","pay_id_str":"{n}","act":"PAY"}}"#
        );
        let query =
            format!("method1=asr_fiscal_manager.act_pay&arg1={fields}&context=asr_fiscal&psw=fiscal_1");
        assert_eq!(server.get(&query).await.status, 200);
    }
    let suid = server.log_in().await;
    let page = async |number: u32| {
        let argument = json!({
            "start_date": "01.04.2026", "end_date": "30.04.2026", "page_number": number, "per_page": "2", "suid": suid,
        });
        server.web("get_pay_log", argument).await
    };
    let sums = |page: &Value| {
        let items = page["items"].as_array().unwrap();
        items.iter().map(|item| item["op_summa"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let first = page(1).await;
    assert_eq!(sums(&first), ["5.00", "4.00"]);
    assert_eq!(
        (&first["count"], &first["num_pages"], &first["current_page"], &first["has_next_page"]),
        (&json!("5"), &json!("3"), &json!("1"), &json!("1"))
    );
    assert_eq!(first["items"][0]["op_date"], "2026-04-06 14:20:02");
    let last = page(9).await;
    assert_eq!((sums(&last), &last["has_next_page"]), (vec!["1.00".to_owned()], &json!("0")));
    let none = json!({"start_date": "01.05.2026", "end_date": "02.05.2026", "suid": suid});
    assert_eq!(server.web("get_pay_log", none).await["items"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn services_that_the_provider_names_are_switched_and_no_others() {
    let server = start().await;
    let suid = server.log_in().await;
    let list = server.web("get_usluga_list", json!({"suid": suid, "get_setted": true})).await;
    assert_eq!((list[0].as_array().unwrap().len(), &list[1]), (1, &json!([])));
    let service = &list[0][0];
    assert_eq!((&service["name"], &service["summa"]), (&json!("Статический адрес"), &json!("30.00")));
    let id = service["pk"].as_str().unwrap();
    let on = server.web("set_user_usluga", json!({"suid": suid, "usluga_id": id})).await;
    assert_eq!(on, json!({"message": "Услуга подключена"}));
    assert_eq!(server.fixture.balance("1001"), "149.00");
    let list = server.web("get_usluga_list", json!({"suid": suid})).await;
    assert_eq!((&list[0], &list[1][0]["__usluga"]), (&json!([]), &json!("Статический адрес")));
    assert_eq!(list[1][0]["enable_date"], "06.04.2026");
    let off = server.web("remove_user_usluga", json!({"suid": suid, "usluga_id": id})).await;
    assert_eq!(off, json!({"message": "Услуга отключена"}));
    for (id, error) in [("Выделенная линия", "service-by-operator"), ("17", "service-not-found")]
    {
        let answer = server.web("set_user_usluga", json!({"suid": suid, "usluga_id": id})).await;
        assert_eq!(answer["error"], error);
    }
    // The same methods stand in all three contexts, each with its own password.
    for of in ["cabinet|cabinet_1", "asr_cabinet|cabinet_2"] {
        let answer = server.call(&format!("web_cabinet.get_balance|{of}"), &json!({"suid": suid})).await;
        assert_eq!(answer["balance"], "149.00", "{of}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_and_a_promise_are_taken_by_the_rules() {
    let server = start().await;
    let suid = server.log_in().await;
    let pause = json!({"start_date": "11.04.2026", "end_date": "20.04.2026", "suid": suid});
    let answer = server.web("block_user", pause.clone()).await;
    assert_eq!(answer, json!({"message": "Добровольная блокировка назначена"}));
    assert_eq!(server.web("block_user", pause).await["error_text"], "Добровольная блокировка уже назначена");
    assert_eq!(
        server.web("unblock_user", json!({"suid": suid})).await["message"],
        "Добровольная блокировка снята"
    );
    let past = json!({"start_date": "06.04.2026", "end_date": "20.04.2026", "suid": suid});
    assert_eq!(server.web("block_user", past).await["error"], "pause-not-in-future");

    assert_eq!(server.web("get_promise_pay_list", json!({"suid": suid})).await, json!([]));
    let refused = server.web("set_promise_pay", json!({"suid": suid})).await;
    assert_eq!(refused["error_text"], "Обещанный платёж сейчас не нужен");
    let debtor = server.web("login", json!({"login": "abonent-2", "passwd": "x"})).await;
    let suid = debtor["session_id"].as_str().unwrap();
    let offers = server.web("get_promise_pay_list", json!({"suid": suid})).await;
    assert_eq!((&offers[0]["summa"], &offers[0]["enough"]), (&json!("100.00"), &json!("1")));
    let given = server.web("set_promise_pay", json!({"suid": suid, "id": offers[0]["id"]})).await;
    assert_eq!(
        (&given["message"], &given["summa"]),
        (&json!("Обещанный платёж предоставлен"), &json!("100.00"))
    );
    let user = server.web("user_info", json!({"suid": suid})).await;
    assert_eq!(user["abonent"]["allow_internet"], "1");
    assert_eq!(server.web("set_promise_pay", json!({"suid": suid})).await["error"], "promise-open");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_settled_by_the_acquirers_payment() {
    let server = start().await;
    let suid = server.log_in().await;
    let order = |more: Value| {
        let mut argument = json!({
            "suid": suid, "src_ip": "10.9.0.2", "contract_number": "1001", "summa_in": "100.00", "operator": "SBERBANK_ACQ",
        });
        for (name, value) in more.as_object().unwrap() {
            argument[name] = value.clone();
        }
        server.web("add_payment_operation", argument)
    };
    for (more, error, text) in [
        (json!({"operator": "OTHER"}), "no-acquirer", "Оплата картой на сайте не подключена"),
        (json!({"contract_number": "1002"}), "foreign-contract", "Номер договора или логин указан неверно"),
        (json!({"summa_in": "0.00"}), "zero-sum", "Сумма платежа не должна быть нулевой"),
        (json!({"summa_in": "сто"}), "bad-sum", "Неверно введена сумма платежа"),
    ] {
        assert_eq!(order(more).await, json!({"error": error, "error_text": text}));
    }
    let first = order(json!({})).await;
    let second = order(json!({})).await;
    assert_eq!((&first["operation_id_out"], &second["operation_id_out"]), (&json!("1"), &json!("2")));
    let argument =
        json!({"pay_operator": "SBERBANK_ACQ", "pay_id_str": "1", "sum_in": "100.00", "act": "PAY"});
    let paid = server.call("asr_fiscal_manager.act_pay|asr_fiscal|fiscal_1", &argument).await;
    assert_eq!(paid["balance"], "250.00", "{paid}");
}

#[tokio::test(flavor = "multi_thread")]
async fn subscribers_change_their_password_phone_and_mail() {
    let server = start().await;
    let (suid, other) = (server.log_in().await, server.log_in().await);
    let set = |name: &str, value: &str| server.web("set_user_info", json!({"suid": suid, name: value}));
    for (name, value, error) in [
        ("user_password", "short", "bad-password"),
        ("sms", "позвоните", "bad-phone"),
        ("email", "nobody", "bad-email"),
        ("nothing", "x", "missing-argument"),
    ] {
        assert_eq!(set(name, value).await["error"], error, "{name}");
    }
    assert_eq!(set("sms", "+7 (900) 123-45-67").await, json!({"message": "Данные изменены"}));
    assert_eq!(set("email", "new@example.org").await["message"], "Данные изменены");
    let user = server.web("user_info", json!({"suid": suid})).await;
    assert_eq!((&user["phone"], &user["email"]), (&json!("+7 (900) 123-45-67"), &json!("new@example.org")));

    let change = |old: &str, new: &str, again: &str| {
        server.web("change_password", json!({"suid": suid, "passwd": old, "psw1": new, "psw2": again}))
    };
    assert_eq!(change("x", "new secret", "other").await["error"], "passwords-differ");
    assert_eq!(change("wrong", "new secret", "new secret").await["error"], "wrong-password");
    assert_eq!(change("x", "new secret", "new secret").await, json!({"message": "Пароль изменён"}));
    // The session that did it goes on, the others are over.
    assert_eq!(server.web("get_balance", json!({"suid": suid})).await["balance"], "150.00");
    assert_eq!(server.web("get_balance", json!({"suid": other})).await["error"], "not-logged-in");
    assert_eq!(
        server.web("login", json!({"login": "ivanov", "passwd": "x"})).await["error"],
        "wrong-password"
    );
    assert!(
        server.web("login", json!({"login": "ivanov", "passwd": "new secret"})).await["session_id"]
            .is_string()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_logs_in_whoever_has_it() {
    let server = start().await;
    let answer = server.web("try_auto_login", json!({"src_ip": "100.64.0.9"})).await;
    assert_eq!(answer["user"]["login"], "сидоров");
    for (address, error, text) in [
        ("198.51.100.77", "unknown-address", "Не удалось автоматически авторизоваться"),
        ("10.9.0", "bad-argument", "Не задан ip, либо имеет неверный формат: 10.9.0"),
        ("", "bad-argument", "Не задан ip, либо имеет неверный формат: "),
    ] {
        let answer = server.web("try_auto_login", json!({"src_ip": address})).await;
        assert_eq!(answer, json!({"error": error, "error_text": text}));
    }
}
