//! The load generators that the published figures are made with: `headgate bench radius`, the UDP `echo` it is
//! compared with, and `suite` and `soak`, which start a server and load it.
//!
//! They are clients of a server, this one or another, and share no protocol code with it: packets, digests and
//! checks stand here a second time on purpose, so that an error in the server's own cannot hide in both.
//! Not for tests of single rules, and not for the wires of other people: the only targets are loopback and an
//! address that is named in so many words.

mod args;
mod calls;
mod crypto;
mod door_payments;
mod doors;
mod echo;
mod enforcement;
mod histogram;
mod mutate;
mod net;
mod payments;
mod process;
mod radius;
mod random;
mod reply;
mod report;
mod request;
mod soak;
mod subject;
mod suite;
mod worker;

#[cfg(test)]
mod tests;

pub use args::{EchoArgs, MessageAuthenticatorPlace, Mode, RadiusArgs};
pub use calls::{CallsArgs, CallsReport, calls};
pub use door_payments::{OperatorsArgs, OperatorsReport, operators};
pub use doors::{DoorsArgs, DoorsReport, doors};
pub use echo::{EchoReport, echo};
pub use enforcement::{EnforcementArgs, EnforcementReport, enforcement};
pub use mutate::{MutationReport, mutate};
pub use payments::{PaymentsArgs, PaymentsReport, payments};
pub use radius::radius;
pub use report::Report;
pub use soak::{SoakArgs, SoakReport, soak};
pub use suite::{SuiteArgs, SuiteReport, suite};

use clap::Subcommand;
use serde::Serialize;
use std::{fmt, io};

/// Load generators, and the runs that the published figures were made with
#[derive(Subcommand, Clone, Debug)]
pub enum BenchCommand {
    Radius(Box<RadiusArgs>),
    Echo(EchoArgs),
    Suite(SuiteArgs),
    Soak(SoakArgs),
    Payments(PaymentsArgs),
    Operators(OperatorsArgs),
    Calls(CallsArgs),
    Doors(DoorsArgs),
    Enforcement(EnforcementArgs),
}

/// Runs one generator and prints its result as a JSON line. Returns the exit code: 0, 1 when a reply broke a check,
/// nothing replied or the run failed, 2 for a usage error.
pub fn run(command: &BenchCommand) -> u8 {
    let result = match command {
        BenchCommand::Radius(args) if args.mutate.is_some() => {
            mutate(args).and_then(|report| print_json(&report, report.faults() == 0))
        }
        BenchCommand::Radius(args) => {
            radius(args).and_then(|report| print_json(&report, report.faults() == 0 && report.replies > 0))
        }
        BenchCommand::Echo(args) => echo(args).and_then(|report| print_json(&report, true)),
        BenchCommand::Suite(args) => suite(args).and_then(|report| {
            if args.json {
                return print_json(&report, report.faults() == 0);
            }
            suite::print(&report);
            Ok(report.faults() == 0)
        }),
        BenchCommand::Payments(args) => payments(args).and_then(|report| {
            if args.wants_json() {
                return print_json(&report, true);
            }
            payments::print(&report);
            Ok(true)
        }),
        BenchCommand::Operators(args) => operators(args).and_then(|report| {
            if args.wants_json() {
                return print_json(&report, true);
            }
            door_payments::print(&report);
            Ok(true)
        }),
        BenchCommand::Calls(args) => calls(args).and_then(|report| {
            if args.wants_json() {
                return print_json(&report, true);
            }
            calls::print(&report);
            Ok(true)
        }),
        BenchCommand::Doors(args) => doors(args).and_then(|report| {
            if args.wants_json() {
                return print_json(&report, true);
            }
            doors::print(&report);
            Ok(true)
        }),
        BenchCommand::Enforcement(args) => enforcement(args).and_then(|report| {
            if args.wants_json() {
                return print_json(&report, true);
            }
            enforcement::print(&report);
            Ok(true)
        }),
        BenchCommand::Soak(args) => {
            soak(args).and_then(|report| print_json(&report, report.findings.is_empty()))
        }
    };
    match result {
        Ok(holds) => u8::from(!holds),
        Err(error) => {
            eprintln!("headgate bench: {error}");
            error.exit_code()
        }
    }
}

/// Why a run gave no result.
#[derive(Debug)]
pub enum BenchError {
    /// The options were wrong: say it differently.
    Usage(String),
    /// The system or the server did not play along: look at it, then try again.
    Failed(String),
}

impl BenchError {
    pub fn exit_code(&self) -> u8 {
        match self {
            BenchError::Usage(_) => 2,
            BenchError::Failed(_) => 1,
        }
    }

    fn system(error: io::Error) -> BenchError {
        BenchError::Failed(error.to_string())
    }
}

impl fmt::Display for BenchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BenchError::Usage(text) | BenchError::Failed(text) => f.write_str(text.trim_end()),
        }
    }
}

impl std::error::Error for BenchError {}

fn print_json(report: &impl Serialize, holds: bool) -> Result<bool, BenchError> {
    let line = serde_json::to_string(report).map_err(|error| BenchError::Failed(error.to_string()))?;
    println!("{line}");
    Ok(holds)
}
