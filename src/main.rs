//! The `headgate` program.

fn main() {}
