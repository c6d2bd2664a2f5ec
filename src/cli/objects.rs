//! `headgate add|set subscriber|account|plan|nas|group NAME KEY=VALUE...` and `headgate close subscriber|account WHO`

use super::keyed::{Key, say};
use super::output::{print_json, text};
use super::{CliError, CliResult, Context};
use crate::config::data;
use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};
use std::io::BufRead;

#[derive(Subcommand)]
pub(super) enum Object {
    /// A login, named by it
    Subscriber(Row),
    /// A contract, named by its number
    Account(Row),
    /// A plan
    Plan(Row),
    /// An access server
    Nas(Row),
    /// A group of contracts and logins
    Group(Row),
}

#[derive(Args)]
pub(super) struct Row {
    /// Login, contract number or name
    name: String,
    /// Keys of the data files, like plan=home-20 or "name=Иванов Иван"; with nothing after = it is emptied
    #[arg(value_name = "KEY=VALUE")]
    values: Vec<String>,
    /// Read the password of a subscriber or the secret of an access server from standard input, one line
    #[arg(long)]
    secret_stdin: bool,
    #[command(flatten)]
    key: Key,
}

#[derive(Subcommand)]
pub(super) enum Close {
    /// No access from now on; its addresses are free, its history stays
    Subscriber(Closed),
    /// A contract without money and without an open login
    Account(Closed),
}

#[derive(Args)]
pub(super) struct Closed {
    /// Contract number, login, address or MAC
    who: String,
    #[command(flatten)]
    key: Key,
}

/// Keys that would stand in the list of processes and in the shell's history.
const SECRETS: [&str; 4] = ["password", "nt-hash", "crypt", "secret"];

impl Object {
    /// Makes it.
    pub fn add(&self, context: &Context) -> CliResult {
        self.call(context, "add")
    }

    /// Changes it.
    pub fn set(&self, context: &Context) -> CliResult {
        self.call(context, "set")
    }

    fn call(&self, context: &Context, verb: &str) -> CliResult {
        let (kind, naming, secret, row) = match self {
            Object::Subscriber(row) => ("subscriber", "login", Some("password"), row),
            Object::Account(row) => ("account", "contract", None, row),
            Object::Plan(row) => ("plan", "name", None, row),
            Object::Nas(row) => ("nas", "name", Some("secret"), row),
            Object::Group(row) => ("group", "name", None, row),
        };
        let mut params = read(kind, naming, row)?;
        if row.secret_stdin {
            let Some(secret) = secret else {
                return Err(CliError::failed(format!("a {kind} has no secret")));
            };
            params.insert(secret.to_owned(), line_of_stdin()?.into());
        }
        let answer = row.key.call(context, &format!("{kind}.{verb}"), Value::Object(params))?;
        if context.json {
            print_json(&answer);
        } else {
            println!("{kind} {}: {}", text(answer.get("name")), text(answer.get("effect")));
        }
        Ok(())
    }
}

impl Close {
    pub fn run(&self, context: &Context) -> CliResult {
        let (method, closed) = match self {
            Close::Subscriber(closed) => ("subscriber.close", closed),
            Close::Account(closed) => ("account.close", closed),
        };
        let answer = closed.key.call(context, method, json!({ "who": closed.who }))?;
        say(context, &answer, "closed", "was closed already");
        Ok(())
    }
}

/// The members of a row as the methods take them. What is written is checked as a data file is.
fn read(kind: &str, naming: &str, row: &Row) -> Result<Map<String, Value>, CliError> {
    let (mut keys, mut cells, mut emptied) = (vec![naming.to_owned()], vec![row.name.clone()], Vec::new());
    for given in &row.values {
        let Some((key, value)) = given.split_once('=') else {
            return Err(CliError::failed(format!("{given:?}: expected KEY=VALUE")));
        };
        let key = key.trim().to_lowercase().replace('_', "-");
        if SECRETS.contains(&key.as_str()) {
            let text =
                format!("{key}: arguments are seen by everybody on the machine; expected --secret-stdin");
            return Err(CliError::failed(text));
        }
        if value.is_empty() {
            emptied.push(key);
        } else {
            keys.push(key);
            cells.push(value.to_owned());
        }
    }
    let mut csv = csv::Writer::from_writer(Vec::new());
    csv.write_record(&keys).and_then(|()| csv.write_record(&cells)).map_err(CliError::failed)?;
    let content = csv.into_inner().map_err(CliError::failed)?;
    let file = data::parse(&format!("{kind}.csv"), &content)
        .map_err(|error| CliError::failed(plain(kind, &error.to_string())))?;
    let mut rows = serde_json::to_value(file).map_err(CliError::failed)?;
    let Value::Object(members) = rows[kind][0].take() else {
        return Err(CliError::failed("nothing was given"));
    };
    let given = members.into_iter().filter(|(_, value)| !value.is_null());
    Ok(given.chain(emptied.into_iter().map(|key| (key, Value::from("")))).collect())
}

/// Faults without the place in a file that nobody wrote.
fn plain(kind: &str, faults: &str) -> String {
    let place = format!("{kind}.csv:");
    let strip = |line: &str| match line.strip_prefix(&place).and_then(|rest| rest.split_once(": ")) {
        Some((_, rest)) => rest.to_owned(),
        None => line.to_owned(),
    };
    faults.lines().map(strip).collect::<Vec<_>>().join("\n")
}

/// The first line of standard input, without its end.
pub(super) fn line_of_stdin() -> Result<String, CliError> {
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).map_err(CliError::failed)?;
    let line = line.trim_end_matches(['\r', '\n']);
    if line.is_empty() {
        return Err(CliError::failed("standard input: expected a line with the secret"));
    }
    Ok(line.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(kind: &str, naming: &str, name: &str, values: &[&str]) -> Result<Value, String> {
        let row = Row {
            name: name.into(),
            values: values.iter().map(|value| (*value).to_owned()).collect(),
            secret_stdin: false,
            key: Key { key: None },
        };
        read(kind, naming, &row).map(Value::Object).map_err(|error| error.to_string())
    }

    #[test]
    fn arguments_are_read_as_cells_of_a_data_file() {
        let given =
            ["plan=home-20", "name=Иванов, Иван \"младший\"", "blocked=true", "mac=", "sessions_max=2"];
        let wanted = json!({
            "login": "ivanov", "plan": "home-20", "name": "Иванов, Иван \"младший\"", "blocked": true, "mac": "",
            "sessions-max": 2,
        });
        assert_eq!(members("subscriber", "login", "ivanov", &given), Ok(wanted));
        assert_eq!(
            members("plan", "name", "home", &["fee=1,50"]),
            Ok(json!({ "name": "home", "fee": "1.50" }))
        );
    }

    #[test]
    fn what_cannot_be_is_refused_with_what_was_expected_and_secrets_are_no_arguments() {
        for (values, said) in [
            (["home-20"], "expected KEY=VALUE"),
            (["colour=red"], "colour"),
            (["sessions-max=many"], "sessions-max: expected"),
            (["password=secret"], "expected --secret-stdin"),
        ] {
            let error = members("subscriber", "login", "ivanov", &values).unwrap_err();
            assert!(error.contains(said) && !error.contains("csv"), "{error}");
        }
    }
}
