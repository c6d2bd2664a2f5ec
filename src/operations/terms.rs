//! What is agreed with subscribers: promises, pauses, plans, services, discounts.

use super::corrections::Answered;
use super::filter::{Facts, Filter};
use super::money::store_trouble;
use super::{Caller, Operations};
use crate::directory::{Entry, Inner};
use crate::model::*;
use crate::writer::Rejected;
use schemars::JsonSchema;
use serde::Serialize;
use std::sync::Arc;

/// Whose plan changes.
#[derive(Clone, Debug)]
pub enum PlanFor {
    Who(String),
    /// An expression; see [`Filter`].
    Where(String),
}

/// A change of plan as doors ask for it.
#[derive(Clone, Debug)]
pub struct PlanInput {
    pub of: PlanFor,
    pub plan: String,
    /// A day; empty: now.
    pub from: String,
    pub dry_run: bool,
    /// Also where the money does not cover it.
    pub uncovered: bool,
}

/// What a change of plan did or, as a preview, would do.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct PlanChange {
    pub rows: Vec<PlanRow>,
    pub dry_run: bool,
    pub repeat: bool,
}

#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct PlanRow {
    pub login: String,
    pub from_plan: String,
    pub to_plan: String,
    /// First day of the new plan.
    pub day: String,
    /// Charged now; below zero: given back.
    pub charge: String,
    pub balance: String,
}

impl Operations {
    /// Takes a promised payment; the configured sum and days where none are given.
    pub async fn promise(
        &self,
        who: &str,
        sum: Option<&str>,
        days: Option<i32>,
        caller: impl Into<Caller>,
    ) -> Result<Answered, Rejected> {
        let account = self.who(who)?.account.id;
        let sum = sum.map(|sum| self.sum(sum)).transpose()?;
        self.terms(TermsCommand::Promise { account, sum, days }, caller).await
    }

    /// Whole days, `to` included.
    pub async fn pause(
        &self,
        who: &str,
        from: &str,
        to: &str,
        caller: impl Into<Caller>,
    ) -> Result<Answered, Rejected> {
        let subscriber = self.subscriber(who)?.id();
        let (from, to) = (day(from)?, day(to)?);
        self.terms(TermsCommand::Pause { subscriber, from, to }, caller).await
    }

    /// Ends a pause today, or takes back one that has not begun.
    pub async fn resume(&self, who: &str, caller: impl Into<Caller>) -> Result<Answered, Rejected> {
        let subscriber = self.subscriber(who)?.id();
        self.terms(TermsCommand::Resume { subscriber }, caller).await
    }

    /// Adds a service; `from` empty for today, `until` empty for no end.
    pub async fn add_service(
        &self,
        who: &str,
        service: String,
        from: &str,
        until: &str,
        caller: impl Into<Caller>,
    ) -> Result<Answered, Rejected> {
        let subscriber = self.subscriber(who)?.id();
        let (from, until) = (maybe_day(from)?, maybe_day(until)?);
        self.terms(TermsCommand::AddService { subscriber, service, from, until }, caller).await
    }

    pub async fn remove_service(
        &self,
        who: &str,
        service: String,
        caller: impl Into<Caller>,
    ) -> Result<Answered, Rejected> {
        let subscriber = self.subscriber(who)?.id();
        self.terms(TermsCommand::RemoveService { subscriber, service }, caller).await
    }

    pub async fn buy_package(
        &self,
        who: &str,
        package: String,
        caller: impl Into<Caller>,
    ) -> Result<Answered, Rejected> {
        let subscriber = self.subscriber(who)?.id();
        self.terms(TermsCommand::BuyPackage { subscriber, package }, caller).await
    }

    /// `percent` with at most two digits after the point; 0 ends the discount.
    pub async fn discount(
        &self,
        who: &str,
        percent: &str,
        until: &str,
        caller: impl Into<Caller>,
    ) -> Result<Answered, Rejected> {
        let subscriber = self.subscriber(who)?.id();
        let basis_points = basis_points(percent).ok_or_else(|| {
            let text = format!(
                "percent: {percent:?} is not between 0 and 100, with at most two digits after the point"
            );
            Refusal::new("bad-percent", text)
        })?;
        let until = maybe_day(until)?;
        self.terms(TermsCommand::Discount { subscriber, basis_points, until }, caller).await
    }

