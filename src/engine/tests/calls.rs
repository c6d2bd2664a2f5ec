//! Calls and user budgets: event, answer, balances of the ledger.

use crate::engine::testing::{Ledger, money, stored};
use crate::engine::{CallRules, Settings, State};
use crate::model::*;

const RATES: &str = r#"[{"CstmId":"vdf","Subject":"anna","DestinationPrefix":"07","ActivationPeriods":[
    {"ActivationTime":"2012-01-01T00:00:00Z","Intervals":[{"Price":1,"BillingUnit":60,"ConnectFee":2}]}]}]"#;
const DESTINATIONS: &str = r#"[{"Id":"near","Prefixes":["07"]},{"Id":"far","Prefixes":["08"]}]"#;
const PLANS: &str = r#"[{"Id":"evening","SmsCredit":100,"Traffic":5000,"ReceivedCallSecondsLimit":10,
    "RecivedCallBonus":{"Credit":7,"SmsCredit":3},
    "MinuteBuckets":[{"Seconds":60,"Priority":1,"Price":0,"DestinationId":"near"}]}]"#;
const BUDGETS: &str = r#"[{"Id":"anna","Credit":21.5,"SmsCredit":4,"TariffPlanId":"evening","ReceivedCallSeconds":1,
    "MinuteBuckets":[{"Seconds":30,"Priority":1,"Price":0,"DestinationId":"near"},
                     {"Seconds":9,"Priority":2,"Price":0.5,"DestinationId":"far"}]}]"#;

fn files(budgets: &str) -> RatingFiles {
    RatingFiles {
        rates: Some(RATES.into()),
        destinations: Some(DESTINATIONS.into()),
        plans: Some(PLANS.into()),
        budgets: Some(budgets.into()),
    }
}

fn load(ledger: &mut Ledger, files: RatingFiles, options: LoadOptions) -> Result<Loaded, Refusal> {
    match ledger.run(&Command::Calls(CallCommand::Load { files: Box::new(files), options }))? {
        Outcome::Loaded(loaded) => Ok(loaded),
        other => panic!("{other:?}"),
    }
}

fn loaded() -> Ledger {
    let mut ledger = Ledger::sample();
    load(&mut ledger, files(BUDGETS), LoadOptions::default()).unwrap();
    ledger
}

fn operate(ledger: &mut Ledger, subject: &str, operation: BudgetOperation) -> Result<i64, String> {
    let command = CallCommand::Budget { subject: subject.into(), operation };
    match ledger.run(&Command::Calls(command)) {
        Ok(Outcome::BudgetLeft(left)) => Ok(left),
        Ok(other) => panic!("{other:?}"),
        Err(refusal) => Err(refusal.token),
    }
}

fn balance_of(ledger: &Ledger, kind: LedgerKind, asset: Asset, name: &str) -> i64 {
    let found =
        ledger.state.ledger.values().find(|(a, _)| (a.kind, a.asset, a.name.as_str()) == (kind, asset, name));
    found.map_or(0, |(_, balance)| balance.micros())
}

/// Sum of all balances of each asset, and what each account holds after a restart.
fn assert_sound(ledger: &Ledger) {
    for asset in [Asset::Money, Asset::Seconds, Asset::Sms, Asset::Octets] {
        let of_asset = ledger.state.ledger.values().filter(|(account, _)| account.asset == asset);
        assert_eq!(of_asset.map(|(_, balance)| balance.micros()).sum::<i64>(), 0, "{asset:?}");
    }
    for change in &ledger.changes {
        if let Change::Transfer(transfer) = change {
            let asset = |id| ledger.state.ledger[&id].0.asset;
            assert_eq!(asset(transfer.debit), asset(transfer.credit), "{transfer:?}");
        }
    }
    let again = State::new(stored(&ledger.changes), ledger.state.settings().clone(), ledger.now);
    for subject in ledger.state.call_subjects() {
        let (before, after) = (ledger.state.call_budget(subject), again.call_budget(subject));
        assert_eq!(before.unwrap().budget, after.unwrap().budget, "{subject}");
    }
    assert_eq!(again.tariffs().unwrap().prefixes(), ledger.state.tariffs().unwrap().prefixes());
}

