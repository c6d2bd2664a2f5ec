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

    /// Shows readers what a committed batch changed of them.
    pub(super) fn publish_calls(&self, news: CallNews) {
        if news.tariffs.is_none() && news.budgets.is_empty() {
            return;
        }
        let mut calls = self.calls.write();
        if let Some(tariffs) = news.tariffs {
            calls.tariffs = tariffs;
        }
        for (subject, budget) in news.budgets {
            match budget {
                Some(budget) => calls.budgets.insert(subject, budget),
                None => calls.budgets.remove(&subject),
            };
        }
    }
}

/// What a batch changed of tariffs and budgets.
#[derive(Default)]
pub(super) struct CallNews {
    /// None: they are as they were.
    tariffs: Option<Arc<Tariffs>>,
    budgets: Vec<(Box<str>, Option<CallBudget>)>,
}

impl CallNews {
    pub fn of(state: &State, touched: &Touched) -> CallNews {
        let tariffs = touched.tariffs.then(|| {
            state.tariffs().unwrap_or_else(|error| {
                tracing::error!(%error, "calls are not rated");
                Arc::default()
            })
        });
        let budget = |subject: &String| (subject.as_str().into(), state.call_budget(subject));
        CallNews { tariffs, budgets: touched.subjects.iter().map(budget).collect() }
    }
}
