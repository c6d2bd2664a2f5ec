//! What commands print: tables for people, JSON for programs.

use comfy_table::{Attribute, Cell, ContentArrangement, Table, presets};
use serde_json::Value;
use std::io::IsTerminal;

/// Prints JSON, indented, with a newline.
pub(crate) fn print_json(value: &Value) {
    println!("{value:#}");
}

/// Prints rows under headings. Keys name the members of each row; true shows as `yes`, false as nothing.
pub(crate) fn print_table(headings: &[(&str, &str)], rows: &Value) {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    if std::io::stdout().is_terminal() {
        table.set_content_arrangement(ContentArrangement::Dynamic);
    }
    table.set_header(headings.iter().map(|(title, _)| Cell::new(title).add_attribute(Attribute::Bold)));
    for row in rows.as_array().into_iter().flatten() {
        table.add_row(headings.iter().map(|(_, key)| text(row.get(key))));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    for line in table.lines() {
        println!("{}", line.trim_end());
    }
}

/// One member as text.
pub(crate) fn text(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null | Value::Bool(false)) => String::new(),
        Some(Value::Bool(true)) => "yes".into(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(values)) => {
            values.iter().map(|value| text(Some(value))).collect::<Vec<_>>().join(" ")
        }
        Some(value) => value.to_string(),
    }
}
