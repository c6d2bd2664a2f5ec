//! Sessions without news.

use super::*;
use crate::operations::authorize::STALE_INTERVALS;

#[test]
fn only_sessions_that_were_spoken_of_and_are_no_more_are_ended() {
    let ledger = Ledger::sample();
    let (ivanov, petrov) = (ledger.subscriber("ivanov"), ledger.subscriber("petrov"));
    let office = Office::with(&ledger, |operations| operations.started = NOW);
    let silent = record(AccountingKind::Interim, "1", Some(ivanov), Some("10.9.0.2"), 60);
    let never = record(AccountingKind::Start, "2", Some(petrov), Some("100.64.0.1"), 0);
    office.operations.directory.merge_presence([&silent, &never].into_iter());
    let intervals = office.operations.rules.interim * STALE_INTERVALS;
    let look = |after: Duration| {
        office.clock.set(NOW.saturating_add(after));
        office.operations.end_silent_sessions()
    };
    assert_eq!(look(intervals), 0);
    assert_eq!(look(intervals + Duration::from_secs(61)), 1);
    let open: Vec<_> = {
        let inner = office.operations.directory.read();
        inner.open_sessions().map(|session| session.key.acct_session_id.clone()).collect()
    };
    assert_eq!(open, ["2"]);
    let again = record(AccountingKind::Interim, "1", Some(ivanov), Some("10.9.0.2"), 2_000);
    office.operations.directory.merge_presence([&again].into_iter());
    assert_eq!(office.operations.directory.read().open_session_count(), 2);
}
