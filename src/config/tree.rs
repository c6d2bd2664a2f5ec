//! TOML as a tree in which every value remembers its file and line, so that errors can name them after
//! several files were merged.

use super::error::{ConfigError, Fault, Origin, quoted};
use std::collections::BTreeMap;
use std::sync::Arc;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Syntax errors reported for one file.
const SYNTAX_ERRORS_MAX: usize = 10;

pub(crate) type Table = BTreeMap<String, Node>;

/// A value and its place.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub at: Origin,
    pub value: Value,
}

#[derive(Clone, Debug)]
pub(crate) enum Value {
    Text(String),
    /// None: outside the range of 64 bits.
    Integer(Option<i64>),
    /// As it was written, without underscores: no binary fraction comes near money.
    Decimal(String),
    Boolean(bool),
    Date(String),
    List(Vec<Node>),
    Table(Table),
    /// `{ ... }` on one line: one value, which a later file replaces as a whole.
    InlineTable(Table),
}

impl Node {
    /// `expected a number, found "soon"`.
    pub fn expected(&self, what: &str) -> Fault {
        self.fault(format!("expected {what}, found {}", self.describe()))
    }

    /// The same for a secret: what kind of value was found, never which.
    pub fn expected_secret(&self, what: &str) -> Fault {
        self.fault(format!("expected {what}, found {}", self.kind()))
    }

    pub fn fault(&self, text: impl Into<String>) -> Fault {
        Fault { at: self.at.clone(), text: text.into() }
    }

    pub fn text(&self, what: &str) -> Result<&str, Fault> {
        match &self.value {
            Value::Text(text) => Ok(text),
            _ => Err(self.expected(what)),
        }
    }

    pub fn list(&self, what: &str) -> Result<&[Node], Fault> {
        match &self.value {
            Value::List(items) => Ok(items),
            _ => Err(self.expected(what)),
        }
    }

    fn describe(&self) -> String {
        match &self.value {
            Value::Text(text) => quoted(text),
            Value::Integer(Some(number)) => number.to_string(),
            Value::Integer(None) => "a number that is too large".to_owned(),
            Value::Decimal(text) | Value::Date(text) => text.clone(),
            Value::Boolean(flag) => flag.to_string(),
            Value::List(_) | Value::Table(_) | Value::InlineTable(_) => self.kind().to_owned(),
        }
    }

    fn kind(&self) -> &'static str {
        match self.value {
            Value::Text(_) => "a text",
            Value::Integer(_) | Value::Decimal(_) => "a number without quotes",
            Value::Boolean(_) => "true or false without quotes",
            Value::Date(_) => "a date without quotes",
            Value::List(_) => "a list",
            Value::Table(_) | Value::InlineTable(_) => "a table",
        }
    }
}

/// The text of one file and where its lines begin.
pub(crate) struct Source<'a> {
    file: Arc<str>,
    text: &'a str,
    line_starts: Vec<usize>,
}

impl<'a> Source<'a> {
    pub fn new(file: &str, text: &'a str) -> Source<'a> {
        let line_starts = text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(i, _)| i + 1).collect();
        Source { file: file.into(), text, line_starts }
    }

    /// The document, or every syntax error with its line.
    pub fn parse(&self) -> Result<DeTable<'a>, Vec<ConfigError>> {
        let (document, errors) = DeTable::parse_recoverable(self.text);
        if errors.is_empty() {
            return Ok(document.into_inner());
        }
        // Only the message: toml's own display repeats the line, which may hold a secret.
        let error = |e: &toml::de::Error| {
            ConfigError::new(
                &self.origin(e.span().map_or(0, |s| s.start)),
                "",
                format!("not TOML: {}", e.message()),
            )
        };
        Err(errors.iter().take(SYNTAX_ERRORS_MAX).map(error).collect())
    }

    /// The place of the byte at `offset`.
    pub fn origin(&self, offset: usize) -> Origin {
        Origin {
            file: Arc::clone(&self.file),
            line: self.line_starts.partition_point(|start| *start <= offset) + 1,
        }
    }

    pub fn node(&self, value: &Spanned<DeValue<'_>>) -> Node {
        let start = value.span().start;
        let converted = match value.get_ref() {
            DeValue::String(text) => Value::Text(text.to_string()),
            DeValue::Integer(number) => {
                Value::Integer(i64::from_str_radix(number.as_str(), number.radix()).ok())
            }
            DeValue::Float(number) => Value::Decimal(number.as_str().to_owned()),
            DeValue::Boolean(flag) => Value::Boolean(*flag),
            DeValue::Datetime(date) => Value::Date(date.to_string()),
            DeValue::Array(items) => Value::List(items.iter().map(|item| self.node(item)).collect()),
            DeValue::Table(table) if self.text.as_bytes().get(start) == Some(&b'{') => {
                Value::InlineTable(self.table(table))
            }
            DeValue::Table(table) => Value::Table(self.table(table)),
        };
        Node { at: self.origin(start), value: converted }
    }

    pub fn table(&self, table: &DeTable<'_>) -> Table {
        let entry = |(key, value): (&Spanned<_>, &Spanned<DeValue<'_>>)| {
            let key: &Spanned<std::borrow::Cow<'_, str>> = key;
            let mut node = self.node(value);
            // A key's own line is where a reader looks for it; a value may begin further down.
            node.at = self.origin(key.span().start);
            (key.get_ref().to_string(), node)
        };
        table.iter().map(entry).collect()
    }
}

/// Adds the keys of `later` to `base`, or puts them in place of those that are there.
pub(crate) fn merge(base: &mut Table, later: Table) {
    for (key, node) in later {
        match (base.get_mut(&key), node) {
            (Some(Node { value: Value::Table(old), .. }), Node { value: Value::Table(new), .. }) => {
                merge(old, new)
            }
            (_, node) => {
                base.insert(key, node);
            }
        }
    }
}
