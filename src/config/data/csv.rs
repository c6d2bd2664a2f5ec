//! Data files in CSV: a header of keys, then one row a line, as spreadsheets write them.

use super::columns::Kind;
use super::error::DataError;
use super::rows::{Rows, unknown_key};
use crate::config::error::{Fault, Origin, quoted};
use crate::config::tree::{Node, Source, Value};
use crate::model::DataFile;
use csv::{ReaderBuilder, StringRecord};
use encoding_rs::{Encoding, WINDOWS_1251};
use std::borrow::Cow;

/// Keys whose cells are taken as they stand; all others lose the white space around them.
const SECRETS: [&str; 4] = ["password", "secret", "nt-hash", "crypt"];

pub(super) fn parse(name: &str, kind: Kind, content: &[u8]) -> Result<DataFile, DataError> {
    let text = decoded(content);
    let source = Source::new(name, &text);
    let mut reader = ReaderBuilder::new()
        .delimiter(csv_delimiter(&text))
        .has_headers(false)
        .flexible(true)
        .from_reader(text.as_bytes());
    let mut rows = Rows::new();
    let mut header: Option<Vec<String>> = None;
    for record in reader.records() {
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                rows.faults.add("", "", Fault { at: Origin::whole(name), text: error.to_string() });
                break;
            }
        };
        let at = origin(&source, &text, &record);
        match &header {
            None => match read_header(kind, &record, &at, &mut rows) {
                Some(keys) => header = Some(keys),
                None => break,
            },
            Some(keys) => add_record(kind, keys, &record, &at, &mut rows),
        }
    }
    rows.finish()
}

/// The reader's position is before the blank lines (and the rest of a line end) that it then skips.
fn origin(source: &Source<'_>, text: &str, record: &StringRecord) -> Origin {
    let start =
        record.position().map_or(0, |position| usize::try_from(position.byte()).unwrap_or(usize::MAX));
    let rest = text.as_bytes().get(start..).unwrap_or_default();
    let skipped = rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    source.origin(start.saturating_add(skipped))
}

/// UTF-8 or UTF-16 by its byte order mark, UTF-8 where it is that, else Windows-1251 as Russian Excel writes it.
pub fn decoded(content: &[u8]) -> Cow<'_, str> {
    match (Encoding::for_bom(content), std::str::from_utf8(content)) {
        (Some(_), _) | (None, Err(_)) => WINDOWS_1251.decode(content).0,
        (None, Ok(text)) => Cow::Borrowed(text),
    }
}

/// The one of `;`, `,` and tab that the header holds most of.
pub fn csv_delimiter(text: &str) -> u8 {
    let header = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let count = |delimiter: &u8| header.bytes().filter(|b| b == delimiter).count();
    [b'\t', b';', b','].into_iter().max_by_key(count).unwrap_or(b',')
}

fn read_header(kind: Kind, record: &StringRecord, at: &Origin, rows: &mut Rows) -> Option<Vec<String>> {
    let keys: Vec<String> = record.iter().map(|cell| cell.trim().to_lowercase().replace('_', "-")).collect();
    let mut sound = true;
    for (index, key) in keys.iter().enumerate() {
        let text = if kind.check(key).is_none() {
            unknown_key(kind)
        } else if keys.iter().take(index).any(|earlier| earlier == key) {
            "this column stands in the header twice".to_owned()
        } else {
            continue;
        };
        sound = false;
        let shown = if key.is_empty() { format!("column {}", index + 1) } else { key.clone() };
        rows.faults.add("", &shown, Fault { at: at.clone(), text });
    }
    sound.then_some(keys)
}

fn add_record(kind: Kind, keys: &[String], record: &StringRecord, at: &Origin, rows: &mut Rows) {
    // Spreadsheets write the empty rows below a table as separators alone.
    if record.iter().all(|cell| cell.trim().is_empty()) {
        return;
    }
    if record.len() != keys.len() {
        let name = keys.iter().position(|key| key == kind.naming_key()).and_then(|index| record.get(index));
        let title = format!("{} {}", kind.word(), quoted(name.unwrap_or_default()));
        let text = format!("expected {} cells as in the header, found {}", keys.len(), record.len());
        rows.faults.add(&title, "", Fault { at: at.clone(), text });
        return;
    }
    let entries: Vec<(&str, Node)> = keys
        .iter()
        .zip(record)
        .map(|(key, cell)| (key.as_str(), if SECRETS.contains(&key.as_str()) { cell } else { cell.trim() }))
        .filter(|(_, cell)| !cell.is_empty())
        .map(|(key, cell)| (key, Node { at: at.clone(), value: Value::Text(cell.to_owned()) }))
        .collect();
    rows.add(kind, at, entries.iter().map(|(key, node)| (*key, node)), true);
}
