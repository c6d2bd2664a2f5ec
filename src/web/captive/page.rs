//! The page itself: per standing, what is the matter and what to do about it (rules.md, States).

use super::super::html::{Escaped, percent_encoded};
use super::super::texts::{Section, Texts, fill};
use super::layout::Layout;
use super::visit::Visit;
use super::{Action, Captive};
use crate::config::Way;
use crate::engine::PromiseOffer;
use crate::model::{Money, Reason, Refusal, Timestamp, Verdict};

/// Most and fewest digits of a number that a telephone can be made to call (ITU-T E.164).
const PHONE_DIGITS: std::ops::RangeInclusive<usize> = 3..=15;

/// What came of a press, above the page.
pub(super) struct Said {
    pub text: String,
    pub good: bool,
}

impl Captive {
    /// The page for whoever visits. With something said it is the answer to a press, and does not load itself again.
    pub(super) fn page(&self, visit: &Visit<'_>, said: Option<Said>) -> String {
        let texts = visit.texts;
        let provider = self.cabinet.provider.in_language(texts.language);
        let mut layout = Layout::new(visit, provider).refreshed(said.is_none());
        if let Some(said) = said {
            layout.said(&said.text, said.good);
        }
        let title = match visit.entry().map(|entry| (entry.view.standing.verdict, entry.view.cut_at)) {
            None => self.unknown(visit, &mut layout),
            Some((Verdict::LetThrough, Some(at))) => {
                let text = fill(texts.money_soon.text, &[("{until}", &self.moment(at, texts))]);
                self.known_as(visit, texts.money_soon.title, &text, &mut layout)
            }
            Some((Verdict::LetThrough, None)) => match self.open_promise(visit) {
                Some((_, until)) => {
                    let text = fill(texts.promised.text, &[("{until}", &until)]);
                    self.known_as(visit, texts.promised.title, &text, &mut layout)
                }
                None => self.known(visit, &texts.open, &mut layout),
            },
            Some((Verdict::Negbal, _)) => self.known(visit, &texts.money, &mut layout),
            Some((Verdict::Paused, _)) => self.paused(visit, &mut layout),
            Some((Verdict::Blocked, _)) => self.known(visit, &texts.blocked, &mut layout),
        };
        layout.finish(title)
    }