#[test]
fn a_loaded_budget_is_opening_balances_of_four_assets() {
    let ledger = loaded();
    for (asset, name, micros) in [
        // 21.5 hundredths of the currency.
        (Asset::Money, "anna", 215_000),
        (Asset::Sms, "anna", 4_000_000),
        (Asset::Seconds, "anna: bucket 1", 30_000_000),
        (Asset::Seconds, "anna: bucket 2", 9_000_000),
    ] {
        assert_eq!(balance_of(&ledger, LedgerKind::Budget, asset, name), micros, "{name}");
    }
    assert_eq!(balance_of(&ledger, LedgerKind::Opening, Asset::Sms, "opening"), -4_000_000);
    assert_sound(&ledger);
}

#[test]
fn each_operation_posts_what_it_changed_to_the_other_side_that_fits() {
    use BudgetOperation::*;
    let million = 1_000_000;
    let mut ledger = loaded();
    let dialled = || "0712".to_owned();
    for (operation, answer) in [
        (Balance { amount: 60_350_000 }, Ok(-38_850_000)),
        (Balance { amount: -100_000_000 }, Ok(61_150_000)),
        (Sms { amount: 5 * million }, Err("exceeds-budget")),
        (Sms { amount: 3 * million }, Ok(million)),
        (Seconds { amount: 31 * million, dialled: dialled() }, Err("exceeds-budget")),
        (Seconds { amount: 10 * million, dialled: dialled() }, Ok(0)),
        (Seconds { amount: 4 * million, dialled: "0812".into() }, Ok(0)),
        (AddVolumeSeconds { amount: 5 * million }, Ok(0)),
        (AddReceivedSeconds { amount: 12 * million }, Ok(0)),
        (Balance { amount: i64::MIN }, Err("out-of-range")),
    ] {
        let answer = answer.map_err(str::to_owned);
        assert_eq!(operate(&mut ledger, "anna", operation.clone()), answer, "{operation:?}");
    }
    // 21.5 - 60.35 + 100 - 4 seconds at 0.5 + the bonus of 7.
    assert_eq!(balance_of(&ledger, LedgerKind::Budget, Asset::Money, "anna"), 661_500);
    assert_eq!(balance_of(&ledger, LedgerKind::Revenue, Asset::Money, "calls"), -376_500);
    assert_eq!(balance_of(&ledger, LedgerKind::Bonus, Asset::Money, "received-calls"), -70_000);
    assert_eq!(balance_of(&ledger, LedgerKind::Budget, Asset::Sms, "anna"), 4 * million);
    assert_eq!(balance_of(&ledger, LedgerKind::Stock, Asset::Seconds, "calls"), 14 * million);
    let budget = ledger.state.call_budget("anna").unwrap().budget;
    assert_eq!(budget.received_call_seconds.micros(), 3 * million);
    assert_eq!(budget.volume_discount_seconds.micros(), 5 * million);
    assert_sound(&ledger);
}

#[test]
fn a_reset_gives_the_plans_units_and_leaves_the_money() {
    let mut ledger = loaded();
    for _ in 0..3 {
        operate(&mut ledger, "anna", BudgetOperation::Reset).unwrap();
        let budget = ledger.state.call_budget("anna").unwrap().budget;
        let buckets: Vec<_> = budget.minute_buckets.iter().map(|b| b.seconds.micros()).collect();
        assert_eq!((buckets, budget.credit.micros()), (vec![60_000_000], 21_500_000));
        assert_eq!((budget.sms_credit.micros(), budget.traffic.micros()), (100_000_000, 5_000_000_000));
        operate(&mut ledger, "anna", BudgetOperation::Seconds { amount: 7_000_000, dialled: "07".into() })
            .unwrap();
    }
    let seconds = ledger.state.ledger.values().filter(|(account, _)| account.asset == Asset::Seconds);
    assert_eq!(seconds.count(), 4, "two buckets, opening and stock: a reset opens no account again");
    assert_sound(&ledger);
}

