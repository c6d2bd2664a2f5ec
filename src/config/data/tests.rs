use super::*;
use crate::model::{
    AccessMethod, AccountKind, AccountRow, GroupRow, Money, NasRow, PackageRow, PlanRow, PoolRow, Price,
    ServiceRow, SubscriberRow, Vendor,
};

const SAMPLE: &str = include_str!("../../../config/sample-data.toml");

/// Every key of every kind, with values that pass.
const ALL_KEYS: &str = r#"
[[group]]
id = 5
name = "Жилые"
parent = ""
[[plan]]
id = 7
name = "home-20"
fee = 300.5
period = "month"
charge = "daily"
on-shortage = "hold"
rate-in = 20000
ceil-in = 20000
burst-in = 256
cburst-in = 256
rate-out = -1
ceil-out = -1
burst-out = 0
cburst-out = 0
mikrotik-burst-rate-in = 1
mikrotik-burst-threshold-in = 2
mikrotik-burst-rate-out = 3
mikrotik-burst-threshold-out = 4
mikrotik-burst-time = 5
traffic-price-in = "0,000000001"
traffic-included-in = 1000
traffic-price-out = "0"
traffic-included-out = 0
session-price = 1
timed = [{ when = "mon-fri 23:00-07:00", rate-in = 50000, ceil-in = 50000, burst-in = 1, cburst-in = 1, rate-out = 1, ceil-out = 1, burst-out = 1, cburst-out = 1 }, { when = "sat,sun", rate-in = -1 }]
quota-mib = 100000
quota-rate-in = 1000
quota-ceil-in = 1000
quota-burst-in = 16
quota-cburst-in = 16
quota-rate-out = 1000
quota-ceil-out = 1000
quota-burst-out = 16
quota-cburst-out = 16
[[service]]
name = "Белый адрес"
fee = "100"
period = "month"
charge = "daily"
[[package]]
name = "100 минут"
price = 50
minutes = 100
sms = 10
mib = 1024
days = 30
destination = "nationale"
[[pool]]
id = 1
name = "dyn1"
prefixes = ["100.64.0.0/20", "2001:db8::/48"]
[[nas]]
id = 1
name = "bras1"
address = "10.0.0.0/29"
secret = "testing123"
vendor = "accel-ppp"
coa-port = 3799
pool = "dyn1"
[[account]]
id = 1
contract = "1001"
name = "Иванов Иван"
kind = "company"
group = "Жилые"
phone = ""
email = ""
address = ""
tax-id = ""
balance = "-150,25"
credit-limit = 10
credit-until = 2026-05-01
code1c = ""
voip-subjects = ""
[[subscriber]]
id = 1
login = "ivanov"
password = "0123"
nt-hash = ""
crypt = ""
contract = "1001"
name = "Иванов Иван"
group = "Жилые"
plan = "home-20"
nas = "bras1"
access = "ipoe"
ip = "10.9.0.2 2001:db8::2"
pool = ""
ipv6-prefix = "2001:db8:1::/56"
mac = "0200.0000.0001"
circuit-id = ""
snat-ip = "192.0.2.1"
routes = "10.1.0.0/24 10.2.0.0/24"
sessions-max = 0
balance = 150
credit-limit = "0"
credit-until = ""
blocked = true
valid-from = "2026-01-01"
valid-until = "31.12.2026 23:59"
services = ["Белый адрес"]
discount = "12,5 %"
discount-until = "2026-12-31"
code1c = ""
"#;

fn toml(text: &str) -> Result<DataFile, DataError> {
    parse("data.toml", text.as_bytes())
}

/// The faults of a file, printed.
#[track_caller]
fn faults(name: &str, content: &[u8]) -> String {
    parse(name, content).unwrap_err().to_string()
}

