use super::*;
use crate::model::{AccessMethod, FeedEntry, Shape, SubscriberId};

const FILTER: Scope = Scope { filter: true, guard: true };

fn entry(address: &str, verdict: Verdict) -> FeedEntry {
    let address: IpNet = address.parse().unwrap();
    FeedEntry {
        address,
        verdict,
        subscriber: SubscriberId(1),
        login: "ivanov".into(),
        shape: Shape::default(),
        access: AccessMethod::Radius,
        snat: None,
    }
}

fn page(full: bool, entries: &[(&str, Verdict)], gone: &[&str]) -> FeedPage {
    FeedPage {
        cursor: "e.1".into(),
        full,
        entries: entries.iter().map(|(address, verdict)| entry(address, *verdict)).collect(),
        gone: gone.iter().map(|g| g.parse().unwrap()).collect(),
        ports: Vec::new(),
    }
}

fn guard(port: u16, sources: &[&str]) -> PortGuard {
    let sources = sources.iter().map(|s| s.parse().unwrap()).collect();
    PortGuard { protocol: PortProtocol::Tcp, port, sources }
}

fn lines(part: &BTreeMap<SetId, Vec<Range>>) -> Vec<String> {
    let mut lines: Vec<String> = part
        .iter()
        .flat_map(|(id, ranges)| {
            ranges.iter().map(|r| {
                let address = |n| id.family().address(n).unwrap();
                format!("{} {}-{}", id.name(), address(r.first), address(r.last))
            })
        })
        .collect();
    lines.sort();
    lines
}

#[test]
fn a_full_page_replaces_everything_and_an_address_moves_in_one_plan() {
    let mut wanted = Wanted::new(FILTER);
    let first = page(true, &[("10.0.0.1/32", Verdict::LetThrough), ("10.0.0.2/32", Verdict::Blocked)], &[]);
    let change = wanted.take(&first).unwrap();
    assert_eq!(lines(&change.plan.add), ["allow4 10.0.0.1-10.0.0.1", "blocked4 10.0.0.2-10.0.0.2"]);
    assert!(change.plan.remove.is_empty());

    let change = wanted.take(&page(true, &[("10.0.0.1/32", Verdict::Paused)], &[])).unwrap();
    assert_eq!(lines(&change.plan.remove), ["allow4 10.0.0.1-10.0.0.1", "blocked4 10.0.0.2-10.0.0.2"]);
    assert_eq!(lines(&change.plan.add), ["captive4 10.0.0.1-10.0.0.1"]);
}

#[test]
fn a_delta_touches_only_what_it_names_and_nothing_twice() {
    let mut wanted = Wanted::new(FILTER);
    wanted
        .take(&page(true, &[("10.0.0.1/32", Verdict::LetThrough), ("2001:db8::1/128", Verdict::Negbal)], &[]))
        .unwrap();
    let there_and_back = page(
        false,
        &[
            ("10.0.0.1/32", Verdict::Negbal),
            ("10.0.0.1/32", Verdict::LetThrough),
            ("10.0.0.9/32", Verdict::Blocked),
        ],
        &["10.0.0.1/32", "10.0.0.77/32", "2001:db8::1/128"],
    );
    let change = wanted.take(&there_and_back).unwrap();
    assert_eq!(lines(&change.plan.remove), ["captive6 2001:db8::1-2001:db8::1"]);
    assert_eq!(lines(&change.plan.add), ["blocked4 10.0.0.9-10.0.0.9"]);
}

#[test]
fn a_prefix_inside_another_is_cut_out_of_it_and_given_back() {
    let mut wanted = Wanted::new(FILTER);
    wanted.take(&page(true, &[("10.0.0.0/24", Verdict::LetThrough)], &[])).unwrap();
    let change = wanted.take(&page(false, &[("10.0.0.128/25", Verdict::Blocked)], &[])).unwrap();
    assert_eq!(lines(&change.plan.remove), ["allow4_nets 10.0.0.0-10.0.0.255"]);
    assert_eq!(
        lines(&change.plan.add),
        ["allow4_nets 10.0.0.0-10.0.0.127", "blocked4_nets 10.0.0.128-10.0.0.255"]
    );
    let change = wanted.take(&page(false, &[], &["10.0.0.128/25"])).unwrap();
    assert_eq!(lines(&change.plan.add), ["allow4_nets 10.0.0.0-10.0.0.255"]);
    let change = wanted.take(&page(false, &[("10.0.0.0/16", Verdict::Negbal)], &[])).unwrap();
    assert_eq!(
        lines(&change.plan.add),
        ["captive4_nets 10.0.1.0-10.0.255.255"],
        "what was already cut as it must be stays"
    );
}

