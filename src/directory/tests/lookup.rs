//! WHO: contract number, then login, then live or configured address, then MAC.

use super::Published;
use crate::engine::testing::record;
use crate::model::*;

#[test]
fn a_who_is_a_contract_then_a_login_then_an_address_then_a_mac() {
    let published = Published::sample();
    for (who, found) in [
        ("1001", "1001 ivanov"),
        ("1002", "1002 "),
        ("1003", "1003 "),
        ("petrov", "1002 petrov"),
        (" ivanov ", "1001 ivanov"),
        ("10.9.0.2", "1001 ivanov"),
        ("::ffff:10.9.0.2", "1001 ivanov"),
        ("2001:db8::3", "1002 petrov-dacha"),
        ("2001:db8:3:ff::1", "1002 petrov-dacha"),
        ("02-00-00-00-00-01", "1001 ivanov"),
        ("Ivanov", "nobody"),
        ("10.9.0.4", "nobody"),
        ("02:00:00:00:00:02", "nobody"),
        ("", "nobody"),
    ] {
        assert_eq!(published.who(who), found, "{who:?}");
    }
}

#[test]
fn a_login_that_looks_like_an_address_or_a_mac_is_a_login_first() {
    let mut published = Published::sample();
    published.load(
        "[[subscriber]]\nlogin = \"10.9.0.2\"\ncontract = \"1003\"\n\
         [[subscriber]]\nlogin = \"020000000001\"\ncontract = \"1003\"",
    );
    assert_eq!(published.who("10.9.0.2"), "1003 10.9.0.2");
    assert_eq!(published.who("020000000001"), "1003 020000000001");
    assert_eq!(published.who("02:00:00:00:00:01"), "1001 ivanov");
}

#[test]
fn a_mac_of_several_names_them_and_a_live_one_counts() {
    let mut published = Published::sample();
    published.load("[[subscriber]]\nlogin = \"petrov\"\nmac = \"02:00:00:00:00:01\"");
    assert_eq!(published.who("02:00:00:00:00:01"), "ivanov or petrov");
    published.load("[[subscriber]]\nlogin = \"petrov\"\nmac = \"\"");
    assert_eq!(published.who("02:00:00:00:00:01"), "1001 ivanov");
    let petrov = published.ledger.subscriber("petrov");
    let mac = Some("02:00:00:00:00:77".parse().unwrap());
    let live = record(AccountingKind::Start, "s", Some(petrov), Some("10.9.0.77"), 0);
    published.merge(AccountingRecord { mac, ..live });
    assert_eq!(published.who("02:00:00:00:00:77"), "1002 petrov");
}

#[test]
fn who_has_an_address_live_goes_before_who_has_it_configured() {
    let published = Published::sample();
    published.start("s", "petrov", "10.9.0.2");
    assert_eq!(published.who("10.9.0.2"), "1002 petrov");
    published.stop("s", "petrov");
    assert_eq!(published.who("10.9.0.2"), "1001 ivanov");
    // When the owner comes too, the newest live one has it.
    published.start("again", "petrov", "10.9.0.2");
    published.start("t", "ivanov", "10.9.0.2");
    assert_eq!(published.who("10.9.0.2"), "1001 ivanov");
    published.stop("t", "ivanov");
    assert_eq!(published.who("10.9.0.2"), "1002 petrov");
}

#[test]
fn names_follow_their_objects() {
    let mut published = Published::sample();
    published.load("[[subscriber]]\nlogin = \"petrov-dacha\"\ncontract = \"1001\"\nip = \"10.9.0.33\"");
    assert_eq!(published.who("1001"), "1001 ");
    assert_eq!(published.who("1002"), "1002 petrov");
    assert_eq!(published.who("10.9.0.3"), "nobody");
    assert_eq!(published.who("10.9.0.33"), "1001 petrov-dacha");
}

#[test]
fn words_are_looked_for_in_names_addresses_and_macs_whatever_their_case() {
    let published = Published::sample();
    let find = |words: &[&str]| -> Vec<String> {
        let words: Vec<String> = words.iter().map(|word| word.to_string()).collect();
        let found = published.directory.read().search(&words);
        found.iter().map(|entry| entry.view.subscriber.login.clone()).collect()
    };
    assert_eq!(find(&["ИВАН"]), ["ivanov"]);
    assert_eq!(find(&["1002"]), ["petrov", "petrov-dacha"]);
    assert_eq!(find(&["1002", "dacha"]), ["petrov-dacha"]);
    assert_eq!(find(&["10.9.0."]), ["ivanov", "petrov-dacha"]);
    assert_eq!(find(&["02:00:00:00:00:01"]), ["ivanov"]);
    assert_eq!(find(&["1001", "petrov"]), [] as [&str; 0]);
    assert_eq!(find(&[]).len(), 3);
}
