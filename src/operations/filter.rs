//! `--where EXPR`: conditions on subscribers, like `plan=home-20 and group="Жилые дома" and balance>100`.

use crate::model::{Money, Refusal};

/// Longest expression that is read, octets.
const EXPRESSION_OCTETS_MAX: usize = 1_000;
const FIELDS: &str = "login, contract, plan, group, nas, balance, blocked, negbal";

/// Conditions that must all hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter(Vec<Condition>);

/// What an expression can ask of a subscriber.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    pub login: &'a str,
    pub contract: &'a str,
    /// Names; empty where there is none.
    pub plan: &'a str,
    pub group: &'a str,
    pub nas: &'a str,
    pub balance: Money,
    pub blocked: bool,
    pub negbal: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Condition {
    Text { field: TextField, equal: bool, value: String },
    Balance { relation: Relation, value: Money },
    Flag { field: FlagField, value: bool },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TextField {
    Login,
    Contract,
    Plan,
    Group,
    Nas,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FlagField {
    Blocked,
    Negbal,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Relation {
    Equal,
    NotEqual,
    Less,
    AtMost,
    More,
    AtLeast,
}

/// Longer signs first, so that `<=` is not read as `<`.
const RELATIONS: [(&str, Relation); 6] = [
    ("!=", Relation::NotEqual),
    ("<=", Relation::AtMost),
    (">=", Relation::AtLeast),
    ("=", Relation::Equal),
    ("<", Relation::Less),
    (">", Relation::More),
];

impl Filter {
    /// Reads `FIELD RELATION VALUE [and ...]`. A value with spaces stands in quotes, single or double.
    ///
    /// # Errors
    /// `bad-expression`, with what was expected where.
    pub fn parse(text: &str) -> Result<Filter, Refusal> {
        if text.len() > EXPRESSION_OCTETS_MAX {
            return Err(bad(format!("it is longer than {EXPRESSION_OCTETS_MAX} octets")));
        }
        let mut conditions = Vec::new();
        let mut rest = text.trim();
        loop {
            let (condition, after) = condition(rest)?;
            conditions.push(condition);
            rest = after.trim_start();
            if rest.is_empty() {
                return Ok(Filter(conditions));
            }
            let (word, after) = word(rest);
            if !word.eq_ignore_ascii_case("and") {
                return Err(bad(format!(
                    "expected `and` instead of {word:?}; a value with spaces stands in quotes"
                )));
            }
            rest = after.trim_start();
        }
    }

    pub fn holds(&self, facts: &Facts<'_>) -> bool {
        self.0.iter().all(|condition| condition.holds(facts))
    }
}

impl Condition {
    fn holds(&self, facts: &Facts<'_>) -> bool {
        match self {
            Condition::Text { field, equal, value } => {
                let found = match field {
                    TextField::Login => facts.login,
                    TextField::Contract => facts.contract,
                    TextField::Plan => facts.plan,
                    TextField::Group => facts.group,
                    TextField::Nas => facts.nas,
                };
                (found == value) == *equal
            }
            Condition::Balance { relation, value } => relation.holds(facts.balance, *value),
            Condition::Flag { field: FlagField::Blocked, value } => facts.blocked == *value,
            Condition::Flag { field: FlagField::Negbal, value } => facts.negbal == *value,
        }
    }
}

impl Relation {
    fn holds(self, left: Money, right: Money) -> bool {
        match self {
            Relation::Equal => left == right,
            Relation::NotEqual => left != right,
            Relation::Less => left < right,
            Relation::AtMost => left <= right,
            Relation::More => left > right,
            Relation::AtLeast => left >= right,
        }
    }
}

fn bad(text: impl std::fmt::Display) -> Refusal {
    Refusal::new("bad-expression", format!("--where: {text}"))
}

/// One condition and what follows it.
fn condition(text: &str) -> Result<(Condition, &str), Refusal> {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(text.len());
    let (field, rest) = text.split_at(end);
    if field.is_empty() {
        let found = word(text).0;
        return Err(bad(format!("expected a field ({FIELDS}) instead of {found:?}")));
    }
    let field = field.to_ascii_lowercase();
    let kind = field_kind(&field).ok_or_else(|| bad(format!("there is no field {field:?}; {FIELDS}")))?;
    let rest = rest.trim_start();
    let found = RELATIONS.iter().find_map(|(sign, relation)| Some((*relation, rest.strip_prefix(sign)?)));
    let Some((relation, rest)) = found else {
        return Err(bad(format!("expected =, !=, <, <=, > or >= after {field:?}")));
    };
    let (value, rest) = value(&field, rest.trim_start())?;
    Ok((kind.condition(&field, relation, value)?, rest))
}

enum FieldKind {
    Text(TextField),
    Flag(FlagField),
    Balance,
}

fn field_kind(field: &str) -> Option<FieldKind> {
    Some(match field {
        "login" => FieldKind::Text(TextField::Login),
        "contract" => FieldKind::Text(TextField::Contract),
        "plan" => FieldKind::Text(TextField::Plan),
        "group" => FieldKind::Text(TextField::Group),
        "nas" => FieldKind::Text(TextField::Nas),
        "blocked" => FieldKind::Flag(FlagField::Blocked),
        "negbal" => FieldKind::Flag(FlagField::Negbal),
        "balance" => FieldKind::Balance,
        _ => return None,
    })
}

impl FieldKind {
    fn condition(self, field: &str, relation: Relation, value: &str) -> Result<Condition, Refusal> {
        let equal = match (&self, relation) {
            (FieldKind::Balance, _) | (_, Relation::Equal) => true,
            (_, Relation::NotEqual) => false,
            _ => return Err(bad(format!("{field} is compared by = or != only"))),
        };
        Ok(match self {
            FieldKind::Text(field) => Condition::Text { field, equal, value: value.to_owned() },
            FieldKind::Flag(flag) => {
                let value = match value.to_ascii_lowercase().as_str() {
                    "yes" | "true" | "1" => true,
                    "no" | "false" | "0" => false,
                    _ => return Err(bad(format!("{field} is yes or no, not {value:?}"))),
                };
                Condition::Flag { field: flag, value: value == equal }
            }
            FieldKind::Balance => {
                let value = value.parse().map_err(|error| bad(format!("balance: {error}")))?;
                Condition::Balance { relation, value }
            }
        })
    }
}

/// The text up to white space, and what follows.
fn word(text: &str) -> (&str, &str) {
    text.split_at(text.find(char::is_whitespace).unwrap_or(text.len()))
}

/// A value and what follows it.
fn value<'a>(field: &str, text: &'a str) -> Result<(&'a str, &'a str), Refusal> {
    for quote in ['"', '\''] {
        if let Some(inside) = text.strip_prefix(quote) {
            let ended = inside.split_once(quote);
            let (value, rest) =
                ended.ok_or_else(|| bad(format!("the quote of {field}'s value is not closed")))?;
            if !rest.is_empty() && !rest.starts_with(char::is_whitespace) {
                return Err(bad(format!("expected a space after the quote of {field}'s value")));
            }
            return Ok((value, rest));
        }
    }
    match word(text) {
        ("", _) => Err(bad(format!("{field} has no value; \"\" is the empty one"))),
        (value, _) if value.eq_ignore_ascii_case("and") => {
            Err(bad(format!("{field} has no value; a value of that name stands in quotes")))
        }
        found => Ok(found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IVANOV: Facts<'static> = Facts {
        login: "ivanov",
        contract: "1001",
        plan: "home-20",
        group: "Жилые дома",
        nas: "bras1",
        balance: Money::from_units(150),
        blocked: false,
        negbal: false,
    };

    fn holds(text: &str) -> bool {
        Filter::parse(text).unwrap_or_else(|error| panic!("{text}: {error}")).holds(&IVANOV)
    }

    #[test]
    fn conditions_are_compared_as_written() {
        for text in [
            "plan=home-20",
            "plan = home-20 and group=\"Жилые дома\" and balance>100",
            "  login='ivanov'  AND contract != 1002 ",
            "balance>=150 and balance<=150,00 and balance=150.00 and balance<150.01 and balance!=1",
            "balance > -5",
            "blocked=no and negbal=false and blocked!=yes",
            "nas=bras1 and PLAN!=\"\"",
        ] {
            assert!(holds(text), "{text}");
        }
        for text in [
            "plan=HOME-20",
            "plan=home-20 and balance>150",
            "balance<0",
            "group=Жилые",
            "blocked=yes",
            "negbal!=no",
            "login!=ivanov",
            "plan=\"\"",
        ] {
            assert!(!holds(text), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_read_says_what_was_expected() {
        for (text, wanted) in [
            ("", "expected a field (login, contract, plan"),
            ("and", "there is no field \"and\""),
            ("=5", "expected a field"),
            ("speed=5", "there is no field \"speed\""),
            ("plan", "expected =, !="),
            ("plan home-20", "expected =, !="),
            ("plan~home", "expected =, !="),
            ("plan=", "plan has no value"),
            ("plan= and group=x", "plan has no value"),
            ("plan=home-20 and", "expected a field"),
            ("plan=home-20 or plan=x", "expected `and` instead of \"or\""),
            ("group=Жилые дома", "expected `and` instead of \"дома\""),
            ("group=\"Жилые", "is not closed"),
            ("group=\"a\"b", "expected a space"),
            ("plan>home-20", "plan is compared by = or != only"),
            ("blocked<yes", "blocked is compared by = or != only"),
            ("blocked=maybe", "blocked is yes or no, not \"maybe\""),
            ("balance>ten", "balance: \"ten\" is not an amount"),
            ("balance>1e9", "is not an amount"),
        ] {
            let refusal = Filter::parse(text).unwrap_err();
            assert_eq!(refusal.token, "bad-expression");
            assert!(refusal.text.contains(wanted), "{text:?}: {}", refusal.text);
        }
        assert!(Filter::parse(&"я".repeat(501)).unwrap_err().text.contains("longer than"));
    }

    proptest::proptest! {
        #[test]
        fn no_text_breaks_the_reader(text in ".{0,60}") {
            let _ = Filter::parse(&text);
        }
    }
}
