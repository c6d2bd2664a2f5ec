//! The generators against a stand-in server: what is right passes, each way of being wrong is counted.

mod stand_in;

use super::*;
use stand_in::{Habit, StandIn};
use std::net::SocketAddr;

/// 2,000 requests, or what fits into three seconds.
fn run_against(server: SocketAddr, more: &[&str]) -> Report {
    let server = server.to_string();
    let mut words = vec!["--server", &server, "--count", "2000", "--warmup", "0", "--seconds", "3"];
    words.extend(["--users", "50", "--sessions", "20", "--sample", "1", "--window", "32"]);
    words.extend(["--timeout-ms", "2000"]);
    words.extend_from_slice(more);
    radius(&RadiusArgs::from_words(words).unwrap()).unwrap()
}

fn run_with(habit: Habit, more: &[&str]) -> Report {
    let server = StandIn::start(habit);
    run_against(server.address, more)
}

#[test]
fn a_right_server_passes_every_check_in_every_mode() {
    for mode in ["pap", "chap", "mschapv2", "acct", "status"] {
        let report =
            run_with(Habit::Right, &["--mode", mode, "--wrong-percent", "20", "--unknown-percent", "20"]);
        assert_eq!((report.faults(), report.lost, report.late), (0, 0, 0), "{mode}: {report:?}");
        assert_eq!((report.sent, report.replies), (2000, 2000), "{mode}");
        let login = !matches!(report.mode, Mode::Acct | Mode::Status);
        assert_eq!(report.reject > 0, login, "{mode}: {report:?}");
        assert_eq!(report.acct_ok > 0, mode == "acct");
        assert_eq!(report.mschap_checked > 0, mode == "mschapv2");
    }
}

#[test]
fn a_message_authenticator_at_the_end_and_in_accounting_is_signed_rightly() {
    assert_eq!(run_with(Habit::Right, &["--msg-auth", "last"]).replies, 2000);
    assert_eq!(run_with(Habit::Right, &["--msg-auth", "none"]).replies, 2000);
    assert_eq!(
        run_with(Habit::Right, &["--mode", "acct", "--acct-msg-auth", "--threads", "2"]).replies,
        2000
    );
}

#[test]
fn a_reply_signed_with_another_secret_is_counted_and_not_taken_for_an_answer() {
    let report = run_with(Habit::ForgesAuthenticator, &["--count", "100", "--timeout-ms", "300"]);
    assert_eq!((report.bad_authenticator, report.replies, report.lost), (100, 0, 100));
}

#[test]
fn a_wrong_message_authenticator_is_counted_and_not_taken_for_an_answer() {
    let report = run_with(Habit::WrongMessageAuthenticator, &["--count", "100", "--timeout-ms", "300"]);
    assert_eq!((report.bad_msg_auth, report.replies), (100, 0));
}

#[test]
fn a_missing_message_authenticator_is_counted_and_is_a_fault_on_demand() {
    let report = run_with(Habit::NoMessageAuthenticator, &[]);
    assert_eq!((report.no_msg_auth, report.faults()), (2000, 0));
    let strict = run_with(
        Habit::NoMessageAuthenticator,
        &["--require-msg-auth", "--count", "50", "--timeout-ms", "300"],
    );
    assert_eq!(strict.bad_msg_auth, 50);
}

#[test]
fn accepting_a_wrong_password_is_a_wrong_verdict() {
    for mode in ["pap", "chap", "mschapv2"] {
        let report = run_with(Habit::AcceptsEverybody, &["--mode", mode, "--wrong-percent", "50"]);
        assert!(report.wrong_verdict > 500, "{mode}: {report:?}");
    }
}

#[test]
fn wrong_keys_and_a_wrong_authenticator_response_of_mschap_are_counted() {
    let report = run_with(Habit::WrongMschap, &["--mode", "mschapv2"]);
    assert_eq!(report.mschap_checked, 2000);
    assert_eq!(report.mschap_bad, 2000);
}

#[test]
fn attributes_that_do_not_add_up_are_malformed() {
    let report = run_with(Habit::BadFraming, &["--count", "50", "--timeout-ms", "300"]);
    assert_eq!((report.malformed_or_other, report.replies), (50, 0));
}

