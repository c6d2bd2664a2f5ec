//! Rows that are refused, each with its token; a refused file changes nothing.

use crate::engine::testing::Ledger;

#[test]
fn every_wrong_row_is_refused_with_its_token_and_the_file_changes_nothing() {
    let table = [
        // Plans, services and packages.
        ("[[plan]]\nname = \"x\"\ntimed = [{ when = \"moon\" }]", "bad-time-table"),
        ("[[plan]]\nname = \"x\"\ntimed = [{ when = \"mon\", rate-in = 2, ceil-in = 1 }]", "bad-speed"),
        ("[[plan]]\nname = \"x\"\nquota-mib = 1", "quota-without-speed"),
        ("[[service]]\nname = \" \"", "no-name"),
        ("[[package]]\nname = \"x\"\nprice = 1", "empty-package"),
        ("[[package]]\nname = \"x\"\nmib = 8000001", "package-too-large"),
        ("[[package]]\nname = \"x\"\nsms = 1\nprice = \"0.001\"", "bad-sum"),
        ("[[package]]\nname = \"x\"\nsms = 1\nprice = \"-1\"", "bad-sum"),
        ("[[subscriber]]\nlogin = \"x\"\nservices = [\"?\"]", "unknown-service"),
        (
            "[[service]]\nname = \"x\"\nperiod = \"none\"\n[[subscriber]]\nlogin = \"x\"\nservices = [\"x\"]",
            "one-off-service",
        ),
        (
            "[[service]]\nname = \"x\"\n[[subscriber]]\nlogin = \"x\"\nservices = [\"x\", \"x\"]",
            "service-twice",
        ),
        ("[[subscriber]]\nlogin = \"x\"\ndiscount = \"101\"", "bad-discount"),
        ("[[subscriber]]\nlogin = \"x\"\ndiscount = \"5\"\ndiscount-until = \"soon\"", "bad-date"),
        // Names that nobody has.
        ("[[subscriber]]\nlogin = \"x\"\nplan = \"?\"", "unknown-plan"),
        ("[[subscriber]]\nlogin = \"x\"\nnas = \"?\"", "unknown-nas"),
        ("[[subscriber]]\nlogin = \"x\"\npool = \"?\"", "unknown-pool"),
        ("[[subscriber]]\nlogin = \"x\"\ngroup = \"?\"", "unknown-group"),
        ("[[account]]\ncontract = \"x\"\ngroup = \"?\"", "unknown-group"),
        ("[[group]]\nname = \"x\"\nparent = \"?\"", "unknown-group"),
        ("[[nas]]\nname = \"x\"\naddress = \"10.0.0.9\"\nsecret = \"s\"\npool = \"?\"", "unknown-pool"),
        // Ids.
        ("[[subscriber]]\nid = 1\nlogin = \"x\"", "id-taken"),
        ("[[subscriber]]\nid = 0\nlogin = \"x\"", "bad-id"),
        ("[[subscriber]]\nid = -4\nlogin = \"x\"", "bad-id"),
        ("[[subscriber]]\nid = 77\nlogin = \"ivanov\"", "other-id"),
        ("[[account]]\nid = 1\ncontract = \"x\"", "id-taken"),
        ("[[account]]\nid = 77\ncontract = \"1001\"", "other-id"),
        ("[[plan]]\nid = 1\nname = \"x\"", "id-taken"),
        ("[[group]]\nid = 5\nname = \"x\"", "id-taken"),
        ("[[nas]]\nid = 1\nname = \"x\"\naddress = \"10.0.0.9\"\nsecret = \"s\"", "id-taken"),
        ("[[pool]]\nid = 1\nname = \"x\"\nprefixes = []", "id-taken"),
        // Names that would mean two.
        ("[[subscriber]]\nlogin = \"1001\"", "no-refusal"),
        ("[[subscriber]]\nlogin = \"1001\"\ncontract = \"1002\"", "login-is-contract"),
        ("[[subscriber]]\nlogin = \"1003\"\ncontract = \"new\"", "login-is-contract"),
        ("[[account]]\ncontract = \"ivanov\"", "contract-is-login"),
        ("[[subscriber]]\nlogin = \"x\"\ncontract = \"ivanov\"", "contract-is-login"),
        (
            "[[account]]\ncontract = \"x\"\n[[subscriber]]\nlogin = \"x\"\ncontract = \"1001\"",
            "login-is-contract",
        ),
        // Words that would break a list line.
        ("[[subscriber]]\nlogin = \"\"", "bad-word"),
        ("[[subscriber]]\nlogin = \"a b\"", "bad-word"),
        ("[[subscriber]]\nlogin = \"a\\u00a0b\"", "bad-word"),
        ("[[subscriber]]\nlogin = \"a\\u0000\"", "bad-word"),
        ("[[account]]\ncontract = \"a\\tb\"", "bad-word"),
        ("[[subscriber]]\nlogin = \"x\"\ncontract = \"\"", "bad-word"),
        ("[[plan]]\nname = \" \"", "no-name"),
        // Addresses.
        ("[[subscriber]]\nlogin = \"x\"\nip = \"10.9.0.2\"", "address-taken"),
        ("[[subscriber]]\nlogin = \"x\"\nip = \"::ffff:10.9.0.2\"", "address-taken"),
        ("[[subscriber]]\nlogin = \"x\"\nip = \"10.9.0.9 10.9.0.9\"", "address-twice"),
        (
            "[[subscriber]]\nlogin = \"x\"\nip = \"10.9.0.9\"\n[[subscriber]]\nlogin = \"y\"\nip = \"10.9.0.9\"",
            "address-taken",
        ),
        ("[[subscriber]]\nlogin = \"x\"\nip = \"10.9.0.300\"", "bad-address"),
        ("[[subscriber]]\nlogin = \"x\"\nip = \"10.9.0.0/24\"", "bad-address"),
        ("[[subscriber]]\nlogin = \"x\"\nipv6-prefix = \"2001:db8:3::/48\"", "address-taken"),
        ("[[subscriber]]\nlogin = \"x\"\nipv6-prefix = \"10.0.0.0/8\"", "bad-address"),
        ("[[subscriber]]\nlogin = \"x\"\nsnat-ip = \"2001:db8::1\"", "bad-address"),
        ("[[subscriber]]\nlogin = \"x\"\nmac = \"02:00\"", "bad-address"),
        ("[[subscriber]]\nlogin = \"x\"\nroutes = \"10.0.0.0/33\"", "bad-address"),
        ("[[nas]]\nname = \"x\"\naddress = \"10.0.0.1\"\nsecret = \"s\"", "address-taken"),
        ("[[nas]]\nname = \"x\"\naddress = \"::ffff:10.0.0.1\"\nsecret = \"s\"", "address-taken"),
        ("[[nas]]\nname = \"x\"\naddress = \"10.0.2.7/24\"\nsecret = \"s\"", "address-taken"),
        ("[[nas]]\nname = \"x\"\naddress = \"bras\"\nsecret = \"s\"", "bad-address"),
        ("[[nas]]\nname = \"x\"\nsecret = \"s\"", "no-address"),
        ("[[nas]]\nname = \"x\"\naddress = \"10.0.0.9\"", "no-secret"),
        ("[[nas]]\nname = \"bras1\"\nsecret = \"\"", "no-secret"),
        ("[[pool]]\nname = \"x\"", "no-prefixes"),
        ("[[pool]]\nname = \"x\"\nprefixes = [\"100.64.0.4/30\"]", "pool-overlap"),
        ("[[pool]]\nname = \"x\"\nprefixes = [\"10.5.0.0/16\", \"10.5.1.0/24\"]", "pool-overlap"),
        // Speeds, money, dates, passwords, groups.
        ("[[plan]]\nname = \"x\"\nrate-in = 20\nceil-in = 10", "bad-speed"),
        ("[[plan]]\nname = \"x\"\nrate-in = -2", "bad-speed"),
        ("[[plan]]\nname = \"x\"\nburst-in = -2", "bad-speed"),
        ("[[account]]\ncontract = \"x\"\nbalance = \"1.001\"", "bad-sum"),
        ("[[account]]\ncontract = \"x\"\ncredit-limit = \"-1\"", "bad-sum"),
        ("[[subscriber]]\nlogin = \"x\"\ncredit-limit = \"-1\"", "bad-sum"),
        ("[[account]]\ncontract = \"x\"\ncredit-until = \"soon\"", "bad-date"),
        ("[[subscriber]]\nlogin = \"x\"\nvalid-until = \"2026-02-30\"", "bad-date"),
        ("[[subscriber]]\nlogin = \"x\"\npassword = \"a\"\ncrypt = \"b\"", "two-passwords"),
        ("[[subscriber]]\nlogin = \"x\"\nnt-hash = \"abc\"", "bad-nt-hash"),
        ("[[group]]\nname = \"x\"\nparent = \"x\"", "group-loop"),
        (
            "[[group]]\nname = \"x\"\nparent = \"Жилые\"\n[[group]]\nname = \"Жилые\"\nparent = \"x\"",
            "group-loop",
        ),
    ];
    for (file, wanted) in table {
        let mut ledger = Ledger::sample();
        ledger.changes.clear();
        match ledger.load(file) {
            Ok(_) => assert_eq!(wanted, "no-refusal", "{file}"),
            Err(refusal) => {
                assert_eq!(refusal.token, wanted, "{file}: {refusal}");
                assert!(ledger.changes.is_empty(), "{file}");
            }
        }
    }
}

