//! The command line: one file or directory per subcommand.

pub mod bench;
