//! Calls made up from the OpenRPC document: right ones, broken ones and everything between. Nothing panics, nothing is
//! an internal error, what is refused changes nothing, and what is accepted is as the document says.

use super::{DATA, document};
use crate::fixture::{Fixture, NOW};
use headgate::model::{Actor, Command};
use headgate::operations::methods::{self, Effect, MethodError};
use headgate::operations::{NasAnswer, Principal};
use rusqlite::{Connection, OpenFlags};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

const SEED: u64 = 0x6865_6164_6761_7465;
const TIME: Duration = Duration::from_secs(12);
/// Calls of each method at least; fewer would prove nothing.
const ROUNDS_MIN: usize = 25;
const ROUNDS_MAX: usize = 400;
/// Accepted calls that are compared with the document, of each method.
const COMPARED_MAX: usize = 12;

/// A right call of every method, in an order in which each is accepted.
const RIGHT: &str = include_str!("right.json");

/// A server's middle, and what would show a change of it.
struct Subject {
    fixture: Fixture,
    database: Connection,
    principal: Principal,
}

impl Subject {
    async fn new() -> Subject {
        let mut fixture = Fixture::new();
        fixture.load(DATA).await;
        fixture.online("ivanov", "127.0.0.1", "10.9.0.2", None);
        answer_orders(&mut fixture);
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
        let database = Connection::open_with_flags(fixture.database(), flags).unwrap();
        Subject { fixture, database, principal: Principal::local(Actor("fuzz".into())) }
    }

    async fn call(&self, name: &str, key: Option<String>, params: &Value) -> Result<Value, MethodError> {
        methods::call(&self.fixture.operations, &self.principal, key, name, params.clone()).await
    }

