//! Rows of plans.

use super::network::name_given;
use super::{Planner, choose_id, effect, refuse};
use crate::model::*;

impl Planner<'_> {
    pub(super) fn plan(&mut self, row: &PlanRow) -> Result<(), Refusal> {
        name_given(&row.name)?;
        let old = self.plans.get(&row.name);
        let ids = || self.plans.values().map(|p| p.id.0);
        let id =
            choose_id(row.id, old.map(|p| p.id.0), ids().max().unwrap_or(0), |id| ids().any(|i| i == id))?;
        let shape = old.map(|p| p.shape).unwrap_or_default();
        let plan = Plan {
            id: PlanId(id),
            name: row.name.clone(),
            fee: row.fee.or(old.map(|p| p.fee)).unwrap_or_default(),
            period: row.period.or(old.map(|p| p.period)).unwrap_or_default(),
            charge: row.charge.or(old.map(|p| p.charge)).unwrap_or_default(),
            on_shortage: row.on_shortage.or(old.map(|p| p.on_shortage)).unwrap_or_default(),
            shape: Shape {
                download: bandwidth(shape.download, [row.rate_in, row.ceil_in, row.burst_in, row.cburst_in])?,
                upload: bandwidth(shape.upload, [row.rate_out, row.ceil_out, row.burst_out, row.cburst_out])?,
            },
            mikrotik_burst: mikrotik_burst(row, old),
            usage: usage_prices(row, old),
            timed: match (&row.timed, old) {
                (Some(rows), _) => rows.iter().map(timed_shape).collect::<Result<_, _>>()?,
                (None, old) => old.map(|p| p.timed.clone()).unwrap_or_default(),
            },
            quota: quota(row, old.and_then(|p| p.quota))?,
        };
        let effect = effect(old, &plan);
        self.keep("plan", &row.name, effect, Change::Plan(plan.clone()));
        self.plans.insert(row.name.clone(), plan);
        Ok(())
    }
}

fn mikrotik_burst(row: &PlanRow, old: Option<&Plan>) -> MikrotikBurst {
    let burst = old.map(|p| p.mikrotik_burst).unwrap_or_default();
    MikrotikBurst {
        rate_in: row.mikrotik_burst_rate_in.unwrap_or(burst.rate_in),
        threshold_in: row.mikrotik_burst_threshold_in.unwrap_or(burst.threshold_in),
        rate_out: row.mikrotik_burst_rate_out.unwrap_or(burst.rate_out),
        threshold_out: row.mikrotik_burst_threshold_out.unwrap_or(burst.threshold_out),
        time: row.mikrotik_burst_time.unwrap_or(burst.time),
    }
}

fn usage_prices(row: &PlanRow, old: Option<&Plan>) -> UsagePrices {
    let usage = old.map(|p| p.usage).unwrap_or_default();
    UsagePrices {
        traffic_in: row.traffic_price_in.unwrap_or(usage.traffic_in),
        included_in: row.traffic_included_in.unwrap_or(usage.included_in),
        traffic_out: row.traffic_price_out.unwrap_or(usage.traffic_out),
        included_out: row.traffic_included_out.unwrap_or(usage.included_out),
        session_hour: row.session_price.unwrap_or(usage.session_hour),
    }
}

fn timed_shape(row: &TimedRow) -> Result<TimedShape, Refusal> {
    let when =
        row.when.parse().or_else(|e: TimeTableError| refuse("bad-time-table", format!("timed: {e}")))?;
    let (download, upload) = (
        [row.rate_in, row.ceil_in, row.burst_in, row.cburst_in],
        [row.rate_out, row.ceil_out, row.burst_out, row.cburst_out],
    );
    let none = Bandwidth::default();
    Ok(TimedShape {
        when,
        shape: Shape { download: bandwidth(none, download)?, upload: bandwidth(none, upload)? },
    })
}

/// A quota without octets is none; its speeds are then not looked at.
fn quota(row: &PlanRow, kept: Option<Quota>) -> Result<Option<Quota>, Refusal> {
    let download = [row.quota_rate_in, row.quota_ceil_in, row.quota_burst_in, row.quota_cburst_in];
    let upload = [row.quota_rate_out, row.quota_ceil_out, row.quota_burst_out, row.quota_cburst_out];
    let mib = row.quota_mib.or(kept.map(|quota| quota.mib)).unwrap_or(0);
    if mib == 0 {
        return Ok(None);
    }
    let shape = kept.map(|quota| quota.shape).unwrap_or_default();
    let shape =
        Shape { download: bandwidth(shape.download, download)?, upload: bandwidth(shape.upload, upload)? };
    if shape.is_unlimited() {
        return refuse(
            "quota-without-speed",
            "quota-rate-in, quota-rate-out: a quota needs the speed after it",
        );
    }
    Ok(Some(Quota { mib, shape }))
}

/// Rate, ceil, burst, cburst of a row over what the plan has. What was given stays when the row is silent; what had
/// its default (the ceil that of the rate, the bursts that of the ceil) follows.
fn bandwidth(kept: Bandwidth, row: [Option<i32>; 4]) -> Result<Bandwidth, Refusal> {
    let [rate, ceil, burst, cburst] = row;
    if row.iter().flatten().any(|value| *value < -1) {
        return refuse("bad-speed", "speeds and bursts are -1 (none), 0 or more");
    }
    let default = |ceil| if ceil > 0 { Bandwidth::burst_default(ceil) } else { 0 };
    let follow = |kept_value, kept_default, new| if kept_value == kept_default { new } else { kept_value };
    let rate = rate.unwrap_or(kept.rate);
    let ceil = ceil.unwrap_or(follow(kept.ceil, kept.rate, rate));
    if rate > ceil {
        return refuse("bad-speed", format!("rate {rate} is above ceil {ceil}"));
    }
    let burst_of = |kept_burst| follow(kept_burst, default(kept.ceil), default(ceil));
    Ok(Bandwidth {
        rate,
        ceil,
        burst: burst.unwrap_or(burst_of(kept.burst)),
        cburst: cburst.unwrap_or(burst_of(kept.cburst)),
    })
}
