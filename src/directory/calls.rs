//! Tariffs and user budgets as the call door reads them.

use super::Directory;
use crate::engine::{CallBudget, State, Touched};
use crate::rating::Tariffs;
use parking_lot::RwLockReadGuard;
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// Everything that a question about a call is answered from.
#[derive(Default)]
pub struct CallBook {
    pub tariffs: Arc<Tariffs>,
    budgets: FxHashMap<Box<str>, CallBudget>,
}

impl CallBook {
    /// None when nobody pays for this subject.
    pub fn budget(&self, subject: &str) -> Option<&CallBudget> {
        self.budgets.get(subject)
    }

    pub fn budget_count(&self) -> usize {
        self.budgets.len()
    }
}

impl Directory {
    /// Tariffs and budgets of now; hold it for one question.
    pub fn calls(&self) -> RwLockReadGuard<'_, CallBook> {
        self.calls.read()
    }

    /// Publishes what a committed batch changed of them.
    pub(super) fn publish_calls(&self, state: &State, touched: &Touched) {
        if touched.subjects.is_empty() && !touched.tariffs {
            return;
        }
        let tariffs = touched.tariffs.then(|| {
            state.tariffs().unwrap_or_else(|error| {
                tracing::error!(%error, "calls are not rated");
                Arc::default()
            })
        });
        let budgets: Vec<_> =
            touched.subjects.iter().map(|subject| (subject, state.call_budget(subject))).collect();
        let mut calls = self.calls.write();
        if let Some(tariffs) = tariffs {
            calls.tariffs = tariffs;
        }
        for (subject, budget) in budgets {
            match budget {
                Some(budget) => calls.budgets.insert(subject.as_str().into(), budget),
                None => calls.budgets.remove(subject.as_str()),
            };
        }
    }
}
