//! Rows of services and packages, and what a subscriber's row says of them.

use super::network::name_given;
use super::{Planner, effect, refuse};
use crate::engine::calendar::day_of;
use crate::model::*;

/// MiB of a package: more octets could not be counted in millionths.
const PACKAGE_MIB_MAX: u32 = 8_000_000;

impl Planner<'_> {
    pub(super) fn service(&mut self, row: &ServiceRow) -> Result<(), Refusal> {
        name_given(&row.name)?;
        let old = self.services.get(&row.name);
        let service = Service {
            name: row.name.clone(),
            fee: row.fee.or(old.map(|s| s.fee)).unwrap_or_default(),
            period: row.period.or(old.map(|s| s.period)).unwrap_or_default(),
            charge: row.charge.or(old.map(|s| s.charge)).unwrap_or_default(),
        };
        let effect = effect(old, &service);
        self.keep("service", &row.name, effect, Change::Service(service.clone()));
        self.services.insert(row.name.clone(), service);
        Ok(())
    }

    pub(super) fn package(&mut self, row: &PackageRow) -> Result<(), Refusal> {
        name_given(&row.name)?;
        let old = self.packages.get(&row.name);
        let package = Package {
            name: row.name.clone(),
            price: row.price.or(old.map(|p| p.price)).unwrap_or_default(),
            minutes: row.minutes.or(old.map(|p| p.minutes)).unwrap_or_default(),
            sms: row.sms.or(old.map(|p| p.sms)).unwrap_or_default(),
            mib: row.mib.or(old.map(|p| p.mib)).unwrap_or_default(),
            days: row.days.or(old.map(|p| p.days)).unwrap_or_default(),
            destination: match &row.destination {
                Some(destination) => destination.clone(),
                None => old.map(|p| p.destination.clone()).unwrap_or_default(),
            },
        };
        let digits = self.state.settings.currency_digits;
        if package.price.is_negative() || package.price.rounded(digits) != package.price {
            return refuse("bad-sum", format!("price: it is from 0 and has at most {digits} digits"));
        }
        if package.minutes == 0 && package.sms == 0 && package.mib == 0 {
            return refuse("empty-package", "minutes, sms, mib: a package needs some of them");
        }
        if package.mib > PACKAGE_MIB_MAX {
            return refuse("package-too-large", format!("mib: at most {PACKAGE_MIB_MAX}"));
        }
        let effect = effect(old, &package);
        self.keep("package", &row.name, effect, Change::Package(package.clone()));
        self.packages.insert(row.name.clone(), package);
        Ok(())
    }

    /// The terms that a row leaves a subscriber with. Services that it did not have begin tomorrow: a load charges
    /// nothing, and who is new here has paid where it comes from, for a period to the end of the month.
    pub(super) fn terms_from(
        &self,
        row: &SubscriberRow,
        old: Option<&Subscriber>,
    ) -> Result<SubscriberTerms, Refusal> {
        let mut terms = old.map(|s| s.terms.clone()).unwrap_or_default();
        if let Some(names) = &row.services {
            terms.services = self.services_from(names, &terms.services, old.is_none())?;
        }
        terms.discount = self.discount_from(row, terms.discount)?;
        Ok(terms)
    }

    fn services_from(
        &self,
        names: &[String],
        had: &[SubscribedService],
        is_new: bool,
    ) -> Result<Vec<SubscribedService>, Refusal> {
        let today = day_of(self.now, &self.state.settings.time_zone);
        let mut services: Vec<SubscribedService> = Vec::new();
        for name in names {
            let Some(service) = self.services.get(name) else {
                return refuse("unknown-service", format!("services: there is no service {name:?}"));
            };
            if service.period == Period::None {
                let text = format!("services: {name:?} is sold once; it cannot be had for a time");
                return refuse("one-off-service", text);
            }
            if services.iter().any(|chosen| chosen.name == *name) {
                return refuse("service-twice", format!("services: {name:?} stands there twice"));
            }
            let by_month = service.charge.is_by_period(service.period);
            let from = if is_new && by_month { today.month().next().first_day() } else { today.next() };
            let kept = had.iter().find(|had| had.name == *name).cloned();
            services.push(kept.unwrap_or(SubscribedService { name: name.clone(), from, until: None }));
        }
        Ok(services)
    }

    fn discount_from(
        &self,
        row: &SubscriberRow,
        kept: Option<Discount>,
    ) -> Result<Option<Discount>, Refusal> {
        let basis_points = match row.discount.as_deref() {
            None => kept.as_ref().map_or(0, |discount| discount.basis_points),
            Some(text) => match basis_points(text) {
                Some(points) => points,
                None => {
                    let text = format!("discount: {text:?} is not a percentage from 0 to 100");
                    return refuse("bad-discount", text);
                }
            },
        };
        let until = match row.discount_until.as_deref() {
            None => kept.and_then(|discount| discount.until),
            Some("") => None,
            Some(text) => match text.parse() {
                Ok(day) => Some(day),
                Err(_) => {
                    return refuse("bad-date", format!("discount-until: {text:?} is no day like 2026-12-31"));
                }
            },
        };
        Ok((basis_points > 0).then_some(Discount { basis_points, until }))
    }
}
