//! The envelope of a request, read in place: `{"method": text, "params": [descriptor], "id": anything}`.
//!
//! Names in any case, unknown ones ignored, of a name that stands twice the last counts, as Go's `encoding/json` has it.

use serde::de::{
    self, Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::value::RawValue;
use std::fmt;
use std::marker::PhantomData;

/// What Go says about params that are no array; its clients show it to people.
const PARAMS_NO_ARRAY: &str = "json: cannot unmarshal params into Go value of type [1]interface {}";

/// A request with its parts as they came.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Request<'a> {
    /// Echoed octet for octet; absent is `null`.
    pub id: Option<&'a RawValue>,
    method: Option<&'a RawValue>,
    params: Option<&'a RawValue>,
}

/// Not a request, so that the connection is closed without a word.
#[derive(Debug)]
pub(super) struct Malformed;

impl<'a> Request<'a> {
    pub fn read(octets: &'a [u8]) -> Result<Request<'a>, Malformed> {
        let request: Option<Request<'a>> = serde_json::from_slice(octets).map_err(|_| Malformed)?;
        Ok(request.unwrap_or_default())
    }

    /// Octets to echo.
    pub fn id(&self) -> &'a [u8] {
        self.id.map_or(b"null", |id| id.get().as_bytes())
    }

    /// The method's name; empty when there is none.
    pub fn method(&self) -> Result<std::borrow::Cow<'a, str>, Malformed> {
        let Some(raw) = self.method.filter(|raw| raw.get() != "null") else { return Ok("".into()) };
        let plain = raw.get().strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        match plain.filter(|text| !text.contains('\\')) {
            Some(text) => Ok(text.into()),
            None => serde_json::from_str::<String>(raw.get()).map(Into::into).map_err(|_| Malformed),
        }
    }

    /// The first parameter; the default for one that is not there. Further ones are ignored.
    ///
    /// # Errors
    /// The text for the caller.
    pub fn argument<T: Deserialize<'a> + Default>(&self) -> Result<T, String> {
        let Some(params) = self.params.filter(|raw| raw.get() != "null") else {
            return Err("jsonrpc: request body missing params".to_owned());
        };
        if !params.get().starts_with('[') {
            return Err(PARAMS_NO_ARRAY.to_owned());
        }
        serde_json::from_str::<First<T>>(params.get())
            .map(|first| first.0.unwrap_or_default())
            .map_err(|error| format!("params: {error}"))
    }

    /// The first parameter as it came.
    ///
    /// # Errors
    /// The text for the caller.
    pub fn argument_text(&self) -> Result<&'a str, String> {
        let raw: Option<&'a RawValue> = self.argument()?;
        Ok(raw.map(RawValue::get).filter(|text| *text != "null").unwrap_or("{}"))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Request<'a> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Request<'a>, D::Error> {
        struct Envelope<'a>(PhantomData<&'a ()>);
        impl<'de: 'a, 'a> Visitor<'de> for Envelope<'a> {
            type Value = Request<'a>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a request")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Request<'a>, A::Error> {
                let mut request = Request::default();
                while let Some(member) = map.next_key_seed(MemberName)? {
                    match member {
                        Member::Id => request.id = Some(map.next_value()?),
                        Member::Method => request.method = Some(map.next_value()?),
                        Member::Params => request.params = Some(map.next_value()?),
                        Member::Other => {
                            map.next_value::<IgnoredAny>()?;
                        }
                    }
                }
                Ok(request)
            }
        }
        d.deserialize_map(Envelope(PhantomData))
    }
}

enum Member {
    Id,
    Method,
    Params,
    Other,
}

struct MemberName;

impl<'de> DeserializeSeed<'de> for MemberName {
    type Value = Member;

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<Member, D::Error> {
        d.deserialize_identifier(self)
    }
}

impl Visitor<'_> for MemberName {
    type Value = Member;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member's name")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<Member, E> {
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        Ok(match name {
            _ if is("id") => Member::Id,
            _ if is("method") => Member::Method,
            _ if is("params") => Member::Params,
            _ => Member::Other,
        })
    }
}

/// The first element of an array.
struct First<T>(Option<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for First<T> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<First<T>, D::Error> {
        struct Elements<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Elements<T> {
            type Value = First<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<First<T>, A::Error> {
                let first = elements.next_element::<Option<T>>()?.flatten();
                while elements.next_element::<IgnoredAny>()?.is_some() {}
                Ok(First(first))
            }
        }
        d.deserialize_seq(Elements(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rating::CallDescriptor;

    fn parts(text: &str) -> (String, String, Result<CallDescriptor, String>) {
        let request = Request::read(text.as_bytes()).unwrap();
        let id = String::from_utf8(request.id().to_vec()).unwrap();
        (id, request.method().unwrap().into_owned(), request.argument())
    }

    #[test]
    fn names_come_in_any_case_and_the_id_is_kept_octet_for_octet() {
        let (id, method, call) = parts(
            r#"{"ID": {"a" : 1.50}, "Method":"A\u002eb", "x":[], "PARAMS":[{"SUBJECT":"rif"}, 7, {}]}"#,
        );
        assert_eq!((id.as_str(), method.as_str()), (r#"{"a" : 1.50}"#, "A.b"));
        assert_eq!(call.unwrap().subject, "rif");
        assert_eq!(parts(r#"{"id":0,"id":1}"#).0, "1");
    }

    #[test]
    fn absent_parts_have_the_values_that_go_gives_them() {
        for text in ["{}", "null", r#"{"id":null,"method":null,"params":null}"#] {
            let (id, method, call) = parts(text);
            assert_eq!((id.as_str(), method.as_str()), ("null", ""));
            assert_eq!(call.unwrap_err(), "jsonrpc: request body missing params");
        }
        for text in [r#"{"params":[]}"#, r#"{"params":[null]}"#, r#"{"params":[{}]}"#] {
            assert_eq!(parts(text).2.unwrap(), CallDescriptor::default());
        }
        assert_eq!(parts(r#"{"params":{"a":1}}"#).2.unwrap_err(), PARAMS_NO_ARRAY);
        let wrong = parts(r#"{"params":[{"Amount":"x"}]}"#).2.unwrap_err();
        assert!(wrong.starts_with("params: Amount: "), "{wrong}");
    }

    #[test]
    fn what_is_no_request_is_malformed() {
        for text in ["{id:1}", "7", "[]", r#"{"id":1,}"#, r#"{"id":tru}"#, "{\"id\":\"\u{1}\"}"] {
            assert!(Request::read(text.as_bytes()).is_err(), "{text}");
        }
        assert!(Request::read(b"{\"id\":\"\xff\"}").is_err());
        assert!(Request::read(br#"{"method":5}"#).unwrap().method().is_err());
    }
}
