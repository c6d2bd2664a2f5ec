//! `headgate fw`: what the kernel of this machine holds, against what it has to, and making it so.

mod show;
mod trial;

use super::enforce::settings;
use super::output::print_json;
use super::{CliError, CliResult, Context};
use crate::enforcement::desk::{Client, Done, Question, configuration, namespace};
use crate::enforcement::trial::SECONDS_MAX;
use crate::enforcement::{Settings, apply_saved, compare_saved, may_enforce};
use clap::{Args, Subcommand};
use serde_json::json;

#[derive(Subcommand)]
pub(super) enum Fw {
    /// What table inet headgate holds; of one address: mark, class, speed, counters
    Show(show::Show),
    /// What differs between the wanted state and the kernel; exit 1 when anything does
    Diff(Diff),
    /// Make the kernel as it is wanted, now
    Apply(Apply),
}

#[derive(Args)]
pub(super) struct Diff {
    /// As of an enforcer with --ports-only, when none runs
    #[arg(long)]
    ports_only: bool,
}

#[derive(Args)]
#[command(
    after_help = "--confirm is for a changed configuration that may lock you out: it is applied, and unless \
somebody presses Enter or runs `headgate fw apply --confirmed` in time, the table that was there before comes back, \
with or without a terminal."
)]
pub(super) struct Apply {
    /// Try FILE as it is now; what was there before comes back unless confirmed
    #[arg(long, conflicts_with = "confirmed")]
    confirm: bool,
    /// Confirm what is being tried, from any session
    #[arg(long)]
    confirmed: bool,
    /// With --confirm: how long it waits
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=SECONDS_MAX))]
    seconds: u64,
    /// As of an enforcer with --ports-only, when none runs
    #[arg(long)]
    ports_only: bool,
    /// The process that waits and reverts, started by --confirm
    #[arg(long, hide = true)]
    guard: bool,
}

impl Fw {
    pub fn run(&self, context: &Context) -> CliResult {
        match self {
            Fw::Show(show) => show.run(context),
            Fw::Diff(diff) => diff.run(context),
            Fw::Apply(apply) => apply.run(context),
        }
    }
}

impl Diff {
    fn run(&self, context: &Context) -> CliResult {
        may_enforce()?;
        let mut settings = settings(&context.config_public()?, self.ports_only);
        let difference = match Running::find(&mut settings)? {
            Some(mut running) => {
                running.refuse_another_configuration(context)?;
                running.client.ask(Question::Diff)?.difference.unwrap_or_default()
            }
            None => compare_saved(&settings)?,
        };
        let equal = difference.is_nothing();
        if context.json {
            let mut value = json!(difference);
            value["equal"] = equal.into();
            print_json(&value);
        } else if equal {
            println!("the kernel is as it is wanted");
        } else {
            print!("{difference}");
        }
        if equal { Ok(()) } else { Err(CliError::failed("the kernel is not as it is wanted")) }
    }
}

impl Apply {
    fn run(&self, context: &Context) -> CliResult {
        may_enforce()?;
        let mut settings = settings(&context.config_public()?, self.ports_only);
        if self.guard {
            Running::find(&mut settings)?;
            return trial::guard(&settings, self.seconds);
        }
        if self.confirmed {
            return trial::confirmed(context, &settings);
        }
        let running = Running::find(&mut settings)?;
        let done = match running {
            // With the configuration that is kept anyhow there is nothing to try.
            Some(running) if self.confirm && !running.differing.is_empty() => {
                return trial::run(context, self.seconds, self.ports_only);
            }
            None if self.confirm => return trial::run(context, self.seconds, self.ports_only),
            Some(mut running) => {
                running.refuse_another_configuration(context)?;
                running.client.ask(Question::Apply)?.done.unwrap_or_default()
            }
            None => apply_saved(&settings, false)?,
        };
        if context.json {
            print_json(&json!(done));
        } else {
            println!("{}", in_words(&done));
        }
        Ok(())
    }
}

fn in_words(done: &Done) -> String {
    let parts = [("table", &done.table), ("shaping", &done.classes)];
    let parts: Vec<String> =
        parts.iter().filter_map(|(what, done)| Some(format!("{what}: {}", done.as_ref()?))).collect();
    if parts.is_empty() { "nothing was to be done".to_owned() } else { parts.join("\n") }
}

/// The enforcer that runs on this machine.
struct Running {
    client: Client,
    pid: u32,
    /// Keys of the configuration that it was started with otherwise.
    differing: Vec<String>,
}

impl Running {
    /// None: none runs. `settings` become those of an enforcer that only guards ports, if it does.
    fn find(settings: &mut Settings) -> Result<Option<Running>, CliError> {
        let Some(mut client) = Client::connect(&settings.state_dir)? else { return Ok(None) };
        let status = client.status()?;
        if status.namespace != namespace() {
            return Err(CliError::failed(format!(
                "the enforcer (process {}) runs in another network namespace",
                status.pid
            )));
        }
        settings.ports_only |= status.ports_only;
        let ours = configuration(settings);
        let differs = |(key, value): (&String, &String)| {
            (status.configuration.get(key) != Some(value)).then(|| key.clone())
        };
        let differing = ours.iter().filter_map(differs).collect();
        Ok(Some(Running { client, pid: status.pid, differing }))
    }

    fn refuse_another_configuration(&self, context: &Context) -> CliResult {
        if self.differing.is_empty() {
            return Ok(());
        }
        Err(CliError::failed(format!(
            "the enforcer (process {}) was started with another configuration than {}: {}; restart it, or try the \
             new one with `headgate fw apply --confirm`",
            self.pid,
            context.config_path.display(),
            self.differing.join(", ")
        )))
    }
}
