//! `POST /report`: what an enforcer tells, wherever it comes in. The door says whose report it is.

use crate::doors::http::Response;
use crate::model::Report;
use crate::operations::{ReportError, Reports};

/// A full report is far below this.
pub const BODY_OCTETS_MAX: usize = 4 << 20;

/// Takes the body of a report of the enforcer of this name: 200 with a [`crate::model::ReportAnswer`] as JSON once all
/// of it is on disk; 400 for what cannot be understood, 413 for too much of it, 503 for what is to be sent again.
pub async fn answer(reports: &Reports, enforcer: &str, body: &[u8]) -> Response {
    if body.len() > BODY_OCTETS_MAX {
        return Response::text(413, "the report is too large\n");
    }
    let report: Report = match serde_json::from_slice(body) {
        Ok(report) => report,
        Err(error) => return Response::text(400, format!("not a report: {error}\n")),
    };
    match reports.take(enforcer, &report).await {
        Ok(answer) => Response::json(200, &answer),
        Err(error @ ReportError::Malformed(_)) => Response::text(400, format!("{error}\n")),
        Err(error @ ReportError::Later) => Response::text(503, format!("{error}\n")),
    }
}
