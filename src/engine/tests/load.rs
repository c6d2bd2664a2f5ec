//! Data files: all rows or none, twice changes nothing, what a row does not say stays.

use crate::engine::testing::{Ledger, SAMPLE, actor, load, money};
use crate::model::*;

fn effects(loaded: &Loaded) -> Vec<(&str, RowEffect)> {
    loaded.rows.iter().map(|row| (row.name.as_str(), row.effect)).collect()
}

fn subscriber(ledger: &Ledger, login: &str) -> Subscriber {
    Subscriber::clone(&ledger.state.view(ledger.subscriber(login), ledger.now).unwrap().subscriber)
}

fn plan(ledger: &Ledger, name: &str) -> Plan {
    Plan::clone(ledger.state.plans.values().find(|plan| plan.name == name).unwrap())
}

const SET: LoadOptions = LoadOptions { set_balances: true, dry_run: false };

#[test]
fn loading_twice_changes_nothing() {
    let mut ledger = Ledger::empty();
    let first = ledger.load(SAMPLE).unwrap();
    assert!(first.rows.iter().all(|row| row.effect == RowEffect::Added), "{first:?}");
    ledger.changes.clear();
    for options in [LoadOptions::default(), SET] {
        let second = ledger.load_with(SAMPLE, options).unwrap();
        assert!(second.rows.iter().all(|row| row.effect == RowEffect::Unchanged), "{second:?}");
        assert_eq!(second.rows.len(), first.rows.len());
        assert!(ledger.changes.is_empty(), "{:?}", ledger.changes);
    }
}

#[test]
fn loading_twice_changes_nothing_with_every_key_given() {
    let file = r#"
[[plan]]
name = "p"
rate-in = 100
ceil-in = 200
burst-in = 300
cburst-in = 400
rate-out = -1
ceil-out = -1
[[subscriber]]
login = "a"
nt-hash = "0123456789abcdef0123456789ABCDEF"
plan = "p"
ip = "10.0.0.9 2001:db8::9"
ipv6-prefix = "2001:db8:9::/48"
mac = "02-00-00-00-00-09"
snat-ip = "198.51.100.9"
routes = "10.1.0.0/16 10.2.0.1"
circuit-id = "eth 0/1"
sessions-max = 0
balance = "1,5"
credit-limit = 10
credit-until = "2026-12-31"
blocked = true
valid-from = "2026-01-01"
valid-until = "2026-12-31T18:00"
code1c = "0001"
"#;
    let mut ledger = Ledger::empty();
    ledger.load(file).unwrap();
    ledger.changes.clear();
    ledger.now = ledger.now.saturating_add(std::time::Duration::from_secs(60));
    ledger.load_with(file, SET).unwrap();
    assert!(ledger.changes.is_empty(), "{:?}", ledger.changes);
}

#[test]
fn a_dry_run_says_what_it_would_do_and_does_nothing() {
    let mut ledger = Ledger::sample();
    ledger.changes.clear();
    let file = "[[plan]]\nname = \"home-20\"\nfee = \"400\"\n[[subscriber]]\nlogin = \"new\"\nbalance = \"5\"\n\
                [[subscriber]]\nlogin = \"petrov\"";
    let options = LoadOptions { dry_run: true, set_balances: true };
    let loaded = ledger.load_with(file, options).unwrap();
    let wanted =
        [("home-20", RowEffect::Changed), ("new", RowEffect::Added), ("petrov", RowEffect::Unchanged)];
    assert_eq!(effects(&loaded), wanted);
    assert!(ledger.changes.is_empty());
    assert_eq!(effects(&ledger.load(file).unwrap()), wanted);
}

#[test]
fn one_bad_row_keeps_every_row_out() {
    let mut ledger = Ledger::sample();
    ledger.changes.clear();
    let file = "[[plan]]\nname = \"new\"\n[[subscriber]]\nlogin = \"good\"\nbalance = \"5\"\n\
                [[subscriber]]\nlogin = \"bad\"\nplan = \"none such\"";
    let refusal = ledger.load(file).unwrap_err();
    assert_eq!(refusal.token, "unknown-plan");
    assert_eq!(refusal.text, "subscriber \"bad\": plan: there is no plan \"none such\"");
    assert!(ledger.changes.is_empty());
    assert!(!ledger.state.logins.contains_key("good"));
}