#[test]
fn the_columns_of_each_kind_are_the_fields_of_its_row() {
    let fields = |row: serde_json::Value| row.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    for (kind, row) in [
        (Kind::Group, serde_json::to_value(GroupRow::default())),
        (Kind::Plan, serde_json::to_value(PlanRow::default())),
        (Kind::Service, serde_json::to_value(ServiceRow::default())),
        (Kind::Package, serde_json::to_value(PackageRow::default())),
        (Kind::Pool, serde_json::to_value(PoolRow::default())),
        (Kind::Nas, serde_json::to_value(NasRow::default())),
        (Kind::Account, serde_json::to_value(AccountRow::default())),
        (Kind::Subscriber, serde_json::to_value(SubscriberRow::default())),
    ] {
        let mut keys: Vec<&str> = kind.keys().collect();
        keys.sort();
        assert_eq!(keys, fields(row.unwrap()), "{kind:?}");
        assert!(keys.contains(&kind.naming_key()));
    }
}

#[test]
fn every_key_of_every_kind_is_read() {
    let file = toml(ALL_KEYS).unwrap();
    for (kind, row) in [
        (Kind::Group, serde_json::to_value(&file.group)),
        (Kind::Plan, serde_json::to_value(&file.plan)),
        (Kind::Service, serde_json::to_value(&file.service)),
        (Kind::Package, serde_json::to_value(&file.package)),
        (Kind::Pool, serde_json::to_value(&file.pool)),
        (Kind::Nas, serde_json::to_value(&file.nas)),
        (Kind::Account, serde_json::to_value(&file.account)),
        (Kind::Subscriber, serde_json::to_value(&file.subscriber)),
    ] {
        let row = row.unwrap();
        let absent = row[0].as_object().unwrap().iter().find(|(_, value)| value.is_null());
        assert!(absent.is_none(), "{kind:?}: {absent:?}");
    }
    let plan = &file.plan[0];
    assert_eq!(plan.fee, Some(Price::from_nanos(300_500_000_000)));
    assert_eq!(plan.traffic_price_in, Some(Price::from_nanos(1)));
    assert_eq!(plan.rate_out, Some(-1));
    assert_eq!(file.nas[0].vendor, Some(Vendor::AccelPpp));
    let account = &file.account[0];
    assert_eq!(account.kind, Some(AccountKind::Company));
    assert_eq!(account.balance, Some(Money::from_micros(-150_250_000)));
    assert_eq!(account.credit_until.as_deref(), Some("2026-05-01"));
    let subscriber = &file.subscriber[0];
    assert_eq!(subscriber.password.as_ref().map(|p| p.expose()), Some("0123"));
    assert_eq!(subscriber.access, Some(AccessMethod::Ipoe));
    assert_eq!(subscriber.valid_until.as_deref(), Some("2026-12-31T23:59:00"));
}

#[test]
fn every_key_with_a_wrong_type_is_named_with_line_and_row() {
    let mut keys = 0;
    let mut kind = String::new();
    for (index, line) in ALL_KEYS.lines().enumerate() {
        if let Some(name) = line.strip_prefix("[[") {
            kind = name.trim_end_matches(']').to_owned();
        }
        let Some((key, _)) = line.split_once(" = ") else { continue };
        let replaced =
            |(i, old)| if i == index { format!("{key} = [{{ a = 1 }}]") } else { str::to_owned(old) };
        let broken: Vec<String> = ALL_KEYS.lines().enumerate().map(replaced).collect();
        let errors = faults("data.toml", broken.join("\n").as_bytes());
        let start = format!("data.toml:{}: {kind}", index + 1);
        assert!(errors.starts_with(&start) && errors.contains(&format!(": {key}: expected ")), "{errors}");

        let added =
            |(i, old): (usize, &str)| format!("{old}{}", if i == index { "\nno-such = 1" } else { "" });
        let unknown: Vec<String> = ALL_KEYS.lines().enumerate().map(added).collect();
        let errors = faults("data.toml", unknown.join("\n").as_bytes());
        let start = format!("data.toml:{}: {kind} \"", index + 2);
        assert!(
            errors.starts_with(&start) && errors.contains("\": no-such: unknown key; expected"),
            "{errors}"
        );
        keys += 1;
    }
    assert_eq!(keys, Kind::ALL.iter().map(|kind| kind.keys().count()).sum::<usize>());
}

