//! What is taken, what is refused, and with which words.

mod shipped;

use super::*;
use crate::model::Money;
use std::fs;
use std::net::SocketAddr;

const FILE: &str = "/etc/headgate/headgate.toml";

/// The contract's page as far as this version serves it, with other values than the defaults.
const SAMPLE: &str = concat!(
    r#"
[server]
name = "bras-7"
role = "centre"
time-zone = "Asia/Almaty"
currency = "KZT"
state-dir = "/srv/headgate"
control-socket = "/srv/headgate/control.sock"
min-free = "500MiB"

[store]
url = "sqlite:/srv/headgate/ledger.db"

[radius]
auth = ["127.0.0.1:21812", "[::1]:21812"]
acct = ["127.0.0.1:21813"]
radsec = []
reject-delay-ms = 250
require-message-authenticator = "yes"
negbal-login = "reject"
blocked-login = "captive"
interim-seconds = 600
captive-rate-kbit = 512

[billing]
payment-max = "5000,50"
cut-at = "9:30"
cut-days = "mon-wed,fri"
outage-grace = "90m"
catch-up-days-max = 14
vat = "12.5%"
pause-fee = "1,50"
promise-sum = 250
promise-days = 5
promise-price = "10"
promises-per-month = 2
require-synchronised-clock = false

[system-api]
listen = ["127.0.0.1:28082"]
allow = "10.0.0.0/8 2001:db8::/32"
contexts = "collector asr_fiscal"
placeholder = "none"
[system-api.passwords]
collector = "c-one"
asr_fiscal = ["f-one", "f-two"]

[management]
listen = ["0.0.0.0:28443"]
plain-listen = ["127.0.0.1:28444"]
tls-certificate = "/srv/headgate/chain.pem"
tls-key = "/srv/headgate/key.pem"
allow = "10.0.0.0/8"
[[management.feed-token]]
name = "nas1"
token = "t-one"
[[management.feed-token]]
name = "nas2"
token = ["t-two", "t-three"]

[cgrates]
tcp = ["127.0.0.1:22001"]
http = []
allow = "127.0.0.1 10.0.0.0/8"
unit = "1"
compat-2012 = true

[cabinet]
listen = ["127.0.0.1:28080"]
url = "https://Portal.example.org/"
provider = "ООО «Связь»"
provider-en = "Svyaz Ltd"
phone = "+7 495 000-00-00"
way = [{ name = "Картой", name-en = "By card", text-en = "at once", url = "https://pay.example.org/{contract}" }]
tls-listen = ["127.0.0.1:24433"]

[metrics]
listen = ["127.0.0.1:29812"]

[log]
runtime-log = ""
level = "debug"

[enforcement]
servers = ["https://billing1:8443", "unix:/srv/headgate/control.sock"]
token = "t-two"
ca = "/srv/headgate/ca.pem"
nas = "10.0.0.1"
lan = ["eth1", "ppp*"]
shape = ["eth1", "vlan10"]
wan = "eth0"
police = false
captive = "10.0.0.1:8080"
walled-garden = ["198.51.100.10/32", "pay.example.org"]
sightings = true
protect-ports = false
"#,
    include_str!("payments/sample.toml")
);

fn read(text: &str) -> Result<Config, Vec<String>> {
    Config::parse(FILE, text).map_err(|errors| errors.iter().map(ToString::to_string).collect())
}

/// The one error of a text.
#[track_caller]
fn error(text: &str) -> String {
    let errors = read(text).unwrap_err();
    assert_eq!(errors.len(), 1, "{errors:?}");
    errors.into_iter().next().unwrap()
}

#[test]
fn an_empty_file_says_the_defaults() {
    assert_eq!(read(""), Ok(Config::default()));
    assert_eq!(Config::default().server.time_zone.iana_name(), Some("Europe/Moscow"));
}

