//! What can be pressed: a page that asks once more and says what it costs, and the press itself.

use super::super::html::Escaped;
use super::super::texts::{Section, fill};
use super::guard::{Press, comes_from_the_page};
use super::layout::Layout;
use super::page::Said;
use super::visit::Visit;
use super::{Captive, html};
use crate::directory::Entry;
use crate::doors::http::{Parameters, Request, Response};
use crate::engine::PromiseOffer;
use crate::model::*;
use crate::operations::Caller;
use crate::writer::Rejected;
use std::sync::Arc;

/// Subscribers of a contract that one press resumes at most.
const RESUMED_MAX: usize = 32;

/// What a subscriber can do here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Promise,
    Resume,
}

impl Action {
    /// Both the page that asks (GET) and the press (POST).
    pub fn path(self) -> &'static str {
        match self {
            Action::Promise => "/captive-portal/promise",
            Action::Resume => "/captive-portal/resume",
        }
    }

    pub fn of(path: &str) -> Option<Action> {
        [Action::Promise, Action::Resume].into_iter().find(|action| action.path() == path)
    }
}

impl Captive {
    /// The page that asks once more; the page itself where there is nothing to press.
    pub(super) fn question(&self, action: Action, visit: &Visit<'_>) -> String {
        let (Some(entry), Some(press)) = (visit.entry(), self.press_of(action, visit)) else {
            return self.page(visit, None);
        };
        let token = self.guard.token(press, self.operations.clock.now());
        match (action, self.offer(visit)) {
            (Action::Promise, Ok(offer)) => self.promise_question(visit, entry, &offer, &token),
            (Action::Resume, _) if entry.view.standing.paused => self.resume_question(visit, entry, &token),
            _ => self.page(visit, None),
        }
    }

    fn promise_question(
        &self,
        visit: &Visit<'_>,
        entry: &Entry,
        offer: &PromiseOffer,
        token: &str,
    ) -> String {
        let (texts, words) = (visit.texts, &visit.texts.promise);
        let mut layout = self.layout(visit);
        layout.heading(&Section { title: words.question, text: words.no_gift });
        let contract = &entry.view.account.contract;
        if visit.mates().len() > 1 {
            let count = visit.mates().len().to_string();
            layout.paragraph(&fill(words.shared, &[("{contract}", contract), ("{count}", &count)]));
        }
        let sum = self.money(offer.sum, texts);
        layout.row(texts.contract, contract, "");
        layout.row(words.sum, &sum, "");
        layout.row(words.until, self.moment(offer.until, texts), "");
        let price = match offer.price.is_positive() {
            true => self.money(offer.price, texts),
            false => self.price_text(offer, texts),
        };
        layout.row(words.price, price, "");
        layout.end_rows();
        form(&mut layout, visit, Action::Promise, token, "", &fill(words.press, &[("{sum}", &sum)]));
        layout.finish(words.question)
    }

    fn resume_question(&self, visit: &Visit<'_>, entry: &Entry, token: &str) -> String {
        let (texts, words) = (visit.texts, &visit.texts.resume);
        let mut layout = self.layout(visit);
        let text = self.of_pause(visit, words.text);
        layout.put(format_args!("<h1>{}</h1>", Escaped(words.question)));
        layout.paragraph(&text);
        if let Some(plan) = entry.view.plan.as_ref().filter(|plan| plan.period != Period::None) {
            let text = if plan.period == Period::Day { words.fee_of_day } else { words.fee_of_month };
            let fee = texts.money(&plan.fee.to_string(), &self.currency);
            layout.paragraph(&fill(text, &[("{plan}", &plan.name), ("{fee}", &fee)]));
        }
        layout.note(words.shortage);
        layout.row(texts.contract, &entry.view.account.contract, "");
        layout.row(texts.login, &entry.view.subscriber.login, "");
        layout.end_rows();
        let others = paused_mates(visit, entry).count();
        let choice = match others {
            0 => String::new(),
            count => format!(
                "<label><input type=\"checkbox\" name=\"all\" value=\"1\"> {}</label>",
                Escaped(fill(words.others, &[("{count}", &count.to_string())]))
            ),
        };
        form(&mut layout, visit, Action::Resume, token, &choice, words.press);
        layout.finish(words.question)
    }

