//! One table of the configuration while it is read: every key is taken once, what is left over is unknown.
//!
//! Faults are collected, so that one run of `headgate check` names them all; the value that is used in their
//! place is never seen, because a configuration with a fault is not handed out.

use super::allow::AllowList;
use super::error::{ConfigError, Fault, Origin};
use super::secret::SecretFiles;
use super::tree::{Node, Table, Value};
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

/// Listening addresses of one door.
const LISTEN_MAX: usize = 64;

static EMPTY: Table = Table::new();

pub(super) struct Section<'a> {
    name: String,
    table: &'a Table,
    /// Where it stands, if it is one of a list.
    at: Option<&'a Origin>,
    taken: Vec<&'static str>,
    errors: &'a mut Vec<ConfigError>,
    pub(super) secret_files: &'a SecretFiles,
}

impl<'a> Section<'a> {
    pub fn new(
        name: impl Into<String>,
        table: &'a Table,
        errors: &'a mut Vec<ConfigError>,
        secret_files: &'a SecretFiles,
    ) -> Section<'a> {
        Section { name: name.into(), table, at: None, taken: Vec::new(), errors, secret_files }
    }

    /// Puts what `read` makes of the key into `slot`; an absent key leaves it.
    pub fn value<T>(
        &mut self,
        key: &'static str,
        slot: &mut T,
        read: impl FnOnce(&Node) -> Result<T, Fault>,
    ) -> &mut Self {
        self.taken.push(key);
        match self.table.get(key).map(read) {
            None => {}
            Some(Ok(value)) => *slot = value,
            Some(Err(fault)) => self.fail(key, fault),
        }
        self
    }

    /// A text that `parse` understands; `what` says in words what is expected.
    pub fn parsed<T>(
        &mut self,
        key: &'static str,
        slot: &mut T,
        what: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> &mut Self {
        self.value(key, slot, |node| parse(node.text(what)?).ok_or_else(|| node.expected(what)))
    }

    pub fn number<T>(&mut self, key: &'static str, slot: &mut T, range: RangeInclusive<T>) -> &mut Self
    where
        T: TryFrom<i64> + PartialOrd + std::fmt::Display,
    {
        let what = format!("a number from {} to {}", range.start(), range.end());
        self.value(key, slot, |node| match node.value {
            Value::Integer(Some(number)) => {
                T::try_from(number).ok().filter(|n| range.contains(n)).ok_or_else(|| node.expected(&what))
            }
            _ => Err(node.expected(&what)),
        })
    }

    pub fn boolean(&mut self, key: &'static str, slot: &mut bool) -> &mut Self {
        self.value(key, slot, |node| match node.value {
            Value::Boolean(flag) => Ok(flag),
            _ => Err(node.expected("true or false")),
        })
    }

    /// One of a few words.
    pub fn word<T: Copy>(&mut self, key: &'static str, slot: &mut T, words: &[(&str, T)]) -> &mut Self {
        let known: Vec<String> = words.iter().map(|(word, _)| format!("{word:?}")).collect();
        let parse = |text: &str| words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        self.parsed(key, slot, &known.join(" or "), parse)
    }

    /// Addresses with ports; none closes the door.
    pub fn listen(&mut self, key: &'static str, slot: &mut Vec<SocketAddr>) -> &mut Self {
        const WHAT: &str = "a list of addresses with ports such as \"127.0.0.1:8082\" or \"[::1]:8082\"";
        self.value(key, slot, |node| {
            let items = node.list(WHAT)?;
            if items.len() > LISTEN_MAX {
                return Err(
                    node.fault(format!("expected at most {LISTEN_MAX} addresses, found {}", items.len()))
                );
            }
            let mut addresses: Vec<SocketAddr> = Vec::with_capacity(items.len());
            for item in items {
                let parsed = item.text(WHAT)?.parse().ok().filter(|a: &SocketAddr| a.port() != 0);
                let address = parsed.ok_or_else(|| item.expected(WHAT))?;
                if addresses.contains(&address) {
                    return Err(item.fault(format!("{address} stands here twice")));
                }
                addresses.push(address);
            }
            Ok(addresses)
        })
    }

    /// Addresses and prefixes in one text.
    pub fn allow(&mut self, key: &'static str, slot: &mut AllowList) -> &mut Self {
        const WHAT: &str = "addresses and prefixes separated by spaces, such as \"127.0.0.1 10.0.0.0/8\"";
        self.value(key, slot, |node| AllowList::parse(node.text(WHAT)?).map_err(|why| node.fault(why)))
    }

    pub fn path(&mut self, key: &'static str, slot: &mut PathBuf) -> &mut Self {
        self.parsed(key, slot, ABSOLUTE_PATH, absolute_path)
    }

    /// A key of the contract that this version does not serve: saying nothing would promise it.
    pub fn not_served(&mut self, key: &'static str) -> &mut Self {
        self.taken.push(key);
        if let Some(node) = self.table.get(key) {
            self.fail(key, node.fault("is not served by this version"));
        }
        self
    }

    /// The same for a door, which may be said to be closed.
    pub fn not_served_unless_empty(&mut self, key: &'static str) -> &mut Self {
        match self.table.get(key).map(|node| &node.value) {
            Some(Value::List(items)) if items.is_empty() => {
                self.taken.push(key);
                self
            }
            _ => self.not_served(key),
        }
    }

    /// A table inside this one; empty when it is absent or no table.
    pub fn inner(&mut self, key: &'static str) -> Section<'_> {
        self.taken.push(key);
        let name = format!("{}.{key}", self.name);
        let table = match self.table.get(key).map(|node| (node, &node.value)) {
            None => &EMPTY,
            Some((_, Value::Table(table) | Value::InlineTable(table))) => table,
            Some((node, _)) => {
                self.fail(key, node.expected("a table"));
                &EMPTY
            }
        };
        Section::new(name, table, self.errors, self.secret_files)
    }

    /// Each table of a list of tables (`[[section.key]]`), as `read` makes it; none when the key is absent.
    pub fn tables<T>(
        &mut self,
        key: &'static str,
        tables_max: usize,
        mut read: impl FnMut(&mut Section<'_>) -> T,
    ) -> Vec<T> {
        self.taken.push(key);
        let what = format!("tables [[{}.{key}]], at most {tables_max}", self.name);
        let items = match self.table.get(key).map(|node| (node, &node.value)) {
            None => return Vec::new(),
            Some((_, Value::List(items))) if items.len() <= tables_max => items.as_slice(),
            Some((node, _)) => {
                self.fail(key, node.expected(&what));
                return Vec::new();
            }
        };
        let mut values = Vec::with_capacity(items.len());
        for item in items {
            let (Value::Table(table) | Value::InlineTable(table)) = &item.value else {
                self.fail(key, item.expected(&what));
                continue;
            };
            let name = format!("{}.{key}", self.name);
            let mut section =
                Section { at: Some(&item.at), ..Section::new(name, table, self.errors, self.secret_files) };
            values.push(read(&mut section));
            section.finish();
        }
        values
    }

    /// Whether the key is there at all.
    pub fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// A key without a default, of a table that [`Section::tables`] reads.
    pub fn needed(&mut self, key: &'static str, what: &str) -> &mut Self {
        if let (Some(at), false) = (self.at, self.table.contains_key(key)) {
            self.fail(key, Fault { at: at.clone(), text: format!("expected {what}, found nothing") });
        }
        self
    }

    /// Says that a value which is fine by itself cannot be used.
    pub fn refuse(&mut self, key: &'static str, text: &str) {
        if let Some(node) = self.table.get(key) {
            self.fail(key, node.fault(text));
        }
    }

    /// Names every key that was not taken.
    pub fn finish(&mut self) {
        let table = self.table;
        let unknown = table.iter().filter(|(key, _)| !self.taken.contains(&key.as_str()));
        for (key, node) in unknown {
            let text = format!("unknown key; expected one of: {}", self.taken.join(", "));
            self.errors.push(ConfigError::new(&node.at, format!("{}.{key}", self.name), text));
        }
    }

    fn fail(&mut self, key: &str, fault: Fault) {
        self.errors.push(ConfigError::new(&fault.at, format!("{}.{key}", self.name), fault.text));
    }
}

pub(super) const ABSOLUTE_PATH: &str = "an absolute path such as \"/var/lib/headgate\"";

/// A path from the root, without NUL.
pub(super) fn absolute_path(text: &str) -> Option<PathBuf> {
    (Path::new(text).is_absolute() && !text.contains('\0')).then(|| PathBuf::from(text))
}
