use super::*;
use crate::enforcement::lanes::{Lane, Unshaped};
use crate::model::{AccessMethod, FeedEntry, Shape, Verdict};
use std::collections::BTreeSet;

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

/// Added elements, those of upload left out: they go as those of download do.
fn added(plan: &Plan) -> Vec<String> {
    let ranges = |elements: &Vec<(Range, Data)>| elements.iter().map(|(range, _)| *range).collect();
    lines(&plan.add.iter().map(|(id, elements)| (*id, ranges(elements))).collect())
}

fn lines(part: &BTreeMap<SetId, Vec<Range>>) -> Vec<String> {
    let mut lines: Vec<String> = part
        .iter()
        .filter(|(id, _)| !id.name().starts_with("up"))
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
    let change = wanted.take(&first, &mut Unshaped).unwrap();
    assert_eq!(added(&change.plan), ["blocked4 10.0.0.2-10.0.0.2", "down4 10.0.0.1-10.0.0.1"]);
    assert!(change.plan.remove.is_empty());

    let change = wanted.take(&page(true, &[("10.0.0.1/32", Verdict::Paused)], &[]), &mut Unshaped).unwrap();
    assert_eq!(lines(&change.plan.remove), ["blocked4 10.0.0.2-10.0.0.2", "down4 10.0.0.1-10.0.0.1"]);
    assert_eq!(added(&change.plan), ["captive4 10.0.0.1-10.0.0.1"]);
}

#[test]
fn a_delta_touches_only_what_it_names_and_nothing_twice() {
    let mut wanted = Wanted::new(FILTER);
    wanted
        .take(
            &page(true, &[("10.0.0.1/32", Verdict::LetThrough), ("2001:db8::1/128", Verdict::Negbal)], &[]),
            &mut Unshaped,
        )
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
    let change = wanted.take(&there_and_back, &mut Unshaped).unwrap();
    assert_eq!(lines(&change.plan.remove), ["captive6 2001:db8::1-2001:db8::1"]);
    assert_eq!(added(&change.plan), ["blocked4 10.0.0.9-10.0.0.9"]);
}

#[test]
fn a_prefix_inside_another_is_cut_out_of_it_and_given_back() {
    let mut wanted = Wanted::new(FILTER);
    wanted.take(&page(true, &[("10.0.0.0/24", Verdict::LetThrough)], &[]), &mut Unshaped).unwrap();
    let change =
        wanted.take(&page(false, &[("10.0.0.128/25", Verdict::Blocked)], &[]), &mut Unshaped).unwrap();
    assert_eq!(lines(&change.plan.remove), ["down4_nets 10.0.0.0-10.0.0.255"]);
    assert_eq!(
        added(&change.plan),
        ["blocked4_nets 10.0.0.128-10.0.0.255", "down4_nets 10.0.0.0-10.0.0.127"]
    );
    let change = wanted.take(&page(false, &[], &["10.0.0.128/25"]), &mut Unshaped).unwrap();
    assert_eq!(added(&change.plan), ["down4_nets 10.0.0.0-10.0.0.255"]);
    let change = wanted.take(&page(false, &[("10.0.0.0/16", Verdict::Negbal)], &[]), &mut Unshaped).unwrap();
    assert_eq!(
        added(&change.plan),
        ["captive4_nets 10.0.1.0-10.0.255.255"],
        "what was already cut as it must be stays"
    );
}

#[test]
fn a_port_that_comes_or_goes_rebuilds_and_a_source_does_not() {
    let mut wanted = Wanted::new(FILTER);
    let with = |full, ports| FeedPage { ports, ..page(full, &[], &[]) };
    assert!(wanted.take(&with(true, vec![guard(8082, &["127.0.0.1/32"])]), &mut Unshaped).unwrap().rebuild);
    let change =
        wanted.take(&with(false, vec![guard(8082, &["127.0.0.1/32", "10.0.0.0/8"])]), &mut Unshaped).unwrap();
    assert!(!change.rebuild);
    assert_eq!(added(&change.plan), ["guard_tcp_8082_4 10.0.0.0-10.255.255.255"]);
    assert!(wanted.take(&with(false, vec![]), &mut Unshaped).unwrap().rebuild);
    assert!(!wanted.sets().keys().any(|id| matches!(id, SetId::Guard(..))));
    assert!(wanted.take(&with(true, vec![guard(1812, &[])]), &mut Unshaped).unwrap().rebuild);
    assert!(
        wanted.take(&with(true, vec![]), &mut Unshaped).unwrap().rebuild,
        "a full page may close a guard too"
    );
}

