//! Recurring services: those that subscribers may switch themselves are named by `[system-api] web-services`.

use super::user::{dotted, flag};
use super::{Visitor, done};
use crate::config;
use crate::doors::http::Response;
use crate::doors::system_api::SystemApi;
use crate::doors::system_api::arguments::Fields;
use crate::engine;
use crate::model::{Period, Refusal, Service};
use crate::writer::Rejected;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::sync::Arc;

impl SystemApi {
    /// Three lists: those that may be switched on, those that are on, descriptions of both.
    pub(super) async fn service_list(
        &self,
        visitor: &Visitor<'_>,
        config: &config::SystemApi,
    ) -> Result<Response, Rejected> {
        let services = self.services().await?;
        let today = engine::day_of(visitor.now, &self.operations.settings.time_zone);
        let held = &visitor.entry.view.subscriber.terms.services;
        let running: Vec<_> =
            held.iter().filter(|held| held.until.is_none_or(|until| until >= today)).collect();
        let is_running = |name: &str| running.iter().any(|held| held.name == name);
        let offered = |service: &&Service| may_switch(config, service) && !is_running(&service.name);
        let available: Vec<Value> =
            services.iter().filter(offered).map(|service| described(service, config)).collect();
        let connected: Vec<Value> = running
            .iter()
            .map(|held| {
                json!({
                    "pk": number_of(&held.name),
                    "usluga_id": number_of(&held.name),
                    "__usluga": held.name,
                    "enable_date": dotted(held.from),
                    "disable_date": held.until.map(dotted).unwrap_or_default(),
                    "activated": flag(held.from <= today),
                })
            })
            .collect();
        let known =
            services.iter().filter(|service| may_switch(config, service) || is_running(&service.name));
        let descriptions: Vec<Value> = known
            .map(|service| json!({"pk": number_of(&service.name), "name": service.name, "comments": terms_of(service)}))
            .collect();
        Ok(Response::json(200, &json!([available, connected, descriptions])))
    }

    pub(super) async fn add_service(
        &self,
        visitor: &Visitor<'_>,
        fields: &Fields,
        config: &config::SystemApi,
    ) -> Result<Response, Rejected> {
        let name = self.switched(fields, config).await?;
        self.operations.add_service(visitor.login(), name, "", "", visitor.actor()).await?;
        Ok(done("Услуга подключена"))
    }

    pub(super) async fn remove_service(
        &self,
        visitor: &Visitor<'_>,
        fields: &Fields,
        config: &config::SystemApi,
    ) -> Result<Response, Rejected> {
        let name = self.switched(fields, config).await?;
        self.operations.remove_service(visitor.login(), name, visitor.actor()).await?;
        Ok(done("Услуга отключена"))
    }

    /// The service that `usluga_id` means, by number or name, if subscribers may switch it.
    async fn switched(&self, fields: &Fields, config: &config::SystemApi) -> Result<String, Rejected> {
        let wanted = fields.text("usluga_id");
        let services = self.services().await?;
        let found = services.into_iter().find(|s| number_of(&s.name) == wanted || s.name == wanted);
        let service = found.ok_or_else(|| Refusal::new("service-not-found", "Такой услуги нет"))?;
        if !may_switch(config, &service) {
            let text = "Эту услугу подключает и отключает оператор";
            return Err(Refusal::new("service-by-operator", text).into());
        }
        Ok(service.name)
    }

    async fn services(&self) -> Result<Vec<Service>, Rejected> {
        let operations = Arc::clone(&self.operations);
        super::super::blocking(move || operations.services()).await
    }
}

/// What is sold once cannot be switched off again, and is not offered.
fn may_switch(config: &config::SystemApi, service: &Service) -> bool {
    service.period != Period::None && config.web_services.contains(&service.name)
}

fn described(service: &Service, config: &config::SystemApi) -> Value {
    json!({
        "pk": number_of(&service.name),
        "name": service.name,
        "__self": service.name,
        "comments": terms_of(service),
        "summa": service.fee.to_string(),
        "is_show_web": "1",
        "web_allow_disable": flag(may_switch(config, service)),
    })
}

fn terms_of(service: &Service) -> String {
    match service.period {
        Period::Month => format!("{} в месяц", service.fee),
        Period::Day => format!("{} в день", service.fee),
        Period::None => format!("{} один раз", service.fee),
    }
}

/// Services have names and no numbers; clients want numbers. This one follows from the name, so it stays the same.
fn number_of(name: &str) -> String {
    let digest = Sha256::digest(name.as_bytes());
    let number = digest.iter().take(4).fold(0u32, |number, octet| number << 8 | u32::from(*octet));
    (number >> 1).max(1).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Day;

    #[test]
    fn a_service_keeps_its_number() {
        assert_eq!(number_of("Статический адрес"), number_of("Статический адрес"));
        assert_ne!(number_of("Статический адрес"), number_of("Турбо"));
        assert!(number_of("").parse::<i32>().is_ok_and(|number| number > 0));
        assert_eq!(dotted(Day::from_civil(2026, 4, 6).unwrap()), "06.04.2026");
    }
}
