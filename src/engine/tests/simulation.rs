//! A year of a provider, from a seed: plans of every kind, payments, charges, blocks, pauses, promises, repeats.
//!
//! After every month the books are audited. Then the same year again, with the server killed between any two steps and
//! in the midst of them, commands asked again by their keys, payments of one hour in another order and sent more than
//! once: the same books.
//!
//! `HEADGATE_SIMULATION=SUBSCRIBERS` and `HEADGATE_SIMULATION_SEED=N` make it larger, or another one.

mod audit;
mod chance;
mod events;
mod kept;
mod machine;
mod town;

use audit::Totals;
use chance::Chance;
use events::Events;
use machine::{Chaos, Machine};
use std::time::Instant;
use town::Town;

/// As in the program: a simulated year is mostly small strings.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Simulated unless the environment says otherwise; a development build is slow.
const SUBSCRIBERS: usize = 200;
/// Few enough to kill the server at every step; each plan has four of them.
const SUBSCRIBERS_OF_A_VILLAGE: usize = 4 * town::PLANS.len();
/// In a year that is killed again and again: one crash in so many batches before they are written, and one after it.
const CRASH_EVERY: u64 = 80;
const HOUR_SECONDS: i64 = 3_600;

/// What the time has left behind.
struct Past {
    totals: Totals,
    crashes: u32,
}

fn simulate(months: i32, subscribers: usize, seed: u64, chaos: Option<Chaos>) -> Past {
    let started = Instant::now();
    let kind = if chaos.is_some() { "with crashes" } else { "undisturbed" };
    let town = Town::new(subscribers);
    let mut machine = Machine::new(&town, chaos);
    let mut events = Events::new(Chance::new(seed), &town, &machine.state);
    for month in town.months(months) {
        let mut day = month.first_day();
        while day <= month.last_day() {
            for (hour, now) in town.hours(day) {
                machine.set_clock(now);
                machine.run(events.of_hour(day, hour, now));
                machine.tick();
            }
            day = day.next();
        }
        machine.audit_month(&town, &events, month);
        events.end_month();
    }
    let (totals, crashes) = (machine.totals(&town), machine.crashes);
    println!(
        "{subscribers} subscribers, {months} months, seed {seed}, {kind}: {totals}, {crashes} crashes, in {:.1?}",
        started.elapsed()
    );
    Past { totals, crashes }
}

fn number(variable: &str, otherwise: u64) -> u64 {
    match std::env::var(variable) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{variable} is not a number: {text}")),
        Err(_) => otherwise,
    }
}

#[test]
fn a_year_keeps_its_books_and_leaves_the_same_ones_when_the_server_is_killed_again_and_again() {
    let subscribers = usize::try_from(number("HEADGATE_SIMULATION", SUBSCRIBERS as u64)).unwrap();
    let seed = number("HEADGATE_SIMULATION_SEED", 1);
    let (calm, crashed) = std::thread::scope(|scope| {
        let calm = scope.spawn(|| simulate(12, subscribers, seed, None));
        let crashed = simulate(12, subscribers, seed, Some(Chaos::new(seed, CRASH_EVERY)));
        (calm.join().unwrap(), crashed)
    });
    assert_eq!(calm.crashes, 0);
    assert!(crashed.crashes > 50, "{} crashes prove little", crashed.crashes);
    assert_eq!(crashed.totals, calm.totals);
}

#[test]
fn three_months_with_a_crash_at_every_step_leave_the_same_books() {
    let seed = number("HEADGATE_SIMULATION_SEED", 2);
    let calm = simulate(3, SUBSCRIBERS_OF_A_VILLAGE, seed, None);
    let crashed = simulate(3, SUBSCRIBERS_OF_A_VILLAGE, seed, Some(Chaos::new(seed, 1)));
    assert!(crashed.crashes > 2_000, "{} crashes are not one at every step", crashed.crashes);
    assert_eq!(crashed.totals, calm.totals);
}

#[test]
fn another_seed_is_another_past() {
    let [one, other] = [3, 4].map(|seed| simulate(1, SUBSCRIBERS_OF_A_VILLAGE, seed, None).totals);
    assert_ne!(one, other);
}