#[test]
fn every_key_of_the_sample_is_read() {
    let config = read(SAMPLE).unwrap();
    assert_eq!(config.server.name, "bras-7");
    assert_eq!(config.server.time_zone.iana_name(), Some("Asia/Almaty"));
    assert_eq!((config.server.currency.code.as_str(), config.server.currency.exponent), ("KZT", 2));
    assert_eq!(config.server.min_free, 500 << 20);
    assert_eq!(config.store.url, StoreUrl::Sqlite("/srv/headgate/ledger.db".into()));
    assert_eq!(config.radius.auth.get(1), Some(&"[::1]:21812".parse::<SocketAddr>().unwrap()));
    assert_eq!(config.radius.reject_delay_ms, 250);
    assert_eq!(config.radius.require_message_authenticator, RequireMessageAuthenticator::Yes);
    assert_eq!(config.radius.negbal_login, RestrictedLogin::Reject);
    assert_eq!(config.radius.blocked_login, RestrictedLogin::Captive);
    assert_eq!(config.radius.pool_quarantine().as_secs(), 1200);
    assert_eq!(config.radius.captive_rate_kbit, 512);
    let cabinet = &config.cabinet;
    assert_eq!(cabinet.url.as_ref().map(ToString::to_string).as_deref(), Some("https://portal.example.org"));
    assert_eq!(
        (cabinet.provider.in_language("ru"), cabinet.provider.in_language("en")),
        ("ООО «Связь»", "Svyaz Ltd")
    );
    assert_eq!(cabinet.phone, "+7 495 000-00-00");
    let way = &cabinet.ways[0];
    assert_eq!((way.name.in_language("en"), way.text.in_language("ru")), ("By card", ""));
    assert_eq!(way.url, "https://pay.example.org/{contract}");
    assert_eq!(config.billing.payment_max, Money::from_micros(5_000_500_000));
    let billing = &config.billing;
    assert_eq!((billing.cut_at, billing.cut_days), (570, [true, true, true, false, true, false, false]));
    assert_eq!((billing.outage_grace.as_secs(), billing.catch_up_days_max), (5_400, 14));
    assert_eq!((billing.vat_basis_points, billing.pause_fee), (Some(1_250), Money::from_micros(1_500_000)));
    assert_eq!((billing.promise_sum, billing.promise_days), (Money::from_units(250), 5));
    assert_eq!((billing.promise_price, billing.promises_per_month), (Money::from_units(10), 2));
    assert!(!billing.require_synchronised_clock);
    assert_eq!(config.system_api.allow.to_string(), "10.0.0.0/8 2001:db8::/32");
    assert_eq!(config.system_api.placeholder, "none");
    let management = &config.management;
    assert_eq!((management.listen.len(), management.plain_listen.len()), (1, 1));
    assert!(
        matches!(&management.certificate, CertificateFiles::Given { key, .. } if key.ends_with("key.pem"))
    );
    for (token, name) in [("t-one", Some("nas1")), ("t-three", Some("nas2")), ("t-", None), ("", None)] {
        assert_eq!(management.follower(token), name, "{token}");
    }
    assert_eq!(config.cabinet.tls_listen.len(), 1);
    let servers: Vec<String> = config.enforcement.servers.iter().map(ToString::to_string).collect();
    assert_eq!(servers, ["https://billing1:8443", "unix:/srv/headgate/control.sock"]);
    assert_eq!(config.enforcement.token.as_ref().map(|token| token.expose()), Some("t-two"));
    assert!(!format!("{config:?}").contains("t-t"));
    assert_eq!(config.log, Log { runtime_log: None, level: Level::Debug });
    assert_eq!(config.enforcement.lan, ["eth1", "ppp*"]);
    assert_eq!(config.enforcement.shape, ["eth1", "vlan10"]);
    assert_eq!(config.enforcement.wan.as_deref(), Some("eth0"));
    assert_eq!(config.enforcement.captive, Some("10.0.0.1:8080".parse().unwrap()));
    assert_eq!(config.enforcement.walled_garden.len(), 2);
    assert!(!config.enforcement.protect_ports && !config.enforcement.police);
}

#[test]
fn speeds_are_kept_on_the_lan_where_nothing_else_is_said() {
    let shape =
        |text: &str| read(&format!("[enforcement]\nlan = [\"eth1\", \"ppp*\"]\n{text}")).unwrap().enforcement;
    assert_eq!(shape("").shape, ["eth1"], "without its patterns");
    assert_eq!(shape("shape = []").shape, [] as [&str; 0]);
    assert_eq!(shape("shape = [\"eth2\"]").shape, ["eth2"]);
    assert_eq!(shape("").wan, None);
}

