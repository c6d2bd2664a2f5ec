//! The HTTP calls of 2012, as they were meant: parameters in, a line of JSON out, status 200 whatever happened.
//!
//! The document writes `dest=0257@amount=100`, the code wanted `dest=0257&amount=100`; both are read.

use super::desk::{Begun, Desk, outcome};
use super::method::Method;
use crate::config::AllowList;
use crate::doors::http::{self, Body, Handler, Limits, Parameters, Request, Response};
use crate::model::Actor;
use crate::operations::Operations;
use crate::rating::{CallDescriptor, CallTime};
use crate::writer::Rejected;
use serde::Serialize;
use std::sync::Arc;

const BODY_OCTETS_MAX: usize = 64 * 1024;
const INCORRECT: &str = "Incorrect parameters";

/// The paths, their methods, and whether they need an amount.
const PATHS: [(&str, Method, bool); 9] = [
    ("/getcost", Method::Cost, false),
    ("/debitbalance", Method::DebitBalance, true),
    ("/debitsms", Method::DebitSms, true),
    ("/debitseconds", Method::DebitSeconds, true),
    ("/getmaxsessiontime", Method::MaxSessionTime, true),
    ("/addvolumediscountseconds", Method::AddVolumeSeconds, true),
    ("/resetvolumediscountseconds", Method::ResetVolumeSeconds, false),
    ("/addrecievedcallseconds", Method::AddReceivedSeconds, true),
    ("/resetuserbudget", Method::ResetBudget, false),
];

/// The door.
pub struct HttpDoor {
    desk: Desk,
    allow: AllowList,
}

impl HttpDoor {
    pub fn new(operations: Arc<Operations>, allow: AllowList) -> HttpDoor {
        HttpDoor { desk: Desk { operations }, allow }
    }

    /// Limits that fit this door.
    pub fn limits() -> Limits {
        Limits { body_octets_max: BODY_OCTETS_MAX, ..Limits::default() }
    }

    async fn answer(&self, method: Method, call: &CallDescriptor, actor: &Actor) -> Result<Vec<u8>, String> {
        let mut line = Vec::new();
        let begun: Begun = self.desk.begin(method, call, actor)?;
        if let Some(receiver) = begun.write(&mut line)? {
            let answer = receiver.await.unwrap_or(Err(Rejected::Unknown));
            line = outcome(answer)?.into_bytes();
        }
        Ok(line)
    }
}

impl Handler for HttpDoor {
    async fn handle(&self, request: Request) -> Response {
        let actor = match request.peer.map(|peer| peer.ip().to_canonical()) {
            Some(address) if self.allow.allows(address) => Actor(format!("cgrates:{address}")),
            Some(address) => return Response::text(403, format!("address {address} is not allowed\n")),
            None => return Response::text(403, "a caller without an address is not allowed\n"),
        };
        if matches!(request.method, http::Method::Other(_)) {
            return Response::method_not_allowed("GET, HEAD, POST");
        }
        if matches!(request.path.as_str(), "/status" | "/") {
            return line(&self.desk.status());
        }
        let Some((_, method, needs_amount)) = PATHS.iter().find(|(path, ..)| *path == request.path) else {
            let paths: Vec<&str> = PATHS.iter().map(|(path, ..)| *path).collect();
            return Response::text(404, format!("expected one of the paths {} /status\n", paths.join(" ")));
        };
        let Some(call) = descriptor(&Parameters::of(&request), *needs_amount) else {
            return failed(INCORRECT);
        };
        match self.answer(*method, &call, &actor).await {
            Ok(answer) => json(answer),
            Err(error) => failed(&error),
        }
    }
}

/// The call that the parameters describe; None when one is missing or cannot be read.
fn descriptor(parameters: &Parameters, needs_amount: bool) -> Option<CallDescriptor> {
    let destination = parameters.find("dest")?;
    let (destination, amount) = match destination.split_once("@amount=") {
        Some((destination, amount)) => (destination, Some(amount)),
        None => (destination, parameters.find("amount")),
    };
    let time = |name: &str| match parameters.find(name) {
        // A plus sign that nobody encoded has become a space on its way.
        Some(text) => CallTime::parse(&text.replace(' ', "+")),
        None => Some(CallTime::default()),
    };
    let amount = match amount {
        Some(text) => serde_json::from_str(text.trim()).ok()?,
        None if needs_amount => return None,
        None => Default::default(),
    };
    Some(CallDescriptor {
        tenant: parameters.find("cstmid")?.to_owned(),
        subject: parameters.find("subj")?.to_owned(),
        destination: destination.to_owned(),
        time_start: time("ts")?,
        time_end: time("te")?,
        amount,
        ..CallDescriptor::default()
    })
}

fn failed(error: &str) -> Response {
    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct Failed<'a> {
        error: &'a str,
    }
    line(&Failed { error })
}

fn line(value: &impl Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(octets) => json(octets),
        Err(error) => Response::text(500, format!("the answer cannot be written as JSON: {error}\n")),
    }
}

fn json(mut octets: Vec<u8>) -> Response {
    octets.push(b'\n');
    Response::new(200, "application/json; charset=utf-8", Body::Owned(octets))
}