#[test]
fn without_a_subscriber_side_only_guards_are_wanted() {
    let mut wanted = Wanted::new(Scope { filter: false, guard: true });
    let mut first =
        page(true, &[("10.0.0.1/32", Verdict::LetThrough), ("10.1.0.0/16", Verdict::Negbal)], &[]);
    first.ports = vec![guard(8082, &[])];
    wanted.take(&first, &mut Unshaped).unwrap();
    wanted.take_walled(&["192.0.2.0/24".parse().unwrap()]);
    let names: Vec<String> = wanted.sets().keys().map(|id| id.name()).collect();
    assert_eq!(names, ["guard_tcp_8082_4", "guard_tcp_8082_6"]);
}

#[test]
fn too_many_addresses_are_refused_and_change_nothing() {
    let mut wanted = Wanted::new(FILTER);
    wanted.take(&page(true, &[("10.0.0.1/32", Verdict::LetThrough)], &[]), &mut Unshaped).unwrap();
    let before = wanted.clone();
    let mut huge = page(false, &[], &[]);
    huge.entries = vec![entry("10.0.0.2/32", Verdict::Blocked); ADDRESSES_MAX];
    assert_eq!(wanted.take(&huge, &mut Unshaped), Err(PageRefused::TooMany));
    assert_eq!(wanted, before);
}

#[test]
fn a_foreign_element_is_removed_and_a_missing_one_added() {
    let mut wanted = Wanted::new(FILTER);
    wanted.take(&page(true, &[("10.0.0.1/32", Verdict::LetThrough)], &[]), &mut Unshaped).unwrap();
    let mut present = wanted.sets().clone();
    let (down, up) = (SetId::Hosts(Kind::Down, Family::V4), SetId::Hosts(Kind::Up, Family::V4));
    let foreign = Range { first: 7, last: 7 };
    present.insert(down, Elements::from_iter([(foreign, Data::Class(0))]));
    let plan = diff(wanted.sets(), &present);
    assert_eq!(plan.remove, BTreeMap::from([(down, vec![foreign])]));
    assert_eq!(added(&plan), ["down4 10.0.0.1-10.0.0.1"]);
    assert!(!plan.add.contains_key(&up) && plan.finals.is_empty());
    assert!(diff(wanted.sets(), wanted.sets()).is_empty());
}

#[test]
fn directions_that_are_counted_begin_anew_together_and_what_they_had_is_told() {
    let mut wanted = Wanted::new(FILTER);
    let metered = FeedEntry { access: AccessMethod::Ipoe, ..entry("10.0.0.1/32", Verdict::LetThrough) };
    let first = FeedPage { entries: vec![metered], ..page(true, &[], &[]) };
    wanted.take(&first, &mut Unshaped).unwrap();
    let (down, up) = (SetId::Hosts(Kind::Down, Family::V4), SetId::Hosts(Kind::Up, Family::V4));
    let mut present = wanted.sets().clone();
    present.insert(down, Elements::default());
    let plan = diff(wanted.sets(), &present);
    let host = Range::of(&"10.0.0.1/32".parse().unwrap());
    assert_eq!(plan.remove, BTreeMap::from([(up, vec![host])]));
    assert!(plan.add.contains_key(&down) && plan.add.contains_key(&up));
    assert_eq!(plan.finals, BTreeSet::from([up]));
}

/// Classes by subscriber; who was released.
#[derive(Default)]
struct Classes {
    class: u32,
    released: Vec<SubscriberId>,
}

impl Assign for Classes {
    fn lanes(&mut self, _: IpNet, entry: &Entry) -> Lanes {
        if entry.shape.is_unlimited() {
            return Lanes { down: Lane::Class(self.class), up: Lane::Unshaped };
        }
        Lanes { down: Lane::Unshaped, up: Lane::Policed { octets_per_second: 1000, burst_octets: 16_384 } }
    }

    fn release(&mut self, subscriber: SubscriberId) {
        self.released.push(subscriber);
    }
}

fn all(part: &BTreeMap<SetId, Vec<(Range, Data)>>) -> Vec<(String, Data)> {
    part.iter().flat_map(|(id, elements)| elements.iter().map(|(_, data)| (id.name(), *data))).collect()
}

#[test]
fn another_class_is_a_removal_and_an_addition_and_the_same_one_is_nothing() {
    let mut classes = Classes { class: 7, ..Classes::default() };
    let mut wanted = Wanted::new(FILTER);
    let through = [("10.0.0.1/32", Verdict::LetThrough), ("10.1.0.0/24", Verdict::LetThrough)];
    let change = wanted.take(&page(true, &through, &[]), &mut classes).unwrap();
    let class = |name: &str, class| (name.to_owned(), Data::Class(class));
    let expected = [class("down4", 7), class("up4", 0), class("down4_nets", 7), class("up4_nets", 0)];
    assert_eq!(all(&change.plan.add), expected);
    assert!(wanted.take(&page(false, &through, &[]), &mut classes).unwrap().plan.is_empty());

    classes.class = 8;
    let change = wanted.take(&page(false, &through[..1], &[]), &mut classes).unwrap();
    assert_eq!(all(&change.plan.add), [class("down4", 8)]);
    let names: Vec<String> = change.plan.remove.keys().map(|id| id.name()).collect();
    assert_eq!(names, ["down4"]);
}