#[test]
fn nobody_has_no_budget_and_that_is_no_error() {
    let mut ledger = loaded();
    let changes = ledger.changes.len();
    for operation in [BudgetOperation::Balance { amount: 5 }, BudgetOperation::Reset] {
        assert_eq!(operate(&mut ledger, "nobody", operation), Ok(0));
    }
    assert_eq!(ledger.changes.len(), changes);
}

#[test]
fn a_call_is_charged_with_its_connect_fee_and_its_buckets_in_one_decision() {
    let mut ledger = loaded();
    let debit = |seconds: u32, longest| {
        let descriptor = format!(
            r#"{{"CstmId":"vdf","Subject":"anna","DestinationPrefix":"0712345","Amount":{seconds},
                "TimeStart":"2012-02-02T10:00:00Z","TimeEnd":"2012-02-02T10:00:{seconds:02}Z"}}"#
        );
        Command::Calls(CallCommand::Debit { descriptor, longest })
    };
    // 30 seconds of a bucket, then 12 at 1 a minute; no connect fee, because a bucket pays for the beginning.
    ledger.run(&debit(42, false)).unwrap();
    assert_eq!(ledger.state.call_budget("anna").unwrap().budget.credit.micros(), 21_300_000);
    // 30 seconds at 1 a minute and the connect fee of 2.
    ledger.run(&debit(30, true)).unwrap();
    assert_eq!(ledger.state.call_budget("anna").unwrap().budget.credit.micros(), 18_800_000);
    operate(&mut ledger, "anna", BudgetOperation::Balance { amount: 20_000_000 }).unwrap();
    let refused = ledger.run(&debit(30, true)).unwrap_err();
    assert_eq!(refused.token, "no-credit");
    let refused = ledger.run(&Command::Calls(CallCommand::Debit { descriptor: "{".into(), longest: false }));
    assert_eq!(refused.unwrap_err().token, "bad-descriptor");
    assert_sound(&ledger);
}

