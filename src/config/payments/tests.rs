use super::*;
use crate::config::Config;

fn read(text: &str) -> Result<Payments, Vec<String>> {
    match Config::parse("headgate.toml", text) {
        Ok(config) => Ok(config.payments),
        Err(errors) => Err(errors.iter().map(ToString::to_string).collect()),
    }
}

fn operator(code: &str, more: &str) -> String {
    format!(
        "[[payments.operator]]\ncode = \"{code}\"\ndialect = \"osmp\"\nallow = \"192.0.2.0/24\"\n{more}\n"
    )
}

#[test]
fn two_operators_that_could_be_taken_for_each_other_are_refused() {
    let clear = [
        ("user = \"a\"\npassword = \"x\"", "user = \"b\"\npassword = \"x\""),
        ("", "path = \"/osmp/second\""),
        ("", "allow_other"),
    ];
    for (one, other) in clear {
        let text = operator("one", one) + &operator("other", other);
        let text = match other == "allow_other" {
            true => operator("one", "") + &operator("other", "").replace("192.0.2.0/24", "198.51.100.7"),
            false => text,
        };
        assert_eq!(read(&text).map(|payments| payments.operators.len()), Ok(2), "{text}");
    }
    for (one, other) in [
        ("", ""),
        ("", "user = \"b\"\npassword = \"x\""),
        ("user = \"a\"\npassword = \"x\"", "user = \"a\"\npassword = \"y\""),
    ] {
        let errors = read(&(operator("one", one) + &operator("other", other))).unwrap_err();
        assert!(errors.len() == 1 && errors[0].contains("a call could be of one or of other"), "{errors:?}");
    }
    let names = ["client-certificate = \"a\"", "client-certificate = \"b\""];
    let ca = "[payments]\nclient-ca = \"/x/ca.pem\"\n".to_owned();
    let text = ca + &operator("one", names[0]) + &operator("other", names[1]);
    assert_eq!(read(&text).map(|payments| payments.operators.len()), Ok(2));
}

#[test]
fn what_does_not_fit_together_is_refused_by_name() {
    let long = "sha256:".to_owned() + &"ab:".repeat(31) + "ab";
    assert!(
        read(
            &("[payments]\nclient-ca = \"/x\"\n".to_owned()
                + &operator("a", &format!("client-certificate = \"{long}\"")))
        )
        .is_ok()
    );
    for (more, said) in [
        ("user = \"a\"", "payments.operator.user: expected `password`"),
        ("password = \"a\"", "payments.operator.password: expected `user`"),
        ("secret = \"a\"", "payments.operator.secret: only dialect"),
        ("client-certificate = \"a\"", "expected `client-ca`"),
        ("client-certificate = \"sha256:ab\"", "a certificate's common name"),
        ("sum-min = \"2\"\nsum-max = 1", "is more than `sum-max`"),
        ("sum-min = 0", "a sum above zero"),
        ("path = \"/hook/x\"", "a path such as"),
        ("path = \"x y\"", "a path such as"),
        ("account-pattern = \"x\"", "one of {account}"),
        ("tells = \"everything\"", "words of: name"),
        ("colour = 1", "unknown key"),
    ] {
        let errors = read(&operator("a", more)).unwrap_err();
        assert!(errors.iter().any(|error| error.contains(said)), "{more}: {errors:?}");
    }
    let hook = operator("a", "").replace("\"osmp\"", "\"hook\"");
    assert!(read(&hook).unwrap_err()[0].contains("expected `secret`"));
    assert!(read(&(hook.clone() + "secret = [\"a\", \"b\"]")).is_ok());
    assert!(read(&hook.replace("hook", "nothing")).unwrap_err()[0].contains("hook, osmp, sber1, sber2"));
    assert!(read(&(operator("a", "") + &operator("a", ""))).unwrap_err()[0].contains("this code"));
}

#[test]
fn a_dialect_says_what_it_lacks() {
    let errors = read("[[payments.dialect]]\nname = \"x\"\n").unwrap_err();
    assert!(errors[0].contains("lacks: parameters.command, parameters.id"), "{errors:?}");
    for (more, said) in [
        ("[payments.dialect.codes]\nlater = 300", "is the code of `later`"),
        ("[payments.dialect.codes]\nsooner = 1", "unknown key"),
        ("[payments.dialect.commands]\ncancel = \"cancel\"", "lacks: cancel"),
        ("encoding = \"utf-16\"", "a charset"),
        ("encoding = \"klingon\"", "a charset"),
        ("date-format = \"%Q!\"", "as strftime writes it"),
        ("paths = [\"/hook/x\"]", "a list of paths"),
        ("check = [{ element = \"a b\", value = \"\" }]", "a name of XML"),
        ("check = [{ element = \"a\", value = \"{psw}\" }]", "a text with places"),
        ("check = [{ element = \"a\", value = \"x\", elements = [{ element = \"b\" }] }]", "not both"),
    ] {
        let text = format!("[[payments.dialect]]\nname = \"x\"\nbase = \"osmp\"\n{more}\n");
        let errors = read(&text).unwrap_err();
        assert!(errors.iter().any(|error| error.contains(said)), "{more}: {errors:?}");
    }
    for name in ["osmp", "hook"] {
        let errors =
            read(&format!("[[payments.dialect]]\nname = \"{name}\"\nbase = \"osmp\"\n")).unwrap_err();
        assert!(errors[0].contains("of this name already"), "{errors:?}");
    }
}

#[test]
fn every_key_of_the_sample_is_read() {
    let payments = read(include_str!("sample.toml")).unwrap();
    let [bank, notifier] = payments.operators.as_slice() else { panic!("{payments:?}") };
    let Protocol::Dialect(third) = &bank.protocol else { panic!("{bank:?}") };
    assert_eq!((third.encoding.as_str(), third.root.as_str()), ("windows-1251", "answer"));
    assert_eq!((third.parameters.cancels.as_str(), third.parameters.sum.as_str()), ("cancel_id", "sum"));
    assert_eq!(third.act("PAYMENT"), Some(PaymentAct::Pay));
    assert_eq!((third.code(PaymentResult::Repeat), third.code(PaymentResult::Later)), ("7", "1"));
    assert_eq!(third.message(PaymentResult::Ok), "Принято");
    assert!(third.sum_in_minor_units && !third.date_compared && !third.id_digits);
    assert_eq!(bank.paths, ["/bank"]);
    assert_eq!(bank.accounts.payer("1_77").as_deref(), Some("77"));
    assert!(bank.password.accept("p-two") && bank.tells.name && !bank.tells.balance);
    assert_eq!(bank.client_certificate, Some(ClientName::CommonName("bank.example.org".into())));
    assert_eq!(notifier.paths, ["/hook/notifier"]);
    assert_eq!(payments.allow().to_string(), "192.0.2.0/24");
    let shown = format!("{payments:?}");
    assert!(!shown.contains("p-one") && !shown.contains("whsec_"), "{shown}");
}