#[test]
fn what_a_row_does_not_say_stays() {
    let mut ledger = Ledger::sample();
    let before = subscriber(&ledger, "ivanov");
    let loaded = ledger.load("[[subscriber]]\nlogin = \"ivanov\"\nsessions-max = 3").unwrap();
    assert_eq!(effects(&loaded), [("ivanov", RowEffect::Changed)]);
    assert_eq!(subscriber(&ledger, "ivanov"), Subscriber { sessions_max: 3, ..before });
    let before = plan(&ledger, "home-20");
    ledger.load("[[plan]]\nname = \"home-20\"\nfee = \"350.00\"").unwrap();
    assert_eq!(plan(&ledger, "home-20"), Plan { fee: "350".parse().unwrap(), ..before });
    ledger.load("[[account]]\ncontract = \"1001\"\nphone = \"+7\"").unwrap();
    let (account, _) = ledger.state.account_view(ledger.account("1001")).unwrap();
    assert_eq!((account.name.as_str(), account.phone.as_str()), ("Иванов Иван", "+7"));
    ledger.load("[[nas]]\nname = \"bras1\"\ncoa-port = 1700").unwrap();
    let nas = ledger.state.nases().find(|nas| nas.name == "bras1").unwrap();
    assert_eq!((nas.coa_port, nas.secret.expose(), nas.pool), (1700, "testing123", Some(PoolId(1))));
}

#[test]
fn an_empty_text_takes_away_what_was_there() {
    let mut ledger = Ledger::sample();
    ledger
        .load("[[subscriber]]\nlogin = \"ivanov\"\nplan = \"\"\nnas = \"\"\ngroup = \"\"\nip = \"\"\nmac = \"\"\npassword = \"\"")
        .unwrap();
    let ivanov = subscriber(&ledger, "ivanov");
    assert_eq!((ivanov.plan, ivanov.nas, ivanov.group, ivanov.mac), (None, None, None, None));
    assert_eq!((ivanov.addresses.len(), ivanov.password), (0, Password::None));
}

#[test]
fn speeds_that_were_given_stay_and_those_left_to_the_default_follow() {
    let mut ledger = Ledger::empty();
    let download = |ledger: &Ledger| {
        let Bandwidth { rate, ceil, burst, cburst } = plan(ledger, "p").shape.download;
        [rate, ceil, burst, cburst]
    };
    for (keys, wanted) in [
        ("rate-in = 20000", [20_000, 20_000, 25, 25]),
        // Nothing new: nothing moves.
        ("rate-in = 20000", [20_000, 20_000, 25, 25]),
        ("rate-in = 40000", [40_000, 40_000, 49, 49]),
        ("burst-in = 512", [40_000, 40_000, 512, 49]),
        ("rate-in = 40000", [40_000, 40_000, 512, 49]),
        ("rate-in = 20000", [20_000, 20_000, 512, 25]),
        ("ceil-in = 40000", [20_000, 40_000, 512, 49]),
        ("rate-in = 10000", [10_000, 40_000, 512, 49]),
        ("rate-in = -1\nceil-in = -1", [-1, -1, 512, 0]),
    ] {
        ledger.load(&format!("[[plan]]\nname = \"p\"\n{keys}")).unwrap();
        assert_eq!(download(&ledger), wanted, "{keys}");
    }
}

#[test]
fn ids_that_are_given_are_kept_and_the_next_ones_follow_them() {
    let mut ledger = Ledger::empty();
    ledger
        .load("[[account]]\nid = 700\ncontract = \"1\"\n[[account]]\ncontract = \"2\"\n[[subscriber]]\nid = 40\nlogin = \"a\"\n\
               [[subscriber]]\nlogin = \"b\"\n[[plan]]\nid = 9\nname = \"p\"\n[[plan]]\nname = \"q\"")
        .unwrap();
    assert_eq!((ledger.account("1"), ledger.account("2")), (AccountId(700), AccountId(701)));
    // Each login without a contract made one of its own.
    assert_eq!((ledger.account("a"), ledger.account("b")), (AccountId(702), AccountId(703)));
    assert_eq!((ledger.subscriber("a"), ledger.subscriber("b")), (SubscriberId(40), SubscriberId(41)));
    assert_eq!((plan(&ledger, "p").id, plan(&ledger, "q").id), (PlanId(9), PlanId(10)));
    // A lower id than the highest may still come.
    ledger.load("[[subscriber]]\nid = 3\nlogin = \"c\"\n[[subscriber]]\nlogin = \"d\"").unwrap();
    assert_eq!((ledger.subscriber("c"), ledger.subscriber("d")), (SubscriberId(3), SubscriberId(42)));
}

