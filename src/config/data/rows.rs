//! Checked cells put together into rows.

use super::ROWS_MAX;
use super::columns::Kind;
use super::error::{DataError, Faults};
use crate::config::error::{Fault, Origin, quoted};
use crate::config::tree::{Node, Value};
use crate::model::DataFile;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Cell};
use std::collections::HashMap;

const RATES_AND_CEILS: [(&str, &str); 4] = [
    ("rate-in", "ceil-in"),
    ("rate-out", "ceil-out"),
    ("quota-rate-in", "quota-ceil-in"),
    ("quota-rate-out", "quota-ceil-out"),
];

/// The rows of one file while it is read.
pub(super) struct Rows {
    file: DataFile,
    pub faults: Faults,
    /// The line of each object, by kind and name.
    lines: HashMap<(Kind, String), usize>,
    count: usize,
}

impl Rows {
    pub fn new() -> Rows {
        Rows { file: DataFile::default(), faults: Faults::default(), lines: HashMap::new(), count: 0 }
    }

    /// Adds a row of keys and values, or its faults.
    pub fn add<'a>(
        &mut self,
        kind: Kind,
        at: &Origin,
        entries: impl Iterator<Item = (&'a str, &'a Node)> + Clone,
        from_csv: bool,
    ) {
        self.count += 1;
        let naming = entries.clone().find(|(key, _)| *key == kind.naming_key()).map(|(_, node)| &node.value);
        let title = match naming {
            Some(Value::Text(name)) => format!("{} {}", kind.word(), quoted(name)),
            _ => kind.word().to_owned(),
        };
        let mut cells = Map::new();
        let mut sound = true;
        for (key, node) in entries {
            let checked = match kind.check(key) {
                Some(check) => check.cell(node, from_csv),
                None => Err(node.fault(unknown_key(kind))),
            };
            match checked {
                Ok(cell) => drop(cells.insert(key.to_owned(), cell)),
                Err(fault) => {
                    sound = false;
                    self.faults.add(&title, key, fault);
                }
            }
        }
        if !sound {
            return;
        }
        match self.whole_row_fault(kind, at, &cells) {
            Some((key, text)) => self.faults.add(&title, key, Fault { at: at.clone(), text }),
            None => self.push(kind, at, &title, cells),
        }
    }

    pub fn finish(self) -> Result<DataFile, DataError> {
        self.faults.into_result(self.file)
    }

    /// Faults that only several cells together show.
    fn whole_row_fault(
        &mut self,
        kind: Kind,
        at: &Origin,
        cells: &Map<String, Cell>,
    ) -> Option<(&'static str, String)> {
        if self.count > ROWS_MAX {
            return Some(("", format!("expected at most {ROWS_MAX} rows in a file")));
        }
        let key = kind.naming_key();
        let Some(Cell::String(name)) = cells.get(key) else {
            return Some((key, "is missing; every row must have it".to_owned()));
        };
        if let Some(line) = self.lines.insert((kind, name.clone()), at.line) {
            return Some((key, format!("{} stands in line {line} already", quoted(name))));
        }
        let passwords = ["password", "nt-hash", "crypt"];
        let given = |key: &&str| matches!(cells.get(*key), Some(Cell::String(text)) if !text.is_empty());
        if passwords.iter().filter(|key| given(key)).count() > 1 {
            return Some((
                "password",
                "expected one of password, nt-hash and crypt, found several".to_owned(),
            ));
        }
        let number = |key: &str| cells.get(key).and_then(Cell::as_i64);
        for (rate, ceil) in RATES_AND_CEILS {
            if let (Some(guaranteed), Some(maximum)) = (number(rate), number(ceil))
                && maximum < guaranteed
            {
                return Some((
                    ceil,
                    format!("expected at least the {rate} of {guaranteed}, found {maximum}"),
                ));
            }
        }
        let text = |key: &str| cells.get(key).and_then(Cell::as_str).filter(|text| !text.is_empty());
        match (text("valid-from"), text("valid-until")) {
            (Some(from), Some(until)) if until < from => {
                Some(("valid-until", format!("expected a time after valid-from {from}, found {until}")))
            }
            _ => None,
        }
    }

    fn push(&mut self, kind: Kind, at: &Origin, title: &str, cells: Map<String, Cell>) {
        let result = match kind {
            Kind::Group => take(cells, &mut self.file.group),
            Kind::Plan => take(cells, &mut self.file.plan),
            Kind::Service => take(cells, &mut self.file.service),
            Kind::Package => take(cells, &mut self.file.package),
            Kind::Pool => take(cells, &mut self.file.pool),
            Kind::Nas => take(cells, &mut self.file.nas),
            Kind::Account => take(cells, &mut self.file.account),
            Kind::Subscriber => take(cells, &mut self.file.subscriber),
        };
        if let Err(text) = result {
            self.faults.add(title, "", Fault { at: at.clone(), text });
        }
    }
}

pub(super) fn unknown_key(kind: Kind) -> String {
    format!("unknown key; expected one of: {}", kind.keys().collect::<Vec<_>>().join(", "))
}

fn take<T: DeserializeOwned>(cells: Map<String, Cell>, rows: &mut Vec<T>) -> Result<(), String> {
    // The cells are checked, so that this fails only when the columns and the row disagree; the text of serde's
    // error could repeat a secret.
    let row = serde_json::from_value(Cell::Object(cells)).map_err(|_| "does not make a row".to_owned())?;
    rows.push(row);
    Ok(())
}
