//! `headgate events [--payments] [--follow]`

use super::output::{print_json, text};
use super::{CliResult, Context};
use clap::Args;
use serde_json::{Value, json};

/// How long one question of `--follow` waits.
const WAIT_SECONDS: u64 = 30;

/// Each event is one thing that was refused, with the reason and what to do about it. Events are kept in memory (the last
/// 1000); a restart of the server forgets them.
#[derive(Args)]
pub(super) struct Events {
    /// Only refused calls of payment operators
    #[arg(long)]
    payments: bool,
    /// Go on with what comes, until interrupted
    #[arg(long, short)]
    follow: bool,
    /// At most so many, the last ones
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=1000))]
    limit: u64,
}

impl Events {
    pub fn run(&self, context: &Context) -> CliResult {
        let kind = if self.payments { json!("payments") } else { Value::Null };
        let ask = |after: u64, wait: u64| {
            let query = json!({ "kind": kind, "after": after, "limit": self.limit, "wait_seconds": wait });
            context.call("events", query)
        };
        let events = ask(0, 0)?;
        if !self.follow && context.json {
            print_json(&events);
            return Ok(());
        }
        let mut last = self.show(context, &events, 0);
        if !self.follow {
            return Ok(());
        }
        loop {
            let events = ask(last, WAIT_SECONDS)?;
            last = self.show(context, &events, last);
        }
    }

    /// Prints them, one a line with `--json`; gives the number of the last one.
    fn show(&self, context: &Context, events: &Value, mut last: u64) -> u64 {
        for event in events.as_array().into_iter().flatten() {
            last = event["number"].as_u64().unwrap_or(last).max(last);
            if context.json {
                println!("{event}");
                continue;
            }
            let member = |name: &str| text(event.get(name));
            let operator = match member("operator") {
                none if none.is_empty() => "nobody's".to_owned(),
                operator => operator,
            };
            let times = match event["times"].as_u64() {
                Some(times) if times > 1 => format!(" ({times} times)"),
                _ => String::new(),
            };
            println!(
                "{}  {operator} from {}: {}: {}, {}{times}",
                member("time"),
                member("source"),
                member("asked"),
                member("result"),
                member("answer")
            );
            println!("{:21}-> {}", "", member("text"));
        }
        last
    }
}