#[test]
fn several_logins_share_a_contract_and_its_money() {
    let mut ledger = Ledger::empty();
    let file = "[[subscriber]]\nlogin = \"a\"\ncontract = \"1\"\nbalance = \"100\"\nname = \"Первый\"\n\
                [[subscriber]]\nlogin = \"b\"\ncontract = \"1\"\nbalance = \"100\"\nname = \"Второй\"";
    ledger.load(file).unwrap();
    assert_eq!(ledger.balance("1"), "100.00");
    assert_eq!(subscriber(&ledger, "a").account, subscriber(&ledger, "b").account);
    let (account, _) = ledger.state.account_view(ledger.account("1")).unwrap();
    assert_eq!(account.name, "Первый", "the row that made the account names it");
}

#[test]
fn an_opening_balance_is_posted_once_and_a_difference_only_when_asked_for() {
    let mut ledger = Ledger::empty();
    let with = |sum: &str| format!("[[subscriber]]\nlogin = \"a\"\nbalance = \"{sum}\"");
    for (sum, options, balance, postings) in [
        ("100.00", LoadOptions::default(), "100.00", 1),
        ("100.00", LoadOptions::default(), "100.00", 0),
        ("250.00", LoadOptions::default(), "100.00", 0),
        ("250.00", SET, "250.00", 1),
        ("250.00", SET, "250.00", 0),
        ("-30.00", SET, "-30.00", 1),
        ("0.00", SET, "0.00", 1),
    ] {
        ledger.changes.clear();
        ledger.load_with(&with(sum), options).unwrap();
        let posted = ledger.changes.iter().filter(|c| matches!(c, Change::Transfer(_))).count();
        assert_eq!((ledger.balance("a").as_str(), posted), (balance, postings), "{sum}");
    }
    let opening = ledger.state.own_account(LedgerKind::Opening, Asset::Money, "opening").unwrap();
    assert_eq!(ledger.state.balance(opening), Money::ZERO);
}

#[test]
fn a_row_whose_balance_was_posted_counts_as_changed_also_in_a_dry_run() {
    for kind in ["account", "subscriber"] {
        let key = if kind == "account" { "contract" } else { "login" };
        let file = |sum: &str| format!("[[{kind}]]\n{key} = \"a\"\nbalance = \"{sum}\"");
        let mut ledger = Ledger::empty();
        ledger.load(&file("100")).unwrap();
        let dry = LoadOptions { dry_run: true, ..SET };
        for (options, sum, effect, balance) in [
            (LoadOptions::default(), "250", RowEffect::Unchanged, "100.00"),
            (dry, "250", RowEffect::Changed, "100.00"),
            (SET, "250", RowEffect::Changed, "250.00"),
            (SET, "250", RowEffect::Unchanged, "250.00"),
            (dry, "250", RowEffect::Unchanged, "250.00"),
        ] {
            let loaded = ledger.load_with(&file(sum), options).unwrap();
            assert_eq!(effects(&loaded), [("a", effect)], "{kind} {options:?}");
            assert_eq!(ledger.balance("a"), balance);
        }
    }
}

#[test]
fn an_account_without_balance_may_get_it_from_a_later_row_of_the_same_file_only() {
    let mut ledger = Ledger::empty();
    let account = "[[account]]\ncontract = \"1\"\n";
    let login = "[[subscriber]]\nlogin = \"a\"\ncontract = \"1\"\nbalance = \"7\"";
    ledger.load(&format!("{account}{login}")).unwrap();
    assert_eq!(ledger.balance("1"), "7.00");
    let mut apart = Ledger::empty();
    apart.load(account).unwrap();
    apart.load(login).unwrap();
    assert_eq!(apart.balance("1"), "0.00");
    apart.load_with(login, SET).unwrap();
    assert_eq!(apart.balance("1"), "7.00");
}

