//! The `headgate` program.

use std::process::ExitCode;

/// The system's allocator costs a tenth of the ledger's time (docs/performance.md).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    ExitCode::from(headgate::cli::run())
}