#[test]
fn every_key_of_the_sample_with_a_wrong_type_is_named_with_its_line() {
    for_each_key(|section, key, line| {
        let broken = if key == "min-free" || section == "system-api.passwords" { "7" } else { "{ x = 1 }" };
        let text = with_line(line, &format!("{key} = {broken}"));
        let place = format!("{FILE}:{line}: {section}.{key}: ");
        let errors = read(&text).unwrap_err();
        let named = errors.iter().find(|error| error.starts_with(&place));
        let said = named.is_some_and(|e| e.contains("expected ") || e.contains("is not served"));
        assert!(said, "{place}: {errors:?}");
    });
}

#[test]
fn an_unknown_neighbour_of_every_key_is_named_with_its_line() {
    for_each_key(|section, key, line| {
        let kept = SAMPLE.lines().nth(line - 1).unwrap();
        let errors = read(&with_line(line, &format!("{kept}\n{key}-x = 1"))).unwrap_err();
        assert_eq!(errors.len(), 1, "{errors:?}");
        let place = format!("{FILE}:{}: {section}.{key}-x: unknown key; expected one of: ", line + 1);
        assert!(errors.iter().all(|error| error.starts_with(&place)), "{place}: {errors:?}");
    });
}

/// Calls `check(section, key, line)` for each key of the sample; lines count from 1.
fn for_each_key(mut check: impl FnMut(&str, &str, usize)) {
    let mut section = "";
    let mut keys = 0;
    for (index, text) in SAMPLE.lines().enumerate() {
        if text.starts_with('[') {
            section = text.trim_matches(['[', ']']);
        } else if let Some((key, _)) = text.split_once(" = ") {
            check(section, key, index + 1);
            keys += 1;
        }
    }
    assert!(keys > 35, "{keys}");
}

