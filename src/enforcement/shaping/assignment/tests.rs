use super::*;

fn kbit(rate: i32, ceil: i32) -> Bandwidth {
    Bandwidth { rate, ceil, burst: 16, cburst: 16 }
}

fn shape(down: i32, up: i32) -> Shape {
    Shape { download: kbit(down, down), upload: kbit(up, up) }
}

fn names(list: &[&str]) -> Vec<String> {
    list.iter().map(|name| (*name).to_owned()).collect()
}

const ANNA: SubscriberId = SubscriberId(1);
const BORIS: SubscriberId = SubscriberId(2);

#[test]
fn a_subscriber_keeps_his_classes_through_addresses_and_speeds_until_he_is_released() {
    let mut assignment = Assignment::new(&names(&["eth1"]), Some("eth0"));
    let first = assignment.take(ANNA, shape(20_000, 5_000), None);
    assert_eq!(first, Lanes { down: Lane::Class(0x6867_0011), up: Lane::Class(0x6867_0011) });
    assert_eq!(assignment.take(ANNA, shape(20_000, 5_000), None), first, "a second address");
    assert_eq!(assignment.take_changes().len(), 2, "one class on each device");
    assert_eq!(assignment.take(ANNA, shape(50_000, 5_000), Some("eth7")), first, "another speed");
    let down = Slot { device: 1, minor: 0x11 };
    assert_eq!(assignment.devices().nth(down.device), Some("eth1"));
    assert_eq!(assignment.take_changes(), BTreeMap::from([(down, Some(kbit(50_000, 50_000)))]));
    assert_eq!(assignment.len(), 2);
    assignment.release(ANNA);
    assert_eq!(assignment.take_changes().into_values().collect::<Vec<_>>(), [None, None]);
    assert!(assignment.is_empty());
}

#[test]
fn everybody_has_the_same_class_after_a_restart_in_whatever_order_they_come() {
    let ids: Vec<i64> = (1..5_000).map(|n| n * 13).collect();
    let taken = |ids: &mut dyn Iterator<Item = &i64>| -> BTreeMap<i64, Lanes> {
        let mut assignment = Assignment::new(&names(&["eth1"]), Some("eth0"));
        ids.map(|id| (*id, assignment.take(SubscriberId(*id), shape(1, 1), None))).collect()
    };
    assert_eq!(taken(&mut ids.iter()), taken(&mut ids.iter().rev()));
}

#[test]
fn who_wishes_for_a_minor_that_another_has_gets_the_next_and_the_other_stays() {
    let mut assignment = Assignment::new(&names(&["eth1"]), None);
    let twin = SubscriberId(ANNA.0 + i64::from(MINORS));
    let first = assignment.take(ANNA, shape(1, 1), None).down;
    assert_eq!(first, Lane::Class(class_id(0x11)));
    assert_eq!(assignment.take(twin, shape(1, 1), None).down, Lane::Class(class_id(0x12)));
    assert_eq!(assignment.take(BORIS, shape(1, 1), None).down, Lane::Class(class_id(0x13)));
    assignment.release(ANNA);
    assert_eq!(assignment.take(ANNA, shape(1, 1), None).down, first, "given again once released");
}

#[test]
fn unlimited_is_unshaped_and_a_class_no_longer_needed_goes() {
    let mut assignment = Assignment::new(&names(&["eth1"]), Some("eth0"));
    for unlimited in [shape(0, 0), shape(-1, -1), shape(0, -1)] {
        assert!(unlimited.is_unlimited());
        assert_eq!(assignment.take(ANNA, unlimited, None), Lanes::UNSHAPED);
    }
    assert!(assignment.take_changes().is_empty());
    let half = assignment.take(ANNA, shape(5_000, -1), None);
    assert!(matches!(half, Lanes { down: Lane::Class(_), up: Lane::Unshaped }), "{half:?}");
    assignment.take_changes();
    assert_eq!(assignment.take(ANNA, shape(0, 0), None), Lanes::UNSHAPED);
    assert_eq!(assignment.take_changes().into_values().collect::<Vec<_>>(), [None]);
    assert!(assignment.is_empty());
}

