//! What `[notify]` takes and refuses.

use super::*;
use crate::config::Config;

const HOOK: &str = "[[notify.webhook]]\nname = \"crm\"\nurl = \"https://crm.example.org/hooks/a?token=hush\"\n\
    secrets = [\"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\", \"old-secret\"]\nevents = [\"payment\", \"state\"]\n";

fn read(text: &str) -> Result<Notify, String> {
    let read = Config::parse("headgate.toml", text);
    read.map(|config| config.notify)
        .map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
}

#[test]
fn a_webhook_and_a_command_are_targets_with_their_kinds() {
    let command = "[[notify.command]]\nname = \"sms\"\ncommand = [\"/usr/local/bin/send-sms\", \"-q\"]\n\
        events = [\"notice.sms\"]\ntimeout-seconds = 5\n";
    let notify = read(&format!("{HOOK}{command}")).unwrap();
    let [crm, sms] = notify.targets.as_slice() else { panic!("{notify:?}") };
    assert_eq!((crm.name.as_str(), crm.at_once, crm.timeout.as_secs()), ("crm", 4, 15));
    assert!(crm.events.contains(EventKind::State) && !crm.events.contains(EventKind::NoticeSms));
    let words = ["/usr/local/bin/send-sms", "-q"].map(str::to_owned).to_vec();
    assert_eq!(sms.way, NotifyWay::Command(words));
    assert_eq!((sms.at_once, sms.timeout.as_secs()), (1, 5));
    let rules = notify.rules("RUB");
    assert_eq!(rules.targets.len(), 2);
    assert!(rules.kinds().contains(EventKind::NoticeSms) && !rules.kinds().contains(EventKind::Receipt));
    assert!(rules.texts.text.contains("{sum}"));
}

#[test]
fn neither_the_url_nor_a_secret_is_printed() {
    let notify = read(HOOK).unwrap();
    let printed = format!("{notify:?}");
    assert!(printed.contains("https://crm.example.org/***"), "{printed}");
    assert!(!printed.contains("hush") && !printed.contains("whsec"), "{printed}");
    let NotifyWay::Webhook { url, secrets, .. } = &notify.targets[0].way else { panic!("{notify:?}") };
    assert_eq!(url.expose(), "https://crm.example.org/hooks/a?token=hush");
    assert_eq!(signing_key(&secrets[0]).unwrap().len(), 24);
    assert_eq!(signing_key(&secrets[1]).unwrap().as_slice(), b"old-secret");
    for bad in ["ftp://crm.example.org/hush", "https://user:hush@crm.example.org/", "hush", "https:///hush"] {
        let said = read(&HOOK.replace("https://crm.example.org/hooks/a?token=hush", bad)).unwrap_err();
        assert!(said.contains("notify.webhook.url: expected a URL") && !said.contains("hush"), "{said}");
    }
}

#[test]
fn http_goes_to_loopback_only_unless_it_is_allowed() {
    let with = |url: &str| HOOK.replace("https://crm.example.org/hooks/a?token=hush", url);
    for url in ["http://127.0.0.1:8000/x", "http://[::1]/x", "http://localhost/x"] {
        assert!(read(&with(url)).is_ok(), "{url}");
    }
    for url in ["http://crm.example.org/x", "http://10.0.0.5/x", "http://127.0.0.1.example.org/"] {
        assert!(read(&with(url)).unwrap_err().contains("allow-http"), "{url}");
        assert!(read(&format!("{}allow-http = true\n", with(url))).is_ok(), "{url}");
    }
}

#[test]
fn what_a_target_must_have_and_may_not_have_is_named_with_its_line() {
    for (text, said) in [
        ("[[notify.webhook]]\nname = \"a\"\n", "headgate.toml:1: notify.webhook.url: expected a URL"),
        (
            "[[notify.command]]\nname = \"a\"\n",
            "headgate.toml:1: notify.command.command: expected a list of words",
        ),
        (
            &HOOK.replace("\"state\"", "\"sate\""),
            "headgate.toml:5: notify.webhook.events: expected one of the kinds payment, ",
        ),
        (&HOOK.replace("\"state\"", "\"test\""), "notify.webhook.events: expected one of the kinds"),
        (
            &HOOK.replace("whsec_MfKQ", "whsec_?"),
            "headgate.toml:4: notify.webhook.secrets: expected a secret",
        ),
        (&HOOK.replace("old-secret", "short"), "notify.webhook.secrets: expected a secret"),
        (
            &format!("{HOOK}{HOOK}"),
            "headgate.toml:7: notify.webhook.name: another webhook or command has this name",
        ),
        (&HOOK.replace("name = \"crm\"", "name = \"a b\""), "notify.webhook.name: expected a name"),
        (
            "[[notify.command]]\nname = \"a\"\nevents = []\ncommand = [\"send-sms\"]\n",
            "notify.command.command: expected a list of words",
        ),
        ("[notify]\nlanguage = \"de\"\n", "notify.language: expected \"ru\" or \"en\""),
        ("[notify]\nsms = \"a\"\n", "notify.sms: unknown key"),
    ] {
        let errors = read(text).unwrap_err();
        assert!(errors.contains(said), "{said}: {errors}");
        assert!(!errors.contains("whsec_?") && !errors.contains("short"), "{errors}");
    }
}

#[test]
fn texts_of_ones_own_go_before_those_of_the_language() {
    let texts = |text: &str| read(text).unwrap().rules("KZT").texts;
    assert!(texts("[notify]\nlanguage = \"en\"\n").text.starts_with("Contract {contract}"));
    let own = texts("[notify]\ncut-text = \"Pay {sum}\"\n");
    assert_eq!((own.text.as_str(), own.currency.as_str()), ("Pay {sum}", "KZT"));
    assert!(own.subject.contains("{date}"));
}
