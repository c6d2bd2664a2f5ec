//! What the pages say, in two languages; every text stands in both by its type.
//!
//! `{name}` in a text is a place that [`fill`] puts a value into; each field says which it has.

mod english;
mod russian;

pub(super) use english::ENGLISH;
pub(super) use russian::RUSSIAN;

use jiff::civil::DateTime;

/// Languages asked for that are looked at.
const LANGUAGES_MAX: usize = 16;

/// All texts of one language.
#[derive(Debug)]
pub(super) struct Texts {
    /// Of the `lang` attribute.
    pub language: &'static str,
    pub contract: &'static str,
    pub login: &'static str,
    pub plan: &'static str,
    pub balance: &'static str,
    pub to_pay: &'static str,
    pub your_address: &'static str,
    pub reason: &'static str,
    pub phone: &'static str,
    pub money: Section,
    /// `{until}`.
    pub money_soon: Section,
    /// `{until}`.
    pub promised: Section,
    /// `{from}` and `{to}`, days.
    pub paused: Section,
    pub blocked: Section,
    pub open: Section,
    pub unknown: Section,
    pub how_to_pay: &'static str,
    pub ways_to_pay: &'static [&'static str],
    pub not_yet_valid: &'static str,
    pub expired: &'static str,
    pub account_closed: &'static str,
    pub back: &'static str,
    pub promise: PromiseTexts,
    pub resume: ResumeTexts,
    pub trouble: Trouble,
    /// Between groups of three digits, and before the fraction.
    pub thousands: char,
    pub point: char,
    /// As they stand behind the number of a day.
    pub months: [&'static str; 12],
    pub at: &'static str,
}

/// What a page of one kind says first.
#[derive(Debug)]
pub(super) struct Section {
    pub title: &'static str,
    pub text: &'static str,
}

/// Of the promised payment.
#[derive(Debug)]
pub(super) struct PromiseTexts {
    pub title: &'static str,
    /// `{sum}` and `{until}`: what it would be.
    pub offer: &'static str,
    /// `{price}`.
    pub costs: &'static str,
    pub free: &'static str,
    /// `{contract}` and `{count}` of its subscribers.
    pub shared: &'static str,
    pub no_gift: &'static str,
    pub take: &'static str,
    /// The page that asks once more.
    pub question: &'static str,
    pub sum: &'static str,
    pub until: &'static str,
    pub price: &'static str,
    /// `{sum}`: on the button that does it.
    pub press: &'static str,
    /// `{sum}` and `{until}`: it has been given.
    pub given: &'static str,
    /// `{sum}` and `{until}`: a row's value, and why there is no other.
    pub open: &'static str,
    pub already: &'static str,
    /// `{day}`.
    pub used_up: &'static str,
    pub not_needed: &'static str,
    /// `{sum}` and `{lacking}`.
    pub too_small: &'static str,
    pub refused: &'static str,
}

/// Of the end of a pause.
#[derive(Debug)]
pub(super) struct ResumeTexts {
    pub offer: &'static str,
    pub take: &'static str,
    pub question: &'static str,
    /// `{from}` and `{to}`, days.
    pub text: &'static str,
    /// `{plan}` and `{fee}`.
    pub fee_of_month: &'static str,
    pub fee_of_day: &'static str,
    pub shortage: &'static str,
    /// `{count}` of others.
    pub others: &'static str,
    pub press: &'static str,
    pub done: &'static str,
    pub refused: &'static str,
}

/// What went wrong, in the words of the page.
#[derive(Debug)]
pub(super) struct Trouble {
    pub title: &'static str,
    pub foreign: &'static str,
    pub stale: &'static str,
    pub too_often: &'static str,
    pub later: &'static str,
}

