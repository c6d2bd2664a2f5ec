//! Staff, roles and keys as they are now, and the open sessions.

use crate::engine::State;
use crate::model::*;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// Everybody of the staff with roles and keys. Published as a whole: it changes seldom and is small.
#[derive(Clone, Debug)]
pub struct StaffBook {
    roles: BTreeMap<RoleId, Role>,
    staff: BTreeMap<StaffId, Staff>,
    /// By login in lower case.
    logins: HashMap<String, StaffId>,
    keys: BTreeMap<ApiKeyId, ApiKey>,
    key_hashes: HashMap<SecretHash, ApiKeyId>,
}

impl Default for StaffBook {
    /// Nobody, and the standard roles.
    fn default() -> StaffBook {
        StaffBook {
            roles: Role::standard().into_iter().map(|role| (role.id, role)).collect(),
            staff: BTreeMap::new(),
            logins: HashMap::new(),
            keys: BTreeMap::new(),
            key_hashes: HashMap::new(),
        }
    }
}

impl StaffBook {
    pub fn staff(&self, id: StaffId) -> Option<&Staff> {
        self.staff.get(&id)
    }

    /// Whatever the case of its letters.
    pub fn login(&self, login: &str) -> Option<&Staff> {
        self.staff.get(self.logins.get(&login.to_lowercase())?)
    }

    pub fn role(&self, id: RoleId) -> Option<&Role> {
        self.roles.get(&id)
    }

    pub fn role_named(&self, name: &str) -> Option<&Role> {
        self.roles.values().find(|role| role.name == name)
    }

    /// The rights of somebody's role; none for a role that is not there.
    pub fn rights_of(&self, staff: &Staff) -> Rights {
        self.role(staff.role).map_or_else(Rights::default, |role| role.rights)
    }

    pub fn key(&self, hash: &SecretHash) -> Option<&ApiKey> {
        self.keys.get(self.key_hashes.get(hash)?)
    }

    pub fn key_by_id(&self, id: ApiKeyId) -> Option<&ApiKey> {
        self.keys.get(&id)
    }

    pub fn keys_of(&self, staff: StaffId) -> impl Iterator<Item = &ApiKey> {
        self.keys.values().filter(move |key| key.staff == staff)
    }

    /// In order of id.
    pub fn everybody(&self) -> impl Iterator<Item = &Staff> {
        self.staff.values()
    }

    /// In order of id.
    pub fn roles(&self) -> impl Iterator<Item = &Role> {
        self.roles.values()
    }

    /// Whether somebody can log in by password and do everything.
    pub(super) fn has_administrator(&self) -> bool {
        self.staff.values().any(|staff| {
            staff.kind == StaffKind::Person
                && !staff.disabled
                && !staff.password.is_empty()
                && staff.company.is_none()
                && self.rights_of(staff) == Rights::all()
        })
    }

    pub(super) fn staff_count(&self) -> usize {
        self.staff.len()
    }

    pub(super) fn next_staff(&self) -> StaffId {
        StaffId(self.staff.keys().next_back().map_or(0, |id| id.0).saturating_add(1))
    }

    pub(super) fn next_role(&self) -> RoleId {
        let last = self.roles.keys().next_back().map_or(0, |id| id.0);
        RoleId(last.saturating_add(1).max(Role::OWN_ID_FIRST))
    }

    pub(super) fn next_key(&self) -> ApiKeyId {
        ApiKeyId(self.keys.keys().next_back().map_or(0, |id| id.0).saturating_add(1))
    }

    /// Takes in a change of these; anything else is not for this table.
    pub(in crate::engine) fn absorb(&mut self, change: &Change) {
        match change {
            Change::Role(role) => {
                self.roles.insert(role.id, role.clone());
            }
            Change::Staff(staff) => {
                if let Some(old) = self.staff.insert(staff.id, Staff::clone(staff)) {
                    self.logins.remove(&old.login.to_lowercase());
                }
                self.logins.insert(staff.login.to_lowercase(), staff.id);
            }
            Change::ApiKey(key) => {
                self.key_hashes.insert(key.hash, key.id);
                self.keys.insert(key.id, key.clone());
            }
            Change::ApiKeyRevoked(id) => {
                if let Some(key) = self.keys.remove(id) {
                    self.key_hashes.remove(&key.hash);
                }
            }
            _ => {}
        }
    }
}

/// What open SIDs stand for. Expired ones are taken away when their owner opens another.
#[derive(Default)]
pub(in crate::engine) struct StaffSessions {
    by_hash: HashMap<SecretHash, StaffSession>,
    /// In the order in which they were opened.
    of_staff: HashMap<StaffId, BTreeSet<(Timestamp, SecretHash)>>,
}

impl StaffSessions {
    pub fn find(&self, hash: &SecretHash) -> Option<&StaffSession> {
        self.by_hash.get(hash)
    }

    /// Oldest first.
    pub fn of(&self, staff: StaffId) -> impl Iterator<Item = &StaffSession> {
        let opened = self.of_staff.get(&staff).into_iter().flatten();
        opened.filter_map(|(_, hash)| self.by_hash.get(hash))
    }

    pub fn hashes(&self) -> impl Iterator<Item = SecretHash> + '_ {
        self.by_hash.keys().copied()
    }

    pub fn open(&mut self, session: &StaffSession) {
        self.end(&session.hash);
        self.of_staff.entry(session.staff).or_default().insert((session.opened, session.hash));
        self.by_hash.insert(session.hash, session.clone());
    }

    pub fn end(&mut self, hash: &SecretHash) {
        let Some(session) = self.by_hash.remove(hash) else { return };
        if let Some(opened) = self.of_staff.get_mut(&session.staff) {
            opened.remove(&(session.opened, session.hash));
        }
    }
}

impl State {
    /// Operators, roles and keys as they are now.
    pub fn staff(&self) -> &Arc<StaffBook> {
        &self.staff
    }

    pub fn staff_session(&self, hash: &SecretHash) -> Option<&StaffSession> {
        self.staff_sessions.find(hash)
    }

    pub fn staff_session_hashes(&self) -> impl Iterator<Item = SecretHash> + '_ {
        self.staff_sessions.hashes()
    }

    /// Whether a group is this one or lies below it.
    pub(in crate::engine) fn group_within(&self, group: GroupId, above: GroupId) -> bool {
        let parent = |id: &GroupId| self.groups.get(id).and_then(|group| group.parent);
        // Files make no circles; the bound holds whatever a store holds.
        std::iter::successors(Some(group), parent).take(self.groups.len() + 1).any(|id| id == above)
    }
}
