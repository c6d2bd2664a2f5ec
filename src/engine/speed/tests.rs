use super::*;
use crate::engine::moment;
use crate::engine::testing::*;

const TIMED: &str = r#"
[[plan]]
name = "home-20"
rate-in = 20000
mikrotik-burst-rate-in = 40000
timed = [
    { when = "sun", rate-in = 70000 },
    { when = "mon-fri 23:00-07:00", rate-in = 50000 },
    { when = "sat 00:00-12:00", rate-in = 60000 },
]
"#;

fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap()
}

fn at(text: &str, zone: &TimeZone) -> Timestamp {
    moment(text, zone).unwrap().unwrap()
}

fn ledger(toml: &str, zone_name: &str) -> Ledger {
    let mut ledger =
        Ledger::with(crate::engine::Settings { time_zone: zone(zone_name), ..Default::default() });
    ledger.load(SAMPLE).unwrap();
    ledger.load(toml).unwrap();
    ledger
}

fn rate_at(ledger: &Ledger, now: Timestamp) -> i32 {
    ledger.state.view(ledger.subscriber("ivanov"), now).unwrap().shape.download.rate
}

#[test]
fn the_first_time_table_that_holds_gives_the_speed() {
    let ledger = ledger(TIMED, "Europe/Moscow");
    let zone = zone("Europe/Moscow");
    for (moment, rate) in [
        // Friday: over midnight into Saturday, past the end of the working week, before Saturday's own table.
        ("2026-04-10 22:59:59", 20_000),
        ("2026-04-10 23:00", 50_000),
        ("2026-04-11 06:59:59", 50_000),
        ("2026-04-11 07:00", 60_000),
        ("2026-04-11 12:00", 20_000),
        ("2026-04-11 23:30", 20_000),
        ("2026-04-12 00:00", 70_000),
        ("2026-04-12 23:59:59", 70_000),
        // Sunday is no day of the night table, so that it does not run into Monday.
        ("2026-04-13 00:00", 20_000),
        ("2026-04-13 06:00", 20_000),
        ("2026-04-13 23:00", 50_000),
    ] {
        assert_eq!(rate_at(&ledger, at(moment, &zone)), rate, "{moment}");
    }
}

#[test]
fn a_burst_of_the_plan_does_not_pass_over_another_speed() {
    let ledger = ledger(TIMED, "UTC");
    let view = |moment| ledger.state.view(ledger.subscriber("ivanov"), at(moment, &TimeZone::UTC)).unwrap();
    assert_eq!(view("2026-04-13 12:00").mikrotik_burst.rate_in, 40_000);
    assert_eq!(view("2026-04-13 23:00").mikrotik_burst, MikrotikBurst::default());
}

#[test]
fn speeds_follow_the_clock_on_the_wall_when_it_is_changed() {
    // 2026-03-29 has no 02:00 to 03:00 in Berlin, 2026-10-25 has it twice.
    let toml = "[[plan]]\nname = \"home-20\"\nrate-in = 1\ntimed = [{ when = \"23:00-07:00\", rate-in = 2 }]";
    let ledger = ledger(toml, "Europe/Berlin");
    let zone = zone("Europe/Berlin");
    let plan = ledger.state.view(ledger.subscriber("ivanov"), NOW).unwrap().plan.unwrap();
    for (evening, morning, hours) in [
        ("2026-03-28 23:00", "2026-03-29 07:00", 7),
        ("2026-03-29 23:00", "2026-03-30 07:00", 8),
        ("2026-10-24 23:00", "2026-10-25 07:00", 9),
    ] {
        let (evening, morning) = (at(evening, &zone), at(morning, &zone));
        assert_eq!(morning.since(evening).as_secs(), hours * 3600);
        let before = |moment: Timestamp| Timestamp::from_micros(moment.micros() - 1);
        assert_eq!([before(evening), evening].map(|now| rate_at(&ledger, now)), [1, 2]);
        assert_eq!([before(morning), morning].map(|now| rate_at(&ledger, now)), [2, 1]);
        assert_eq!(next_switch(&plan, evening, &zone), Some(morning));
    }
}

