use super::*;
use crate::enforcement::lanes::Unshaped;
use crate::model::{
    AccessMethod, Bandwidth, FeedEntry, FeedPage, PortProtocol, Shape, SubscriberId, Verdict,
};
use std::fs;

const PURPOSE: Purpose = Purpose { nas: None, scope: Scope { filter: true, guard: true } };

fn entry(address: &str, verdict: Verdict) -> FeedEntry {
    FeedEntry {
        address: address.parse().unwrap(),
        verdict,
        subscriber: SubscriberId(1),
        login: "ivanov".into(),
        shape: Shape {
            download: Bandwidth { rate: -1, ceil: i32::MAX, burst: 16, cburst: 0 },
            upload: Bandwidth { rate: 5000, ceil: 20_000, burst: 25, cburst: 26 },
        },
        access: AccessMethod::Static,
        snat: Some([203, 0, 113, 7].into()),
    }
}

fn first_page() -> FeedPage {
    let sources = vec!["10.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()];
    FeedPage {
        cursor: "7f3a.17".into(),
        full: true,
        entries: vec![
            entry("10.9.0.2/32", Verdict::LetThrough),
            entry("10.9.0.0/24", Verdict::Paused),
            entry("2001:db8::/56", Verdict::Blocked),
            entry("2001:db8:0:7::/64", Verdict::LetThrough),
            entry("2001:db8::1/128", Verdict::Negbal),
        ],
        gone: Vec::new(),
        ports: vec![PortGuard { protocol: PortProtocol::Udp, port: 1812, sources }],
    }
}

fn later_page(n: u64, entries: &[(&str, Verdict)], gone: &[&str]) -> FeedPage {
    FeedPage {
        cursor: format!("7f3a.{n}"),
        full: false,
        entries: entries.iter().map(|(address, verdict)| entry(address, *verdict)).collect(),
        gone: gone.iter().map(|net| net.parse().unwrap()).collect(),
        ports: first_page().ports,
    }
}

fn garden() -> Vec<IpNet> {
    vec!["198.51.100.10/32".parse().unwrap()]
}

fn some_state() -> Wanted {
    let mut wanted = Wanted::new(PURPOSE.scope);
    wanted.take(&first_page(), &mut Unshaped).unwrap();
    wanted.take_walled(&garden());
    wanted
}

fn loaded(directory: &Path) -> Option<(Wanted, u64)> {
    load(directory, &PURPOSE, &mut Unshaped)
}

/// Saves a whole state and then these pages, and stops as a killed process does: nothing more is written.
fn save_and_die(directory: &Path, pages: &[FeedPage]) -> Wanted {
    let mut wanted = some_state();
    let mut saver = Saver::start(directory.to_owned(), PURPOSE).unwrap();
    saver.page(&first_page());
    saver.save_if_due(&wanted);
    for page in pages {
        wanted.take(page, &mut Unshaped).unwrap();
        saver.page(page);
    }
    // Nothing is due, so this waits and writes no more than what was told.
    saver.finish(&Wanted::new(PURPOSE.scope));
    wanted
}

fn pages() -> Vec<FeedPage> {
    vec![
        later_page(18, &[("10.9.0.2/32", Verdict::Blocked), ("10.9.0.3/32", Verdict::LetThrough)], &[]),
        later_page(19, &[("10.9.0.2/32", Verdict::LetThrough)], &["2001:db8::1/128"]),
        FeedPage { ports: Vec::new(), ..later_page(20, &[], &["10.9.0.77/32"]) },
    ]
}

#[test]
fn a_state_is_loaded_as_it_was_saved_and_for_the_same_nas_only() {
    let directory = tempfile::tempdir().unwrap();
    let wanted = save_and_die(directory.path(), &[]);
    assert_eq!(loaded(directory.path()), Some((wanted, 1)));
    let other = Purpose { nas: Some("10.0.0.1".parse().unwrap()), ..PURPOSE };
    assert_eq!(load(directory.path(), &other, &mut Unshaped), None, "another NAS's subscribers");
}

#[test]
fn changes_that_came_since_are_there_and_go_into_one_file_at_the_next_start() {
    let directory = tempfile::tempdir().unwrap();
    let mut wanted = save_and_die(directory.path(), &pages());
    assert_eq!(loaded(directory.path()), Some((wanted.clone(), 4)));
    assert!(fs::metadata(directory.path().join(CHANGES_NAME)).unwrap().len() > 100);

    let mut saver = Saver::start(directory.path().to_owned(), PURPOSE).unwrap();
    saver.take_over(4);
    wanted.take_walled(&[]);
    saver.garden(&[], &wanted.cursor);
    saver.finish(&Wanted::new(PURPOSE.scope));
    assert_eq!(loaded(directory.path()), Some((wanted.clone(), 5)));
    let changes = fs::read_to_string(directory.path().join(CHANGES_NAME)).unwrap();
    let behind_the_head: Vec<&str> = changes.lines().skip(1).collect();
    assert_eq!(behind_the_head, ["walled", "page 5 1 7f3a.20"]);
}

#[test]
fn changes_cut_off_anywhere_are_those_before_the_cut() {
    let directory = tempfile::tempdir().unwrap();
    let states: Vec<Wanted> =
        (0..=3).map(|n| save_and_die(directory.path(), pages().get(..n).unwrap())).collect();
    let path = directory.path().join(CHANGES_NAME);
    let changes = fs::read(&path).unwrap();
    let mut numbers = Vec::new();
    for length in 0..=changes.len() {
        fs::write(&path, changes.get(..length).unwrap()).unwrap();
        let (wanted, number) = loaded(directory.path()).unwrap();
        assert_eq!(Some(&wanted), states.get(usize::try_from(number).unwrap() - 1), "cut at {length}");
        numbers.push(number);
    }
    assert!(numbers.is_sorted());
    assert_eq!((numbers.first(), numbers.last()), (Some(&1), Some(&4)));
}

#[test]
fn changes_of_another_state_or_with_one_missing_are_not_taken() {
    let directory = tempfile::tempdir().unwrap();
    save_and_die(directory.path(), &pages());
    let path = directory.path().join(CHANGES_NAME);
    let changes = fs::read_to_string(&path).unwrap();
    for (from, to, number) in [
        (" line=", " line=f", 1),
        ("page 3 ", "page 5 ", 2),
        ("page 2 4 ", "page 2 3 ", 1),
        ("gone 2001:db8::1/128", "gone 2001:db8", 2),
        ("headgate-enforce 3", "headgate-enforce 4", 1),
    ] {
        let damaged = changes.replacen(from, to, 1);
        assert_ne!(damaged, changes, "{from}");
        fs::write(&path, &damaged).unwrap();
        assert_eq!(loaded(directory.path()).map(|(_, number)| number), Some(number), "{from} -> {to}");
    }
}

#[test]
fn a_state_cut_off_anywhere_or_damaged_is_not_used() {
    let stamp = Stamp { line: 7, number: 3 };
    let mut bytes = Vec::new();
    lines::write_state(&mut bytes, &PURPOSE, stamp, &some_state()).unwrap();
    let read = |bytes: &[u8]| Saved::of_state(Reader::new(bytes), &PURPOSE);
    assert_eq!(read(&bytes).map(|saved| saved.stamp), Ok(stamp));
    for length in 0..bytes.len() {
        assert!(read(bytes.get(..length).unwrap()).is_err(), "cut at {length}");
    }
    let text = String::from_utf8(bytes).unwrap();
    for (from, to) in [
        ("end 5", "end 4"),
        ("allow ", "allow x"),
        (" static ", " dynamic "),
        (" 203.0.113.7", " 203.0.113"),
        (" -1 ", " "),
        ("port udp", "port icmp"),
        ("\nend", "\nfoo\nend"),
        ("\nend", "\ngone 10.9.0.2/32\nend"),
        ("headgate-enforce 3", "headgate-enforce 2"),
    ] {
        let damaged = text.replacen(from, to, 1);
        assert_ne!(damaged, text);
        assert!(read(damaged.as_bytes()).is_err(), "{from} -> {to}");
    }
}

#[test]
fn a_port_is_guarded_as_the_last_page_said() {
    let directory = tempfile::tempdir().unwrap();
    let mut page = later_page(18, &[], &[]);
    page.ports = vec![PortGuard { protocol: PortProtocol::Tcp, port: 8082, sources: Vec::new() }];
    let wanted = save_and_die(directory.path(), &[page]);
    assert_eq!(wanted.ports().count(), 1);
    assert_eq!(loaded(directory.path()), Some((wanted, 2)));
}
