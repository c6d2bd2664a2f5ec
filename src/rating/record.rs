//! Reading the dialect's objects: names in any case, unknown ones ignored, null as absent, errors that name the place.

use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use std::fmt;
use std::marker::PhantomData;

/// Implements `Deserialize` for a struct with `Default`: `field: "Name" | "Alias" as Wire`, where `Wire` is what is read
/// and turned into the field by `From`. Of a name that stands twice the last one counts.
macro_rules! record {
    ($name:ident { $($field:ident: $($json:literal)|+ as $wire:ty),+ $(,)? }) => {
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<$name, D::Error> {
                #[allow(non_camel_case_types)]
                #[derive(Clone, Copy)]
                enum Field { $($field),+ }
                const NAMES: &[(&str, Field)] = &[$($(($json, Field::$field)),+),+];
                struct Object;
                impl<'de> serde::de::Visitor<'de> for Object {
                    type Value = $name;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str("an object")
                    }

                    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<$name, A::Error> {
                        let mut record = $name::default();
                        while let Some(found) = map.next_key_seed($crate::rating::record::Name(NAMES))? {
                            match found {
                                None => {
                                    map.next_value::<serde::de::IgnoredAny>()?;
                                }
                                $(Some((name, Field::$field)) => {
                                    if let Some(read) = $crate::rating::record::value::<$wire, A>(name, &mut map)? {
                                        record.$field = read.into();
                                    }
                                })+
                            }
                        }
                        Ok(record)
                    }
                }
                d.deserialize_map(Object)
            }
        }
    };
}
pub(super) use record;

/// Which of these names a key is, in any case; `None` for an unknown one.
pub(super) struct Name<F: 'static>(pub(super) &'static [(&'static str, F)]);

impl<'de, F: Copy> DeserializeSeed<'de> for Name<F> {
    type Value = Option<(&'static str, F)>;

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<Self::Value, D::Error> {
        d.deserialize_identifier(self)
    }
}

impl<F: Copy> Visitor<'_> for Name<F> {
    type Value = Option<(&'static str, F)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member's name")
    }

    fn visit_str<E: de::Error>(self, key: &str) -> Result<Self::Value, E> {
        Ok(self.0.iter().find(|(name, _)| name.eq_ignore_ascii_case(key)).copied())
    }
}

/// The value of the member `name`; `None` for null.
pub(super) fn value<'de, T: Deserialize<'de>, A: MapAccess<'de>>(
    name: &str,
    map: &mut A,
) -> Result<Option<T>, A::Error> {
    map.next_value().map_err(|why| de::Error::custom(format_args!("{name}: {why}")))
}

/// An array of at most `MAX` elements. An error names the element, counted from 1.
pub(super) struct List<T, const MAX: usize>(Vec<T>);

impl<T, const MAX: usize> From<List<T, MAX>> for Vec<T> {
    fn from(list: List<T, MAX>) -> Vec<T> {
        list.0
    }
}

impl<'de, T: Deserialize<'de>, const MAX: usize> Deserialize<'de> for List<T, MAX> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Elements<T, const MAX: usize>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>, const MAX: usize> Visitor<'de> for Elements<T, MAX> {
            type Value = List<T, MAX>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<List<T, MAX>, A::Error> {
                let mut list = Vec::new();
                loop {
                    let number = list.len() + 1;
                    let next = elements.next_element();
                    let next =
                        next.map_err(|why| de::Error::custom(format_args!("element {number}: {why}")))?;
                    let Some(element) = next else { return Ok(List(list)) };
                    if list.len() == MAX {
                        return Err(de::Error::custom(format_args!("more than {MAX} elements")));
                    }
                    list.push(element);
                }
            }
        }
        d.deserialize_seq(Elements(PhantomData))
    }
}