impl Texts {
    /// The language of this code, if it is one of ours.
    pub fn of(language: &str) -> Option<&'static Texts> {
        [&ENGLISH, &RUSSIAN].into_iter().find(|texts| texts.language == language)
    }

    /// The other one.
    pub fn other(&self) -> &'static Texts {
        if self.language == ENGLISH.language { &RUSSIAN } else { &ENGLISH }
    }

    /// What the language calls itself.
    pub fn own_name(&self) -> &'static str {
        if self.language == ENGLISH.language { "English" } else { "Русский" }
    }

    /// The language that an Accept-Language header (RFC 9110 12.5.4) likes best of ours; English when it names none.
    pub fn for_header(header: &str) -> &'static Texts {
        let ranked = header.split(',').take(LANGUAGES_MAX).filter_map(|item| {
            let mut parts = item.split(';').map(str::trim);
            let language = parts.next()?.split('-').next()?.to_ascii_lowercase();
            let weight = parts.find_map(|part| part.strip_prefix("q=")).unwrap_or("1");
            let weight: f32 = weight.parse().ok().filter(|weight| *weight > 0.0)?;
            Texts::of(&language).map(|texts| (weight, texts))
        });
        // Of equal weights the first; `max_by` would take the last.
        ranked
            .reduce(|best, next| if next.0 > best.0 { next } else { best })
            .map_or(&ENGLISH, |(_, texts)| texts)
    }

    /// `1 234,56 ₽` or `1,234.56 RUB`, from a decimal text and a code of ISO 4217.
    pub fn money(&self, decimal: &str, currency: &str) -> String {
        let (sign, digits) = decimal.strip_prefix('-').map_or(("", decimal), |digits| ("-", digits));
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let mut grouped = String::new();
        for (at, digit) in whole.chars().enumerate() {
            if at > 0 && (whole.len() - at).is_multiple_of(3) {
                grouped.push(self.thousands);
            }
            grouped.push(digit);
        }
        let fraction = if fraction.is_empty() { String::new() } else { format!("{}{fraction}", self.point) };
        let currency = if currency == "RUB" && self.language == "ru" { "₽" } else { currency };
        format!("{sign}{grouped}{fraction}\u{a0}{currency}")
    }

    /// `6 апреля`; without the year, since nothing here is further away than a few weeks.
    pub fn day(&self, month: i32, day: i32) -> String {
        let index = usize::try_from(month.saturating_sub(1)).unwrap_or_default();
        format!("{day}\u{a0}{}", self.months.get(index).copied().unwrap_or_default())
    }

    /// `6 апреля в 10:00`, by the clock on the provider's wall.
    pub fn moment(&self, at: DateTime) -> String {
        let day = self.day(at.month().into(), at.day().into());
        format!("{day}{}{:02}:{:02}", self.at, at.hour(), at.minute())
    }
}

/// Puts values into the places of a text.
pub(super) fn fill(text: &str, values: &[(&str, &str)]) -> String {
    values.iter().fold(text.to_owned(), |text, (place, value)| text.replace(place, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_is_the_best_liked_of_ours() {
        for (header, language) in [
            ("", "en"),
            ("ru", "ru"),
            ("ru-RU,ru;q=0.9,en-US;q=0.8", "ru"),
            ("en-US,en;q=0.9,ru;q=0.8", "en"),
            ("de, ru;q=0.2", "ru"),
            ("en;q=0.1, RU;q=0.2", "ru"),
            ("ru;q=0, de", "en"),
            ("ru;q=x", "en"),
            ("*", "en"),
        ] {
            assert_eq!(Texts::for_header(header).language, language, "{header}");
        }
    }

    #[test]
    fn money_and_moments_are_written_as_people_of_the_language_do() {
        assert_eq!(RUSSIAN.money("-1234567.50", "RUB"), "-1\u{a0}234\u{a0}567,50\u{a0}₽");
        assert_eq!(ENGLISH.money("1234.50", "RUB"), "1,234.50\u{a0}RUB");
        assert_eq!(ENGLISH.money("123", "JPY"), "123\u{a0}JPY");
        let at = jiff::civil::date(2026, 4, 6).at(9, 5, 0, 0);
        assert_eq!(RUSSIAN.moment(at), "6\u{a0}апреля в\u{a0}09:05");
        assert_eq!(ENGLISH.moment(at), "6\u{a0}April at\u{a0}09:05");
    }

    #[test]
    fn both_languages_have_the_same_places() {
        let places = |texts: &Texts| -> Vec<String> {
            let text = format!("{texts:?}");
            let mut found: Vec<String> = text
                .split('{')
                .skip(1)
                .filter_map(|rest| rest.split_once('}'))
                .map(|(name, _)| name.to_owned())
                .filter(|name| name.bytes().all(|b| b.is_ascii_lowercase()))
                .collect();
            found.sort();
            found
        };
        assert_eq!(places(&ENGLISH), places(&RUSSIAN));
        assert!(places(&ENGLISH).len() > 15);
    }
}
