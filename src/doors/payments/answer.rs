//! The answer as XML, in the shape and the encoding of the dialect.

use super::desk::{Done, Facts};
use crate::config::{Dialect, Element, PaymentResult, Place};
use crate::doors::http::{Body, Response};
use encoding_rs::Encoding;
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};
use std::io;

/// Always status 200: what an operator looks at is the code within.
pub(super) fn response(dialect: &Dialect, done: &Done) -> Response {
    // Writing to memory cannot fail; if it did, an empty answer makes the operator come again.
    let text = document(dialect, done).unwrap_or_default();
    let body = match Encoding::for_label(dialect.encoding.as_bytes()) {
        // A letter that the encoding does not have becomes a character reference.
        Some(encoding) if encoding != encoding_rs::UTF_8 => encoding.encode(&text).0.into_owned(),
        _ => text.into_bytes(),
    };
    let kind = format!("{}; charset={}", dialect.content_type, dialect.encoding);
    Response {
        status: 200,
        headers: vec![("Content-Type", kind), ("X-Content-Type-Options", "nosniff".to_owned())],
        body: Body::Owned(body),
    }
}

fn document(dialect: &Dialect, done: &Done) -> io::Result<String> {
    let mut writer = Writer::new(Vec::with_capacity(512));
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some(&dialect.encoding), None)))?;
    writer.write_event(Event::Start(BytesStart::new(dialect.root.as_str())))?;
    let shape = dialect.elements.get(&done.act).map(Vec::as_slice).unwrap_or_default();
    let answer = Answer { dialect, done };
    for element in shape {
        answer.write(&mut writer, element)?;
    }
    writer.write_event(Event::End(BytesEnd::new(dialect.root.as_str())))?;
    String::from_utf8(writer.into_inner()).map_err(io::Error::other)
}

struct Answer<'a> {
    dialect: &'a Dialect,
    done: &'a Done,
}

impl Answer<'_> {
    fn write(&self, writer: &mut Writer<Vec<u8>>, element: &Element) -> io::Result<()> {
        if !self.is_shown(element) {
            return Ok(());
        }
        let mut start = BytesStart::new(element.name.as_str());
        for (name, value) in &element.attributes {
            start.push_attribute((name.as_str(), value.as_str()));
        }
        writer.write_event(Event::Start(start))?;
        if element.elements.is_empty() {
            let text = self.text(element);
            writer.write_event(Event::Text(BytesText::new(&text)))?;
        }
        for inner in &element.elements {
            self.write(writer, inner)?;
        }
        writer.write_event(Event::End(BytesEnd::new(element.name.as_str())))
    }

    fn is_shown(&self, element: &Element) -> bool {
        if element.only_done && !self.done.result.is_done() {
            return false;
        }
        if !element.optional {
            return true;
        }
        match element.elements.as_slice() {
            [] => !self.text(element).is_empty(),
            inner => inner.iter().any(|element| self.is_shown(element)),
        }
    }

    /// Without characters that no XML may hold, escaped or not (XML 1.0, section 2.2).
    fn text(&self, element: &Element) -> String {
        let mut text = element.value.filled(|place| self.known(place));
        text.retain(|c| !c.is_control() && !matches!(c, '\u{fffe}' | '\u{ffff}'));
        text
    }

    fn known(&self, place: Place) -> &str {
        let Facts { id, date, asked, operation, sum, time, contract, name, address, balance, to_pay } =
            &self.done.facts;
        match place {
            Place::Id => id,
            Place::Operation => operation,
            Place::Sum => sum,
            Place::Date => date,
            Place::Time => time,
            Place::Code => self.dialect.code(self.done.result),
            Place::Message => self.message(self.done.result),
            Place::Asked => asked,
            Place::Account => contract,
            Place::Name => name,
            Place::Address => address,
            Place::Balance => balance,
            Place::ToPay => to_pay,
        }
    }

    fn message(&self, result: PaymentResult) -> &str {
        self.dialect.message(result)
    }
}
