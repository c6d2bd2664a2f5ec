//! JSON Schemas of the words that are written as text.

use super::{Day, Money, Month, Price, SecretText};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use std::borrow::Cow;

/// A schema that stands where it is used.
macro_rules! written_as {
    ($($type:ty => $name:literal, $schema:tt;)*) => {$(
        impl JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                $name.into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    )*};
}

written_as! {
    Day => "Day", { "type": "string", "format": "date", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$" };
    Month => "Month", { "type": "string", "pattern": "^[0-9]{4}-[0-9]{2}$" };
    Money => "Money", { "type": ["string", "number"], "pattern": "^[-+]?[0-9 \\u00a0\\u202f]*[.,]?[0-9]{0,6}$" };
    Price => "Price", { "type": ["string", "number"], "pattern": "^[0-9]*[.,]?[0-9]{0,9}$" };
    SecretText => "SecretText", { "type": "string", "writeOnly": true };
}
