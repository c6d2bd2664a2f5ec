//! Operators, roles, keys and sessions as the doors read them: who calls is told without I/O.

use super::Directory;
use crate::engine::{StaffBook, State, Touched};
use crate::model::{SecretHash, StaffSession};
use std::collections::HashMap;
use std::sync::Arc;

#[derive(Default)]
pub(super) struct StaffShelf {
    book: Arc<StaffBook>,
    sessions: HashMap<SecretHash, StaffSession>,
}

impl Directory {
    /// Operators, roles and keys of now.
    pub fn staff(&self) -> Arc<StaffBook> {
        Arc::clone(&self.staff.read().book)
    }

    /// An open session with the book of the same moment. Whether it has expired is for the caller to see.
    pub fn staff_session(&self, hash: &SecretHash) -> Option<(StaffSession, Arc<StaffBook>)> {
        let shelf = self.staff.read();
        let session = shelf.sessions.get(hash)?;
        Some((session.clone(), Arc::clone(&shelf.book)))
    }

    /// Shows readers what a committed batch changed of them.
    pub(super) fn publish_staff(&self, news: StaffNews) {
        if news.book.is_none() && news.sessions.is_empty() {
            return;
        }
        let mut shelf = self.staff.write();
        if let Some(book) = news.book {
            shelf.book = book;
        }
        for (hash, session) in news.sessions {
            match session {
                Some(session) => shelf.sessions.insert(hash, session),
                None => shelf.sessions.remove(&hash),
            };
        }
    }
}

/// What a batch changed of staff.
#[derive(Default)]
pub(super) struct StaffNews {
    /// None: it is as it was.
    book: Option<Arc<StaffBook>>,
    /// None: ended.
    sessions: Vec<(SecretHash, Option<StaffSession>)>,
}

impl StaffNews {
    pub fn of(state: &State, touched: &Touched) -> StaffNews {
        let session = |hash: &SecretHash| (*hash, state.staff_session(hash).cloned());
        StaffNews {
            book: touched.staff.then(|| Arc::clone(state.staff())),
            sessions: touched.staff_sessions.iter().map(session).collect(),
        }
    }
}
