//! The command line: one file per subcommand, over the control socket where a running server is asked.
//!
//! Exit codes: 0 done, 1 the thing asked for failed, 2 usage, 78 (EX_CONFIG) a configuration error.

mod api;
pub mod bench;
mod block;
mod books;
mod charge;
mod check;
mod client;
mod close_month;
mod correct;
mod cut;
mod demo;
mod enforce;
mod events;
mod find;
mod fw;
mod identities;
mod keyed;
mod ledger;
mod load;
mod logging;
mod namespaces;
mod nas_order;
mod objects;
mod operator;
mod outbox;
mod output;
mod password;
mod pay;
mod payments;
mod plan;
mod promise;
mod reconcile;
mod report;
mod serve;
mod service;
mod sessions;
mod statement;
mod status;
mod totals;
mod who_had;
mod why;

use crate::config::{Config, ConfigError};
use clap::{Parser, Subcommand};
use serde_json::Value;
use std::fmt;
use std::path::PathBuf;

/// RADIUS, billing and enforcement for internet providers.
#[derive(Parser)]
#[command(name = "headgate", version, propagate_version = true, arg_required_else_help = true)]
#[command(after_help = "WHO is a contract number, a login, a live or configured address, or a MAC.\n\
Exit codes: 0 done, 1 failed, 2 usage, 78 configuration error.")]
pub struct Cli {
    /// Configuration file; conf.d beside it is read too
    #[arg(long, global = true, value_name = "FILE", default_value = Config::DEFAULT_PATH)]
    config: PathBuf,
    /// Print JSON with stable keys
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// The daemon: RADIUS, APIs, captive page, billing
    Serve(serve::Serve),
    /// The enforcer: keeps this machine's nftables as a server's feed says
    Enforce(enforce::Enforce),
    /// A whole working system on loopback with sample data
    Demo(demo::Demo),
    /// Read the configuration with the daemon's own code and say what is wrong
    Check(check::Check),
    /// Load data files (TOML or CSV), all or nothing per file
    Load(load::Load),
    /// What this machine's kernel holds, against what it has to, and making it so
    #[command(subcommand)]
    Fw(fw::Fw),
    /// How the server is
    Status(status::Status),
    /// What happened lately that may have to be looked at: refused calls of payment operators
    Events(events::Events),
    /// Find subscribers by words in login, contract, name, phone, address, IP or MAC
    Find(find::Find),
    /// Why somebody is online or not: every check with its evidence
    Why(why::Why),
    /// Who had an address at a moment, behind source NAT too
    WhoHad(who_had::WhoHad),
    /// Open sessions
    Sessions(sessions::Sessions),
    /// End a subscriber's sessions (Disconnect to the NAS)
    Kick(nas_order::Kick),
    /// Tell the NAS a subscriber's speed and state again (CoA)
    Coa(nas_order::Coa),
    /// Make a login, contract, plan, access server or group
    #[command(subcommand)]
    Add(objects::Object),
    /// Change one; what is not given stays
    #[command(subcommand)]
    Set(objects::Object),
    /// End a login or a contract
    #[command(subcommand)]
    Close(objects::Close),
    /// Give a login another password
    Password(password::Password),
    /// Take a payment
    Pay(pay::Pay),
    /// Take money from an account
    Charge(charge::Charge),
    /// Take an operation back, once
    Reverse(correct::Reverse),
    /// Put a balance right
    Correct(correct::Correct),
    /// Pay money out to a subscriber
    Refund(correct::Refund),
    /// Move money between two contracts
    Transfer(correct::Transfer),
    /// Set the credit limit
    Credit(correct::Credit),
    /// Take a promised payment
    Promise(promise::Promise),
    /// Pause a subscriber at its own wish
    Pause(promise::Pause),
    /// End a pause
    Resume(promise::Resume),
    /// Change the plan of one subscriber or of many
    Plan(plan::Plan),
    /// Add or remove a service
    #[command(subcommand)]
    Service(service::Service),
    /// Sell a package of minutes, messages or traffic
    Package(service::Package),
    /// Give a discount on all fees
    Discount(service::Discount),
    /// Who is cut for money, and when
    #[command(subcommand)]
    Cut(cut::Cut),
    /// Let everybody through, or end it
    #[command(subcommand)]
    Panic(cut::Panic),
    /// From now on `load --set-balances` is refused
    GoLive(cut::GoLive),
    /// Block a subscriber
    Block(block::Block),
    /// End a block
    Unblock(block::Unblock),
    /// Postings of an account with the balance after each
    Ledger(ledger::Ledger),
    /// Check every invariant of the ledger
    Books(books::Books),
    /// Payments, newest first
    Payments(payments::Payments),
    /// An account's balances and postings of a period
    Statement(statement::Statement),
    /// Payments by operator and revenue by kind, day by day
    Totals(totals::Totals),
    /// Compare a payment operator's registry with our payments; exit 1 when they differ
    Reconcile(reconcile::Reconcile),
    /// Lock a month and make one numbered act per account
    CloseMonth(close_month::CloseMonth),
    /// Acts of a closed month
    Acts(close_month::Acts),
    /// People and programs who may call the server's doors
    #[command(subcommand)]
    Operator(operator::Operator),
    /// Roles: named sets of rights
    #[command(subcommand)]
    Role(operator::Role),
    /// The methods of /rpc: an OpenRPC document
    Api(api::Api),
    /// Events for webhooks and commands: what waits, what failed, and again
    #[command(subcommand)]
    Outbox(outbox::Outbox),
    /// The load generators that the published figures were made with
    #[command(subcommand)]
    Bench(bench::BenchCommand),
}

