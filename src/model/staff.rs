//! Those who work with the product through doors that know their callers: people and programs, with roles and keys.

use super::{GroupId, Rights, SecretText, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A named set of rights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    pub id: RoleId,
    /// Unique.
    pub name: String,
    pub rights: Rights,
}

/// A person or a program that may log in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Staff {
    pub id: StaffId,
    /// Unique, whatever the case of its letters.
    pub login: String,
    pub name: String,
    pub kind: StaffKind,
    pub role: RoleId,
    /// A reseller's: subscribers of this group and of the groups below it alone.
    pub company: Option<GroupId>,
    /// argon2id, as a PHC string; empty: no login by password.
    pub password: SecretText,
    pub disabled: bool,
    pub created: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StaffKind {
    Person,
    /// An account for programs.
    Api,
}

/// What a program shows instead of login and password. The key itself is kept nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    pub id: ApiKeyId,
    pub staff: StaffId,
    /// Unique among the keys of the account.
    pub name: String,
    pub hash: SecretHash,
    /// What of the role's rights it has.
    pub rights: Rights,
    pub expires: Option<Timestamp>,
    pub created: Timestamp,
}

/// A login that goes on: what its SID stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaffSession {
    pub hash: SecretHash,
    pub staff: StaffId,
    pub opened: Timestamp,
    pub expires: Timestamp,
}

/// SHA-256 of a secret that is random enough to need no slow hash: a key or an SID.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecretHash(pub [u8; 32]);

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

macro_rules! identifiers {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);
    )*};
}

identifiers! {
    /// A person or a program that may log in.
    StaffId,
    RoleId,
    ApiKeyId,
}

/// Names of the roles that every ledger has, with their rights.
const STANDARD: [(&str, &str); 7] = [
    (Role::ADMINISTRATOR, "*"),
    (
        "engineer",
        "clients.read accounts.read accounts.write accounts.execute packages.read rates.read destinations.read xdrs.* \
         nas.* reports.read system.read system.execute",
    ),
    (
        "support",
        "clients.read clients.write accounts.read accounts.write accounts.execute packages.read payments.read \
         transactions.read xdrs.read xdrs.execute invoices.read nas.read reports.read",
    ),
    (
        "cashier",
        "clients.read accounts.read packages.read payments.read payments.write transactions.read invoices.read \
         reports.read",
    ),
    (
        "monitoring",
        "clients.read accounts.read packages.read rates.read destinations.read xdrs.read nas.read reports.read \
         system.read",
    ),
    (
        "reseller",
        "clients.read clients.write accounts.* packages.read payments.read payments.write transactions.read xdrs.read \
         xdrs.execute invoices.read reports.read",
    ),
    (
        "api",
        "clients.read clients.write accounts.read accounts.write accounts.execute packages.read payments.read \
         payments.write transactions.read xdrs.read invoices.read reports.read",
    ),
];

impl Role {
    /// Who may everything. One of this role always stays.
    pub const ADMINISTRATOR: &str = "administrator";
    /// Ids below are of roles that every ledger has without a row of its own in the store.
    pub const OWN_ID_FIRST: i64 = 100;

    /// The roles that every ledger has until it says otherwise.
    pub fn standard() -> Vec<Role> {
        let roles = STANDARD.iter().zip(1..);
        roles
            .map(|((name, rights), id)| Role {
                id: RoleId(id),
                name: (*name).to_owned(),
                // A test reads each of them.
                rights: rights.parse().unwrap_or_default(),
            })
            .collect()
    }
}

impl ApiKey {
    /// Whether it can be shown at this moment.
    pub fn is_valid_at(&self, now: Timestamp) -> bool {
        self.expires.is_none_or(|expires| now < expires)
    }
}

/// How somebody of the staff came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StaffLogin {
    pub id: StaffId,
    /// None: by password or SID.
    pub key: Option<ApiKeyId>,
}

/// In whose name something about staff is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authority {
    /// None: the machine's own administrator, at the control socket.
    pub login: Option<StaffLogin>,
    /// Of the call: those of the role, narrowed by the key. What the role has by the time of the decision counts too.
    pub rights: Rights,
}

impl Authority {
    pub fn local() -> Authority {
        Authority { login: None, rights: Rights::all() }
    }
}

/// What is asked for about staff, and in whose name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaffRequest {
    pub by: Authority,
    pub command: StaffCommand,
}

/// Operators, API accounts, roles, keys and sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StaffCommand {
    Add {
        login: String,
        name: String,
        kind: StaffKind,
        /// A role's name.
        role: String,
        company: Option<GroupId>,
        /// PHC string; empty for none.
        password: SecretText,
    },
    /// What is None stays as it is.
    Set {
        login: String,
        name: Option<String>,
        role: Option<String>,
        company: Option<Option<GroupId>>,
    },
    /// Ends its sessions and keys at once.
    Disable {
        login: String,
    },
    Enable {
        login: String,
    },
    /// Ends its sessions. PHC string; empty for none.
    Password {
        login: String,
        password: SecretText,
    },
    AddRole {
        name: String,
        rights: Rights,
    },
    /// Takes effect on everybody of the role at once.
    SetRole {
        name: String,
        rights: Rights,
    },
    AddKey {
        login: String,
        name: String,
        hash: SecretHash,
        rights: Rights,
        expires: Option<Timestamp>,
    },
    RevokeKey {
        login: String,
        name: String,
    },
    /// For [`Authority::login`] itself.
    OpenSession {
        hash: SecretHash,
        expires: Timestamp,
    },
    CloseSession {
        hash: SecretHash,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Action, Module, Right};

    #[test]
    fn every_standard_role_has_the_rights_that_its_text_names() {
        let roles = Role::standard();
        for (role, (name, rights)) in roles.iter().zip(STANDARD) {
            assert_eq!((role.name.as_str(), rights.parse()), (name, Ok(role.rights)));
            assert_ne!(role.rights, Rights::default());
            assert!(role.id.0 < Role::OWN_ID_FIRST);
        }
        let staff = Right::new(Module::Users, Action::Write);
        let may: Vec<&str> =
            roles.iter().filter(|r| r.rights.holds(staff)).map(|r| r.name.as_str()).collect();
        assert_eq!(may, [Role::ADMINISTRATOR]);
    }

    #[test]
    fn what_is_secret_prints_itself_nowhere() {
        let key = StaffCommand::AddKey {
            login: "a".into(),
            name: "k".into(),
            hash: SecretHash([65; 32]),
            rights: Rights::all(),
            expires: None,
        };
        let password = StaffCommand::Password { login: "a".into(), password: SecretText::new("$argon2id$") };
        let shown = format!("{key:?} {password:?}");
        assert!(!shown.contains("65") && !shown.contains("argon2"), "{shown}");
    }
}