#[test]
fn a_word_may_be_as_long_as_a_radius_attribute_and_not_longer() {
    for (length, ok) in [(253, true), (254, false)] {
        let mut ledger = Ledger::empty();
        let file = format!("[[subscriber]]\nlogin = \"{}\"", "x".repeat(length));
        assert_eq!(ledger.load(&file).is_ok(), ok, "{length}");
    }
}

#[test]
fn the_highest_id_there_is_leaves_no_next_one_and_says_so() {
    for kind in ["account", "subscriber", "plan", "group"] {
        let name = match kind {
            "account" => "contract",
            "subscriber" => "login",
            _ => "name",
        };
        let mut ledger = Ledger::empty();
        let file = format!("[[{kind}]]\nid = {}\n{name} = \"x\"\n[[{kind}]]\n{name} = \"y\"", i64::MAX);
        assert_eq!(ledger.load(&file).unwrap_err().token, "no-id-left", "{kind}");
    }
    let mut ledger = Ledger::empty();
    let file = format!("[[account]]\nid = {}\ncontract = \"x\"\n[[subscriber]]\nlogin = \"y\"", i64::MAX);
    assert_eq!(ledger.load(&file).unwrap_err().token, "no-id-left");
}

#[test]
fn two_logins_may_change_their_addresses_with_each_other_in_one_file() {
    let mut ledger = Ledger::sample();
    let file = "[[subscriber]]\nlogin = \"ivanov\"\nip = \"10.9.0.3\"\n\
                [[subscriber]]\nlogin = \"petrov-dacha\"\nip = \"10.9.0.2 2001:db8::3\"";
    ledger.load(file).unwrap();
    assert_eq!(
        ledger.load("[[subscriber]]\nlogin = \"x\"\nip = \"10.9.0.3\"").unwrap_err().token,
        "address-taken"
    );
}

#[test]
fn a_login_equal_to_its_own_contract_is_fine() {
    let mut ledger = Ledger::empty();
    ledger.load("[[subscriber]]\nlogin = \"1\"\ncontract = \"1\"\n[[subscriber]]\nlogin = \"2\"").unwrap();
    ledger.load("[[subscriber]]\nlogin = \"1a\"\ncontract = \"1\"").unwrap();
    assert_eq!(ledger.account("2"), ledger.state.account_view(ledger.account("2")).unwrap().0.id);
}