#[test]
fn every_change_of_speed_is_announced_by_a_deadline_before() {
    let zone = zone("Europe/Berlin");
    let tables = ["mon-fri 23:00-07:00", "sat,sun", "22:00-02:30", "sun-mon 02:30-03:30", "wed 12:00-12:01"];
    let (begin, end) = (at("2026-03-20 00:00", &zone), at("2026-04-03 00:00", &zone));
    for table in tables {
        let toml = format!(
            "[[plan]]\nname = \"home-20\"\nrate-in = 1\ntimed = [{{ when = \"{table}\", rate-in = 2 }}]"
        );
        let ledger = ledger(&toml, "Europe/Berlin");
        let plan = ledger.state.view(ledger.subscriber("ivanov"), NOW).unwrap().plan.unwrap();
        let (mut now, mut next) = (begin, begin);
        let mut rate = rate_at(&ledger, now);
        while now < end {
            if now >= next {
                next = next_switch(&plan, now, &zone).unwrap();
                rate = rate_at(&ledger, now);
            }
            assert_eq!(rate_at(&ledger, now), rate, "{table} at {now:?}");
            now = now.saturating_add(std::time::Duration::from_secs(900));
        }
    }
}

#[test]
fn a_switch_touches_the_users_of_its_plan_and_is_followed_by_the_next() {
    let mut ledger = ledger(TIMED, "UTC");
    ledger.load("[[plan]]\nname = \"other\"\n[[subscriber]]\nlogin = \"other\"\nplan = \"other\"").unwrap();
    let evening = at("2026-04-06 23:00", &TimeZone::UTC);
    assert_eq!(ledger.state.next_deadline(), Some(evening));
    assert!(ledger.state.take_due(NOW).is_empty());
    let due = ledger.state.take_due(evening);
    assert_eq!(due.len(), 3);
    assert!(!due.contains(&ledger.subscriber("other")));
    assert_eq!(ledger.state.next_deadline(), Some(at("2026-04-07 07:00", &TimeZone::UTC)));
    ledger.load("[[plan]]\nname = \"home-20\"\ntimed = []").unwrap();
    assert_eq!(ledger.state.next_deadline(), None);
}

#[test]
fn a_quota_slows_the_rest_of_the_month_whatever_the_clock_says() {
    let quota = "[[plan]]\nname = \"home-20\"\nquota-mib = 10\nquota-rate-in = 1000";
    let mut ledger =
        ledger(&format!("{TIMED}{}", quota.replace("[[plan]]\nname = \"home-20\"\n", "")), "UTC");
    let subscriber = ledger.subscriber("ivanov");
    let mut use_octets = |service, used| {
        let key = MeterKey { subscriber, service, month: Month::of(2026, 4) };
        ledger.put(Change::Meter(Meter { used, ..Meter::new(key) }));
        rate_at(&ledger, at("2026-04-06 12:00", &TimeZone::UTC))
    };
    assert_eq!(use_octets(MeteredService::TrafficIn, 10 * MIB - 1), 20_000);
    assert_eq!(use_octets(MeteredService::Online, 100 * MIB), 20_000);
    assert_eq!(use_octets(MeteredService::TrafficOut, 1), 1_000);
    assert_eq!(rate_at(&ledger, at("2026-04-30 23:30", &TimeZone::UTC)), 1_000);
    assert_eq!(rate_at(&ledger, at("2026-05-01 00:00", &TimeZone::UTC)), 50_000);
    let plan = ledger.state.view(subscriber, NOW).unwrap().plan.unwrap();
    let plan = Plan { timed: vec![], ..Plan::clone(&plan) };
    assert_eq!(next_switch(&plan, NOW, &TimeZone::UTC), Some(at("2026-05-01", &TimeZone::UTC)));
}
