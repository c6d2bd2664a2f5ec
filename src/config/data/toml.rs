//! Data files in TOML: lists of tables by kind.

use super::columns::Kind;
use super::error::{DataError, Faults};
use super::rows::Rows;
use crate::config::error::{Fault, Origin};
use crate::config::tree::{Source, Value};
use crate::model::DataFile;
use toml::de::DeValue;

const BYTE_ORDER_MARK: char = '\u{feff}';

pub(super) fn parse(name: &str, content: &[u8]) -> Result<DataFile, DataError> {
    let whole_file = |text: String| {
        let mut faults = Faults::default();
        faults.add("", "", Fault { at: Origin::whole(name), text });
        faults.into_result(DataFile::default())
    };
    let Ok(text) = std::str::from_utf8(content) else {
        return whole_file("expected UTF-8 text".to_owned());
    };
    let source = Source::new(name, text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text));
    let mut rows = Rows::new();
    let document = match source.parse() {
        Ok(document) => document,
        Err(errors) => {
            for error in errors {
                let at = Origin { file: name.into(), line: error.line };
                rows.faults.add("", "", Fault { at, text: error.text });
            }
            return rows.finish();
        }
    };
    for (key, value) in &document {
        let at = source.origin(key.span().start);
        let kind = Kind::ALL.into_iter().find(|kind| kind.word() == key.get_ref().as_ref());
        match (kind, value.get_ref()) {
            (Some(kind), DeValue::Array(items)) => {
                for item in items.iter() {
                    let row = source.node(item);
                    match &row.value {
                        Value::Table(table) | Value::InlineTable(table) => {
                            rows.add(
                                kind,
                                &row.at,
                                table.iter().map(|(key, node)| (key.as_str(), node)),
                                false,
                            );
                        }
                        _ => rows.faults.add(kind.word(), "", row.expected("a table of keys")),
                    }
                }
            }
            (Some(kind), _) => {
                let text = format!("expected rows that begin with [[{}]]", kind.word());
                rows.faults.add("", kind.word(), Fault { at, text });
            }
            (None, _) => {
                let text =
                    format!("unknown table; expected one of: {}", Kind::ALL.map(Kind::word).join(", "));
                rows.faults.add("", key.get_ref(), Fault { at, text });
            }
        }
    }
    rows.finish()
}
