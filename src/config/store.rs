//! `[store]`: where the ledger lives.

use super::error::Fault;
use super::section::{Section, absolute_path};
use super::tree::Node;
use std::path::PathBuf;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store {
    pub url: StoreUrl,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreUrl {
    /// `sqlite:PATH`: an embedded database in this file.
    Sqlite(PathBuf),
}

impl Default for Store {
    fn default() -> Store {
        Store { url: StoreUrl::Sqlite(PathBuf::from("/var/lib/headgate/headgate.db")) }
    }
}

impl Store {
    pub(super) fn read(section: &mut Section<'_>) -> Store {
        let mut store = Store::default();
        section.value("url", &mut store.url, read_url);
        store
    }
}

fn read_url(node: &Node) -> Result<StoreUrl, Fault> {
    const WHAT: &str = "\"sqlite:\" and an absolute path, such as \"sqlite:/var/lib/headgate/headgate.db\"";
    // Other databases carry passwords in their URLs: what was found is not repeated.
    let text = node.text(WHAT).map_err(|_| node.expected_secret(WHAT))?;
    if text.starts_with("postgres:") || text.starts_with("postgresql:") {
        return Err(node.fault(format!("PostgreSQL is not served by this version; expected {WHAT}")));
    }
    let path = text.strip_prefix("sqlite:").map(|path| path.strip_prefix("//").unwrap_or(path));
    match path.and_then(absolute_path).filter(|path| path.file_name().is_some()) {
        Some(path) => Ok(StoreUrl::Sqlite(path)),
        None => Err(node.expected_secret(WHAT)),
    }
}