#[test]
fn without_a_device_the_direction_is_policed_at_its_ceil() {
    let mut assignment = Assignment::new(&[], None);
    let asked = Shape { download: kbit(5_000, 20_000), upload: Bandwidth { cburst: 4_096, ..kbit(8, 8) } };
    assert_eq!(
        assignment.take(ANNA, asked, Some("ppp0")),
        Lanes {
            down: Lane::Policed { octets_per_second: 2_500_000, burst_octets: 250_000 },
            up: Lane::Policed { octets_per_second: 1_000, burst_octets: 4_194_304 },
        }
    );
    assert!(assignment.is_empty() && assignment.take_changes().is_empty());
    let huge = Shape { download: kbit(i32::MAX, i32::MAX), ..asked };
    assert!(matches!(
        assignment.take(ANNA, huge, None).down,
        Lane::Policed { octets_per_second: 268_435_455_875, burst_octets: u32::MAX }
    ));
}

#[test]
fn who_does_not_fit_on_the_device_is_policed_until_somebody_goes() {
    let mut assignment = Assignment::new(&names(&["eth1"]), None);
    let room = i64::from(MINORS) - 1;
    let mut seen = std::collections::BTreeSet::new();
    for id in 0..room {
        let Lane::Class(class) = assignment.take(SubscriberId(id), shape(1, 1), None).down else {
            panic!("{id} of {room}")
        };
        let minor = u16::try_from(class & 0xffff).unwrap();
        assert!((MINOR_FIRST..=MINOR_LAST).contains(&minor) && minor != 0x6867, "{minor:x}");
        assert!(seen.insert(class), "{class:x} twice");
    }
    let late = SubscriberId(room);
    assert!(matches!(assignment.take(late, shape(1, 1), None).down, Lane::Policed { .. }));
    assignment.release(SubscriberId(7));
    assert_eq!(assignment.take(late, shape(1, 1), None).down, Lane::Class(class_id(0x17)));
}

#[test]
fn the_download_class_is_made_where_the_address_is_routed_to() {
    let mut assignment = Assignment::new(&names(&["vlan10", "vlan20"]), Some("eth0"));
    assert!(assignment.asks_for_routes());
    let device = |assignment: &mut Assignment, id, routed| {
        assignment.take(SubscriberId(id), shape(1, 0), routed);
        let slot = *assignment.take_changes().keys().next().unwrap();
        assignment.devices().nth(slot.device).unwrap().to_owned()
    };
    assert_eq!(device(&mut assignment, 1, Some("vlan20")), "vlan20");
    assert_eq!(device(&mut assignment, 2, Some("vlan10")), "vlan10");
    assert_eq!(device(&mut assignment, 3, Some("eth0")), "vlan10", "not one of ours: the first");
    assert_eq!(device(&mut assignment, 4, None), "vlan10");
}

#[test]
fn a_class_follows_its_address_to_another_device_with_the_same_id() {
    let mut assignment = Assignment::new(&names(&["vlan10", "vlan20"]), Some("eth0"));
    let lanes = assignment.take(ANNA, shape(1, 1), None);
    let twin = SubscriberId(ANNA.0 + i64::from(MINORS));
    assignment.take(twin, shape(1, 1), Some("vlan20"));
    assignment.take_changes();
    let slot = |device, minor| Slot { device, minor };
    assert!(!assignment.relocate(ANNA, "vlan20"), "the twin has that minor there");
    assignment.release(twin);
    assignment.take_changes();
    assert!(assignment.relocate(ANNA, "vlan20"));
    assert_eq!(assignment.take(ANNA, shape(1, 1), None), lanes);
    let moved = BTreeMap::from([(slot(1, 0x11), None), (slot(2, 0x11), Some(kbit(1, 1)))]);
    assert_eq!(assignment.take_changes(), moved);
    for nowhere in ["vlan20", "eth0", "lo"] {
        assert!(!assignment.relocate(ANNA, nowhere), "{nowhere}");
    }
    assert!(!assignment.relocate(BORIS, "vlan10"), "has nothing");
    assignment.release(ANNA);
    assert_eq!(assignment.take(ANNA, shape(1, 1), None), lanes);
    assert_eq!(assignment.take_changes().remove(&slot(1, 0x11)), Some(Some(kbit(1, 1))), "both were free");
}

#[test]
fn one_device_for_both_directions_gives_two_classes() {
    let mut assignment = Assignment::new(&names(&["eth0"]), Some("eth0"));
    assert_eq!(assignment.devices().count(), 1);
    let lanes = assignment.take(ANNA, shape(1, 1), None);
    assert_ne!(lanes.down, lanes.up);
    assert_eq!(assignment.take_changes().len(), 2);
}
