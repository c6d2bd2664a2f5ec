//! Who calls an operation through a door that knows its callers, and what he may.

use crate::model::{Actor, Authority, GroupId, Refusal, Right, Rights, StaffLogin};

/// An operator, an API account or a key, after authentication.
#[derive(Clone, Debug)]
pub struct Principal {
    /// For the audit and the postings.
    pub actor: Actor,
    pub rights: Rights,
    /// A reseller's: sees and changes subscribers of this group and of the groups below it, nobody else's.
    pub company: Option<GroupId>,
    /// None: the control socket.
    pub login: Option<StaffLogin>,
}

impl Principal {
    /// Who may everything: the control socket, whose guard is the file's mode.
    pub fn local(actor: Actor) -> Principal {
        Principal { actor, rights: Rights::all(), company: None, login: None }
    }

    /// What commands about staff are decided by.
    pub fn authority(&self) -> Authority {
        Authority { login: self.login, rights: self.rights }
    }

    /// The refusal `no-right` where he may not.
    pub fn needs(&self, right: Right) -> Result<(), Refusal> {
        if self.rights.holds(right) {
            return Ok(());
        }
        Err(Refusal::new("no-right", format!("{} has not the right {right}", self.actor.0)))
    }
}
