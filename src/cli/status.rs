//! `headgate status`

use super::outbox::TARGET_COLUMNS;
use super::output::{print_json, print_table, text};
use super::{CliResult, Context};
use clap::Args;
use serde_json::json;

#[derive(Args)]
pub(super) struct Status {}

impl Status {
    pub fn run(&self, context: &Context) -> CliResult {
        let status = context.call("status", json!({}))?;
        if context.json {
            print_json(&status);
            return Ok(());
        }
        for (title, key) in [
            ("version", "version"),
            ("started", "started"),
            ("uptime, s", "uptime_seconds"),
            ("revision", "revision"),
            ("subscribers", "subscribers"),
            ("addresses", "addresses"),
            ("sessions", "sessions"),
            ("commands waiting", "queue"),
            ("spool batches waiting", "spool_batches"),
        ] {
            println!("{title:<22} {}", text(status.get(key)));
        }
        let fees = &status["fees"];
        for (title, key) in [
            ("fees charged to", "through"),
            ("FEES HELD", "held"),
            ("no cuts before", "outage_until"),
            ("PANIC since", "panic_since"),
        ] {
            if let Some(said) = fees[key].as_str() {
                println!("{title:<22} {said}");
            }
        }
        println!();
        print_table(
            &[
                ("NAS", "name"),
                ("ADDRESS", "address"),
                ("SESSIONS", "sessions"),
                ("SENDS MESSAGE-AUTHENTICATOR", "sends_message_authenticator"),
            ],
            &status["nas"],
        );
        if status["followers"].as_array().is_some_and(|followers| !followers.is_empty()) {
            println!();
            print_table(
                &[
                    ("FOLLOWER", "name"),
                    ("ADDRESS", "address"),
                    ("CURSOR", "cursor"),
                    ("BEHIND", "behind"),
                    ("LAST CONTACT", "last_contact"),
                    ("SILENT, S", "silent_seconds"),
                ],
                &status["followers"],
            );
        }
        if status["outbox"].as_array().is_some_and(|targets| !targets.is_empty()) {
            println!();
            print_table(TARGET_COLUMNS, &status["outbox"]);
        }
        println!();
        for (name, value) in status["counters"].as_object().into_iter().flatten() {
            if value != 0 {
                println!("{name:<28} {value}");
            }
        }
        Ok(())
    }
}