/// What every subcommand gets.
pub(crate) struct Context {
    pub config_path: PathBuf,
    pub json: bool,
}

/// Why a command ends without success.
#[derive(Debug)]
pub(crate) enum CliError {
    /// Exit 1.
    Failed(String),
    /// Exit 78, one line each.
    Config(Vec<ConfigError>),
    /// Exit 78: a value of the configuration that only shows itself as impossible when it is used.
    Settings(String),
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CliError::Failed(text) | CliError::Settings(text) => write!(f, "headgate: {text}"),
            CliError::Config(errors) => {
                let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
                f.write_str(&lines.join("\n"))
            }
        }
    }
}

impl CliError {
    pub fn failed(text: impl fmt::Display) -> CliError {
        CliError::Failed(text.to_string())
    }

    fn exit_code(&self) -> u8 {
        match self {
            CliError::Failed(_) => 1,
            CliError::Config(_) | CliError::Settings(_) => 78,
        }
    }
}

pub(crate) type CliResult = Result<(), CliError>;

impl Context {
    /// The configuration with its secrets, for daemons.
    pub fn config(&self) -> Result<Config, CliError> {
        Config::load(&self.config_path).map_err(CliError::Config)
    }

    /// The configuration for finding the store and the control socket; secret files need not be readable.
    pub fn config_public(&self) -> Result<Config, CliError> {
        Config::load_without_secret_files(&self.config_path).map_err(CliError::Config)
    }

    /// Calls a method of the running server.
    pub fn call(&self, method: &str, params: Value) -> Result<Value, CliError> {
        let config = self.config_public()?;
        client::call(&config.server.control_socket, method, params)
    }
}

/// Parses the command line, runs it and gives the exit code.
pub fn run() -> u8 {
    let cli = Cli::parse();
    let context = Context { config_path: cli.config, json: cli.json };
    if cli.command.only_prints() {
        end_on_broken_pipe();
    }
    let result = match &cli.command {
        Command::Serve(command) => command.run(&context),
        Command::Enforce(command) => command.run(&context),
        Command::Demo(command) => command.run(&context),
        Command::Check(command) => command.run(&context),
        Command::Load(command) => command.run(&context),
        Command::Fw(command) => command.run(&context),
        Command::Status(command) => command.run(&context),
        Command::Events(command) => command.run(&context),
        Command::Find(command) => command.run(&context),
        Command::Why(command) => command.run(&context),
        Command::WhoHad(command) => command.run(&context),
        Command::Sessions(command) => command.run(&context),
        Command::Kick(command) => command.run(&context),
        Command::Coa(command) => command.run(&context),
        Command::Add(command) => command.add(&context),
        Command::Set(command) => command.set(&context),
        Command::Close(command) => command.run(&context),
        Command::Password(command) => command.run(&context),
        Command::Pay(command) => command.run(&context),
        Command::Charge(command) => command.run(&context),
        Command::Reverse(command) => command.run(&context),
        Command::Correct(command) => command.run(&context),
        Command::Refund(command) => command.run(&context),
        Command::Transfer(command) => command.run(&context),
        Command::Credit(command) => command.run(&context),
        Command::Promise(command) => command.run(&context),
        Command::Pause(command) => command.run(&context),
        Command::Resume(command) => command.run(&context),
        Command::Plan(command) => command.run(&context),
        Command::Service(command) => command.run(&context),
        Command::Package(command) => command.run(&context),
        Command::Discount(command) => command.run(&context),
        Command::Cut(command) => command.run(&context),
        Command::Panic(command) => command.run(&context),
        Command::GoLive(command) => command.run(&context),
        Command::Block(command) => command.run(&context),
        Command::Unblock(command) => command.run(&context),
        Command::Ledger(command) => command.run(&context),
        Command::Books(command) => command.run(&context),
        Command::Payments(command) => command.run(&context),
        Command::Statement(command) => command.run(&context),
        Command::Totals(command) => command.run(&context),
        Command::Reconcile(command) => command.run(&context),
        Command::CloseMonth(command) => command.run(&context),
        Command::Acts(command) => command.run(&context),
        Command::Operator(command) => command.run(&context),
        Command::Role(command) => command.run(&context),
        Command::Api(command) => command.run(&context),
        Command::Outbox(command) => command.run(&context),
        Command::Bench(command) => return bench::run(command),
    };
    match result {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("{error}");
            error.exit_code()
        }
    }
}

impl Command {
    /// Whether nothing is left undone when the reader of what it prints has gone. Daemons and load generators go on,
    /// and take their processes and directories away themselves.
    fn only_prints(&self) -> bool {
        !matches!(self, Command::Serve(_) | Command::Enforce(_) | Command::Demo(_) | Command::Bench(_))
    }
}

/// Lets SIGPIPE end the process quietly, as `| head` expects; Rust's start ignores it, and printing panics instead.
fn end_on_broken_pipe() {
    // SAFETY: sets a default disposition before any thread is started.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
}

/// The command line's grammar, for man pages and completions.
pub fn command() -> clap::Command {
    use clap::CommandFactory;
    Cli::command()
}
