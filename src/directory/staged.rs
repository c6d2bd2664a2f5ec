//! What a batch changed, taken from the state before later batches change it further.

use super::calls::CallNews;
use super::staff::StaffNews;
use crate::engine::{State, SubscriberView, Touched};
use crate::model::*;
use std::collections::HashSet;
use std::sync::Arc;

/// What readers are to see of those whom a batch touched, once it is committed.
#[derive(Default)]
pub struct Staged {
    pub(super) views: Vec<SubscriberView>,
    pub(super) accounts: Vec<(Arc<Account>, Money)>,
    /// None: nothing of it changed.
    pub(super) network: Option<Network>,
    pub(super) calls: CallNews,
    pub(super) staff: StaffNews,
    /// References of the pending transfers that are shown with it.
    pub(super) pending: HashSet<String>,
}

pub(super) struct Network {
    pub nases: Vec<Arc<Nas>>,
    pub pools: Vec<Arc<Pool>>,
    pub groups: Vec<Group>,
}

impl Staged {
    /// Those touched, as they are in the state at `now`.
    pub fn of(state: &State, touched: &Touched, now: Timestamp) -> Staged {
        Staged {
            views: touched.subscribers.iter().filter_map(|id| state.view(*id, now)).collect(),
            accounts: touched.accounts.iter().filter_map(|id| state.account_view(*id)).collect(),
            network: touched.network.then(|| Network {
                nases: state.nases().cloned().collect(),
                pools: state.pools().cloned().collect(),
                groups: state.groups().cloned().collect(),
            }),
            calls: CallNews::of(state, touched),
            staff: StaffNews::of(state, touched),
            pending: touched.pending.clone(),
        }
    }
}
