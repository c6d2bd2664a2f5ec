//! Parameters as a type: every error knows where in them it stands.

use serde::de::value::StrDeserializer;
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, Error as _, IntoDeserializer, MapAccess, SeqAccess,
    Unexpected, Visitor,
};
use serde::forward_to_deserialize_any;
use serde_json::{Error, Value};
use std::cell::RefCell;

/// What is wrong with parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParameterError {
    /// Where: `who`, `file.subscriber[3].ip`; empty for the parameters as a whole.
    pub field: String,
    /// What is wrong there and what was expected.
    pub text: String,
}

/// Reads parameters, an object with the members of `T` and no others. Structures inside are objects as well.
pub(super) fn read<T: DeserializeOwned>(parameters: &Value) -> Result<T, ParameterError> {
    let steps = RefCell::new(Vec::new());
    T::deserialize(Place { value: parameters, steps: &steps }).map_err(|error| {
        let text = error.to_string();
        let mut field = path(&steps.into_inner());
        // The member that is not there has not been entered.
        if let Some(name) = quoted_after(&text, "missing field `") {
            if !field.is_empty() {
                field.push('.');
            }
            field.push_str(name);
            return ParameterError { field, text: "missing".to_owned() };
        }
        ParameterError { field, text }
    })
}

fn quoted_after<'a>(text: &'a str, beginning: &str) -> Option<&'a str> {
    text.strip_prefix(beginning)?.split('`').next()
}

/// From the innermost step, as an error goes outwards.
fn path(steps: &[Step]) -> String {
    let mut path = String::new();
    for step in steps.iter().rev() {
        match step {
            Step::Member(name) if path.is_empty() => path.push_str(name),
            Step::Member(name) => path.extend([".", name]),
            Step::Item(at) => path.push_str(&format!("[{at}]")),
        }
    }
    path
}

enum Step {
    Member(String),
    Item(usize),
}

/// A value with the way to it, which is noted only when something is wrong.
#[derive(Clone, Copy)]
struct Place<'a> {
    value: &'a Value,
    steps: &'a RefCell<Vec<Step>>,
}

impl<'a> Place<'a> {
    fn within(self, value: &'a Value) -> Place<'a> {
        Place { value, ..self }
    }

    /// Notes the step that led to an error.
    fn note<T>(self, result: Result<T, Error>, step: impl FnOnce() -> Step) -> Result<T, Error> {
        if result.is_err() {
            self.steps.borrow_mut().push(step());
        }
        result
    }
}

impl<'a> Deserializer<'a> for Place<'a> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.value {
            Value::Object(members) => {
                visitor.visit_map(Members { place: self, rest: members.iter(), value: None })
            }
            Value::Array(items) => visitor.visit_seq(Items { place: self, rest: items.iter().enumerate() }),
            scalar => scalar.deserialize_any(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.value.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'a>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    /// Members by name only: their order is nobody's promise.
    fn deserialize_struct<V: Visitor<'a>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        if self.value.is_object() {
            return self.deserialize_any(visitor);
        }
        Err(Error::invalid_type(unexpected(self.value), &"an object with members by name"))
    }

    fn deserialize_enum<V: Visitor<'a>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.value.deserialize_enum(name, variants, visitor)
    }

    forward_to_deserialize_any! {
        <V: Visitor<'a>>
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map identifier ignored_any
    }
}

fn unexpected(value: &Value) -> Unexpected<'_> {
    match value {
        Value::Null => Unexpected::Unit,
        Value::Bool(value) => Unexpected::Bool(*value),
        Value::Number(_) => Unexpected::Other("a number"),
        Value::String(text) => Unexpected::Str(text),
        Value::Array(_) => Unexpected::Seq,
        Value::Object(_) => Unexpected::Map,
    }
}

struct Members<'a> {
    place: Place<'a>,
    rest: serde_json::map::Iter<'a>,
    value: Option<(&'a String, &'a Value)>,
}

impl<'a> MapAccess<'a> for Members<'a> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'a>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        let Some((name, value)) = self.rest.next() else { return Ok(None) };
        self.value = Some((name, value));
        let key: StrDeserializer<'_, Error> = name.as_str().into_deserializer();
        self.place.note(seed.deserialize(key), || Step::Member(name.clone())).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'a>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let Some((name, value)) = self.value.take() else {
            return Err(Error::custom("a value without its name"));
        };
        self.place.note(seed.deserialize(self.place.within(value)), || Step::Member(name.clone()))
    }
}

struct Items<'a> {
    place: Place<'a>,
    rest: std::iter::Enumerate<std::slice::Iter<'a, Value>>,
}

impl<'a> SeqAccess<'a> for Items<'a> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'a>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        let Some((at, item)) = self.rest.next() else { return Ok(None) };
        self.place.note(seed.deserialize(self.place.within(item)), || Step::Item(at)).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{DataFile, Day};
    use serde::Deserialize;
    use serde_json::json;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Wanted {
        #[allow(dead_code)]
        who: String,
        #[allow(dead_code)]
        from: Option<Day>,
    }

    fn error<T: DeserializeOwned + std::fmt::Debug>(parameters: Value) -> (String, String) {
        let error = read::<T>(&parameters).unwrap_err();
        (error.field, error.text)
    }

    #[test]
    fn an_error_says_where_it_is_and_what_was_expected() {
        for (parameters, field, text) in [
            (json!({}), "who", "missing"),
            (json!({"who": 1}), "who", "invalid type: integer `1`, expected a string"),
            (json!({"who": "a", "form": 1}), "form", "unknown field `form`, expected `who` or `from`"),
            (json!({"who": "a", "from": "x"}), "from", "\"x\" is no date; expected a day like 2026-04-06"),
            (json!(["a"]), "", "invalid type: sequence, expected an object with members by name"),
        ] {
            assert_eq!(error::<Wanted>(parameters), (field.to_owned(), text.to_owned()));
        }
    }

    #[test]
    fn a_row_of_a_file_is_named_by_its_place() {
        let (field, text) =
            error::<DataFile>(json!({"subscriber": [{"login": "a"}, {"login": "b", "sessions-max": -1}]}));
        assert_eq!((field.as_str(), text.contains("-1")), ("subscriber[1].sessions-max", true), "{text}");
        let (field, _) = error::<DataFile>(json!({"subscriber": [{"ip": "10.0.0.1"}]}));
        assert_eq!(field, "subscriber[0].login");
        let (field, _) = error::<DataFile>(json!({"plan": [["home"]]}));
        assert_eq!(field, "plan[0]");
    }
}
