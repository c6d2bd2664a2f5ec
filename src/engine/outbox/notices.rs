//! Notices before a cut: once a day, at `[notify] notice-at`, the clock looks whose money ends within three days.

use super::super::State;
use super::super::calendar::{day_of, moment_of_day};
use super::super::fees::{self, Outlook};
use super::super::ledger::Books;
use super::pen::Pen;
use crate::model::*;
use serde_json::{Value, json};
use std::time::Duration;

/// A notice is given so many days before a cut, or fewer; each once for one cut.
const DAYS_BEFORE: [i32; 2] = [1, 3];
/// Accounts looked at by one command at most: payments go in between.
const STEP_MAX: usize = 1_000;
/// When the server was away at the hour of notices, they are made up for so long: nobody is to be woken.
const LATE_MAX: Duration = Duration::from_secs(8 * 3_600);

/// When notices are decided next; None: nobody is told, or the day's fees come first.
pub fn next_notices(state: &State, now: Timestamp) -> Option<Timestamp> {
    let events = &state.settings.events;
    let kinds = events.kinds();
    if !kinds.contains(EventKind::NoticeSms) && !kinds.contains(EventKind::NoticeEmail) {
        return None;
    }
    let books = &state.billing.books;
    let today = day_of(now, &state.settings.time_zone);
    let day = books.notices_through.map_or(today, |through| through.next().max(today));
    let at = moment_of_day(day, events.notice_at, &state.settings.time_zone);
    let charged = books.fees_through.is_some_and(|through| through >= day);
    (charged || at > now).then_some(at)
}

/// One step of the day's notices.
pub fn notices(books: &mut Books<'_>, next: &mut BooksState, now: Timestamp) {
    let state = books.state();
    let Some(at) = next_notices(state, now).filter(|at| *at <= now) else { return };
    let today = day_of(now, &state.settings.time_zone);
    let ids: Vec<SubscriberId> = state.subscribers_after(next.notices_after).take(STEP_MAX).collect();
    let late = now.since(at) > LATE_MAX || next.panic_since.is_some();
    let mut pen = Pen::new(state, now);
    for id in ids.iter().filter(|_| !late) {
        let Some(account) = state.subscribers.get(id).and_then(|s| state.accounts.get(&s.account)) else {
            continue;
        };
        // Of several logins the first stands for the contract.
        if state.subscribers_in_order(account.id).first() == Some(id) {
            notice(&mut pen, books, account, today);
        }
    }
    books.changes.append(&mut pen.into_changes());
    if ids.len() == STEP_MAX && !late {
        next.notices_after = ids.last().copied();
    } else {
        next.notices_after = None;
        next.notices_through = Some(today);
    }
}

fn notice(pen: &mut Pen<'_>, books: &mut Books<'_>, account: &Account, today: Day) {
    let state = books.state();
    if account.closed || (account.phone.is_empty() && account.email.is_empty()) {
        return;
    }
    let far = DAYS_BEFORE.into_iter().max().unwrap_or_default();
    let Some(outlook) = fees::outlook(state, account, today, far, pen.now) else { return };
    let cut = day_of(outlook.at, &state.settings.time_zone);
    let days = cut.since(today);
    let Some(stage) = DAYS_BEFORE.into_iter().find(|before| days <= *before) else { return };
    let mut kept = books.account_state(account.id);
    // A later cut is another one: somebody paid in between.
    let told = kept.noticed.filter(|noticed| cut <= noticed.cut).map(|noticed| noticed.days);
    if told.is_some_and(|told| told <= stage) {
        return;
    }
    kept.noticed = Some(Noticed { cut, days: stage });
    books.put_account_state(kept);
    for (kind, key, address) in
        [(EventKind::NoticeSms, "phone", &account.phone), (EventKind::NoticeEmail, "email", &account.email)]
    {
        if !address.is_empty() && pen.wants(kind) {
            let mut data = data(pen, account, &outlook, days);
            if let Some(members) = data.as_object_mut() {
                members.insert(key.into(), json!(address));
            }
            pen.write(kind, Some(account.id), || data);
        }
    }
}

fn data(pen: &Pen<'_>, account: &Account, outlook: &Outlook, days: i32) -> Value {
    let state = pen.state();
    let texts = &state.settings.events.texts;
    let (balance, missing, sum) =
        (pen.money(state.balance(account.id)), pen.money(outlook.missing), pen.money(outlook.sum));
    let cut = jiff::Timestamp::from_microsecond(outlook.at.micros()).unwrap_or_default();
    let date = cut.to_zoned(state.settings.time_zone.clone()).strftime(&texts.date_format).to_string();
    let days_left = days.to_string();
    let places = [
        ("{contract}", account.contract.as_str()),
        ("{name}", &account.name),
        ("{balance}", &balance),
        ("{missing}", &missing),
        ("{sum}", &sum),
        ("{date}", &date),
        ("{days}", &days_left),
        ("{currency}", &texts.currency),
    ];
    json!({
        "contract_number": account.contract,
        "name": account.name,
        "days_left": days,
        "cut_at": pen.time(outlook.at),
        "balance": balance,
        "missing": missing,
        "sum": sum,
        "subject": filled(&texts.subject, &places),
        "text": filled(&texts.text, &places),
    })
}

/// The text with its places filled in, in one pass: what stands in a name is not taken for a place.
fn filled(text: &str, places: &[(&str, &str)]) -> String {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('{') {
        let (before, after) = rest.split_at(at);
        result.push_str(before);
        let found = places.iter().find_map(|(place, value)| Some((after.strip_prefix(place)?, value)));
        rest = match found {
            Some((rest, value)) => {
                result.push_str(value);
                rest
            }
            None => {
                result.push('{');
                after.strip_prefix('{').unwrap_or_default()
            }
        };
    }
    result.push_str(rest);
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_filled_in_once_and_what_is_no_place_stays() {
        let places = [("{name}", "{sum}"), ("{sum}", "5.00")];
        assert_eq!(filled("{name}: {sum}{", &places), "{sum}: 5.00{");
        assert_eq!(filled("{{name}} {x} {", &places), "{{sum}} {x} {");
    }
}
