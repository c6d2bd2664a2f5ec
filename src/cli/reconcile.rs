//! `headgate reconcile FILE --operator CODE`: exit 1 when something differs.

use super::output::{print_json, print_table, text};
use super::report::{Columns, Format, print_csv};
use super::{CliError, CliResult, Context};
use crate::config::data;
use crate::model::Day;
use clap::Args;
use serde_json::{Value, json};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// A million payments are about 100 MB.
const FILE_OCTETS_MAX: u64 = 512 << 20;

const COLUMNS: &Columns = &[
    ("LINE", "line"),
    ("DIFFERS", "differs"),
    ("ID", "id"),
    ("OPERATION", "op_id"),
    ("THEIR SUM", "their_sum"),
    ("OUR SUM", "our_sum"),
    ("THEIR ACCOUNT", "their_account"),
    ("OUR ACCOUNT", "our_account"),
    ("THEIR DAY", "their_day"),
    ("OUR TIME", "our_time"),
];

#[derive(Args)]
pub(super) struct Reconcile {
    /// The operator's registry: CSV with `;`, `,` or tab, in UTF-8 or Windows-1251
    file: PathBuf,
    /// Code of the payment operator
    #[arg(long, value_name = "CODE")]
    operator: String,
    /// First day of our payments; without it the first that the registry has
    #[arg(long, value_name = "DAY")]
    from: Option<Day>,
    /// Last day of our payments
    #[arg(long, value_name = "DAY")]
    to: Option<Day>,
    /// Columns of a file without headings, counted from 1: id=1,sum=3,date=4,account=2 (op_id: our own number)
    #[arg(long, value_name = "NAME=N,...")]
    columns: Option<String>,
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

impl Reconcile {
    pub fn run(&self, context: &Context) -> CliResult {
        let content = read(&self.file)?;
        let params = json!({
            "operator": self.operator,
            "text": data::decoded(&content),
            "columns": self.columns,
            "from": self.from,
            "to": self.to,
        });
        let found = context.call("reconcile", params)?;
        match self.format.chosen(context) {
            Format::Json => print_json(&found),
            Format::Csv => {
                print_csv(COLUMNS, &found["differences"])?;
                eprint!("{}", bad_lines(&found));
            }
            Format::Text => print_found(&found),
        }
        match found["agrees"].as_bool() {
            Some(true) => Ok(()),
            _ => Err(CliError::failed("the registry and the ledger differ")),
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, CliError> {
    let failed = |text: String| CliError::failed(format!("{}: {text}", path.display()));
    let file = File::open(path).map_err(|error| failed(error.to_string()))?;
    let mut content = Vec::new();
    file.take(FILE_OCTETS_MAX + 1).read_to_end(&mut content).map_err(|error| failed(error.to_string()))?;
    if u64::try_from(content.len()).unwrap_or(u64::MAX) > FILE_OCTETS_MAX {
        return Err(failed(format!("expected a file of at most {FILE_OCTETS_MAX} octets")));
    }
    Ok(content)
}

fn bad_lines(found: &Value) -> String {
    let lines = found["bad_lines"].as_array().into_iter().flatten();
    let mut out: String =
        lines.map(|bad| format!("line {}: {}\n", text(bad.get("line")), text(bad.get("text")))).collect();
    if let Some(more) = found["more_bad_lines"].as_u64().filter(|more| *more > 0) {
        out.push_str(&format!("and {more} more lines that cannot be read\n"));
    }
    out
}

fn print_found(found: &Value) {
    let total = |name: &str| {
        let total = &found[name];
        format!("{} payments, {}", text(total.get("payments")), text(total.get("sum")))
    };
    let (from, to) = (text(found.get("from")), text(found.get("to")));
    println!("operator {}, {from} to {to}", text(found.get("operator")));
    println!("  theirs  {}\n  ours    {}\n  same    {}", total("theirs"), total("ours"), total("matched"));
    if found["differences"].as_array().is_some_and(|rows| !rows.is_empty()) {
        println!();
        print_table(COLUMNS, &found["differences"]);
    }
    if let Some(more) = found["more_differences"].as_u64().filter(|more| *more > 0) {
        println!("and {more} more");
    }
    let bad_lines = bad_lines(found);
    if !bad_lines.is_empty() {
        print!("\n{bad_lines}");
    }
}