    fn unknown(&self, visit: &Visit<'_>, layout: &mut Layout<'_>) -> &'static str {
        let texts = visit.texts;
        layout.heading(&texts.unknown);
        let address = visit.address.map(|address| address.to_string()).unwrap_or_default();
        layout.row(texts.your_address, address, "big");
        layout.end_rows();
        self.phone(texts, layout);
        texts.unknown.title
    }

    fn known(&self, visit: &Visit<'_>, section: &'static Section, layout: &mut Layout<'_>) -> &'static str {
        self.known_as(visit, section.title, section.text, layout)
    }

    fn paused(&self, visit: &Visit<'_>, layout: &mut Layout<'_>) -> &'static str {
        let section = &visit.texts.paused;
        let text = self.of_pause(visit, section.text);
        self.known_as(visit, section.title, &text, layout)
    }

    fn known_as(
        &self,
        visit: &Visit<'_>,
        title: &'static str,
        text: &str,
        layout: &mut Layout<'_>,
    ) -> &'static str {
        let (texts, Some(entry)) = (visit.texts, visit.entry()) else { return title };
        let view = &entry.view;
        layout.put(format_args!("<h1>{}</h1>", Escaped(title)));
        layout.paragraph(text);
        let short = view.standing.negbal || view.cut_at.is_some();
        // A promise is no money: what it stands for is still to be paid.
        let promised = view.promised.is_positive() && view.standing.verdict == Verdict::LetThrough;
        let to_pay = match promised && !short {
            true => view.promised.saturating_sub(view.available).max(Money::ZERO),
            false => view.to_pay,
        };
        layout.row(texts.contract, &view.account.contract, "");
        layout.row(texts.login, &view.subscriber.login, "");
        if let Some(plan) = &view.plan {
            layout.row(texts.plan, &plan.name, "");
        }
        if let Some(reason) = reason(view.standing.reason.as_ref(), texts) {
            layout.row(texts.reason, reason, "");
        }
        layout.row(texts.balance, self.money(view.balance, texts), "");
        if let Some((sum, until)) = self.open_promise(visit) {
            layout.row(
                texts.promise.title,
                fill(texts.promise.open, &[("{sum}", &sum), ("{until}", &until)]),
                "",
            );
        }
        let pays = short || promised;
        if pays {
            layout.row(texts.to_pay, self.money(to_pay, texts), "pay");
        }
        layout.end_rows();
        if view.standing.verdict == Verdict::Paused {
            layout.subheading(texts.resume.offer);
            layout.act(&visit.link(Action::Resume.path()), texts.resume.take);
        }
        if pays && view.standing.verdict != Verdict::Blocked {
            self.ways(visit, to_pay, layout);
        }
        if short && matches!(view.standing.verdict, Verdict::Negbal | Verdict::LetThrough) {
            self.promise(visit, layout);
        }
        self.phone(texts, layout);
        title
    }

    /// What a promise would give and a link to where it is taken, or why there is none.
    fn promise(&self, visit: &Visit<'_>, layout: &mut Layout<'_>) {
        if self.operations.settings.billing.promises_per_month == 0 {
            return;
        }
        let texts = &visit.texts.promise;
        layout.subheading(texts.title);
        match self.offer(visit) {
            Ok(offer) => {
                layout.paragraph(&self.offer_text(&offer, visit));
                layout.act_aside(&visit.link(Action::Promise.path()), texts.take);
            }
            Err(why) => layout.paragraph(&why),
        }
    }

    /// What may be pressed, or in the words of the page why nothing may.
    pub(super) fn offer(&self, visit: &Visit<'_>) -> Result<PromiseOffer, String> {
        let texts = &visit.texts.promise;
        let (Some(found), Some(entry)) = (&visit.found, visit.entry()) else {
            return Err(texts.refused.to_owned());
        };
        if !matches!(entry.view.standing.verdict, Verdict::Negbal | Verdict::LetThrough) {
            return Err(texts.refused.to_owned());
        }
        let offer =
            self.operations.promise_offer(found).map_err(|refusal| self.refusal_text(&refusal, visit))?;
        if offer.lacking.is_positive() {
            let values = [
                ("{sum}", self.money(offer.sum, visit.texts)),
                ("{lacking}", self.money(offer.lacking, visit.texts)),
            ];
            return Err(fill(
                texts.too_small,
                &values.each_ref().map(|(place, value)| (*place, value.as_str())),
            ));
        }
        Ok(offer)
    }

    fn offer_text(&self, offer: &PromiseOffer, visit: &Visit<'_>) -> String {
        let texts = visit.texts;
        let (sum, until) = (self.money(offer.sum, texts), self.moment(offer.until, texts));
        let text = fill(texts.promise.offer, &[("{sum}", &sum), ("{until}", &until)]);
        format!("{text} {}", self.price_text(offer, texts))
    }

    pub(super) fn price_text(&self, offer: &PromiseOffer, texts: &Texts) -> String {
        match offer.price.is_positive() {
            true => fill(texts.promise.costs, &[("{price}", &self.money(offer.price, texts))]),
            false => texts.promise.free.to_owned(),
        }
    }

    /// A refusal of the rules in the words of the page.
    pub(super) fn refusal_text(&self, refusal: &Refusal, visit: &Visit<'_>) -> String {
        let texts = visit.texts;
        let words = &texts.promise;
        match refusal.token.as_str() {
            "promise-open" => match self.open_promise(visit) {
                Some((sum, until)) => fill(words.already, &[("{sum}", &sum), ("{until}", &until)]),
                None => words.refused.to_owned(),
            },
            "promises-used-up" => fill(words.used_up, &[("{day}", &self.next_month(texts))]),
            "promise-not-needed" => words.not_needed.to_owned(),
            "not-paused" => texts.resume.refused.to_owned(),
            _ => words.refused.to_owned(),
        }
    }

    /// Sum and end of the promise that is open.
    pub(super) fn open_promise(&self, visit: &Visit<'_>) -> Option<(String, String)> {
        let promise = visit.entry()?.view.promises.as_ref()?.open.as_ref()?;
        Some((self.money(promise.sum, visit.texts), self.moment(promise.until, visit.texts)))
    }

    /// A text about the asker's pause, with its days.
    pub(super) fn of_pause(&self, visit: &Visit<'_>, text: &str) -> String {
        let pause = visit.entry().and_then(|entry| entry.view.subscriber.terms.pause);
        let day = |day: Option<crate::model::Day>| {
            let (_, month, day) = day.map(crate::model::Day::civil).unwrap_or_default();
            visit.texts.day(month, day)
        };
        let (from, to) = (day(pause.map(|pause| pause.from)), day(pause.map(|pause| pause.to)));
        fill(text, &[("{from}", &from), ("{to}", &to)])
    }

    fn ways(&self, visit: &Visit<'_>, to_pay: Money, layout: &mut Layout<'_>) {
        let (texts, language) = (visit.texts, visit.texts.language);
        layout.subheading(texts.how_to_pay);
        if self.cabinet.ways.is_empty() {
            layout.put(format_args!("<ul>"));
            for way in texts.ways_to_pay {
                layout.put(format_args!("<li>{}</li>", Escaped(way)));
            }
            return layout.put(format_args!("</ul>"));
        }
        let contract = visit.found.as_ref().map_or("", |found| &found.account.contract);
        layout.put(format_args!("<ul class=\"ways\">"));
        for way in &self.cabinet.ways {
            let (name, text) = (way.name.in_language(language), way.text.in_language(language));
            layout.put(format_args!("<li>"));
            match way.url.is_empty() {
                true => layout.put(format_args!("<b>{}</b>", Escaped(name))),
                false => layout.act(&self.way_url(way, contract, to_pay), name),
            }
            if !text.is_empty() {
                layout.put(format_args!("<div class=\"note\">{}</div>", Escaped(text)));
            }
            layout.put(format_args!("</li>"));
        }
        layout.put(format_args!("</ul>"));
    }

    fn way_url(&self, way: &Way, contract: &str, to_pay: Money) -> String {
        let sum = percent_encoded(&self.operations.money(to_pay));
        fill(&way.url, &[("{contract}", &percent_encoded(contract)), ("{sum}", &sum)])
    }

    /// To be called with one touch where it is one number.
    fn phone(&self, texts: &Texts, layout: &mut Layout<'_>) {
        let phone = self.cabinet.phone.as_str();
        if phone.is_empty() {
            return;
        }
        layout.subheading(texts.phone);
        let plain = phone.chars().all(|c| c.is_ascii_digit() || " +-()\u{a0}".contains(c));
        let number: String = phone.chars().filter(|c| c.is_ascii_digit() || *c == '+').collect();
        if plain && PHONE_DIGITS.contains(&number.trim_start_matches('+').len()) {
            layout.put(format_args!("<p><a href=\"tel:{}\">{}</a></p>", Escaped(number), Escaped(phone)));
        } else {
            layout.paragraph(phone);
        }
    }

    pub(super) fn money(&self, amount: Money, texts: &Texts) -> String {
        texts.money(&self.operations.money(amount), &self.currency)
    }

    pub(super) fn moment(&self, at: Timestamp, texts: &Texts) -> String {
        texts.moment(self.civil(at))
    }

    fn civil(&self, at: Timestamp) -> jiff::civil::DateTime {
        let at = jiff::Timestamp::from_microsecond(at.micros()).unwrap_or_default();
        self.operations.settings.time_zone.to_datetime(at)
    }

    fn next_month(&self, texts: &Texts) -> String {
        let month = i32::from(self.civil(self.operations.clock.now()).month());
        texts.day(month % 12 + 1, 1)
    }
}

/// Why a blocked subscriber is blocked; money and a pause are told by the page's title.
fn reason<'a>(reason: Option<&'a Reason>, texts: &'a Texts) -> Option<&'a str> {
    match reason? {
        Reason::Administrator { text } => Some(text.as_str()).filter(|text| !text.trim().is_empty()),
        Reason::NotYetValid => Some(texts.not_yet_valid),
        Reason::Expired => Some(texts.expired),
        Reason::AccountClosed => Some(texts.account_closed),
        Reason::Paused | Reason::Shortage { .. } | Reason::FeeDue { .. } => None,
    }
}