    /// Changes the plan of one, or of all that an expression names, all or none.
    pub async fn plan(&self, input: PlanInput, caller: impl Into<Caller>) -> Result<PlanChange, Rejected> {
        let from = maybe_day(&input.from)?;
        let subscribers = match &input.of {
            PlanFor::Who(who) => vec![self.subscriber(who)?.id()],
            PlanFor::Where(expression) => self.matching(&Filter::parse(expression)?)?,
        };
        let plan = self.plan_id(&input.plan).await?;
        let PlanInput { dry_run, uncovered, .. } = input;
        let command = TermsCommand::Plan { subscribers, plan, from, dry_run, uncovered };
        match self.carry_out(Command::Terms(command), caller).await? {
            (Outcome::PlanChanged(rows), repeat) => {
                let rows = rows.into_iter().map(|row| self.plan_row(row)).collect();
                Ok(PlanChange { rows, dry_run, repeat })
            }
            _ => Err(Rejected::Unknown),
        }
    }

    fn plan_row(&self, row: PlanChangeRow) -> PlanRow {
        PlanRow {
            login: row.login,
            from_plan: row.from_plan,
            to_plan: row.to_plan,
            day: row.day.to_string(),
            charge: self.money(row.charge),
            balance: self.money(row.balance),
        }
    }

    /// Subscribers for which an expression holds, in order of id.
    pub(super) fn matching(&self, filter: &Filter) -> Result<Vec<SubscriberId>, Refusal> {
        let inner = self.directory.read();
        let holds = |entry: &&Arc<Entry>| with_facts(&inner, entry, |facts| filter.holds(facts));
        let mut found: Vec<SubscriberId> = inner.entries().filter(holds).map(|entry| entry.id()).collect();
        if found.is_empty() {
            return Err(Refusal::new("nobody", "the expression names nobody"));
        }
        found.sort_unstable();
        Ok(found)
    }

    /// From the store, because plans that nobody has are not published.
    async fn plan_id(&self, name: &str) -> Result<PlanId, Rejected> {
        let reader = Arc::clone(&self.reader);
        let plans = tokio::task::spawn_blocking(move || reader.plans());
        let plans =
            plans.await.map_err(|error| Rejected::Later(error.to_string()))?.map_err(store_trouble)?;
        let found = plans.into_iter().find(|plan| plan.name == name);
        let missing = || Refusal::new("plan-not-found", format!("there is no plan {name:?}"));
        Ok(found.ok_or_else(missing)?.id)
    }

    pub(super) async fn terms(
        &self,
        command: TermsCommand,
        caller: impl Into<Caller>,
    ) -> Result<Answered, Rejected> {
        self.answered(Command::Terms(command), caller).await
    }
}

pub(super) fn with_facts<T>(inner: &Inner, entry: &Entry, see: impl FnOnce(&Facts<'_>) -> T) -> T {
    let view = &entry.view;
    let id = view.subscriber.id;
    let live = inner.visible(id).and_then(|visible| visible.nas).and_then(|nas| inner.nas(nas.id));
    let nas =
        live.map(|entry| entry.nas.name.as_str()).or_else(|| view.nas.as_ref().map(|nas| nas.name.as_str()));
    let group = view.subscriber.group.or(view.account.group).and_then(|id| inner.group(id));
    see(&Facts {
        login: &view.subscriber.login,
        contract: &view.account.contract,
        plan: view.plan.as_ref().map_or("", |plan| &plan.name),
        group: group.map_or("", |group| &group.name),
        nas: nas.unwrap_or(""),
        balance: view.balance,
        blocked: view.standing.blocked,
        negbal: view.standing.negbal,
    })
}

fn day(text: &str) -> Result<Day, Refusal> {
    text.trim().parse().map_err(|error: DayError| Refusal::new("bad-date", error.to_string()))
}

fn maybe_day(text: &str) -> Result<Option<Day>, Refusal> {
    if text.trim().is_empty() { Ok(None) } else { day(text).map(Some) }
}
