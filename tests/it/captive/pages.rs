//! What each standing is shown.

use super::{OWN, PROMISE, Page, RESUME};
use headgate::model::{Actor, BillingRules};

#[tokio::test(flavor = "multi_thread")]
async fn a_debtor_sees_what_is_owed_and_how_to_pay_under_any_url() {
    let page = Page::start().await;
    for target in
        ["/", "/generate_204", "/hotspot-detect.html?x={\"y\"}", "http://other.example/a/b", PROMISE]
    {
        let answer = page.ask(21, target, "ru-RU,ru;q=0.9,en;q=0.5").await;
        assert_eq!(answer.status, 200, "{target}");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        for text in [
            "<html lang=\"ru\">",
            "<meta http-equiv=\"refresh\"",
            "Недостаточно средств на счёте",
            "<dt>Договор</dt><dd>2001</dd>",
            "<dt>Баланс</dt><dd>-1\u{a0}234,56\u{a0}₽</dd>",
            "<dt>К оплате</dt><dd class=\"pay\">1\u{a0}234,56\u{a0}₽</dd>",
            "Дом &lt;20&gt;",
            "Как оплатить",
        ] {
            assert!(answer.body.contains(text), "{target} lacks {text}: {}", answer.body);
        }
        // Whoever sits behind the address sees this page; whose contract it is stays out of it.
        assert!(!answer.body.contains("Иванов") && !answer.body.contains("<form"));
    }
    let english = page.ask(21, "/", "").await.body;
    assert!(english.contains("<dt>To pay</dt><dd class=\"pay\">1,234.56\u{a0}RUB</dd>"), "{english}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_standing_has_its_page_in_both_languages_and_data_is_escaped() {
    let page = Page::start().await;
    page.pause_both().await;
    page.fixture.operations.unblock("open", Actor::system()).await.unwrap();
    let reason = "<script>alert('x')</script> & долг";
    page.fixture.operations.block("blocked", reason.into(), Actor::system()).await.unwrap();
    let escaped = "<dd>&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; долг</dd>";
    for (last, language, present, absent) in [
        (22, "en", "<h1>Internet access is blocked</h1>", "How to pay"),
        (22, "en", escaped, PROMISE),
        (22, "ru", "<h1>Доступ в интернет заблокирован</h1>", RESUME),
        (22, "ru", escaped, "Как оплатить"),
        (23, "en", "<h1>Internet access is open</h1>", "To pay"),
        (23, "en", "<dt>Balance</dt><dd>150.00\u{a0}RUB</dd>", "Reason"),
        (23, "ru", "<h1>Доступ в интернет открыт</h1>", PROMISE),
        (24, "en", "<dd>the contract is no longer valid</dd>", "How to pay"),
        (24, "ru", "<dd>срок действия договора истёк</dd>", "Как оплатить"),
        (
            25,
            "en",
            "Opens access at once, before you have paid: 100.00\u{a0}RUB until 11\u{a0}April at\u{a0}10:00. It is free of charge.",
            RESUME,
        ),
        (
            25,
            "ru",
            "Откроет доступ сразу, до оплаты: 100,00\u{a0}₽ до 11\u{a0}апреля в\u{a0}10:00. Бесплатно.",
            RESUME,
        ),
        (28, "en", "It is paused at your own wish from 7\u{a0}April to 20\u{a0}April.", PROMISE),
        (28, "ru", "Она приостановлена по вашему желанию с 7\u{a0}апреля по 20\u{a0}апреля.", "К оплате"),
        (99, "en", "<dt>Your address</dt><dd class=\"big\">127.0.0.99</dd>", "Contract</dt>"),
        (99, "ru", "<h1>Это устройство пока неизвестно</h1>", "Договор</dt>"),
    ] {
        let answer = page.ask(last, "/", language).await;
        assert!(answer.body.contains(present), "127.0.0.{last} lacks {present}: {}", answer.body);
        assert!(!answer.body.contains(absent) && !answer.body.contains("<script"), "127.0.0.{last} {absent}");
        // Nothing that would have to be loaded from somewhere else, where nothing else opens.
        assert!(!answer.body.contains("src=") && !answer.body.contains("url("));
        assert!(answer.header("content-security-policy").unwrap().contains("form-action 'self'"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_provider_says_its_name_phone_and_ways_to_pay() {
    let config = "[cabinet]\nprovider = \"ООО «Связь» <b>\"\nprovider-en = \"Svyaz & Co\"\nphone = \"+7 (495) 000-00-00\"\n\
                  [[cabinet.way]]\nname = \"Картой\"\nname-en = \"By card\"\ntext = \"без комиссии\"\n\
                  url = \"https://pay.example.org/?account={contract}&sum={sum}\"\n\
                  [[cabinet.way]]\nname = \"В офисе\"\ntext = \"Ленина, 1\"\n";
    let page = Page::with(config, BillingRules::default()).await;
    let russian = page.ask(25, "/", "ru").await.body;
    for text in [
        "<p class=\"who\">ООО «Связь» &lt;b&gt;</p>",
        "<a class=\"act\" href=\"https://pay.example.org/?account=20%2F05%2F%D0%AF&amp;sum=50.00\">Картой</a>",
        "<div class=\"note\">без комиссии</div>",
        "<b>В офисе</b><div class=\"note\">Ленина, 1</div>",
        "<a href=\"tel:+74950000000\">+7 (495) 000-00-00</a>",
    ] {
        assert!(russian.contains(text), "lacks {text}: {russian}");
    }
    assert!(!russian.contains("терминале"), "the general ways give way");
    let english = page.ask(25, "/", "en").await.body;
    for text in ["Svyaz &amp; Co", ">By card</a>", "<b>В офисе</b>"] {
        assert!(english.contains(text), "lacks {text}: {english}");
    }
    for last in [22, 99] {
        assert!(page.ask(last, "/", "ru").await.body.contains("tel:+74950000000"), "127.0.0.{last}");
    }
    let several = "[cabinet]\nphone = \"12-34-56, 8 800 000-00-00\"\n";
    let page = Page::with(several, BillingRules::default()).await;
    let body = page.ask(99, "/", "ru").await.body;
    assert!(body.contains("12-34-56, 8 800 000-00-00") && !body.contains("tel:"), "two numbers are no link");
}

#[tokio::test(flavor = "multi_thread")]
async fn links_lead_to_the_pages_own_name_from_wherever_a_device_was_led_here() {
    let page = Page::start().await;
    let foreign = page.ask(25, "/", "ru").await.body;
    assert!(foreign.contains("href=\"http://10.0.0.1:8080/captive-portal/promise\""), "{foreign}");
    assert!(foreign.contains("href=\"http://10.0.0.1:8080/?lang=en\""), "{foreign}");
    let own = page.send(25, "GET /?lang=en", OWN, &["Accept-Language: ru"], "").await.body;
    assert!(
        own.contains("<html lang=\"en\">") && own.contains("href=\"/captive-portal/promise?lang=en\""),
        "{own}"
    );
    // A page that does not know its name keeps to the one it was asked by.
    let page = Page::with("", BillingRules::default()).await;
    let nameless = page.ask(25, PROMISE, "en").await.body;
    assert!(nameless.contains("action=\"/captive-portal/promise\""), "{nameless}");
    let config = "[cabinet]\nurl = \"https://Portal.example.org:443/\"\n";
    let page = Page::with(config, BillingRules::default()).await;
    let named = page.ask(25, "/", "en").await.body;
    assert!(named.contains("href=\"https://portal.example.org/captive-portal/promise\""), "{named}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_posted_to_other_hosts_has_not_arrived_there() {
    let page = Page::start().await;
    let answer = page.send(25, "POST /api/upload", "example.org", &[], "{\"x\":1}").await;
    assert_eq!(answer.status, 511);
    assert!(answer.body.contains("not enough money"));
    let head = page.send(25, "HEAD /generate_204", "example.org", &[], "").await;
    assert_eq!((head.status, head.body.as_str()), (200, ""));
}
