//! One decision about staff: in whose name, and what it changes.

use super::super::{Decision, State};
use super::refuse;
use super::{StaffBook, StaffSessions};
use crate::model::*;

pub(super) struct Desk<'a> {
    state: &'a State,
    actor: &'a Actor,
    pub now: Timestamp,
    /// None: the control socket.
    pub login: Option<StaffLogin>,
    /// What the caller may give away.
    pub rights: Rights,
    /// A reseller's.
    company: Option<GroupId>,
    changes: Vec<Change>,
}

impl<'a> Desk<'a> {
    /// The caller's rights are those of the call as far as his role still has them: he may have lost some meanwhile.
    pub fn open(
        state: &'a State,
        by: &Authority,
        actor: &'a Actor,
        now: Timestamp,
    ) -> Result<Desk<'a>, Refusal> {
        let (rights, company) = match by.login {
            None => (by.rights, None),
            Some(login) => {
                let book = &state.staff;
                let staff = book.staff(login.id).filter(|staff| !staff.disabled);
                let key_gone = login.key.is_some_and(|key| book.key_by_id(key).is_none());
                let Some(staff) = staff.filter(|_| !key_gone) else {
                    return refuse("disabled", "the account is disabled");
                };
                (by.rights.intersect(book.rights_of(staff)), staff.company)
            }
        };
        Ok(Desk { state, actor, now, login: by.login, rights, company, changes: Vec::new() })
    }

    /// What it changes, unless nobody could administer the server after it.
    pub fn close(self) -> Result<Decision, Refusal> {
        let book = self.book();
        if book.has_administrator() {
            let mut after = StaffBook::clone(book);
            self.changes.iter().for_each(|change| after.absorb(change));
            if !after.has_administrator() {
                let text = "this is the last administrator who can log in; make another first";
                return refuse("last-administrator", text);
            }
        }
        let changed = !self.changes.is_empty();
        Ok(Decision { outcome: Outcome::Done { changed }, changes: self.changes })
    }

    pub fn book(&self) -> &'a StaffBook {
        &self.state.staff
    }

    pub fn sessions(&self) -> &'a StaffSessions {
        &self.state.staff_sessions
    }

    pub fn needs(&self, module: Module, action: Action) -> Result<(), Refusal> {
        self.may_give([Right::new(module, action)].into_iter().collect())
    }

    /// Nobody gives what he has not.
    pub fn may_give(&self, rights: Rights) -> Result<(), Refusal> {
        if self.rights.covers(rights) {
            return Ok(());
        }
        let missing: Vec<String> =
            rights.iter().filter(|right| !self.rights.holds(*right)).map(|right| right.to_string()).collect();
        refuse("no-right", format!("{} has not the right {}", self.actor.0, missing.join(", ")))
    }

    /// Whom the caller may know of.
    pub fn sees(&self, staff: &Staff) -> bool {
        self.company.is_none() || self.in_company(staff.company)
    }

    /// Whether a company is the caller's or below it; everything is for those who are of none.
    pub fn in_company(&self, group: Option<GroupId>) -> bool {
        match (self.company, group) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(company), Some(group)) => self.state.group_within(group, company),
        }
    }

    pub fn group_exists(&self, group: GroupId) -> bool {
        self.state.groups.contains_key(&group)
    }

    pub fn whole_server(&self) -> Result<(), Refusal> {
        match self.company {
            None => Ok(()),
            Some(_) => refuse("not-for-companies", "roles belong to the whole server, not to a company"),
        }
    }

    /// Somebody whom the caller may see.
    pub fn staff(&self, login: &str) -> Result<&'a Staff, Refusal> {
        match self.book().login(login).filter(|staff| self.sees(staff)) {
            Some(staff) => Ok(staff),
            None => refuse("operator-not-found", format!("there is no operator {login:?}")),
        }
    }

    /// Somebody whom the caller may change: one who has no right that he has not.
    pub fn changeable(&self, login: &str) -> Result<&'a Staff, Refusal> {
        self.needs(Module::Users, Action::Write)?;
        let staff = self.staff(login)?;
        self.may_give(self.book().rights_of(staff))?;
        Ok(staff)
    }

    pub fn is_caller(&self, staff: &Staff) -> bool {
        self.login.is_some_and(|login| login.id == staff.id && login.key.is_none())
    }

    pub fn put(&mut self, change: Change) {
        self.changes.push(change);
    }

    pub fn end_sessions(&mut self, staff: StaffId) {
        let ended = self.sessions().of(staff).map(|session| Change::StaffSessionEnded(session.hash));
        self.changes.extend(ended);
    }

    pub fn audit(&mut self, action: &str, subject: &str, text: String) {
        self.changes.push(Change::Audit(AuditEntry {
            time: self.now,
            by: self.actor.0.clone(),
            action: action.to_owned(),
            subject: subject.to_owned(),
            text,
        }));
    }
}