#[test]
fn second_answers_and_copies_are_counted_apart_from_replies() {
    let report = run_with(Habit::AnswersTwice, &["--count", "500"]);
    assert_eq!(report.replies, 500);
    assert!(report.dup_replies > 400, "{report:?}");
    let copied = run_with(Habit::Right, &["--dup-percent", "50"]);
    assert_eq!((copied.replies, copied.faults()), (2000, 0));
    assert!(copied.dups_sent > 800 && copied.dup_replies > 700, "{copied:?}");
}

#[test]
fn requests_that_nobody_answers_are_lost() {
    let report = run_with(Habit::Silent, &["--count", "100", "--timeout-ms", "300"]);
    assert_eq!((report.sent, report.replies, report.lost), (100, 0, 100));
}

#[test]
fn a_given_rate_is_kept() {
    let report = run_with(Habit::Right, &["--rate", "500", "--count", "0", "--seconds", "1"]);
    assert!((200..=540).contains(&report.replies), "{report:?}");
}

#[test]
fn the_exit_code_tells_a_wrong_option_from_a_wrong_server() {
    let code = |words: &[&str]| {
        let args = RadiusArgs::from_words(words.iter().copied()).unwrap();
        run(&BenchCommand::Radius(Box::new(args)))
    };
    assert_eq!(code(&["--server", "192.0.2.1:1812"]), 2);
    let once = |server: &StandIn| {
        let server = server.address.to_string();
        let timing = ["--count", "10", "--warmup", "0", "--seconds", "1", "--timeout-ms", "200"];
        code(&[&["--server", &server][..], &timing].concat())
    };
    assert_eq!(once(&StandIn::start(Habit::Right)), 0);
    assert_eq!(once(&StandIn::start(Habit::ForgesAuthenticator)), 1);
    assert_eq!(once(&StandIn::start(Habit::Silent)), 1);
    let forger = StandIn::start(Habit::ForgesRejects);
    let forger = forger.address.to_string();
    assert_eq!(code(&["--server", &forger, "--mutate", "2000", "--timeout-ms", "100"]), 1);
}

fn mutate_against(habit: Habit, timeout: &str) -> Result<MutationReport, BenchError> {
    let server = StandIn::start(habit);
    let server = server.address.to_string();
    let words = ["--server", &server, "--mutate", "4000", "--users", "50", "--timeout-ms", timeout];
    mutate(&RadiusArgs::from_words(words).unwrap())
}

#[test]
fn a_server_that_checks_what_it_gets_survives_damaged_packets_and_answers_only_what_is_signed() {
    let report = mutate_against(Habit::Right, "1000").unwrap();
    assert_eq!((report.sent, report.faults(), report.probes), (4000, 0, 125), "{report:?}");
    // What was signed anew and still reads as a request gets its answer.
    assert!(report.acct_ok > 50 && report.reject > 50, "{report:?}");
    assert!(report.replies < report.sent / 2);
}

#[test]
fn answers_to_what_cannot_be_answered_are_faults_of_a_mutation_run() {
    // A right answer to the probe comes from no server that answers everything with a reject.
    assert!(matches!(mutate_against(Habit::AnswersEverything, "200"), Err(BenchError::Failed(_))));
    assert!(matches!(mutate_against(Habit::Silent, "200"), Err(BenchError::Failed(_))));
    let forged = mutate_against(Habit::ForgesRejects, "200").unwrap();
    assert!(forged.bad_authenticator > 50, "{forged:?}");
}

#[test]
fn both_kinds_of_echo_return_everything() {
    for batch in ["1", "32"] {
        let address = free_address();
        let args = EchoArgs {
            bind: address,
            allow_target: None,
            batch: batch.parse().unwrap(),
            seconds: 2.0,
            cpu: None,
        };
        let echoing = std::thread::spawn(move || echo(&args).unwrap());
        std::thread::sleep(std::time::Duration::from_millis(200));
        let report = run_against(address, &["--no-verify"]);
        assert_eq!((report.replies, report.lost), (2000, 0), "batch {batch}");
        assert_eq!(echoing.join().unwrap().echoed, 2000, "batch {batch}");
    }
}

fn free_address() -> SocketAddr {
    std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}