    /// The directory's cursor, and whether anybody has written to the database.
    fn state(&self) -> (String, i64) {
        let version = self.database.pragma_query_value(None, "data_version", |row| row.get(0)).unwrap();
        (self.fixture.operations.directory.cursor().to_string(), version)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_method_has_a_right_call_whose_answer_is_as_the_document_says() {
    let subject = Subject::new().await;
    let right: Vec<(String, Value)> = serde_json::from_str(RIGHT).unwrap();
    let called: BTreeSet<&str> = right.iter().map(|(name, _)| name.as_str()).collect();
    let all: BTreeSet<&str> = methods::all().map(|method| method.name).collect();
    assert_eq!(called, all);
    // Past midnight: petrov cannot pay the day's fee, and is to be cut at ten.
    for minutes in [0, 9 * 60 + 41, 9 * 60 + 42, 9 * 60 + 43] {
        subject.fixture.clock.set(NOW.saturating_add(Duration::from_secs(minutes * 60)));
        let step = Command::Clock { synchronised: true };
        subject.fixture.operations.writer.call(step, Actor::system()).await.unwrap();
    }
    let mut calls = Vec::new();
    for (name, params) in &right {
        match subject.call(name, None, params).await {
            Ok(result) => calls.push(json!({ "method": name, "params": params, "result": result })),
            Err(error) => panic!("{name} {params}: {error:?}"),
        }
    }
    assert_eq!(document::complaints(methods::document(), &calls), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn made_up_calls_are_answered_as_the_document_says_and_refused_ones_change_nothing() {
    let subject = Subject::new().await;
    let document = methods::document();
    let schemas = &document["components"]["schemas"];
    let mut chance = Chance { seed: SEED, people: false };
    let (mut taken, mut complaints) = (BTreeMap::<&str, Vec<Value>>::new(), BTreeSet::new());
    let (start, mut rounds) = (Instant::now(), 0);
    while rounds < ROUNDS_MAX && (rounds < ROUNDS_MIN || start.elapsed() < TIME) {
        rounds += 1;
        for (method, described) in methods::all().zip(document["methods"].as_array().unwrap()) {
            let params = made_up(&mut chance, described["params"].as_array().unwrap(), schemas);
            let before = subject.state();
            let key = chance.one_in(8).then(|| format!("k{}", chance.below(20)));
            let result = subject.call(method.name, key, &params).await;
            let unchanged = subject.state() == before;
            let may_change = result.is_ok() && method.effect == Effect::Changes;
            if !unchanged && !may_change {
                complaints.insert(format!("{} {params}: {result:?} and yet changed", method.name));
            }
            match result {
                Ok(result) => {
                    let kept = taken.entry(method.name).or_default();
                    if kept.len() < COMPARED_MAX {
                        kept.push(json!({ "method": method.name, "params": params, "result": result }));
                    }
                }
                Err(error) if is_described(described, &error) => {}
                Err(error) => {
                    complaints.insert(format!("{} {params}: {error:?}", method.name));
                }
            }
        }
    }
    let complaints: Vec<String> = complaints.into_iter().collect();
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
    assert!(taken.len() * 2 > methods::all().count(), "in {rounds} rounds accepted: {:?}", taken.keys());
    let calls: Vec<Value> = taken.into_values().flatten().collect();
    assert_eq!(document::complaints(document, &calls), "");
    assert!(subject.fixture.operations.books().unwrap().sound);
}

/// Whether this method's description has such an error.
fn is_described(method: &Value, error: &MethodError) -> bool {
    let token = match error {
        MethodError::Parameters(_) => "INVALID_PARAMS".to_owned(),
        MethodError::Refused(refusal) => methods::upper(&refusal.token),
        _ => return false,
    };
    let named = format!("#/components/errors/{token}");
    let errors = method["errors"].as_array().unwrap();
    errors.iter().any(|error| error["data"]["token"] == *token || error["$ref"] == *named)
}

/// A NAS that acknowledges everything.
fn answer_orders(fixture: &mut Fixture) {
    let mut orders = std::mem::replace(&mut fixture.nas_orders, mpsc::channel(1).1);
    tokio::spawn(async move {
        while let Some(order) = orders.recv().await {
            let _ = order.reply.send(NasAnswer {
                login: order.session.login.clone(),
                nas: "bras1".into(),
                session: order.session.acct_session_id.clone(),
                acknowledged: true,
                result: "acknowledged".into(),
            });
        }
    });
}

/// Members by their schemas; in every second call something is broken.
fn made_up(chance: &mut Chance, described: &[Value], schemas: &Value) -> Value {
    let mut params = Map::new();
    chance.people = chance.one_in(2);
    for parameter in described {
        let name = parameter["name"].as_str().unwrap();
        if parameter["required"] == true || chance.one_in(3) {
            params.insert(name.to_owned(), value(chance, name, &parameter["schema"], schemas, 0));
        }
    }
    let mut params = Value::Object(params);
    if chance.one_in(2) {
        damage(chance, &mut params);
    }
    params
}

fn value(chance: &mut Chance, name: &str, schema: &Value, schemas: &Value, depth: usize) -> Value {
    if let Some(reference) = schema["$ref"].as_str() {
        let target = reference.rsplit('/').next().unwrap();
        return value(chance, name, &schemas[target], schemas, depth);
    }
    if let Some(branches) = ["anyOf", "oneOf", "allOf"].iter().find_map(|key| schema[key].as_array()) {
        let branch = &branches[chance.below(branches.len())];
        return value(chance, name, branch, schemas, depth);
    }
    if let Some(words) = schema["enum"].as_array() {
        return words[chance.below(words.len())].clone();
    }
    if let Some(word) = schema.get("const") {
        return word.clone();
    }
    let kinds: Vec<&str> = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        kind => kind.as_str().into_iter().collect(),
    };
    match kinds.get(chance.below(kinds.len().max(1))).copied() {
        Some("string") => json!(word(chance, name)),
        Some("integer") => json!(chance.pick(&[0, 1, 2, 3, 5, 7, 11, 100, 2_000, 86_400, -1])),
        Some("number") => json!(chance.pick(&[0, 1, 10, 100])),
        Some("boolean") => json!(chance.one_in(2)),
        Some("array") => {
            let length = if depth < 2 { chance.below(3) } else { 0 };
            (0..length).map(|_| value(chance, name, &schema["items"], schemas, depth + 1)).collect()
        }
        Some("object") => {
            let required = schema["required"].as_array().cloned().unwrap_or_default();
            let members = schema["properties"].as_object().cloned().unwrap_or_default();
            let mut object = Map::new();
            for (member, schema) in &members {
                if required.contains(&json!(member)) || chance.one_in(6) {
                    object.insert(member.clone(), value(chance, member, schema, schemas, depth + 1));
                }
            }
            Value::Object(object)
        }
        _ => Value::Null,
    }
}

/// Words that mean something where they stand, and some that do not.
fn word(chance: &mut Chance, name: &str) -> String {
    const WHO: &[&str] = &[
        "1001",
        "ivanov",
        "petrov",
        "1002",
        "petrov-dacha",
        "1003",
        "10.9.0.2",
        "02:00:00:00:00:01",
        "nobody",
    ];
    const DAYS: &[&str] = &[
        "",
        "2026-04-06",
        "2026-04-11",
        "2026-04-20",
        "2026-05-01",
        "2026-03-01",
        "2026-13-01",
        "2027-01-01 10:00",
    ];
    const SUMS: &[&str] = &["1", "10.00", "1,5", "0", "-5", "0.001", "250", "x", "99999999999"];
    const NAMES: &[&str] =
        &["home-20", "home-50", "public address", "night-100", "bras1", "dyn1", "Жилые", "new", "a b", ""];
    const OTHERS: &[&str] =
        &["x", "", "слова", "10.9.0.9", "plan=home-20", "balance>0", "desk", "a\u{0}b", "1-2-3"];
    if chance.one_in(12) {
        return "w".repeat(chance.pick(&[129, 1_001, 70_000]));
    }
    let words = match name {
        "who" | "login" | "contract" => WHO,
        "from" | "to" if chance.people => WHO,
        "from" | "to" => DAYS,
        "until" | "since" | "at" | "discount-until" | "credit-until" | "valid-from" | "valid-until" => DAYS,
        "month" => &["2026-01", "2026-02", "2026-03", "2026-04", "2026"],
        "sum" | "percent" | "sum_from" | "sum_to" | "balance" | "fee" | "price" => SUMS,
        "name" if chance.one_in(3) => &["home-50", "public address", "night-100"],
        "name" | "plan" | "service" | "group" | "nas" | "pool" | "parent" | "services" => NAMES,
        "ip" | "address" | "snat-ip" => &["10.9.0.2", "10.9.0.77", "2001:db8::9", "10.9.0.0/24", "x"],
        "text" => &["id;sum\n1;1.00\n", "date;sum;id\n2026-04-06;1.00;5\n", "router", "", "слова"],
        "where" => &["plan=home-20", "plan=home-20 and balance>100", "login=nobody", "x", "plan"],
        _ => OTHERS,
    };
    words[chance.below(words.len())].to_owned()
}

/// Breaks one place: a member is gone, of another type, or one that nobody knows.
fn damage(chance: &mut Chance, params: &mut Value) {
    let others = [
        json!(null),
        json!([]),
        json!({}),
        json!("\u{fffd}"),
        json!(-1),
        json!(1e300),
        json!(true),
        json!(u64::MAX),
    ];
    let other = others[chance.below(others.len())].clone();
    match params {
        Value::Object(members) if !members.is_empty() && !chance.one_in(10) => {
            let name = members.keys().nth(chance.below(members.len())).cloned().unwrap();
            match chance.below(5) {
                0 => drop(members.remove(&name)),
                1 => drop(members.insert("unknown".into(), other)),
                2 => drop(members.insert(name, other)),
                _ => damage(chance, &mut members[&name]),
            }
        }
        Value::Array(items) if !items.is_empty() && !chance.one_in(10) => {
            let place = chance.below(items.len());
            damage(chance, &mut items[place]);
        }
        place => *place = other,
    }
}

/// SplitMix64: the same calls in every run.
struct Chance {
    seed: u64,
    /// In this call `from` and `to` are people rather than days.
    people: bool,
}

impl Chance {
    fn next(&mut self) -> u64 {
        self.seed = self.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.seed;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end.max(1)).unwrap()).unwrap()
    }

    fn one_in(&mut self, number: usize) -> bool {
        self.below(number) == 0
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}
