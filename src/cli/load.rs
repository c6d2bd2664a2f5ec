//! `headgate load FILE...`: into the running server or, with none running, straight into the store.

use super::output::{print_json, print_table};
use super::{CliError, CliResult, Context, client, serve};
use crate::config::{Config, data};
use crate::model::*;
use crate::writer::Rejected;
use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Longest of the rating files, octets.
const RATING_OCTETS_MAX: u64 = 1 << 30;

#[derive(Args)]
pub(super) struct Load {
    /// TOML tables, or one CSV per kind (subscriber.csv, plan.csv, ...)
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// What is loaded: rows of our own, or a directory with ap.json, dest.json, tp.json and ub.json (rates,
    /// destinations, tariff plans, user budgets of the CGRateS dialect)
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    format: Format,
    /// Say what would change and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Post the difference to each balance given, for accounts that exist
    #[arg(long)]
    set_balances: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    #[default]
    Headgate,
    Cgrates,
}

/// What one argument of the command line holds.
enum Source {
    Rows(DataFile),
    Rating(RatingFiles),
}

impl Load {
    pub fn run(&self, context: &Context) -> CliResult {
        let config = context.config_public()?;
        let options = LoadOptions { dry_run: self.dry_run, set_balances: self.set_balances };
        let mut files = Vec::new();
        for path in &self.files {
            let source = match self.format {
                Format::Headgate => Source::Rows(data::read(path).map_err(CliError::failed)?),
                Format::Cgrates => Source::Rating(read_rating(path)?),
            };
            files.push((path.display().to_string(), source));
        }
        let target = Target::choose(&config)?;
        let mut results = Vec::new();
        for (name, file) in files {
            let loaded = target
                .load(file, options)
                .map_err(|error| CliError::failed(format!("{name}: nothing was loaded: {error}")))?;
            results.push(json!({ "file": name, "rows": loaded.rows, "dry_run": self.dry_run }));
        }
        print(context, &Value::Array(results), self.dry_run);
        Ok(())
    }
}

/// Where rows go.
enum Target<'a> {
    Server(&'a Config),
    Store(Box<serve::Ledger>),
}

impl<'a> Target<'a> {
    fn choose(config: &'a Config) -> Result<Target<'a>, CliError> {
        if client::is_running(&config.server.control_socket) {
            return Ok(Target::Server(config));
        }
        become_owner_of(&config.server.state_dir)?;
        serve::Ledger::open(config, "load").map(Box::new).map(Target::Store)
    }

    fn load(&self, source: Source, options: LoadOptions) -> Result<Loaded, String> {
        match self {
            Target::Server(config) => {
                let (method, params) = match source {
                    Source::Rows(file) => ("load", json!({ "file": file, "options": options })),
                    Source::Rating(files) => ("load_rating", json!({ "files": files, "options": options })),
                };
                let loaded = client::call(&config.server.control_socket, method, params)
                    .map_err(|error| error.to_string().trim_start_matches("headgate: ").to_owned())?;
                serde_json::from_value(loaded).map_err(|error| error.to_string())
            }
            Target::Store(ledger) => {
                let command = match source {
                    Source::Rows(file) => Command::Load { file: Box::new(file), options },
                    Source::Rating(files) => {
                        Command::Calls(CallCommand::Load { files: Box::new(files), options })
                    }
                };
                match ledger.writer.call_blocking(command, Actor("cli:load".into())) {
                    Ok(Outcome::Loaded(loaded)) => Ok(loaded),
                    Ok(_) => Err(Rejected::Unknown.to_string()),
                    Err(rejected) => Err(rejected.to_string()),
                }
            }
        }
    }
}

/// The four files of a directory, as far as they are there.
fn read_rating(dir: &Path) -> Result<RatingFiles, CliError> {
    let read = |name: &str| -> Result<Option<String>, CliError> {
        let path = dir.join(name);
        let failed = |why: String| CliError::failed(format!("{}: {why}", path.display()));
        match std::fs::metadata(&path) {
            Ok(metadata) if metadata.len() > RATING_OCTETS_MAX => {
                Err(failed(format!("longer than {RATING_OCTETS_MAX} octets")))
            }
            Ok(_) => std::fs::read_to_string(&path).map(Some).map_err(|why| failed(why.to_string())),
            Err(why) if why.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(why) => Err(failed(why.to_string())),
        }
    };
    let files = RatingFiles {
        rates: read("ap.json")?,
        destinations: read("dest.json")?,
        plans: read("tp.json")?,
        budgets: read("ub.json")?,
    };
    if files == RatingFiles::default() {
        let dir = dir.display();
        return Err(CliError::failed(format!(
            "{dir}: expected a directory with ap.json, dest.json, tp.json or ub.json"
        )));
    }
    Ok(files)
}

/// Root gives its rights up for those of the state directory's owner, so that the service can use what is written.
fn become_owner_of(state_dir: &Path) -> CliResult {
    let Ok(metadata) = std::fs::metadata(state_dir) else { return Ok(()) };
    // SAFETY: takes nothing, gives a number.
    if unsafe { libc::geteuid() } != 0 || metadata.uid() == 0 {
        return Ok(());
    }
    // SAFETY: numbers only; the group goes first, because afterwards there is no right to change it.
    let changed = unsafe { libc::setgid(metadata.gid()) == 0 && libc::setuid(metadata.uid()) == 0 };
    if changed {
        return Ok(());
    }
    let error = std::io::Error::last_os_error();
    Err(CliError::failed(format!("cannot become the owner of {}: {error}", state_dir.display())))
}

fn print(context: &Context, results: &Value, dry_run: bool) {
    if context.json {
        return print_json(results);
    }
    for result in results.as_array().into_iter().flatten() {
        let rows = result["rows"].as_array().map(Vec::as_slice).unwrap_or_default();
        let count = |effect: &str| rows.iter().filter(|row| row["effect"] == effect).count();
        println!(
            "{}: {} added, {} changed, {} unchanged{}",
            result["file"].as_str().unwrap_or_default(),
            count("added"),
            count("changed"),
            count("unchanged"),
            if dry_run { " (dry run: nothing was written)" } else { "" }
        );
        if dry_run {
            let changed: Vec<&Value> = rows.iter().filter(|row| row["effect"] != "unchanged").collect();
            print_table(&[("KIND", "kind"), ("NAME", "name"), ("EFFECT", "effect")], &json!(changed));
        }
    }
}