#[test]
fn one_without_a_class_has_a_limit_beside_his_place_and_loses_both() {
    let mut classes = Classes::default();
    let mut wanted = Wanted::new(FILTER);
    let mut first = page(true, &[("10.0.0.1/32", Verdict::LetThrough)], &[]);
    first.entries[0].shape.upload.rate = 8;
    let change = wanted.take(&first, &mut classes).unwrap();
    let limit = Data::Limit { octets_per_second: 1000, burst_octets: 16_384 };
    let named = |name: &str, data| (name.to_owned(), data);
    assert_eq!(
        all(&change.plan.add),
        [named("down4", Data::Class(0)), named("up4", Data::Class(0)), named("police_up4", limit)]
    );
    let change = wanted.take(&page(false, &[], &["10.0.0.1/32"]), &mut classes).unwrap();
    assert_eq!(change.plan.sizes(), (3, 0));
}

#[test]
fn a_subscriber_is_released_with_the_last_of_his_addresses_that_is_let_through() {
    let mut classes = Classes::default();
    let mut wanted = Wanted::new(FILTER);
    let both = [("10.0.0.1/32", Verdict::LetThrough), ("10.1.0.0/24", Verdict::LetThrough)];
    wanted.take(&page(true, &both, &[]), &mut classes).unwrap();
    wanted.take(&page(false, &[], &["10.0.0.1/32"]), &mut classes).unwrap();
    assert_eq!(classes.released, []);
    wanted.take(&page(false, &[("10.1.0.0/24", Verdict::Negbal)], &[]), &mut classes).unwrap();
    assert_eq!(classes.released, [SubscriberId(1)]);
    wanted.take(&page(false, &both, &["10.1.0.0/24"]), &mut classes).unwrap();
    assert_eq!(classes.released.len(), 1);
    wanted.take(&page(true, &[], &[]), &mut classes).unwrap();
    assert_eq!(classes.released, [SubscriberId(1); 2], "by a full page too");
}

#[test]
fn one_let_through_in_a_captive_prefix_is_spared_the_redirect() {
    let mut wanted = Wanted::new(FILTER);
    let spared = |wanted: &Wanted| wanted.sets()[&SetId::Spared(Family::V4)].len();
    let captive = [("10.0.0.0/24", Verdict::Negbal)];
    let hosts = [("10.0.0.1/32", Verdict::LetThrough), ("10.0.0.2/32", Verdict::Blocked)];
    wanted.take(&page(true, &hosts, &[]), &mut Unshaped).unwrap();
    assert_eq!(spared(&wanted), 0);
    let change = wanted.take(&page(false, &captive, &[]), &mut Unshaped).unwrap();
    assert_eq!(added(&change.plan), ["captive4_nets 10.0.0.0-10.0.0.255", "spared4 10.0.0.1-10.0.0.1"]);
    wanted
        .take(&page(false, &[("10.0.0.3/32", Verdict::LetThrough)], &["10.0.0.1/32"]), &mut Unshaped)
        .unwrap();
    assert_eq!(spared(&wanted), 1);
    wanted.take(&page(false, &[], &["10.0.0.0/24"]), &mut Unshaped).unwrap();
    assert_eq!(spared(&wanted), 0);
    wanted.take(&page(true, &[hosts[0], captive[0]], &[]), &mut Unshaped).unwrap();
    assert_eq!(spared(&wanted), 1, "by a full page too");
}

mod equivalence {
    use super::*;
    use proptest::prelude::*;
    use std::net::IpAddr;

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
                let plan = wanted.take(&delta, &mut Unshaped).unwrap().plan;
                for (id, ranges) in &plan.remove {
                    for range in ranges {
                        prop_assert!(kernel.get_mut(id).unwrap().remove(range).is_some(), "removed what is not there");
                    }
                }
                for (id, elements) in &plan.add {
                    for (range, data) in elements {
                        let was = kernel.get_mut(id).unwrap().insert(*range, *data);
                        prop_assert!(was.is_none(), "added what is there");
                    }
                }
                prop_assert_eq!(&kernel, wanted.sets());
            }
            let mut fresh = Wanted::new(FILTER);
            let all: Vec<FeedEntry> = truth.iter().map(|(net, v)| entry(&net.to_string(), *v)).collect();
            fresh.take(&FeedPage { entries: all, ..page(true, &[], &[]) }, &mut Unshaped).unwrap();
            prop_assert_eq!(fresh.sets(), wanted.sets());
        }
    }
}
