//! The data files of `headgate load` and `headgate export`: TOML tables, or CSV with one kind of row per file.
//!
//! For: text to rows ([`DataFile`]), with every check that needs nothing but the row itself. A file with a fault
//! gives no rows, and every fault is named with file, line, row and key.
//! Not for: what depends on other rows or on what is stored (is there such a plan); the engine decides that.

mod check;
mod columns;
mod csv;
mod error;
mod rows;
mod toml;

pub use columns::Kind;
pub use csv::{csv_delimiter, decoded};
pub use error::{DataError, DataFault};

use crate::model::DataFile;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use zeroize::Zeroizing;

/// Octets of one file; a million subscribers are about 200 MB.
const FILE_BYTES_MAX: u64 = 1 << 30;
/// Rows of one file.
const ROWS_MAX: usize = 4_000_000;

/// Reads a file as its name says: `.toml` holds the tables of any kind, `.csv` the kind that its name begins with
/// (`subscriber.csv`, `subscribers-2024.csv`, `nas.csv`).
pub fn read(path: &Path) -> Result<DataFile, DataError> {
    let unreadable = |why: String| DataError::Unreadable { file: path.display().to_string(), why };
    let mut content = Zeroizing::new(Vec::new());
    let file = File::open(path).map_err(|e| unreadable(e.to_string()))?;
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut content).map_err(|e| unreadable(e.to_string()))?;
    if u64::try_from(content.len()).unwrap_or(u64::MAX) > FILE_BYTES_MAX {
        return Err(unreadable("expected a file of at most 1 GiB".to_owned()));
    }
    parse(&path.display().to_string(), &content)
}

/// The same for a content that is at hand; `name` says the format and stands in the errors.
pub fn parse(name: &str, content: &[u8]) -> Result<DataFile, DataError> {
    let unreadable = |why: String| DataError::Unreadable { file: name.to_owned(), why };
    let path = Path::new(name);
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().to_lowercase()).unwrap_or_default();
    match path.extension().map(|extension| extension.to_string_lossy().to_lowercase()).as_deref() {
        Some("toml") => toml::parse(name, content),
        Some("csv") => match Kind::of_file_stem(&stem) {
            Some(kind) => csv::parse(name, kind, content),
            None => Err(unreadable(format!(
                "expected a CSV file's name to begin with the kind of its rows: {}",
                Kind::ALL.map(Kind::word).join(", ")
            ))),
        },
        _ => Err(unreadable("expected a file name that ends in .toml or .csv".to_owned())),
    }
}

#[cfg(test)]
mod tests;
