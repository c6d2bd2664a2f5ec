//! Operators, roles, keys and sessions.

use super::{ODD, Writing};
use crate::model::*;
use crate::storage::{Reader, Store};

fn staff(id: i64, login: &str) -> Staff {
    Staff {
        id: StaffId(id),
        login: login.into(),
        name: ODD.into(),
        kind: StaffKind::Api,
        role: RoleId(1),
        company: None,
        password: SecretText::default(),
        disabled: false,
        created: Timestamp::from_seconds(5),
    }
}

fn key(id: i64) -> ApiKey {
    ApiKey {
        id: ApiKeyId(id),
        staff: StaffId(1),
        name: format!("{ODD}{id}"),
        hash: SecretHash([u8::try_from(id).unwrap(); 32]),
        rights: "payments.write nas.*".parse().unwrap(),
        expires: Some(Timestamp::from_seconds(id)),
        created: Timestamp::from_seconds(6),
    }
}

fn session(octet: u8) -> StaffSession {
    StaffSession {
        hash: SecretHash([octet; 32]),
        staff: StaffId(1),
        opened: Timestamp::from_seconds(7),
        expires: Timestamp::from_seconds(8),
    }
}

pub(in crate::storage) fn staff_comes_back_as_it_was_written(store: &mut dyn Store, _reader: &dyn Reader) {
    let mut writing = Writing::new(store);
    let role = Role { id: RoleId(100), name: "foreman".into(), rights: "users.*".parse().unwrap() };
    let other = Role { rights: Rights::all(), ..role.clone() };
    let group = Group { id: GroupId(5), name: "Жилые".into(), parent: None };
    let anna = Staff {
        kind: StaffKind::Person,
        company: Some(GroupId(5)),
        password: SecretText::new("$argon2id$secret"),
        disabled: true,
        ..staff(1, "anna")
    };
    let endless = ApiKey { expires: None, ..key(2) };
    writing.commit(&[
        Change::Role(role),
        Change::Role(other.clone()),
        Change::Group(group),
        Change::Staff(Box::new(staff(1, "anna"))),
        Change::Staff(Box::new(staff(2, "boris"))),
        Change::Staff(Box::new(anna.clone())),
        Change::ApiKey(key(1)),
        Change::ApiKey(endless.clone()),
        Change::StaffSession(session(1)),
        Change::StaffSession(session(2)),
    ]);
    writing.commit(&[Change::ApiKeyRevoked(ApiKeyId(1)), Change::StaffSessionEnded(SecretHash([1; 32]))]);
    let loaded = writing.load();
    assert_eq!(loaded.roles, [other]);
    assert_eq!(loaded.staff, [anna, staff(2, "boris")]);
    assert_eq!((loaded.api_keys, loaded.staff_sessions), (vec![endless], vec![session(2)]));
}