#[test]
fn a_value_that_cannot_be_says_what_was_expected() {
    let subscriber = "[[subscriber]]\nlogin = \"ivanov\"\n";
    for (line, said) in [
        (
            "password = 0",
            "password: expected a password of at most 128 octets, in quotes even when it is all digits",
        ),
        ("password = \"***\"", "the mask of an export"),
        ("mac = \"02:00\"", "mac: expected a MAC address such as \"02:00:00:00:00:01\", found \"02:00\""),
        ("ip = \"10.0.0.300\"", "ip: expected addresses of hosts separated by spaces, found \"10.0.0.300\""),
        ("ip = \"0.0.0.0\"", "ip: expected addresses of hosts"),
        ("ip = \"10.0.0.1 10.0.0.1\"", "ip: 10.0.0.1 stands here twice"),
        ("routes = \"10.0.0.1/24\"", "routes: 10.0.0.1/24 has bits set"),
        ("ipv6-prefix = \"10.0.0.0/8\"", "ipv6-prefix: expected an IPv6 prefix"),
        ("snat-ip = \"2001:db8::1\"", "snat-ip: expected an IPv4 address"),
        ("contract = 1001", "contract: expected a text in quotes"),
        ("contract = \" 1001\"", "contract: expected a text in quotes, not empty, without spaces"),
        ("name = \"a\\nb\"", "name: expected a text in quotes of at most 1000 octets, in one line"),
        ("access = \"Radius\"", "access: expected \"radius\" or \"ipoe\" or \"static\", found \"Radius\""),
        ("sessions-max = -1", "sessions-max: expected a whole number from 0 to 2147483647, found -1"),
        ("sessions-max = \"1\"", "sessions-max: expected a whole number"),
        ("blocked = \"true\"", "blocked: expected true or false, found \"true\""),
        ("balance = 1e3", "balance: expected an amount such as \"150.00\", found 1e3"),
        ("credit-limit = -1", "credit-limit: expected an amount from 0"),
        ("valid-until = \"2026-02-30\"", "valid-until: expected a day"),
        ("nt-hash = \"00\"", "nt-hash: expected 32 hexadecimal digits"),
        ("id = 0", "id: expected a whole number from 1, found 0"),
    ] {
        let errors = faults("data.toml", format!("{subscriber}{line}").as_bytes());
        assert!(errors.starts_with("data.toml:3: subscriber \"ivanov\": "), "{errors}");
        assert!(errors.contains(said) && errors.lines().count() == 1, "{errors}");
    }
    for (text, said) in [
        ("[[subscriber]]\nname = \"x\"", "data.toml:1: subscriber: login: is missing"),
        (
            "[[subscriber]]\nlogin = \"a b\"",
            "subscriber \"a b\": login: expected a login without white space",
        ),
        (
            "[subscriber]\nlogin = \"a\"",
            "data.toml:1: subscriber: expected rows that begin with [[subscriber]]",
        ),
        ("subscriber = [1]", "data.toml:1: subscriber: expected a table of keys, found 1"),
        (
            "[[subscribers]]\nlogin = \"a\"",
            "data.toml:1: subscribers: unknown table; expected one of: group,",
        ),
        (
            "[[group]]\nname = \"a\"\n[[group]]\nname = \"a\"",
            "data.toml:3: group \"a\": name: \"a\" stands in line 1",
        ),
        ("[[plan]]\nname = \"a\"\nrate-in = -2", "rate-in: expected a whole number from -1"),
        (
            "[[plan]]\nname = \"a\"\nrate-in = 9\nceil-in = 8",
            "ceil-in: expected at least the rate-in of 9, found 8",
        ),
        ("[[nas]]\nname = \"a\"\nsecret = \"\"", "secret: expected a secret of 1 to 253 octets"),
        ("[[nas]]\nname = \"a\"\ncoa-port = 65536", "coa-port: expected a whole number from 0 to 65535"),
        ("[[subscriber]]\nlogin = \"a\"\npassword = \"x\"\ncrypt = \"$1$a\"", "found several"),
        (
            "[[subscriber]]\nlogin = \"a\"\nvalid-from = 2026-02-01\nvalid-until = 2026-01-01",
            "a time after valid-from",
        ),
        ("[[nas]]\nsecret = hidden", "data.toml:2: not TOML: "),
    ] {
        let errors = faults("data.toml", text.as_bytes());
        assert!(errors.contains(said) && !errors.contains("hidden"), "{errors}");
    }
}

