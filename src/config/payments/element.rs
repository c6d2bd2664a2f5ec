//! The shape of an answer: elements with texts in which places stand for what is known.

use crate::config::error::Fault;
use crate::config::section::Section;
use crate::config::tree::{Node, Value};

/// Elements beside each other.
const ELEMENTS_MAX: usize = 32;
/// Elements within each other.
const DEPTH_MAX: usize = 4;
const ATTRIBUTES_MAX: usize = 8;
const NAME_CHARS_MAX: usize = 64;
const TEXT_CHARS_MAX: usize = 500;

/// One element of an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Element {
    pub name: String,
    pub attributes: Vec<(String, String)>,
    pub value: Template,
    /// In place of a value.
    pub elements: Vec<Element>,
    /// Only in the answer to what was done, now or before.
    pub only_done: bool,
    /// Left out when there is nothing in it.
    pub optional: bool,
}

/// A text with places.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Template(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Place(Place),
}

/// What may stand in an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// The operator's id of the payment, as sent.
    Id,
    /// Our number of the operation; the same in every repeat.
    Operation,
    Sum,
    /// The operator's date, as sent.
    Date,
    /// When we took the payment.
    Time,
    Code,
    Message,
    /// The account, as sent.
    Asked,
    /// The contract.
    Account,
    /// Masked.
    Name,
    Address,
    Balance,
    /// What is to be paid.
    ToPay,
}

impl Place {
    const WORDS: [(&'static str, Place); 13] = [
        ("id", Place::Id),
        ("operation", Place::Operation),
        ("sum", Place::Sum),
        ("date", Place::Date),
        ("time", Place::Time),
        ("code", Place::Code),
        ("message", Place::Message),
        ("asked", Place::Asked),
        ("account", Place::Account),
        ("name", Place::Name),
        ("address", Place::Address),
        ("balance", Place::Balance),
        ("to-pay", Place::ToPay),
    ];

    fn of(word: &str) -> Option<Place> {
        Place::WORDS.iter().find(|(known, _)| *known == word).map(|(_, place)| *place)
    }
}

impl Template {
    /// None: a brace without its fellow, or an unknown place.
    pub fn parse(text: &str) -> Option<Template> {
        if text.chars().count() > TEXT_CHARS_MAX {
            return None;
        }
        let (mut pieces, mut rest) = (Vec::new(), text);
        while let Some((before, behind)) = rest.split_once('{') {
            let (word, after) = behind.split_once('}')?;
            pieces.push(Piece::Text(before.to_owned()));
            pieces.push(Piece::Place(Place::of(word)?));
            rest = after;
        }
        pieces.push(Piece::Text(rest.to_owned()));
        pieces.retain(|piece| *piece != Piece::Text(String::new()));
        let closed = |piece: &Piece| matches!(piece, Piece::Text(text) if text.contains('}'));
        (!pieces.iter().any(closed)).then_some(Template(pieces))
    }

    /// The text with what `known` gives for each place.
    pub fn filled<'a>(&self, known: impl Fn(Place) -> &'a str) -> String {
        let mut text = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(piece) => text.push_str(piece),
                Piece::Place(place) => text.push_str(known(*place)),
            }
        }
        text
    }
}

/// Reads a list of elements, if the key is there.
pub(super) fn read_elements(section: &mut Section<'_>, key: &'static str, slot: &mut Vec<Element>) {
    if section.has(key) {
        *slot = elements(section, key, DEPTH_MAX);
    }
}

fn elements(section: &mut Section<'_>, key: &'static str, depth: usize) -> Vec<Element> {
    const NAME: &str = "a name of XML: letters, digits, '-', '_' and '.', a letter or '_' first, at most 64";
    const PLACES: &str = "a text with places of {id}, {operation}, {sum}, {date}, {time}, {code}, {message}, {asked}, \
                          {account}, {name}, {address}, {balance}, {to-pay}";
    section.tables(key, ELEMENTS_MAX, |table| {
        let mut element = Element::default();
        let name = |text: &str| is_name(text).then(|| text.to_owned());
        table
            .parsed("element", &mut element.name, NAME, name)
            .needed("element", NAME)
            .parsed("value", &mut element.value, PLACES, Template::parse)
            .value("attributes", &mut element.attributes, attributes)
            .word("only", &mut element.only_done, &[("done", true), ("always", false)])
            .boolean("optional", &mut element.optional);
        if depth > 1 {
            element.elements = elements(table, "elements", depth - 1);
        }
        if !element.elements.is_empty() && table.has("value") {
            table.refuse("value", "an element has a value or elements, not both");
        }
        element
    })
}

fn attributes(node: &Node) -> Result<Vec<(String, String)>, Fault> {
    const WHAT: &str = "a table of texts such as { name = \"fio\", type = \"disp\" }, at most 8";
    let (Value::Table(table) | Value::InlineTable(table)) = &node.value else {
        return Err(node.expected(WHAT));
    };
    if table.len() > ATTRIBUTES_MAX || !table.keys().all(|name| is_name(name)) {
        return Err(node.expected(WHAT));
    }
    table.iter().map(|(name, value)| Ok((name.clone(), value.text(WHAT)?.to_owned()))).collect()
}

/// A name of XML 1.0, section 2.3, as far as it is ASCII and has no colon.
pub(super) fn is_name(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
        && text.len() <= NAME_CHARS_MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_filled_and_unknown_ones_refused() {
        let template = Template::parse("№ {account}: {balance} {sum}").unwrap();
        let known = |place| match place {
            Place::Account => "1001",
            Place::Balance => "-5.00",
            _ => "?",
        };
        assert_eq!(template.filled(known), "№ 1001: -5.00 ?");
        assert_eq!(Template::parse("").map(|t| t.filled(|_| "x")).as_deref(), Some(""));
        for text in ["{", "}", "{id", "id}", "{ID}", "{}", "{psw}", "{id}}"] {
            assert_eq!(Template::parse(text), None, "{text}");
        }
    }
}