#[test]
fn a_login_named_twice_in_a_file_gets_both_rows() {
    let mut ledger = Ledger::empty();
    let file = "[[subscriber]]\nlogin = \"a\"\nip = \"10.0.0.1\"\nmac = \"02:00:00:00:00:01\"\n\
                [[subscriber]]\nlogin = \"a\"\nip = \"10.0.0.2\"\n[[subscriber]]\nlogin = \"a\"\nip = \"10.0.0.2\"";
    let loaded = ledger.load(file).unwrap();
    let wanted = [("a", RowEffect::Added), ("a", RowEffect::Changed), ("a", RowEffect::Unchanged)];
    assert_eq!(effects(&loaded), wanted);
    let a = subscriber(&ledger, "a");
    assert_eq!(a.addresses, ["10.0.0.2".parse::<std::net::IpAddr>().unwrap()]);
    assert!(a.mac.is_some());
    // The address that was given up in between is free.
    ledger.load("[[subscriber]]\nlogin = \"b\"\nip = \"10.0.0.1\"").unwrap();
}

#[test]
fn a_block_of_a_file_keeps_the_reason_that_was_there_and_can_be_lifted() {
    let mut ledger = Ledger::sample();
    let subscriber_id = ledger.subscriber("ivanov");
    ledger.run(&Command::Block { subscriber: subscriber_id, reason: "кабель".into() }).unwrap();
    let blocked = |value: bool| format!("[[subscriber]]\nlogin = \"ivanov\"\nblocked = {value}");
    ledger.load(&blocked(true)).unwrap();
    assert_eq!(subscriber(&ledger, "ivanov").block.unwrap().reason, "кабель");
    ledger.load(&blocked(false)).unwrap();
    assert_eq!(subscriber(&ledger, "ivanov").block, None);
    ledger.load(&blocked(true)).unwrap();
    assert_eq!(subscriber(&ledger, "ivanov").block.unwrap().reason, "loaded as blocked");
}

#[test]
fn a_login_moves_to_another_contract() {
    let mut ledger = Ledger::sample();
    ledger.load("[[subscriber]]\nlogin = \"petrov-dacha\"\ncontract = \"1001\"").unwrap();
    let account = ledger.account("1001");
    ledger.run(&Command::Charge { account, sum: money("150.01"), text: "x".into() }).unwrap();
    assert_eq!(ledger.standing("petrov-dacha").verdict, Verdict::Negbal);
    assert_eq!(ledger.standing("petrov").verdict, Verdict::LetThrough);
}

#[test]
fn the_time_of_a_load_grows_with_its_rows_and_not_with_their_square() {
    let rows = |count: usize| {
        let row = |n| SubscriberRow {
            login: format!("login{n}"),
            balance: Some(money("1.00")),
            ip: Some(std::net::Ipv4Addr::from(0x0a00_0000 + u32::try_from(n).unwrap()).to_string()),
            ..SubscriberRow::default()
        };
        let file = DataFile { subscriber: (0..count).map(row).collect(), ..DataFile::default() };
        Command::Load { file: Box::new(file), options: LoadOptions::default() }
    };
    let ledger = Ledger::empty();
    let seconds = |command: &Command| {
        let start = std::time::Instant::now();
        ledger.state.decide(command, &actor(), ledger.now).unwrap();
        start.elapsed().as_secs_f64()
    };
    let (small, large) = (seconds(&rows(2_500)), seconds(&rows(40_000)));
    // 16 times the rows; a quadratic step would take 256 times as long.
    assert!(large < small * 80.0, "{small} s, {large} s");
}

#[test]
fn a_file_in_toml_is_the_command_that_the_tests_send() {
    let command = load("[[account]]\ncontract = \"1\"\nbalance = 1.5", LoadOptions::default());
    let Command::Load { file, .. } = command else { panic!() };
    assert_eq!(file.account[0].balance, Some(money("1.50")));
}

