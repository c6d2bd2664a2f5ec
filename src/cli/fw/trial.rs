//! `headgate fw apply --confirm`: the process on the terminal, and the one that outlives it.

use super::in_words;
use crate::cli::output::print_json;
use crate::cli::{CliError, CliResult, Context};
use crate::enforcement::Settings;
use crate::enforcement::desk::Done;
use crate::enforcement::trial::{Outcome, Trial, confirm};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::io::{BufRead, BufReader, IsTerminal, Write};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

/// What the guard tells whoever started it, a line each.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Told {
    Applied(Done),
    Confirmed { enforcer: bool },
    Reverted { resting: bool },
    Failed(String),
}

/// Starts the guard, shows what it tells and takes Enter from a terminal.
pub(super) fn run(context: &Context, seconds: u64, ports_only: bool) -> CliResult {
    let start = |error| CliError::failed(format!("the process that reverts cannot be started: {error}"));
    let program = std::env::current_exe().map_err(start)?;
    let mut command = Command::new(program);
    command.arg("--config").arg(&context.config_path).args(["fw", "apply", "--guard", "--seconds"]);
    command.arg(seconds.to_string()).args(ports_only.then_some("--ports-only"));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    // SAFETY: setsid(2) is safe between fork and exec; a child that was just forked leads no group.
    unsafe {
        command.pre_exec(|| match libc::setsid() {
            -1 => Err(std::io::Error::last_os_error()),
            _ => Ok(()),
        });
    }
    let mut guard = command.spawn().map_err(start)?;
    let output = guard.stdout.take().map(BufReader::new);
    for line in output.into_iter().flat_map(BufRead::lines).map_while(Result::ok) {
        match serde_json::from_str(&line) {
            Ok(Told::Applied(done)) => applied(context, &done, seconds),
            Ok(Told::Confirmed { enforcer }) => return end_confirmed(context, enforcer),
            Ok(Told::Reverted { resting }) => return Err(reverted(context, seconds, resting)),
            Ok(Told::Failed(text)) => return Err(CliError::failed(text)),
            Err(_) => {}
        }
    }
    Err(CliError::failed("the process that reverts has ended without a word"))
}

fn applied(context: &Context, done: &Done, seconds: u64) {
    // The state directory is found again by whoever confirms.
    let state_dir = context.config_public().map(|config| config.server.state_dir).ok();
    if !context.json {
        println!("{}", in_words(done));
        println!(
            "What was there before comes back in {seconds} s, unless you press Enter here or run \
             `headgate fw apply --confirmed`."
        );
    }
    if std::io::stdin().is_terminal() {
        std::thread::spawn(move || {
            let mut line = String::new();
            // The end of input is no confirmation: the terminal may be gone.
            if std::io::stdin().read_line(&mut line).is_ok_and(|length| length > 0)
                && let Some(state_dir) = state_dir
            {
                // The guard tells how it ends.
                let _ = confirm(&state_dir);
            }
        });
    }
}

fn end_confirmed(context: &Context, enforcer: bool) -> CliResult {
    if context.json {
        print_json(&json!({ "confirmed": true, "enforcer_restarted": enforcer }));
    } else {
        println!("confirmed");
        if enforcer {
            println!("the enforcer goes on with the new configuration");
        }
    }
    Ok(())
}

fn reverted(context: &Context, seconds: u64, resting: bool) -> CliError {
    if context.json {
        print_json(&json!({ "confirmed": false, "enforcer_resting": resting }));
    }
    let resting = if resting {
        "; the enforcer was started with what was not confirmed, and leaves the kernel alone until it is restarted"
    } else {
        ""
    };
    CliError::failed(format!(
        "not confirmed within {seconds} s: the table that was there before is back{resting}. Put {} right before the \
         enforcer is restarted",
        context.config_path.display()
    ))
}

/// Confirms from another session.
pub(super) fn confirmed(context: &Context, settings: &Settings) -> CliResult {
    if !confirm(&settings.state_dir)? {
        return Err(CliError::failed("nothing waits to be confirmed"));
    }
    if context.json {
        print_json(&json!({ "confirmed": true }));
    } else {
        println!("confirmed");
    }
    Ok(())
}

/// The guard: applies, waits and reverts, whatever becomes of the terminal.
pub(super) fn guard(settings: &Settings, seconds: u64) -> CliResult {
    for signal in [libc::SIGHUP, libc::SIGPIPE, libc::SIGINT] {
        // SAFETY: ignores a signal; no thread has been started.
        unsafe { libc::signal(signal, libc::SIG_IGN) };
    }
    let (trial, done) = match Trial::begin(settings, seconds) {
        Ok(begun) => begun,
        Err(error) => {
            tell(&Told::Failed(error.to_string()));
            return Err(error.into());
        }
    };
    tell(&Told::Applied(done));
    match trial.finish() {
        Ok(Outcome::Confirmed { enforcer }) => tell(&Told::Confirmed { enforcer }),
        Ok(Outcome::Reverted { resting }) => tell(&Told::Reverted { resting }),
        Err(error) => {
            tell(&Told::Failed(format!("the old table could not be put back: {error}")));
            return Err(error.into());
        }
    }
    Ok(())
}

/// Nobody may be left to read it.
fn tell(told: &Told) {
    if let Ok(line) = serde_json::to_string(told) {
        let mut out = std::io::stdout();
        let _ = writeln!(out, "{line}").and_then(|()| out.flush());
    }
}
