//! Reports as text, CSV or JSON.

use super::output::{print_json, print_table, text};
use super::{CliError, CliResult, Context};
use clap::ValueEnum;
use serde_json::Value;

/// How a report is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// A table for people
    Text,
    /// A header, then one row a line; UTF-8
    Csv,
    /// Stable keys, the same as --json
    Json,
}

/// What is printed of a row: heading for people, key of the member and of the CSV column.
pub(super) type Columns = [(&'static str, &'static str)];

impl Format {
    /// `--json` goes before `--format`.
    pub fn chosen(self, context: &Context) -> Format {
        if context.json { Format::Json } else { self }
    }

    /// Prints rows that are the whole of a report.
    pub fn print(self, columns: &Columns, rows: &Value) -> CliResult {
        match self {
            Format::Json => print_json(rows),
            Format::Text => print_table(columns, rows),
            Format::Csv => print_csv(columns, rows)?,
        }
        Ok(())
    }
}

/// Prints a header of keys and a line for each row.
pub(super) fn print_csv(columns: &Columns, rows: &Value) -> CliResult {
    let mut writer = csv::Writer::from_writer(std::io::stdout().lock());
    let failed = |error: csv::Error| CliError::failed(format!("the report cannot be written: {error}"));
    writer.write_record(columns.iter().map(|(_, key)| *key)).map_err(failed)?;
    for row in rows.as_array().into_iter().flatten() {
        let cells = columns.iter().map(|(_, key)| cell(row.get(key)));
        writer.write_record(cells).map_err(failed)?;
    }
    writer.flush().map_err(|error| CliError::failed(format!("the report cannot be written: {error}")))
}

/// As in a table, but a flag is `true` or `false`, which programs read.
fn cell(value: Option<&Value>) -> String {
    match value {
        Some(Value::Bool(flag)) => flag.to_string(),
        value => text(value),
    }
}
