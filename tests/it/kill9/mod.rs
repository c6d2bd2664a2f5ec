//! An acknowledged payment exists exactly once, however often the server is killed.
//!
//! 32 clients pay over HTTP. Each keeps a journal of what was acknowledged, and keeps a payment until it has an answer:
//! it connects again and sends the same. A killer sends SIGKILL at random moments and starts the server again. At the
//! end the database is compared with the journals. A ledger whose books are in order may still have lost payments or
//! taken them twice; two servers with deliberate faults show that the comparison finds that and the books do not.

mod client;
mod random;
mod server;
mod verdict;

use client::{Journal, Shared};
use random::Random;
use server::Server;
use std::sync::Arc;
use std::time::{Duration, Instant};
use verdict::Verdict;

const CLIENTS: usize = 32;
const CONTRACTS: u64 = 100;
/// From the first answer of a started server, or from its start, to its kill.
const LIFE_MILLISECONDS: (u64, u64) = (150, 1_050);
/// A kill in so many comes that long after the start, whether the server answers already or not.
const EARLY_KILL: u32 = 4;
/// A started server answers within this, also on a loaded machine.
const START_PATIENCE: Duration = Duration::from_secs(60);

/// Faults of `src/writer/mutants.rs`; only a development build has them.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Mutant {
    ReplyBeforeCommit,
    NoUniqueKey,
}

/// Lets the clients pay a server that is killed so many times, and compares.
fn storm(mutant: Option<Mutant>, kills: u32) -> Verdict {
    let seed = Random::seed("HEADGATE_KILL9_SEED");
    println!("{mutant:?}: HEADGATE_KILL9_SEED={seed}");
    let mut random = Random::new(seed);
    let mut server = Server::new(CONTRACTS, mutant);
    let shared = Arc::new(Shared::new(server.address));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|number| {
            let (shared, random) = (Arc::clone(&shared), random.fork());
            std::thread::spawn(move || client::pay_until_told(number, &shared, random))
        })
        .collect();
    let mut slowest = Duration::ZERO;
    for kill in 1..=kills {
        server.start();
        if !kill.is_multiple_of(EARLY_KILL) {
            slowest = slowest.max(first_answer(&server, &shared));
        }
        std::thread::sleep(Duration::from_millis(random.between(LIFE_MILLISECONDS.0, LIFE_MILLISECONDS.1)));
        server.kill();
    }
    server.start();
    slowest = slowest.max(first_answer(&server, &shared));
    shared.stop();
    let journals: Vec<Journal> = clients.into_iter().map(|client| client.join().unwrap()).collect();
    server.kill();
    let verdict = verdict::compare(&server, &journals);
    println!("{mutant:?}: {kills} kills, {verdict}, slowest restart to first answer {slowest:?}");
    verdict
}

/// Waits until the server that was started last has acknowledged something; how long that took from its start.
fn first_answer(server: &Server, shared: &Shared) -> Duration {
    let before = shared.answers();
    let started = Instant::now();
    while shared.answers() == before {
        assert!(started.elapsed() < START_PATIENCE, "no answer of a started server\n{}", server.log());
        std::thread::sleep(Duration::from_millis(1));
    }
    started.elapsed()
}

#[test]
fn no_acknowledged_payment_is_lost_or_taken_twice_however_often_the_server_is_killed() {
    let verdict = storm(None, 20);
    assert!(verdict.acknowledged > 500, "too few to prove anything: {verdict}");
    assert!(verdict.repeats_checked > 25, "too few to prove anything: {verdict}");
    assert_eq!(verdict.faults(), [0; 5], "{verdict}\n{:#?}", verdict.complaints);
    assert_eq!(verdict.books, Vec::<String>::new());
}

#[test]
fn a_server_that_answers_before_the_commit_is_found_to_lose_payments_while_its_books_are_in_order() {
    let verdict = storm(Some(Mutant::ReplyBeforeCommit), 12);
    assert!(verdict.lost > 0, "{verdict}");
    assert_eq!(verdict.books, Vec::<String>::new());
}

#[test]
fn a_server_without_a_unique_key_is_found_to_take_payments_twice_while_its_books_are_in_order() {
    let verdict = storm(Some(Mutant::NoUniqueKey), 8);
    assert!(verdict.twice > 0, "{verdict}");
    assert_eq!(verdict.books, Vec::<String>::new());
}