const TERMS: &str = r#"
[[plan]]
name = "home-20"
timed = [{ when = "mon-fri 23:00-07:00", rate-in = 50000 }, { when = "sat,sun", rate-out = 40000, ceil-out = 60000 }]
quota-mib = 100000
quota-rate-in = 1000
quota-ceil-in = 2000
quota-rate-out = 500
[[service]]
name = "tv"
fee = "30.00"
[[service]]
name = "ip"
fee = "90.00"
charge = "period"
[[package]]
name = "calls"
price = "50.00"
minutes = 100
days = 30
destination = "nationale"
[[subscriber]]
login = "ivanov"
services = ["tv", "ip"]
discount = "12.5"
discount-until = "2026-12-31"
[[subscriber]]
login = "new"
contract = "2001"
plan = "home-20"
services = ["ip", "tv"]
"#;

#[test]
fn speeds_services_packages_and_discounts_are_loaded_and_twice_changes_nothing() {
    let mut ledger = Ledger::sample();
    ledger.load(TERMS).unwrap();
    ledger.changes.clear();
    let second = ledger.load(TERMS).unwrap();
    assert!(second.rows.iter().all(|row| row.effect == RowEffect::Unchanged), "{second:?}");
    assert!(ledger.changes.is_empty());

    let home = plan(&ledger, "home-20");
    let speeds: Vec<_> = home.timed.iter().map(|t| (t.shape.download.ceil, t.shape.upload.ceil)).collect();
    assert_eq!(speeds, [(50_000, 0), (0, 60_000)]);
    let quota = home.quota.unwrap();
    assert_eq!((quota.mib, quota.shape.download.ceil, quota.shape.upload.ceil), (100_000, 2_000, 500));
    let days = |login: &str| -> Vec<String> {
        let services = subscriber(&ledger, login).terms.services;
        services.iter().map(|held| format!("{} {}", held.name, held.from)).collect()
    };
    // Today is 6 April. What is charged by the period is paid to the month's end where a new one comes from.
    assert_eq!(days("ivanov"), ["tv 2026-04-07", "ip 2026-04-07"]);
    assert_eq!(days("new"), ["ip 2026-05-01", "tv 2026-04-07"]);
    let discount = Discount { basis_points: 1_250, until: Some("2026-12-31".parse().unwrap()) };
    assert_eq!(subscriber(&ledger, "ivanov").terms.discount, Some(discount));
}

#[test]
fn a_row_that_is_silent_about_terms_keeps_them_and_an_empty_one_ends_them() {
    let mut ledger = Ledger::sample();
    ledger.load(TERMS).unwrap();
    let terms = subscriber(&ledger, "ivanov").terms;
    ledger.now = ledger.now.saturating_add(std::time::Duration::from_secs(5 * 86_400));
    ledger
        .load("[[subscriber]]\nlogin = \"ivanov\"\nname = \"other\"\n[[plan]]\nname = \"home-20\"")
        .unwrap();
    assert_eq!(subscriber(&ledger, "ivanov").terms, terms);
    assert_eq!((plan(&ledger, "home-20").timed.len(), plan(&ledger, "home-20").quota.is_some()), (2, true));
    // What it had keeps its first day.
    ledger.load("[[subscriber]]\nlogin = \"ivanov\"\nservices = [\"ip\"]\ndiscount = \"5%\"").unwrap();
    let kept = subscriber(&ledger, "ivanov").terms;
    assert_eq!(kept.services, [terms.services[1].clone()]);
    assert_eq!(
        kept.discount.map(|discount| (discount.basis_points, discount.until.is_some())),
        Some((500, true))
    );
    let ends = "[[subscriber]]\nlogin = \"ivanov\"\nservices = []\ndiscount = \"0\"\n\
                [[plan]]\nname = \"home-20\"\ntimed = []\nquota-mib = 0";
    ledger.load(ends).unwrap();
    assert_eq!(subscriber(&ledger, "ivanov").terms, SubscriberTerms::default());
    assert_eq!((plan(&ledger, "home-20").timed.len(), plan(&ledger, "home-20").quota), (0, None));
}
