//! The `headgate` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(headgate::cli::run())
}
