//! What is wrong with a data file.

use crate::config::error::{Fault, write_place};
use std::fmt;

/// Faults that are repeated; more of them seldom say more.
const FAULTS_MAX: usize = 50;

/// Why a data file gives no rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DataError {
    /// It cannot be read, or its name does not say what it is.
    Unreadable { file: String, why: String },
    /// Faults by place, and how many more there are.
    Invalid { faults: Vec<DataFault>, more: usize },
}

/// Printed as `subscribers.csv:7: subscriber "ivanov": mac: expected ..., found ...`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataFault {
    pub file: String,
    /// Counted from 1; 0: the file as a whole.
    pub line: usize,
    /// `subscriber "ivanov"`, or empty where the fault belongs to no row.
    pub row: String,
    /// Empty where the fault belongs to no key.
    pub key: String,
    /// What was expected and what was found; never a secret.
    pub text: String,
}

impl fmt::Display for DataFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_place(f, &self.file, self.line)?;
        for part in [&self.row, &self.key].into_iter().filter(|part| !part.is_empty()) {
            write!(f, ": {part}")?;
        }
        write!(f, ": {}", self.text)
    }
}

impl fmt::Display for DataError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DataError::Unreadable { file, why } => write!(f, "{file}: {why}"),
            DataError::Invalid { faults, more } => {
                for (index, fault) in faults.iter().enumerate() {
                    write!(f, "{}{fault}", if index == 0 { "" } else { "\n" })?;
                }
                if *more > 0 { write!(f, "\nand {more} more") } else { Ok(()) }
            }
        }
    }
}

impl std::error::Error for DataError {}

/// Faults while a file is read.
#[derive(Debug, Default)]
pub(super) struct Faults {
    faults: Vec<DataFault>,
    more: usize,
}

impl Faults {
    pub fn add(&mut self, row: &str, key: &str, fault: Fault) {
        if self.faults.len() == FAULTS_MAX {
            self.more += 1;
            return;
        }
        self.faults.push(DataFault {
            file: fault.at.file.to_string(),
            line: fault.at.line,
            row: row.to_owned(),
            key: key.to_owned(),
            text: fault.text,
        });
    }

    pub fn into_result<T>(mut self, value: T) -> Result<T, DataError> {
        if self.faults.is_empty() {
            return Ok(value);
        }
        self.faults.sort_by_key(|fault| fault.line);
        Err(DataError::Invalid { faults: self.faults, more: self.more })
    }
}