#[test]
fn a_port_that_comes_or_goes_rebuilds_and_a_source_does_not() {
    let mut wanted = Wanted::new(FILTER);
    let with = |full, ports| FeedPage { ports, ..page(full, &[], &[]) };
    assert!(wanted.take(&with(true, vec![guard(8082, &["127.0.0.1/32"])])).unwrap().rebuild);
    let change = wanted.take(&with(false, vec![guard(8082, &["127.0.0.1/32", "10.0.0.0/8"])])).unwrap();
    assert!(!change.rebuild);
    assert_eq!(lines(&change.plan.add), ["guard_tcp_8082_4 10.0.0.0-10.255.255.255"]);
    assert!(wanted.take(&with(false, vec![])).unwrap().rebuild);
    assert!(!wanted.sets().keys().any(|id| matches!(id, SetId::Guard(..))));
    assert!(wanted.take(&with(true, vec![guard(1812, &[])])).unwrap().rebuild);
    assert!(wanted.take(&with(true, vec![])).unwrap().rebuild, "a full page may close a guard too");
}

#[test]
fn without_a_subscriber_side_only_guards_are_wanted() {
    let mut wanted = Wanted::new(Scope { filter: false, guard: true });
    let mut first =
        page(true, &[("10.0.0.1/32", Verdict::LetThrough), ("10.1.0.0/16", Verdict::Negbal)], &[]);
    first.ports = vec![guard(8082, &[])];
    wanted.take(&first).unwrap();
    wanted.take_walled(&["192.0.2.0/24".parse().unwrap()]);
    let names: Vec<String> = wanted.sets().keys().map(|id| id.name()).collect();
    assert_eq!(names, ["guard_tcp_8082_4", "guard_tcp_8082_6"]);
}

#[test]
fn too_many_addresses_are_refused_and_change_nothing() {
    let mut wanted = Wanted::new(FILTER);
    wanted.take(&page(true, &[("10.0.0.1/32", Verdict::LetThrough)], &[])).unwrap();
    let before = wanted.clone();
    let mut huge = page(false, &[], &[]);
    huge.entries = vec![entry("10.0.0.2/32", Verdict::Blocked); ADDRESSES_MAX];
    assert_eq!(wanted.take(&huge), Err(PageRefused::TooMany));
    assert_eq!(wanted, before);
}

#[test]
fn a_foreign_element_is_removed_and_a_missing_one_added() {
    let mut wanted = Wanted::new(FILTER);
    wanted.take(&page(true, &[("10.0.0.1/32", Verdict::LetThrough)], &[])).unwrap();
    let mut present = wanted.sets().clone();
    let allow = SetId::Hosts(Mark::Allow, Family::V4);
    let foreign = Range { first: 7, last: 7 };
    present.insert(allow, FxHashSet::from_iter([foreign]));
    let plan = diff(wanted.sets(), &present);
    assert_eq!(plan.remove, BTreeMap::from([(allow, vec![foreign])]));
    assert_eq!(lines(&plan.add), ["allow4 10.0.0.1-10.0.0.1"]);
    assert!(diff(wanted.sets(), wanted.sets()).is_empty());
}

mod equivalence {
    use super::*;
    use proptest::prelude::*;

    fn any_net() -> impl Strategy<Value = IpNet> {
        // Few bits, so that prefixes meet and nest.
        (0u32..16, 28u8..=32).prop_map(|(low, length)| {
            IpNet::new(IpAddr::V4((0x0a00_0000 + low).into()), length).unwrap().trunc()
        })
    }

    fn any_verdict() -> impl Strategy<Value = Verdict> {
        prop_oneof![
            Just(Verdict::LetThrough),
            Just(Verdict::Negbal),
            Just(Verdict::Paused),
            Just(Verdict::Blocked)
        ]
    }

    proptest! {
        #[test]
        fn deltas_end_where_a_full_page_would_and_their_plans_lead_there(
            steps in prop::collection::vec(
                (prop::collection::vec((any_net(), any_verdict()), 0..4), prop::collection::vec(any_net(), 0..4)),
                1..12,
            )
        ) {
            let mut wanted = Wanted::new(FILTER);
            let mut kernel = wanted.sets().clone();
            let mut truth: BTreeMap<IpNet, Verdict> = BTreeMap::new();
            for (entries, gone) in steps {
                for net in &gone {
                    truth.remove(net);
                }
                truth.extend(entries.iter().copied());
                let entry = |(net, verdict): &(IpNet, Verdict)| entry(&net.to_string(), *verdict);
                let delta = FeedPage { entries: entries.iter().map(entry).collect(), gone, ..page(false, &[], &[]) };
                let plan = wanted.take(&delta).unwrap().plan;
                for (id, ranges) in &plan.remove {
                    for range in ranges {
                        prop_assert!(kernel.get_mut(id).unwrap().remove(range), "removed what is not there");
                    }
                }
                for (id, ranges) in &plan.add {
                    for range in ranges {
                        prop_assert!(kernel.get_mut(id).unwrap().insert(*range), "added what is there");
                    }
                }
                prop_assert_eq!(&kernel, wanted.sets());
            }
            let mut fresh = Wanted::new(FILTER);
            let all: Vec<FeedEntry> = truth.iter().map(|(net, v)| entry(&net.to_string(), *v)).collect();
            fresh.take(&FeedPage { entries: all, ..page(true, &[], &[]) }).unwrap();
            prop_assert_eq!(fresh.sets(), wanted.sets());
        }
    }
}