    /// Somebody pressed.
    pub(super) async fn press(&self, action: Action, request: &Request, visit: &Visit<'_>) -> Response {
        let trouble = &visit.texts.trouble;
        let (Some(entry), Some(press)) = (visit.entry(), self.press_of(action, visit)) else {
            return html(403, visit, self.page(visit, None));
        };
        if !comes_from_the_page(&request.headers, &self.hosts) {
            return self.trouble(403, action, trouble.foreign, visit);
        }
        let now = self.operations.clock.now();
        if !self.guard.may_press(press.address, now) {
            return self.trouble(429, action, trouble.too_often, visit).with("Retry-After", "60");
        }
        let fields = Parameters::parse(&request.body);
        let token = fields.find("token").unwrap_or_default();
        if !self.guard.accepts(token, press, now) {
            return self.trouble(403, action, trouble.stale, visit);
        }
        let done = match action {
            Action::Promise => self.take_promise(visit, entry, press, token).await,
            Action::Resume => self.resume(visit, entry, press, token, fields.find("all").is_some()).await,
        };
        // What is shown now is what is published after it.
        let visit = visit.again(&self.operations);
        match done {
            Ok(()) => {
                let text = match (action, self.open_promise(&visit)) {
                    (Action::Promise, Some((sum, until))) => {
                        fill(visit.texts.promise.given, &[("{sum}", &sum), ("{until}", &until)])
                    }
                    (Action::Promise, None) => fill(visit.texts.open.title, &[]),
                    (Action::Resume, _) => visit.texts.resume.done.to_owned(),
                };
                html(200, &visit, self.page(&visit, Some(Said { text, good: true })))
            }
            Err(Fault::Refused(text)) => {
                html(409, &visit, self.page(&visit, Some(Said { text, good: false })))
            }
            Err(Fault::Unknown) => self.trouble(503, action, trouble.later, &visit),
        }
    }

    async fn take_promise(
        &self,
        visit: &Visit<'_>,
        entry: &Entry,
        press: Press,
        token: &str,
    ) -> Result<(), Fault> {
        // The engine refuses the rest, and knows a press that is repeated.
        let refused = |refusal: &Refusal| Fault::Refused(self.refusal_text(refusal, visit));
        let found = visit.found.as_ref().map(|found| self.operations.promise_offer(found));
        let too_small = matches!(found, Some(Ok(offer)) if offer.lacking.is_positive());
        if too_small || !matches!(entry.view.standing.verdict, Verdict::Negbal | Verdict::LetThrough) {
            return Err(Fault::Refused(self.offer(visit).err().unwrap_or_default()));
        }
        let account = entry.view.account.id;
        let caller = caller(press, token, account.0);
        let given = self.operations.promise_for(account, caller).await;
        given.map(|_| ()).map_err(|rejected| Fault::of(rejected, refused))
    }

    async fn resume(
        &self,
        visit: &Visit<'_>,
        entry: &Arc<Entry>,
        press: Press,
        token: &str,
        all: bool,
    ) -> Result<(), Fault> {
        let refused = |refusal: &Refusal| Fault::Refused(self.refusal_text(refusal, visit));
        let others = paused_mates(visit, entry).filter(|_| all).take(RESUMED_MAX);
        for who in std::iter::once(entry).chain(others) {
            let caller = caller(press, token, who.id().0);
            let done = self.operations.resume_for(who.id(), caller).await;
            done.map_err(|rejected| Fault::of(rejected, refused))?;
        }
        Ok(())
    }

    fn press_of(&self, action: Action, visit: &Visit<'_>) -> Option<Press> {
        Some(Press { action: action.path(), address: visit.address?, subscriber: visit.entry()?.id() })
    }

    fn layout<'a>(&'a self, visit: &'a Visit<'a>) -> Layout<'a> {
        Layout::new(visit, self.cabinet.provider.in_language(visit.texts.language))
    }

    fn trouble(&self, status: u16, action: Action, text: &'static str, visit: &Visit<'_>) -> Response {
        let title = visit.texts.trouble.title;
        let mut layout = self.layout(visit);
        layout.heading(&Section { title, text });
        layout.act(&visit.link(action.path()), visit.texts.back);
        html(status, visit, layout.finish(title))
    }
}

/// Why a press did nothing, or perhaps nothing.
enum Fault {
    /// With what the page says.
    Refused(String),
    Unknown,
}

impl Fault {
    fn of(rejected: Rejected, refused: impl Fn(&Refusal) -> Fault) -> Fault {
        match rejected {
            Rejected::Refused(refusal) => refused(&refusal),
            Rejected::Later(_) | Rejected::Unknown => Fault::Unknown,
        }
    }
}

/// Others of the contract that are paused.
fn paused_mates<'a>(visit: &'a Visit<'_>, entry: &'a Entry) -> impl Iterator<Item = &'a Arc<Entry>> {
    visit.mates().iter().filter(|mate| mate.id() != entry.id() && mate.view.standing.paused)
}

/// A form pressed twice is one request: its token is the key.
fn caller(press: Press, token: &str, of: i64) -> Caller {
    let actor = Actor(format!("captive:{}", press.address));
    Caller::keyed(actor, format!("{token}/{of}"), &[press.action, &of.to_string()])
}

fn form(layout: &mut Layout<'_>, visit: &Visit<'_>, action: Action, token: &str, choice: &str, press: &str) {
    layout.put(format_args!(
        "<form method=\"post\" action=\"{}\"><input type=\"hidden\" name=\"token\" value=\"{}\">{choice}\
         <button class=\"act\" type=\"submit\">{}</button></form>",
        Escaped(visit.link(action.path())),
        Escaped(token),
        Escaped(press),
    ));
    layout.back(&visit.link("/"), visit.texts.back);
}
