//! Price lists, destinations and budgets of tenant `vdf`, as the vectors take them.

use crate::rating::{CallCost, CallDescriptor, CallTime, DocumentKind, Documents, Tariffs, UserBudget};

const RATES: &str = r#"[
  {"CstmId":"vdf","Subject":"rif","DestinationPrefix":"0256","ActivationPeriods":[
    {"ActivationTime":"2012-01-01T00:00:00Z","Intervals":[
      {"BillingUnit":1,"Price":0.2,"EndTime":"18:00:00","WeekDays":[1,2,3,4,5]},
      {"BillingUnit":1,"Price":0.1,"StartTime":"18:00:00","WeekDays":[1,2,3,4,5]},
      {"BillingUnit":1,"Price":0.1,"WeekDays":[6,0]}]}]},
  {"CstmId":"vdf","Subject":"rif","DestinationPrefix":"0257","ActivationPeriods":[
    {"ActivationTime":"2012-01-01T00:00:00Z","Intervals":[
      {"BillingUnit":1,"Price":0.1,"StartTime":"18:00:00","WeekDays":[1,2,3,4,5]},
      {"BillingUnit":1,"Price":0.2,"EndTime":"18:00:00","WeekDays":[1,2,3,4,5]},
      {"BillingUnit":1,"Price":0.1,"WeekDays":[6,0]}]},
    {"ActivationTime":"2012-02-08T00:00:00Z","Intervals":[
      {"BillingUnit":60,"Price":10,"EndTime":"18:00:00","WeekDays":[1,2,3,4,5]},
      {"BillingUnit":60,"Price":1,"StartTime":"18:00:00","WeekDays":[1,2,3,4,5]},
      {"BillingUnit":60,"Price":1,"WeekDays":[6,0]}]}]},
  {"CstmId":"vdf","Subject":"rif","DestinationPrefix":"0723","ActivationPeriods":[
    {"ActivationTime":"2012-01-01T00:00:00Z","Intervals":[{"BillingUnit":60,"Price":1}]}]},
  {"CstmId":"vdf","Subject":"minutosu","DestinationPrefix":"0723","ActivationPeriods":[
    {"ActivationTime":"2012-01-01T00:00:00Z","Intervals":[{"BillingUnit":60,"Price":1}]}]}
]"#;

const DESTINATIONS: &str = r#"[
  {"Id":"nationale","Prefixes":["0256","0257","0723","0740"]},
  {"Id":"retea","Prefixes":["0723","0724"]},
  {"Id":"mobil","Prefixes":["0723","0740"]},
  {"Id":"radu","Prefixes":["0723045326"]}
]"#;

const PLANS: &str = r#"[
  {"Id":"seara","SmsCredit":100,"ReceivedCallsSecondsLimit":100,"RecivedCallBonus":{"Credit":100},
   "MinuteBuckets":[{"Seconds":10,"Priority":10,"Price":0.01,"DestinationId":"nationale"},
                    {"Seconds":100,"Priority":20,"Price":0,"DestinationId":"retea"}],
   "VolumeDiscountThresholds":[{"Volume":100,"Discount":10},{"Volume":500,"Discount":15},
                               {"Volume":1000,"Discount":20}]},
  {"Id":"discounted","VolumeDiscountThresholds":[{"Volume":100,"Discount":10},{"Volume":500,"Discount":20}]}
]"#;

const BUDGETS: &str = r#"[
  {"Id":"minutosu","Credit":21,"ResetDayOfTheMonth":10,"TariffPlanId":"seara",
   "MinuteBuckets":[{"Seconds":10,"Priority":10,"Price":0.01,"DestinationId":"nationale"},
                    {"Seconds":100,"Priority":20,"Price":0,"DestinationId":"retea"}]},
  {"Id":"broker","Credit":0,"ResetDayOfTheMonth":10,"TariffPlanId":"seara",
   "MinuteBuckets":[{"Seconds":10,"Priority":10,"Price":0.01,"DestinationId":"nationale"},
                    {"Seconds":100,"Priority":20,"Price":0,"DestinationId":"retea"}]}
]"#;

pub fn documents() -> Documents {
    let mut documents = Documents::default();
    for (kind, json) in DocumentKind::ALL.into_iter().zip([RATES, DESTINATIONS, PLANS, BUDGETS]) {
        documents.read(kind, json).unwrap();
    }
    documents
}

pub fn tariffs() -> Tariffs {
    Tariffs::new(&documents()).unwrap()
}

/// Tariffs with only these activation periods, for tenant `t`, subject `s`, prefix `0`.
pub fn tariffs_of(periods: &str) -> Tariffs {
    let mut documents = Documents::default();
    let json =
        format!(r#"[{{"CstmId":"t","Subject":"s","DestinationPrefix":"0","ActivationPeriods":{periods}}}]"#);
    documents.read(DocumentKind::Rates, &json).unwrap();
    Tariffs::new(&documents).unwrap()
}

pub fn budget(id: &str) -> UserBudget {
    documents().budgets.into_iter().find(|budget| budget.id == id).unwrap()
}

/// `2012-02-02 17:30:00` in UTC, or a whole RFC 3339 time.
pub fn time(text: &str) -> CallTime {
    CallTime::parse(text).or_else(|| CallTime::parse(&format!("{}Z", text.replace(' ', "T")))).unwrap()
}

pub fn call(subject: &str, destination: &str, start: &str, end: &str) -> CallDescriptor {
    let tenant = if subject == "s" { "t" } else { "vdf" };
    CallDescriptor {
        tenant: tenant.to_owned(),
        subject: subject.to_owned(),
        destination: destination.to_owned(),
        time_start: time(start),
        time_end: time(end),
        ..CallDescriptor::default()
    }
}

/// `23:50:00-23:59:59 = 59.9`, one for each span.
pub fn spans(cost: &CallCost) -> Vec<String> {
    let clock = |time: CallTime| time.to_string()[11..].trim_end_matches('Z').to_owned();
    cost.timespans
        .iter()
        .map(|span| {
            let cost = crate::rating::Quantity::from_micros(span.cost.micros());
            format!("{}-{} = {cost}", clock(span.time_start), clock(span.time_end))
        })
        .collect()
}
