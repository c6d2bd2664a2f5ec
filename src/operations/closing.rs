//! Closing a month, and the acts of closed months.

use super::money::store_trouble;
use super::{Operations, blocking};
use crate::engine::{ACTS_OF_A_COMMAND_MAX, day_of};
use crate::model::*;
use crate::storage::Span;
use crate::writer::Rejected;
use schemars::JsonSchema;
use serde::Serialize;
use std::sync::Arc;

/// Acts that one question gives at most; further ones are asked for with `after`.
const ACTS_MAX: usize = 10_000;
/// Acts read at a time to count them.
const ACTS_READ: usize = 50_000;

/// What a closing has made, now or before.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct MonthClosed {
    pub month: Month,
    /// It was closed before; acts that were missing have been made now.
    pub repeat: bool,
    pub acts: usize,
    /// 0 where there are no acts.
    pub first_number: i64,
    pub last_number: i64,
    pub sum: String,
    pub vat: String,
}

#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct ActRow {
    pub number: i64,
    pub month: Month,
    /// When the month was closed.
    pub made: String,
    pub contract: String,
    pub name: String,
    pub tax_id: String,
    pub lines: Vec<ActRowLine>,
    /// VAT included.
    pub sum: String,
    pub vat: String,
}

#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct ActRowLine {
    pub kind: String,
    pub sum: String,
}

impl Operations {
    /// Closes a month and makes its acts. A month that was closed before is answered with its acts; those that a crash
    /// has kept from being made are made now.
    pub async fn close_month(self: &Arc<Self>, month: Month, actor: Actor) -> Result<MonthClosed, Rejected> {
        let books = self.read_books().await?;
        let repeat = books.closed_through.is_some_and(|closed| closed >= month);
        // Acts are numbered month by month, so an interrupted one is finished first.
        for unfinished in books.closings.iter().filter(|closing| !closing.acts_complete) {
            self.make_acts(unfinished.month, actor.clone()).await?;
        }
        if !repeat {
            let this = Arc::clone(self);
            let closed = books.closed_through;
            blocking(move || this.refuse_after_open_month(month, closed)).await?;
            let lock = Command::Closing(ClosingCommand::LockMonth(month));
            self.writer.call(lock, actor.clone()).await?;
            self.make_acts(month, actor).await?;
        }
        let this = Arc::clone(self);
        blocking(move || this.month_closed(month, repeat)).await
    }

    /// An earlier month with postings has to be closed first: acts are numbered in order of month.
    fn refuse_after_open_month(&self, month: Month, closed: Option<Month>) -> Result<(), Rejected> {
        let last = month.first_day().plus(-1);
        let mut span = self.span(last, last);
        match closed {
            Some(closed) if closed.next() >= month => return Ok(()),
            Some(closed) => span = self.span(closed.next().first_day(), last),
            None => {
                (span.first, span.from) = (Day::from_number(i32::MIN), Timestamp::from_micros(i64::MIN));
            }
        }
        match self.first_month(&span)? {
            Some(open) if open < month => {
                let text = format!("{open} has postings and is not closed; close it first");
                Err(Refusal::new("earlier-month-open", text).into())
            }
            _ => Ok(()),
        }
    }

    /// The earliest month of the postings in a span.
    fn first_month(&self, span: &Span) -> Result<Option<Month>, Rejected> {
        let (time, day) = self.reader.first_postings(span).map_err(store_trouble)?;
        let by_time = time.map(|time| day_of(time, &self.settings.time_zone).month());
        Ok(by_time.into_iter().chain(day.map(Day::month)).min())
    }

    /// Makes the acts of a closed month that it does not have yet, in steps between which others are served.
    async fn make_acts(self: &Arc<Self>, month: Month, actor: Actor) -> Result<(), Rejected> {
        let this = Arc::clone(self);
        let (drafts, after) = blocking(move || {
            let books = this.reader.books().map_err(store_trouble)?;
            let drafts = this.reader.act_drafts(month).map_err(store_trouble)?.unwrap_or_default();
            let closing = books.closings.into_iter().find(|closing| closing.month == month);
            Ok((drafts, closing.and_then(|closing| closing.acts_after)))
        })
        .await?;
        let missing = drafts.partition_point(|draft| Some(draft.account) <= after);
        let steps = drafts.get(missing..).unwrap_or_default().chunks(ACTS_OF_A_COMMAND_MAX);
        // The empty one says that there are no more.
        for step in steps.chain([&[] as &[ActDraft]]) {
            let command = ClosingCommand::MakeActs { month, drafts: step.to_vec() };
            self.writer.call(Command::Closing(command), actor.clone()).await?;
        }
        Ok(())
    }

    async fn read_books(self: &Arc<Self>) -> Result<BooksState, Rejected> {
        let this = Arc::clone(self);
        blocking(move || this.reader.books().map_err(store_trouble)).await
    }

    fn month_closed(&self, month: Month, repeat: bool) -> Result<MonthClosed, Rejected> {
        let (mut acts, mut first, mut last) = (0, 0, 0);
        let (mut sum, mut vat) = (Money::ZERO, Money::ZERO);
        loop {
            let page = self.reader.acts(month, last, ACTS_READ).map_err(store_trouble)?;
            for act in &page {
                (sum, vat) = (sum.saturating_add(act.sum), vat.saturating_add(act.vat));
            }
            let (Some(earliest), Some(latest)) = (page.first(), page.last()) else { break };
            if acts == 0 {
                first = earliest.number;
            }
            (acts, last) = (acts + page.len(), latest.number);
        }
        let (sum, vat) = (self.money(sum), self.money(vat));
        Ok(MonthClosed { month, repeat, acts, first_number: first, last_number: last, sum, vat })
    }

    /// Acts of a month with numbers above `after`, in order of number. Blocks on the store.
    pub fn acts(&self, month: Month, after: i64, limit: usize) -> Result<Vec<ActRow>, Rejected> {
        let books = self.reader.books().map_err(store_trouble)?;
        if books.closed_through.is_none_or(|closed| month > closed) {
            return Err(Refusal::new("month-open", format!("{month} has not been closed")).into());
        }
        let acts = self.reader.acts(month, after, limit.min(ACTS_MAX)).map_err(store_trouble)?;
        let inner = self.directory.read();
        Ok(acts
            .into_iter()
            .map(|act| {
                let account = inner.account(act.account).map(|(account, ..)| Arc::clone(account));
                self.act_row(act, account.as_deref())
            })
            .collect())
    }

    fn act_row(&self, act: Act, account: Option<&Account>) -> ActRow {
        let line = |line: ActLine| ActRowLine { kind: line.name, sum: self.money(line.sum) };
        ActRow {
            number: act.number,
            month: act.month,
            made: self.time(act.made),
            contract: account.map(|a| a.contract.clone()).unwrap_or_default(),
            name: account.map(|a| a.name.clone()).unwrap_or_default(),
            tax_id: account.map(|a| a.tax_id.clone()).unwrap_or_default(),
            lines: act.lines.into_iter().map(line).collect(),
            sum: self.money(act.sum),
            vat: self.money(act.vat),
        }
    }
}
