//! `headgate outbox list|targets|replay|drop|test|enable|disable`: events for other programs.

use super::keyed::{Key, say};
use super::output::{print_json, print_table, text};
use super::{CliError, CliResult, Context};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// How often it is looked what became of a test.
const LOOK: Duration = Duration::from_millis(200);

#[derive(Subcommand)]
pub(super) enum Outbox {
    /// Events and what became of them, newest first
    List(List),
    /// How much each webhook and command has waiting
    Targets(Targets),
    /// Deliver again: one event, or every one that failed
    Replay(Choice),
    /// Do not deliver
    Drop(Choice),
    /// Send a test event and wait for what becomes of it
    Test(Test),
    /// Send to a disabled target again
    Enable(Switch),
    /// Send a target nothing until it is enabled
    Disable(Switch),
}

#[derive(Args)]
pub(super) struct List {
    /// Only those that failed for good
    #[arg(long, conflicts_with = "pending")]
    failed: bool,
    /// Only those that are still to be delivered
    #[arg(long)]
    pending: bool,
    /// Only of this webhook or command
    #[arg(long, value_name = "NAME")]
    target: Option<String>,
    /// Only this event
    #[arg(long, value_name = "EVENT")]
    event: Option<i64>,
    /// Only earlier events than this one
    #[arg(long, value_name = "EVENT")]
    before: Option<i64>,
    /// Newest items at most
    #[arg(long, default_value_t = 100, value_name = "N")]
    limit: usize,
}

#[derive(Args)]
pub(super) struct Targets {}

#[derive(Args)]
pub(super) struct Choice {
    /// Number of the event
    #[arg(value_name = "EVENT", required_unless_present = "failed")]
    event: Option<i64>,
    /// Every event that failed for good
    #[arg(long, conflicts_with = "event")]
    failed: bool,
    /// Only for this webhook or command
    #[arg(long, value_name = "NAME")]
    target: Option<String>,
}

#[derive(Args)]
pub(super) struct Test {
    /// Name of the webhook or command
    name: String,
    /// Seconds to wait for what becomes of it
    #[arg(long, default_value_t = 20, value_name = "N")]
    wait: u64,
}

#[derive(Args)]
pub(super) struct Switch {
    /// Name of the webhook or command
    name: String,
    #[command(flatten)]
    key: Key,
}

impl Outbox {
    pub fn run(&self, context: &Context) -> CliResult {
        match self {
            Outbox::List(list) => list.run(context),
            Outbox::Targets(Targets {}) => targets(context),
            Outbox::Replay(choice) => choice.run(context, "outbox.replay", "to be delivered again"),
            Outbox::Drop(choice) => choice.run(context, "outbox.drop", "not to be delivered"),
            Outbox::Test(test) => test.run(context),
            Outbox::Enable(switch) => switch.run(context, "outbox.enable", "enabled", "was enabled already"),
            Outbox::Disable(switch) => {
                switch.run(context, "outbox.disable", "disabled", "was disabled already")
            }
        }
    }
}

impl List {
    fn run(&self, context: &Context) -> CliResult {
        let state = match (self.failed, self.pending) {
            (true, _) => Some("failed"),
            (_, true) => Some("pending"),
            _ => None,
        };
        let query = json!({
            "state": state,
            "target": self.target,
            "event": self.event,
            "before": self.before,
            "limit": self.limit,
        });
        let rows = context.call("outbox.list", query)?;
        if context.json {
            print_json(&rows);
            return Ok(());
        }
        print_table(
            &[
                ("EVENT", "event"),
                ("TARGET", "target"),
                ("TYPE", "kind"),
                ("CONTRACT", "contract"),
                ("TIME", "at"),
                ("STATE", "state"),
                ("ATTEMPTS", "attempts"),
                ("NEXT OR OVER", "next_at"),
                ("ERROR", "error"),
            ],
            &rows,
        );
        Ok(())
    }
}

pub(super) const TARGET_COLUMNS: &[(&str, &str)] = &[
    ("TARGET", "target"),
    ("PENDING", "pending"),
    ("OLDEST, S", "oldest_seconds"),
    ("FAILED", "failed"),
    ("DISABLED", "disabled"),
];

fn targets(context: &Context) -> CliResult {
    let rows = context.call("outbox.targets", json!({}))?;
    if context.json {
        print_json(&rows);
    } else {
        print_table(TARGET_COLUMNS, &rows);
    }
    Ok(())
}

impl Choice {
    fn run(&self, context: &Context, method: &str, done: &str) -> CliResult {
        let choice = json!({ "event": self.event, "failed": self.failed, "target": self.target });
        let mut items = 0;
        // One request is about a bounded number of them.
        loop {
            let more = context.call(method, choice.clone())?["items"].as_u64().unwrap_or_default();
            items += more;
            if more == 0 || !self.failed {
                break;
            }
        }
        if context.json {
            print_json(&json!({ "items": items }));
        } else {
            println!("{items} {done}");
        }
        Ok(())
    }
}

impl Test {
    fn run(&self, context: &Context) -> CliResult {
        let sent = context.call("outbox.test", json!({ "target": self.name }))?;
        let until = Instant::now() + Duration::from_secs(self.wait);
        loop {
            let query = json!({ "event": sent["event"], "target": self.name });
            let mut rows = context.call("outbox.list", query)?;
            let item = rows.get_mut(0).map(Value::take).unwrap_or_default();
            let tried = item["attempts"].as_u64().is_some_and(|attempts| attempts > 0);
            if tried || Instant::now() >= until {
                return self.judge(context, &item);
            }
            std::thread::sleep(LOOK);
        }
    }

    fn judge(&self, context: &Context, item: &Value) -> CliResult {
        if context.json {
            print_json(item);
        }
        if item["state"] == "done" {
            if !context.json {
                println!("delivered to {}", self.name);
            }
            return Ok(());
        }
        let error = text(item.get("error"));
        let why = if error.is_empty() { format!("not tried within {} s", self.wait) } else { error };
        Err(CliError::failed(format!("not delivered to {}: {why}", self.name)))
    }
}

impl Switch {
    fn run(&self, context: &Context, method: &str, done: &str, unchanged: &str) -> CliResult {
        let answer = self.key.call(context, method, json!({ "target": self.name }))?;
        say(context, &answer, done, unchanged);
        Ok(())
    }
}
