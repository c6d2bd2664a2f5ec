//! `GET|POST :8082/system_api/`: the Carbon dialect, as NAS scripts, cash desks and 1C call it.
//!
//! A call names a context, a method and one JSON argument; parameters come in any order and any encoding. Checks in
//! order: source address, context, `psw`, method. What one context does stands in a file of its own. Not here: rules
//! of money and access, and the HTTP below ([`super::http`]).

mod arguments;
mod collector;
mod fiscal;
mod line;
mod lists;

use super::http::{Handler, Limits, Method, Parameters, Request, Response};
use super::request_log::{LoggedRequest, RequestLog, masked};
use crate::config;
use crate::operations::{Counters, Operations};
use arguments::Arguments;
use lists::Lists;
use parking_lot::RwLock;
use serde::Serialize;
use std::sync::Arc;

/// Longest context or method that is repeated in an answer, characters.
const ECHO_CHARS_MAX: usize = 64;
/// What is served, for those who ask for something else.
const SERVED: &str = "context=collector: collector_manager.users_logged, collector_manager.users_negbal, \
                      collector_manager.users_blocked; context=asr_fiscal: asr_fiscal_manager.act_pay";

/// The door; one for all its listeners.
pub struct SystemApi {
    operations: Arc<Operations>,
    config: RwLock<Arc<config::SystemApi>>,
    lists: Lists,
    log: Option<Arc<dyn RequestLog>>,
}

/// An answer that says no: a stable token for programs, a text for people.
#[derive(Debug, Serialize)]
struct Refused<'a> {
    error: &'a str,
    error_text: String,
}

fn refused(status: u16, error: &str, error_text: impl Into<String>) -> Response {
    Response::json(status, &Refused { error, error_text: error_text.into() })
}

impl SystemApi {
    /// `log` takes a line for each request.
    pub fn new(
        operations: Arc<Operations>,
        config: config::SystemApi,
        log: Option<Arc<dyn RequestLog>>,
    ) -> SystemApi {
        SystemApi { operations, config: RwLock::new(Arc::new(config)), lists: Lists::default(), log }
    }

    /// Takes over a configuration that was read again; `listen` is not looked at.
    pub fn reconfigure(&self, config: config::SystemApi) {
        *self.config.write() = Arc::new(config);
        self.lists.forget();
    }

    /// Limits that fit this door.
    pub fn limits() -> Limits {
        Limits::default()
    }

    async fn answer(&self, request: &Request, call: &Call<'_>) -> Response {
        let config = Arc::clone(&self.config.read());
        match request.peer {
            Some(peer) if config.allow.allows(peer.ip()) => {}
            Some(peer) => {
                return Response::text(403, format!("address {} is not allowed\n", peer.ip().to_canonical()));
            }
            None => return Response::text(403, "a caller without an address is not allowed\n"),
        }
        if !matches!(request.path.as_str(), "/system_api/" | "/system_api") {
            return Response::text(404, "expected the path /system_api/\n");
        }
        if matches!(request.method, Method::Other(_)) {
            return Response::method_not_allowed("GET, HEAD, POST");
        }
        if !config.contexts.contains(call.context) {
            return Response::text(200, format!("Context={} is not defined", echo(call.context)));
        }
        if !config.opens(call.context, call.parameters.find("psw")) {
            let text = match config.passwords.contains_key(call.context) {
                true => format!("psw is wrong for context={}\n", call.context),
                false => format!("no psw is set for context={} in [system-api.passwords]\n", call.context),
            };
            return Response::text(403, text);
        }
        match (call.context, call.method) {
            ("collector", method) => match lists::List::of_method(method) {
                Some(list) => self.collect(list, request, call, &config).await,
                // Not 200: a script that reads lines must not take this for one.
                None => unknown_method(400, call),
            },
            ("asr_fiscal", "asr_fiscal_manager.act_pay") if request.method == Method::Head => {
                Response::method_not_allowed("GET, POST")
            }
            ("asr_fiscal", "asr_fiscal_manager.act_pay") => self.act_pay(call).await,
            _ => unknown_method(200, call),
        }
    }
}

fn unknown_method(status: u16, call: &Call<'_>) -> Response {
    let (method, context) = (echo(call.method), call.context);
    refused(
        status,
        "unknown-method",
        format!("method1={method} is not served in context={context}; served: {SERVED}"),
    )
}

/// What was sent, cut and without control characters.
fn echo(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(ECHO_CHARS_MAX).collect()
}

/// The parameters of one call.
struct Call<'a> {
    parameters: &'a Parameters,
    context: &'a str,
    method: &'a str,
    /// JSON text; empty when absent.
    argument: &'a str,
}

impl<'a> Call<'a> {
    fn of(parameters: &'a Parameters) -> Call<'a> {
        let text = |name| parameters.find(name).unwrap_or_default().trim();
        Call { parameters, context: text("context"), method: text("method1"), argument: text("arg1") }
    }

    fn arguments(&self) -> Result<Arguments, String> {
        Arguments::parse(self.argument)
    }
}

impl Handler for SystemApi {
    async fn handle(&self, request: Request) -> Response {
        let begun = self.operations.clock.now();
        let counters = &self.operations.counters;
        Counters::count(&counters.system_api_requests);
        let parameters = Parameters::of(&request);
        let call = Call::of(&parameters);
        let response = self.answer(&request, &call).await;
        if response.status == 403 {
            Counters::count(&counters.system_api_refused);
        }
        if let Some(log) = &self.log {
            log.write(&LoggedRequest {
                at: begun,
                peer: request.peer,
                context: call.context,
                method: call.method,
                argument: &masked(call.argument),
                status: response.status,
                micros: u64::try_from(self.operations.clock.now().since(begun).as_micros())
                    .unwrap_or(u64::MAX),
            });
        }
        response
    }
}