#[test]
fn a_file_with_very_many_faults_tells_some_and_counts_the_rest() {
    let text = "[[subscriber]]\nlogin = \"\"\n".repeat(60);
    let errors = faults("data.toml", text.as_bytes());
    assert_eq!((errors.lines().count(), errors.lines().last()), (51, Some("and 10 more")));
}

#[test]
fn csv_as_spreadsheets_write_it_gives_the_rows_of_toml() {
    let expected = toml(
        "[[subscriber]]\nlogin = \"ivanov\"\npassword = \" 0123\"\nname = \"Иванов; Иван\"\nblocked = true\n\
         balance = \"1150.50\"\nsessions-max = 1000\nvalid-until = \"2026-12-31\"\n\
         [[subscriber]]\nlogin = \"petrova\"\nname = \"Петрова\"\nblocked = false\n",
    )
    .unwrap();
    let text = "Login;PASSWORD;name;blocked;balance;sessions_max;valid-until\r\n\
                ivanov ; 0123;\"Иванов; Иван\";да;1\u{a0}150,50;1 000;31.12.2026\r\n\
                \r\n;;;;;;\r\n\
                petrova;;Петрова;0;;;\r\n";
    let utf16: Vec<u8> =
        "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    for content in [
        text.as_bytes().to_vec(),
        format!("\u{feff}{text}").into_bytes(),
        encoding_rs::WINDOWS_1251.encode(text).0.into_owned(),
        utf16,
    ] {
        assert_eq!(parse("/tmp/Subscribers-2024.csv", &content), Ok(expected.clone()));
    }
    let commas = parse("pool.csv", b"name,prefixes\ndyn1,10.0.0.0/8 11.0.0.0/8\n").unwrap();
    assert_eq!(commas.pool[0].prefixes.as_ref().map(Vec::len), Some(2));
}

#[test]
fn a_fault_of_csv_names_line_row_and_column() {
    for (name, text, said) in [
        (
            "plans.csv",
            "name,rate-in\na,1\n\nb,fast\n",
            "plans.csv:4: plan \"b\": rate-in: expected a whole number from -1",
        ),
        (
            "plans.csv",
            "name,speed\na,1\n",
            "plans.csv:1: speed: unknown key; expected one of: id, name, fee,",
        ),
        ("plans.csv", "name,name\na,b\n", "plans.csv:1: name: this column stands in the header twice"),
        ("plans.csv", "name,,fee\na,,1\n", "plans.csv:1: column 2: unknown key"),
        ("plans.csv", "name,fee\na\n", "plans.csv:2: plan \"a\": expected 2 cells as in the header, found 1"),
        ("plans.csv", "name,fee\n,5\n", "plans.csv:2: plan: name: is missing"),
        ("nas.csv", "name,coa-port\na,true\n", "nas.csv:2: nas \"a\": coa-port: expected a whole number"),
        (
            "subscriber.csv",
            "login,blocked\na,maybe\n",
            "expected true or false (also 1, 0, yes, no, да, нет)",
        ),
        ("planet.csv", "name\na\n", "begin with the kind of its rows: group, plan,"),
        ("plans.txt", "name\na\n", "expected a file name that ends in .toml or .csv"),
    ] {
        let errors = faults(name, text.as_bytes());
        assert!(errors.contains(said), "{errors}");
    }
    for (name, kind) in [("nas", Kind::Nas), ("accounts", Kind::Account), ("group_old", Kind::Group)] {
        assert_eq!(Kind::of_file_stem(name), Some(kind));
    }
    assert_eq!(parse("nas.csv", b""), Ok(DataFile::default()));
}

