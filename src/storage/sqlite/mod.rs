//! The store in one SQLite file: the default, for one machine.
//!
//! One writing connection ([`SqliteStore`]) and a few read-only ones ([`SqliteReader`]); in WAL mode neither side
//! waits for the other. Not here: what the rows mean. The words in the columns are `storage/words.rs`.

mod addresses;
mod books;
mod closing;
mod connection;
mod errors;
mod links;
mod outbox;
mod read;
mod reader;
mod reports;
mod schema;
mod store;
mod tables;
mod write;

#[cfg(test)]
mod tests;

pub(super) use connection::create_private_directory;
pub use reader::SqliteReader;
pub use store::SqliteStore;