#[test]
fn a_contract_pays_for_the_subjects_it_names_in_the_minor_unit_and_with_its_credit() {
    let mut ledger = loaded();
    let account = |subjects: &str, contract: &str| {
        format!(
            "[[account]]\ncontract = \"{contract}\"\ncredit-limit = \"5.00\"\nvoip-subjects = \"{subjects}\"\n"
        )
    };
    ledger.load(&account("boris vera", "1001")).unwrap();
    assert_eq!(
        operate(&mut ledger, "boris", BudgetOperation::Balance { amount: 60_350_000 }),
        Ok(14_940_000_000)
    );
    assert_eq!(ledger.balance("1001"), "149.40");
    let budget = ledger.state.call_budget("boris").unwrap();
    assert_eq!(budget.budget.credit.micros(), 14_940_000_000);
    assert_eq!(budget.spendable(ledger.now).credit.micros(), 15_440_000_000);
    assert_eq!(
        operate(&mut ledger, "vera", BudgetOperation::Balance { amount: 14_941_000_000 }),
        Ok(-1_000_000)
    );
    assert!(!ledger.standing("ivanov").negbal);
    assert_eq!(
        operate(&mut ledger, "vera", BudgetOperation::Balance { amount: 500_000_000 }),
        Ok(-501_000_000)
    );
    assert!(ledger.standing("ivanov").negbal, "a shortage by a call takes effect at once");
    // Units of a subject without a loaded budget get accounts when they are first given.
    assert_eq!(operate(&mut ledger, "vera", BudgetOperation::Sms { amount: -2_000_000 }), Ok(2_000_000));
    for (subjects, contract, token) in
        [("vera", "1003", "subject-taken"), ("anna", "1003", "subject-has-money")]
    {
        assert_eq!(ledger.load(&account(subjects, contract)).unwrap_err().token, token);
    }
    ledger.load(&(account("boris", "1001") + &account("vera", "1003"))).unwrap();
    assert_eq!(ledger.state.call_budget("vera").unwrap().budget.credit, Money::ZERO);
    ledger.load(&account("", "1003")).unwrap();
    assert_eq!(ledger.state.call_budget("vera").unwrap().budget.sms_credit.micros(), 2_000_000);
    let error =
        load(&mut ledger, files(r#"[{"Id":"boris","Credit":1}]"#), LoadOptions::default()).unwrap_err();
    assert_eq!(error.token, "money-of-contract");
    load(&mut ledger, files(r#"[{"Id":"boris","SmsCredit":1}]"#), LoadOptions::default()).unwrap();
    assert_sound(&ledger);
}

#[test]
fn loading_again_changes_nothing_and_other_buckets_come_with_their_seconds() {
    let mut ledger = loaded();
    operate(&mut ledger, "anna", BudgetOperation::Seconds { amount: 10_000_000, dialled: "07".into() })
        .unwrap();
    let changes = ledger.changes.len();
    let again = load(&mut ledger, files(BUDGETS), LoadOptions::default()).unwrap();
    assert!(again.rows.iter().all(|row| row.effect == RowEffect::Unchanged), "{again:?}");
    assert_eq!((ledger.changes.len(), again.rows.len()), (changes, 4));
    let other = BUDGETS.replace("\"Price\":0.5,", "\"Price\":0.25,");
    let effects = load(&mut ledger, files(&other), LoadOptions { dry_run: true, ..LoadOptions::default() });
    assert_eq!(effects.unwrap().rows.last().unwrap().effect, RowEffect::Changed);
    assert_eq!(ledger.changes.len(), changes);
    load(&mut ledger, files(&other), LoadOptions::default()).unwrap();
    let budget = ledger.state.call_budget("anna").unwrap().budget;
    let buckets: Vec<_> =
        budget.minute_buckets.iter().map(|b| (b.seconds.micros(), b.price.nanos())).collect();
    assert_eq!(buckets, [(20_000_000, 0), (9_000_000, 250_000_000)]);
    load(&mut ledger, files(&other), LoadOptions { set_balances: true, ..LoadOptions::default() }).unwrap();
    let budget = ledger.state.call_budget("anna").unwrap().budget;
    assert_eq!(budget.minute_buckets[0].seconds.micros(), 30_000_000);
    assert_sound(&ledger);
}

#[test]
fn every_bad_file_is_refused_whole_with_its_place() {
    for (file, text, place) in [
        ("ap.json", "{", "ap.json: "),
        ("ap.json", r#"[{"CstmId":"vdf"}]"#, "ap.json: element 1: Subject"),
        ("dest.json", "[]", "tp.json: element 1: MinuteBuckets: element 1: DestinationId"),
        ("tp.json", "[]", "ub.json: element 1: TariffPlanId"),
        ("ub.json", r#"[{"Id":"x"},{"Id":"x"}]"#, "ub.json: element 2: Id"),
        ("ub.json", r#"[{"Id":"x","SmsCredit":-1}]"#, "ub.json: \"x\": SmsCredit"),
    ] {
        let mut ledger = Ledger::sample();
        let changes = ledger.changes.len();
        let mut bad = files(BUDGETS);
        let place_of = match file {
            "ap.json" => &mut bad.rates,
            "dest.json" => &mut bad.destinations,
            "tp.json" => &mut bad.plans,
            _ => &mut bad.budgets,
        };
        *place_of = Some(text.into());
        let error = load(&mut ledger, bad, LoadOptions::default()).unwrap_err();
        assert!(error.text.starts_with(place), "{file}: {error}");
        assert_eq!(ledger.changes.len(), changes);
    }
}

#[test]
fn a_unit_is_worth_what_the_configuration_says() {
    let calls = CallRules { unit: money("1"), ..CallRules::default() };
    let mut ledger = Ledger::with(Settings { calls, ..Settings::default() });
    load(&mut ledger, files(BUDGETS), LoadOptions::default()).unwrap();
    assert_eq!(balance_of(&ledger, LedgerKind::Budget, Asset::Money, "anna"), 21_500_000);
}