#[test]
fn the_sample_provider_is_read_from_its_file() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/sample-data.toml");
    let file = read(&path).unwrap();
    assert_eq!(parse("sample-data.toml", SAMPLE.as_bytes()), Ok(file.clone()));
    assert_eq!((file.group.len(), file.plan.len(), file.pool.len(), file.nas.len()), (2, 3, 1, 1));
    assert_eq!(file.subscriber.len(), 8);
    let first = &file.subscriber[0];
    assert_eq!((first.login.as_str(), first.contract.as_deref()), ("ivanov", Some("1001")));
    assert_eq!(first.password.as_ref().map(|p| p.expose()), Some("demo-ivanov"));
    assert!(
        read(Path::new("/nowhere/plan.csv"))
            .unwrap_err()
            .to_string()
            .starts_with("/nowhere/plan.csv: No such")
    );
}

proptest::proptest! {
    #[test]
    fn no_content_makes_the_readers_panic(content: Vec<u8>, text in "\\PC*") {
        for name in ["a.toml", "subscriber.csv"] {
            let _ = parse(name, &content);
            let _ = parse(name, text.as_bytes());
            let _ = parse(name, format!("login;mac;ip;valid-until\n{text}").as_bytes());
            let _ = parse(name, format!("[[subscriber]]\nlogin = \"{text}\"\nip = '{text}'\nmac = '{text}'").as_bytes());
        }
    }
}

#[test]
fn speeds_by_the_clock_are_checked_in_their_tables() {
    let timed = |table: &str| format!("[[plan]]\nname = \"p\"\ntimed = [{table}]");
    for (table, fault) in [
        ("{ when = \"mon 25:00-26:00\" }", "timed: when: expected days and hours"),
        ("{ rate-in = 5 }", "when is missing"),
        ("{ when = \"mon\", rate-in = \"5\" }", "rate-in: expected a whole number"),
        ("{ when = \"mon\", speed = 5 }", "expected no other keys than when, rate-in"),
        ("5", "expected a list of tables"),
    ] {
        let found = faults("data.toml", timed(table).as_bytes());
        assert!(found.contains(fault), "{table}: {found}");
    }
    assert!(faults("plan.csv", b"name,timed\np,mon").contains("expected a list of tables"));
    let file = toml(&timed("{ when = \"mon-fri 23:00-07:00\", rate-in = 5 }")).unwrap();
    let rows = file.plan[0].timed.as_ref().unwrap();
    assert_eq!(
        (rows[0].when.as_str(), rows[0].rate_in, rows[0].rate_out),
        ("mon-fri 23:00-07:00", Some(5), None)
    );
}

#[test]
fn services_and_discounts_are_read_from_csv_too() {
    let csv = "login;services;discount;discount-until\nivanov;Белый адрес, tv;12,5%;30.04.2026\npetrov;;100;";
    let file = parse("subscriber.csv", csv.as_bytes()).unwrap();
    let [ivanov, petrov] = file.subscriber.as_slice() else { panic!("{file:?}") };
    assert_eq!(ivanov.services, Some(vec!["Белый адрес".to_owned(), "tv".to_owned()]));
    assert_eq!(
        (ivanov.discount.as_deref(), ivanov.discount_until.as_deref()),
        (Some("12,5"), Some("2026-04-30"))
    );
    assert_eq!((petrov.services.as_ref(), petrov.discount.as_deref()), (None, Some("100")));
    for wrong in ["100.01", "-1", "1.234", "ten"] {
        let found = faults("subscriber.csv", format!("login;discount\nivanov;{wrong}").as_bytes());
        assert!(found.contains("discount: expected percent"), "{found}");
    }
    let csv = "name;fee;period;charge\nБелый адрес;100,50;month;period";
    assert_eq!(parse("services.csv", csv.as_bytes()).unwrap().service[0].name, "Белый адрес");
    assert!(faults("service.csv", "name\n\"a,b\"".as_bytes()).contains("without commas"));
    let csv = "name,price,minutes,sms,mib,days,destination\n100 минут,50,100,,,30,";
    assert_eq!(parse("packages.csv", csv.as_bytes()).unwrap().package[0].minutes, Some(100));
}
