//! What commands print: tables for people, JSON for programs.

use comfy_table::{Table, presets};
use serde_json::Value;

/// Prints JSON, indented, with a newline.
pub(crate) fn print_json(value: &Value) {
    println!("{value:#}");
}

/// Prints rows under headings, columns as wide as they need to be. Keys name the members of each row.
pub(crate) fn print_table(headings: &[(&str, &str)], rows: &Value) {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(headings.iter().map(|(title, _)| *title));
    for row in rows.as_array().into_iter().flatten() {
        table.add_row(headings.iter().map(|(_, key)| text(row.get(key))));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    for line in table.to_string().lines() {
        println!("{}", line.trim_end());
    }
}

/// One member as text: true shows as `yes`, false as nothing.
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