fn with_line(line: usize, text: &str) -> String {
    let replaced = |(index, old)| if index + 1 == line { text } else { old };
    SAMPLE.lines().enumerate().map(replaced).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_way_to_pay_that_cannot_be_shown_is_named_with_its_line() {
    let place = format!("{FILE}:2: cabinet.way: ");
    for (way, said) in [
        ("{ text = \"x\" }", "expected a way to pay with a name"),
        (
            "{ name = \"x\", color = \"red\" }",
            "unknown key \"color\"; expected one of: name, name-en, text, text-en, url",
        ),
        ("{ name = \"x\", url = \"javascript:alert(1)\" }", "expected a URL of http or https"),
        ("{ name = \"x\", url = \"https://a/{login}\" }", "expected a URL of http or https"),
        ("{ name = \"a\\nb\" }", "expected a text of at most 100 characters on one line"),
        ("\"x\"", "expected tables [[cabinet.way]] with name, text and url"),
    ] {
        let error = error(&format!("[cabinet]\nway = [{way}]"));
        assert!(error.starts_with(&format!("{place}{said}")), "{way}: {error}");
    }
    let many = "{ name = \"x\" }, ".repeat(13);
    let error = error(&format!("[cabinet]\nway = [{many}]"));
    assert_eq!(error, format!("{place}expected at most 12 ways to pay, found 13"));
    let tables = read("[cabinet]\n[[cabinet.way]]\nname = \"a\"\n[[cabinet.way]]\nname = \"b\"\n").unwrap();
    assert_eq!(tables.cabinet.ways.len(), 2);
}

#[test]
fn an_impossible_value_says_what_was_expected_and_found() {
    assert_eq!(
        error("\n[radius]\nreject-delay-ms = \"soon\""),
        "/etc/headgate/headgate.toml:3: radius.reject-delay-ms: expected a number from 0 to 10000, found \"soon\""
    );
    for (text, key, said) in [
        ("[radius]\nreject-delay-ms = 10001", "radius.reject-delay-ms", "from 0 to 10000, found 10001"),
        ("[radius]\nreject-delay-ms = 99999999999999999999", "radius.reject-delay-ms", "from 0 to 10000"),
        ("[radius]\nauth = [\"127.0.0.1\"]", "radius.auth", "found \"127.0.0.1\""),
        ("[radius]\nauth = [\"127.0.0.1:0\"]", "radius.auth", "found \"127.0.0.1:0\""),
        ("[radius]\nauth = [\"1.1.1.1:1\", \"1.1.1.1:1\"]", "radius.auth", "1.1.1.1:1 stands here twice"),
        (
            "[radius]\nnegbal-login = \"no\"",
            "radius.negbal-login",
            "expected \"captive\" or \"reject\", found \"no\"",
        ),
        ("[enforcement]\nprobe-tries = 1", "enforcement.probe-tries", "from 2 to 100, found 1"),
        ("[radius]\ninterim-seconds = 59", "radius.interim-seconds", "from 60 to 3600, found 59"),
        ("[server]\ntime-zone = \"Europe/Atlantis\"", "server.time-zone", "found \"Europe/Atlantis\""),
        ("[server]\ncurrency = \"rub\"", "server.currency", "ISO 4217"),
        ("[server]\nstate-dir = \"var\"", "server.state-dir", "an absolute path"),
        ("[server]\nmin-free = \"1GB\"", "server.min-free", "found \"1GB\""),
        ("[server]\nname = \"\"", "server.name", "found \"\""),
        ("[store]\nurl = \"mysql:/x\"", "store.url", "expected \"sqlite:\""),
        ("[store]\nurl = \"sqlite:headgate.db\"", "store.url", "an absolute path"),
        ("[billing]\npayment-max = \"0\"", "billing.payment-max", "a sum above zero"),
        ("[billing]\npayment-max = 1.005", "billing.payment-max", "at most 2 digits"),
        ("[billing]\ncut-at = \"24:00\"", "billing.cut-at", "a time of day"),
        ("[billing]\ncut-at = \"10\"", "billing.cut-at", "a time of day"),
        ("[billing]\ncut-at = \"10:5\"", "billing.cut-at", "a time of day"),
        ("[billing]\ncut-days = \"\"", "billing.cut-days", "mon-fri"),
        ("[billing]\ncut-days = \"mon-xyz\"", "billing.cut-days", "mon-fri"),
        ("[billing]\ncut-days = \"mon-tue-wed\"", "billing.cut-days", "mon-fri"),
        ("[billing]\noutage-grace = \"8d\"", "billing.outage-grace", "at most 7 days"),
        ("[billing]\noutage-grace = \"3\"", "billing.outage-grace", "such as \"3h\""),
        ("[billing]\ncatch-up-days-max = 0", "billing.catch-up-days-max", "from 1 to 366"),
        ("[billing]\nvat = \"20\"", "billing.vat", "such as \"20%\""),
        ("[billing]\nvat = \"101%\"", "billing.vat", "such as \"20%\""),
        ("[billing]\npause-fee = \"-1\"", "billing.pause-fee", "a sum such as"),
        ("[billing]\npromise-sum = 0", "billing.promise-sum", "a sum above zero"),
        ("[billing]\npromise-days = 32", "billing.promise-days", "from 1 to 31"),
        ("[billing]\npromise-price = 0.001", "billing.promise-price", "at most 2 digits"),
        ("[billing]\npromises-per-month = -1", "billing.promises-per-month", "from 0 to 31"),
        ("[billing]\nrequire-synchronised-clock = 1", "billing.require-synchronised-clock", "true or false"),
        ("[system-api]\nplaceholder = \"\"", "system-api.placeholder", "found \"\""),
        ("[system-api]\nplaceholder = \"a b\"", "system-api.placeholder", "without white space"),
        ("[system-api]\ncontexts = \"collector kollektor\"", "system-api.contexts", "asr_fiscal"),
        ("[system-api]\nallow = \"10.0.0.1/8\"", "system-api.allow", "write 10.0.0.0/8 or 10.0.0.1/32"),
        ("[system-api.passwords]\nkollektor = \"x\"", "system-api.passwords.kollektor", "unknown key"),
        ("[system-api.passwords]\ncollector = \"\"", "system-api.passwords.collector", "found an empty one"),
        ("[system-api.passwords]\ncollector = []", "system-api.passwords.collector", "a list of two"),
        (
            "[management]\nplain-listen = [\"0.0.0.0:8444\"]",
            "management.plain-listen",
            "only addresses of loopback are listened on",
        ),
        ("[management]\ntls-key = \"/x\"", "management.tls-key", "expected `tls-certificate` beside it"),
        ("[management]\ntls-certificate = \"/x\"", "management.tls-certificate", "expected `tls-key`"),
        ("[management]\nfeed-token = \"x\"", "management.feed-token", "tables [[management.feed-token]]"),
        ("[management]\nfeed-token = [\"x\"]", "management.feed-token", "tables [[management.feed-token]]"),
        (
            "[management]\nfeed-token = [{ name = \"a b\", token = \"x\" }]",
            "management.feed-token.name",
            "a name of",
        ),
        ("[management]\nfeed-token = [{ token = \"x\" }]", "management.feed-token.name", "found nothing"),
        ("[management]\nfeed-token = [{ name = \"a\" }]", "management.feed-token.token", "found nothing"),
        (
            "[management]\nfeed-token = [{ name = \"a\", token = \"hidden word\" }]",
            "management.feed-token.token",
            "without spaces",
        ),
        (
            "[management]\nfeed-token = [{ name = \"a\", token = \"x\" }, { name = \"a\", token = \"y\" }]",
            "management.feed-token.name",
            "one of its own for each follower",
        ),
        ("[enforcement]\nservers = [\"http://b:80\"]", "enforcement.servers", "found \"http://b:80\""),
        ("[enforcement]\nservers = [\"https://b\"]\ntoken = \"x\"", "enforcement.servers", "need `ca`"),
        ("[enforcement]\nservers = [\"https://b\"]\nca = \"/x\"", "enforcement.servers", "need `token`"),
        ("[enforcement]\ntoken = \"hidden\\u0000\"", "enforcement.token", "without spaces"),
        ("[log]\nlevel = \"loud\"", "log.level", "\"info\""),
        ("[enforcement]\nlan = [\"eth 1\"]", "enforcement.lan", "found \"eth 1\""),
        ("[enforcement]\nshape = [\"ppp*\"]", "enforcement.shape", "found \"ppp*\""),
        ("[enforcement]\nwan = \"eth*\"", "enforcement.wan", "found \"eth*\""),
        ("[enforcement]\ncaptive = \"0.0.0.0:80\"", "enforcement.captive", "found \"0.0.0.0:80\""),
        ("[enforcement]\ncaptive = \"127.0.0.1:8080\"", "enforcement.captive", "not loopback"),
        ("[enforcement]\ncaptive = \"[::1]:8080\"", "enforcement.captive", "found \"[::1]:8080\""),
        ("[enforcement]\ncaptive = \"[::]:8080\"", "enforcement.captive", "found \"[::]:8080\""),
    ] {
        let error = error(text);
        assert!(error.starts_with(&format!("{FILE}:2: {key}: ")) && error.contains(said), "{error}");
        assert!(!error.contains("hidden"), "{error}");
    }
}

#[test]
fn what_this_version_does_not_serve_is_refused_by_name() {
    for (text, key) in [
        ("[server]\nrole = \"edge\"", "server.role"),
        ("[store]\nurl = \"postgres://u:hidden@h/db\"", "store.url"),
        ("[radius]\nradsec = [\"0.0.0.0:2083\"]", "radius.radsec"),
        ("[edge]\ntoken = \"hidden\"", "edge"),
        ("[backup]", "backup"),
    ] {
        let error = error(text);
        assert!(
            error.contains(&format!(": {key}: ")) && error.contains("not served by this version"),
            "{error}"
        );
        assert!(!error.contains("hidden"), "{error}");
    }
    assert!(
        error("[cash]\n").contains(":1: cash: unknown section or key; expected one of the sections: server,")
    );
    assert!(error("server = 5\n").contains(":1: server: expected a section [server], found 5"));
}

#[test]
fn all_faults_are_named_at_once_and_a_syntax_error_shows_no_content() {
    let errors = read("[radius]\nauth = 1\nacct = 2\nreject = 3\n[cash]\n").unwrap_err();
    assert_eq!(errors.len(), 4, "{errors:?}");
    let errors = read("[system-api.passwords]\ncollector = hidden\nasr_fiscal = \"hidden\nx").unwrap_err();
    assert!(errors.iter().any(|e| e.starts_with("/etc/headgate/headgate.toml:2: not TOML: ")), "{errors:?}");
    assert!(errors.iter().all(|e| !e.contains("hidden")), "{errors:?}");
}

#[test]
fn two_doors_at_one_address_are_refused() {
    let error = error("[metrics]\nlisten = [\"127.0.0.1:8080\"]");
    assert_eq!(
        error,
        format!("{FILE}:2: metrics.listen: 127.0.0.1:8080 meets 0.0.0.0:8080 of cabinet.listen")
    );
    assert!(read("[metrics]\nlisten = [\"[::1]:8080\"]").is_ok());
    assert!(read("[cabinet]\nlisten = []\n[metrics]\nlisten = [\"127.0.0.1:8080\"]").is_ok());
}

#[test]
fn a_later_file_adds_and_replaces_keys_and_is_blamed_for_its_own() {
    let directory = tempfile::tempdir().unwrap();
    let main = directory.path().join("headgate.toml");
    let conf_d = directory.path().join("conf.d");
    fs::write(&main, "[radius]\nreject-delay-ms = 1\ninterim-seconds = 60\n").unwrap();
    assert_eq!(Config::load(&main).unwrap().radius.reject_delay_ms, 1);
    fs::create_dir(&conf_d).unwrap();
    fs::write(conf_d.join("20-b.toml"), "[radius]\nreject-delay-ms = 3\n[system-api.passwords]\nweb = \"w\"")
        .unwrap();
    fs::write(conf_d.join("10-a.toml"), "[radius]\nreject-delay-ms = 2\nacct = []\n").unwrap();
    fs::write(conf_d.join(".30-c.toml"), "broken").unwrap();
    fs::write(conf_d.join("40-d.toml.orig"), "broken").unwrap();
    let config = Config::load(&main).unwrap();
    assert_eq!((config.radius.reject_delay_ms, config.radius.interim_seconds), (3, 60));
    assert!(config.radius.acct.is_empty() && config.system_api.passwords.contains_key("web"));

    fs::write(conf_d.join("50-e.toml"), "\n\n[radius]\nreject-delay-ms = -1\n").unwrap();
    let error = Config::load(&main).unwrap_err().remove(0);
    assert!(error.file.ends_with("conf.d/50-e.toml") && error.line == 4, "{error}");

    let missing = Config::load(&directory.path().join("none.toml")).unwrap_err().remove(0);
    assert!(missing.to_string().contains("none.toml: there is no such file"), "{missing}");
}

#[test]
fn an_inline_table_of_a_later_file_replaces_the_earlier_one_whole() {
    let directory = tempfile::tempdir().unwrap();
    let main = directory.path().join("headgate.toml");
    let conf_d = directory.path().join("conf.d");
    let psw = directory.path().join("psw");
    fs::write(&main, "[system-api.passwords]\ncollector = { credential = \"none\" }\nweb = \"w\"\n").unwrap();
    fs::create_dir(&conf_d).unwrap();
    fs::write(&psw, "new\r\n").unwrap();
    let text = format!("[system-api.passwords]\ncollector = {{ file = {psw:?} }}\n");
    fs::write(conf_d.join("password.toml"), text).unwrap();
    let api = Config::load(&main).unwrap().system_api;
    assert!(api.opens("collector", Some("new")) && api.opens("web", Some("w")));
}

#[test]
fn a_secret_comes_from_a_text_a_file_or_a_credential_and_never_shows() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("psw");
    fs::write(&file, "from-file\n").unwrap();
    let read = |collector: &str| {
        let text = format!("[system-api.passwords]\ncollector = {collector}\n");
        Config::from_tree(
            &files::read_text(FILE, &text).unwrap(),
            &SecretFiles::Read { credentials: Some(directory.path().to_owned()) },
        )
    };
    for (value, right) in [
        ("\"from-text\"".to_owned(), "from-text"),
        (format!("{{ file = {file:?} }}"), "from-file"),
        ("{ credential = \"psw\" }".to_owned(), "from-file"),
        ("[\"other\", { credential = \"psw\" }]".to_owned(), "from-file"),
    ] {
        let config = read(&value).unwrap();
        assert!(config.system_api.opens("collector", Some(right)), "{value}");
        for wrong in [None, Some(""), Some("from-fil"), Some("from-file\n")] {
            assert!(!config.system_api.opens("collector", wrong), "{value} {wrong:?}");
        }
        assert!(!format!("{config:?}").contains(right));
    }
    for (value, said) in [
        ("12345", "expected a secret"),
        ("{ file = \"psw\" }", "an absolute path"),
        ("{ file = \"/nowhere/psw\" }", "/nowhere/psw: No such file"),
        ("{ credential = \"../psw\" }", "without a slash"),
        ("{ password = \"hidden\" }", "unknown key \"password\""),
        ("{ file = \"/a\", credential = \"b\" }", "a table of 2 keys"),
        ("[\"hidden\", \"hidden\", \"hidden\"]", "a list of 3"),
    ] {
        let errors = read(value).unwrap_err();
        let said_so = |e: &ConfigError| e.text.contains(said) && e.key == "system-api.passwords.collector";
        assert!(errors.iter().any(said_so), "{value}: {errors:?}");
        assert!(errors.iter().all(|e| !e.text.contains("hidden") && !e.text.contains("12345")), "{errors:?}");
    }
}

