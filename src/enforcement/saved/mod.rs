//! The wanted state on disk, for a start with no server in reach.
//!
//! `enforce.state` holds the whole of it and is replaced in one step; `enforce.changes` holds what came since, appended
//! within a moment, so that an enforcer that is killed comes back with what it had last done. Both are text
//! ([`lines`]). Not here: what the state means ([`super::wanted`]).

mod lines;
mod saver;

pub use saver::Saver;

use super::lanes::Assign;
use super::wanted::{ADDRESSES_MAX, Entry, Scope, Wanted};
use crate::model::PortGuard;
use ipnet::IpNet;
use lines::{Line, Reader};
use rustc_hash::FxHashMap;
use std::fs::File;
use std::io;
use std::net::IpAddr;
use std::path::Path;

const STATE_NAME: &str = "enforce.state";
const CHANGES_NAME: &str = "enforce.changes";

/// What a saved state was made for; another one is of no use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Purpose {
    pub nas: Option<IpAddr>,
    pub scope: Scope,
}

/// Which changes belong to which state: those of its line that are numbered above its own number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Stamp {
    line: u64,
    number: u64,
}

/// A state as it was read.
#[derive(Debug, Default, PartialEq)]
struct Saved {
    stamp: Stamp,
    cursor: String,
    entries: FxHashMap<IpNet, Entry>,
    ports: Vec<PortGuard>,
    walled: Vec<IpNet>,
}

/// Loads the saved state, with the number of its last change. None: there is none, or none of use (the log says why).
pub fn load(directory: &Path, purpose: &Purpose, assign: &mut dyn Assign) -> Option<(Wanted, u64)> {
    match Saved::read(directory, purpose) {
        Ok(saved) => saved.map(|saved| {
            let number = saved.stamp.number;
            (saved.into_wanted(purpose, assign), number)
        }),
        Err(reason) => {
            let path = directory.join(STATE_NAME);
            tracing::warn!(path = %path.display(), "the saved state is not used: {reason}");
            None
        }
    }
}

/// The saved state. None: there is none. An error says why it is of no use.
pub fn read_file(
    directory: &Path,
    purpose: &Purpose,
    assign: &mut dyn Assign,
) -> Result<Option<Wanted>, String> {
    Ok(Saved::read(directory, purpose)?.map(|saved| saved.into_wanted(purpose, assign)))
}

impl Saved {
    /// The state with the changes that came since. None: there is none.
    fn read(directory: &Path, purpose: &Purpose) -> Result<Option<Saved>, String> {
        let Some(state) = open(&directory.join(STATE_NAME)).map_err(|error| error.to_string())? else {
            return Ok(None);
        };
        let mut saved = Saved::of_state(Reader::new(state), purpose)?;
        let changes = open(&directory.join(CHANGES_NAME)).map_err(|error| error.to_string())?;
        if let Some(changes) = changes {
            saved.take_changes(Reader::new(changes));
        }
        Ok(Some(saved))
    }

    fn into_wanted(self, purpose: &Purpose, assign: &mut dyn Assign) -> Wanted {
        let Saved { cursor, entries, ports, walled, .. } = self;
        Wanted::restored(purpose.scope, cursor, entries, &ports, &walled, assign)
    }

    fn of_state(mut input: Reader<impl io::Read>, purpose: &Purpose) -> Result<Saved, String> {
        let stamp = input.head()?;
        let (made, wanted) = (input.text()?, lines::purpose(purpose));
        if made != wanted {
            return Err(format!("it was made {made:?}, now wanted {wanted:?}"));
        }
        let mut saved = Saved { stamp, ..Saved::default() };
        loop {
            match input.next()? {
                None => return Err("it is cut off".to_owned()),
                Some(Line::Cursor(cursor)) => saved.cursor = cursor,
                Some(Line::End(count)) if count == saved.entries.len() => break,
                Some(Line::End(_) | Line::Page { .. } | Line::Gone(_)) => {
                    return Err(format!("line {} does not belong here", input.number()));
                }
                Some(line) => saved.take(line)?,
            }
        }
        match input.next()? {
            None => Ok(saved),
            Some(_) => Err(format!("line {}: behind the end", input.number())),
        }
    }

    /// Takes whole changes up to the first that is damaged or cut off: writing it did not end.
    fn take_changes(&mut self, mut input: Reader<impl io::Read>) {
        if !input.head().is_ok_and(|stamp| stamp.line == self.stamp.line) {
            return;
        }
        let mut change: Vec<Line> = Vec::new();
        while let Ok(Some(line)) = input.next() {
            let Line::Page { number, lines, cursor } = line else {
                change.push(line);
                continue;
            };
            let whole = lines == change.len();
            let next = number == self.stamp.number + 1;
            let change = std::mem::take(&mut change);
            if number <= self.stamp.number {
                continue;
            }
            if !(whole && next) || self.take_change(change).is_err() {
                return;
            }
            self.stamp.number = number;
            self.cursor = cursor;
        }
    }

    fn take_change(&mut self, change: Vec<Line>) -> Result<(), String> {
        if change.iter().any(|line| matches!(line, Line::Ports)) {
            self.ports.clear();
        }
        change.into_iter().try_for_each(|line| self.take(line))
    }

    fn take(&mut self, line: Line) -> Result<(), String> {
        match line {
            Line::Entry(net, entry) => {
                self.entries.insert(net, entry);
            }
            Line::Gone(net) => {
                self.entries.remove(&net);
            }
            Line::Port(guard) => self.ports.push(guard),
            Line::Walled(nets) => self.walled = nets,
            Line::Ports | Line::Cursor(_) | Line::End(_) | Line::Page { .. } => {}
        }
        match self.entries.len() > ADDRESSES_MAX || self.ports.len() > super::wanted::PORTS_MAX {
            true => Err("it names too many addresses or ports".to_owned()),
            false => Ok(()),
        }
    }
}

fn open(path: &Path) -> io::Result<Option<File>> {
    match File::open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests;
