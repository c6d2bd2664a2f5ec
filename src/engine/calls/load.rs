//! Rating data become state: all of it or nothing; loading twice changes nothing.

use super::super::ledger::Books;
use super::super::{Decision, State};
use super::state::DOCUMENTS;
use super::wallet::{Purpose, Wallet};
use crate::model::*;
use crate::rating::{DocumentKind, Documents, LoadError, Tariffs, UserBudget};

pub(super) fn load(
    state: &State,
    files: &RatingFiles,
    options: LoadOptions,
    actor: &Actor,
    now: Timestamp,
) -> Result<Decision, Refusal> {
    if options.set_balances && state.billing.books.live {
        return Err(Refusal::new("gone-live", "balances are set by files only until `headgate go-live`"));
    }
    let texts = [
        (DocumentKind::Rates, &files.rates),
        (DocumentKind::Destinations, &files.destinations),
        (DocumentKind::Plans, &files.plans),
        (DocumentKind::Budgets, &files.budgets),
    ];
    let mut documents = state.rating_documents().map_err(bad_file)?;
    for (kind, text) in &texts {
        if let Some(text) = text {
            documents.read(*kind, text).map_err(bad_file)?;
        }
    }
    let tariffs = Tariffs::new(&documents).map_err(bad_file)?;
    check_kept_budgets(state, &documents, &tariffs)?;
    let mut plan = Plan { state, books: Books::new(state), rows: Vec::new(), options, actor, now };
    for (kind, name) in DOCUMENTS {
        if texts.iter().any(|(given, text)| *given == kind && text.is_some()) {
            plan.document(name, documents.to_json(kind));
        }
    }
    for budget in &documents.budgets {
        plan.budget(budget).map_err(|refusal| Refusal {
            text: format!("ub.json: {:?}: {}", budget.id, refusal.text),
            ..refusal
        })?;
    }
    let changes = if options.dry_run { Vec::new() } else { plan.books.changes };
    Ok(Decision { outcome: Outcome::Loaded(Loaded { rows: plan.rows }), changes })
}

fn bad_file(error: LoadError) -> Refusal {
    Refusal::new("bad-file", error.to_string())
}

/// Budgets that are not in the files still need their tariff plan.
fn check_kept_budgets(state: &State, documents: &Documents, tariffs: &Tariffs) -> Result<(), Refusal> {
    let loaded: std::collections::HashSet<&str> = documents.budgets.iter().map(|b| b.id.as_str()).collect();
    let orphans = state.billing.budgets.values().filter(|budget| {
        !budget.tariff_plan.is_empty()
            && !loaded.contains(budget.subject.as_str())
            && tariffs.plan(&budget.tariff_plan).is_none()
    });
    match orphans.min_by_key(|budget| &budget.subject) {
        None => Ok(()),
        Some(budget) => Err(Refusal::new(
            "plan-in-use",
            format!(
                "tp.json: the budget of {:?} has the tariff plan {:?}",
                budget.subject, budget.tariff_plan
            ),
        )),
    }
}

struct Plan<'a> {
    state: &'a State,
    books: Books<'a>,
    rows: Vec<LoadedRow>,
    options: LoadOptions,
    actor: &'a Actor,
    now: Timestamp,
}

impl Plan<'_> {
    fn note(&mut self, kind: &str, name: &str, effect: RowEffect) {
        self.rows.push(LoadedRow { kind: kind.to_owned(), name: name.to_owned(), effect });
    }

    fn document(&mut self, name: &str, body: String) {
        let effect = match self.state.billing.rating.get(name) {
            None => RowEffect::Added,
            Some(stored) if stored.body == body => RowEffect::Unchanged,
            Some(_) => RowEffect::Changed,
        };
        if effect != RowEffect::Unchanged {
            let document = RatingDocument { name: name.to_owned(), body };
            self.books.changes.push(Change::RatingDocument(document));
        }
        self.note("rating", name, effect);
    }

    /// A new budget gets its opening balances. Of one that exists the balances stay, unless they are to be set.
    fn budget(&mut self, row: &UserBudget) -> Result<(), Refusal> {
        if row.sms_credit.is_negative() || row.traffic.is_negative() {
            return Err(Refusal::new("bad-budget", "SmsCredit and Traffic cannot be negative"));
        }
        let new = !self.state.billing.budgets.contains_key(&row.id);
        let mut wallet = match Wallet::of(self.state, &row.id, self.now) {
            Some(wallet) if !new => wallet,
            _ => Wallet::new(self.state, &row.id),
        };
        let pays = wallet.contract().map(|account| account.contract.clone());
        let sets = new || self.options.set_balances;
        let mut after = row.clone();
        match pays {
            Some(contract) if sets && row.credit != Money::ZERO => {
                return Err(Refusal::new(
                    "money-of-contract",
                    format!(
                        "Credit: contract {contract} pays for it; load the contract's balance and leave this 0"
                    ),
                ));
            }
            Some(_) => after.credit = wallet.before.credit,
            None => {}
        }
        if !sets {
            after = kept(&wallet.before, after);
        }
        let changes = self.books.changes.len();
        if new && wallet.contract().is_none() {
            wallet.open_money(&mut self.books);
        }
        let posting = Purpose::OPENING.entry("", "Opening balance", self.actor, self.now);
        wallet.post(&mut self.books, &after, &posting)?;
        if new {
            wallet.keep_record(&mut self.books);
        }
        let effect = match (new, self.books.changes.len() == changes) {
            (true, _) => RowEffect::Added,
            (false, true) => RowEffect::Unchanged,
            (false, false) => RowEffect::Changed,
        };
        self.note("budget", &row.id, effect);
        Ok(())
    }
}

/// The loaded row with the balances and counters that the budget has.
fn kept(before: &UserBudget, row: UserBudget) -> UserBudget {
    let mut left: Vec<_> = before.minute_buckets.iter().collect();
    let mut minute_buckets = row.minute_buckets;
    for bucket in &mut minute_buckets {
        let same = left.iter().position(|held| {
            (&held.destination_id, held.priority, held.price)
                == (&bucket.destination_id, bucket.priority, bucket.price)
        });
        // A bucket that was not there before comes with its seconds.
        bucket.seconds = same.map_or(bucket.seconds, |at| left.remove(at).seconds);
    }
    UserBudget {
        credit: before.credit,
        sms_credit: before.sms_credit,
        traffic: before.traffic,
        volume_discount_seconds: before.volume_discount_seconds,
        received_call_seconds: before.received_call_seconds,
        minute_buckets,
        ..row
    }
}