#[test]
fn a_command_of_an_operator_reads_no_secret_files_but_checks_their_names() {
    let directory = tempfile::tempdir().unwrap();
    let main = directory.path().join("headgate.toml");
    let password =
        |value: &str| fs::write(&main, format!("[system-api.passwords]\ncollector = {value}\n")).unwrap();
    for value in ["{ file = \"/nowhere/psw\" }", "[{ credential = \"psw\" }, \"right\"]"] {
        password(value);
        assert!(Config::load(&main).is_err());
        let config = Config::load_without_secret_files(&main).unwrap();
        assert_eq!(config.system_api.opens("collector", Some("right")), value.contains("right"));
        assert!(
            !config.system_api.opens("collector", Some("")) && !config.system_api.opens("collector", None)
        );
    }
    password("{ file = \"psw\" }");
    assert!(Config::load_without_secret_files(&main).is_err());
}

#[test]
fn each_daemon_reads_its_own_secrets_and_not_the_others() {
    let directory = tempfile::tempdir().unwrap();
    let main = directory.path().join("headgate.toml");
    let token = directory.path().join("token");
    fs::write(&token, "t-one\n").unwrap();
    let write = |management: &str, enforcement: &str| {
        let text = format!(
            "[[management.feed-token]]\nname = \"nas1\"\ntoken = {management}\n\
             [enforcement]\ntoken = {enforcement}\n"
        );
        fs::write(&main, text).unwrap();
    };
    let (here, away) = (format!("{{ file = {token:?} }}"), "{ credential = \"elsewhere\" }");
    write(&here, away);
    let server = Config::load(&main).unwrap();
    assert_eq!(server.management.follower("t-one"), Some("nas1"));
    assert_eq!(server.enforcement.token, None);
    write(away, &here);
    let enforcer = Config::load_for_enforcer(&main).unwrap();
    assert_eq!(enforcer.enforcement.token.as_ref().map(|token| token.expose()), Some("t-one"));
    assert_eq!(enforcer.management.follower(""), None);
    assert!(Config::load(&main).is_err());
}

#[test]
fn only_web_goes_without_a_password_and_a_context_that_is_off_never_opens() {
    let config = Config::default();
    assert!(config.system_api.opens("web", None));
    assert!(!config.system_api.opens("collector", None) && !config.system_api.opens("collector", Some("")));
    assert!(!read(SAMPLE).unwrap().system_api.opens("web", None));
    assert!(read(SAMPLE).unwrap().system_api.opens("asr_fiscal", Some("f-two")));
}

#[test]
fn a_reload_names_what_needs_a_restart() {
    let old = Config::default();
    assert!(old.restart_needed(&old.clone()).is_empty());
    let live = read("[system-api]\nallow = \"\"\nplaceholder = \"none\"\n").unwrap();
    assert!(live != old && old.restart_needed(&live).is_empty());
    let new = read("[radius]\nauth = []\nreject-delay-ms = 5\n[server]\ncurrency = \"USD\"\n").unwrap();
    assert_eq!(old.restart_needed(&new), ["server.currency", "radius.auth", "radius.reject-delay-ms"]);
}
