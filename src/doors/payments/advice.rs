//! What to do about a refusal: the sentence that `headgate events` and `headgate why` show.

use crate::config::{PaymentOperator, PaymentResult};
use crate::doors::http::Misdirected;

/// For a call that an operator made; empty when it was done.
pub(super) fn of(result: PaymentResult, operator: &PaymentOperator, detail: &str) -> String {
    let code = &operator.code;
    let text = match result {
        PaymentResult::Ok | PaymentResult::Repeat => return String::new(),
        PaymentResult::Later => {
            "the operator was told to come again; look at the store (headgate status) if this goes on"
        }
        PaymentResult::UnknownCommand => {
            return format!("this is no command of the dialect of {code}; is it the right one?");
        }
        PaymentResult::BadAccount => {
            return format!("the account is not written as `account-pattern` of {code} says");
        }
        PaymentResult::UnknownAccount => {
            "no contract, login or address of this name; the payer mistyped it, or `account-pattern` has to take a prefix away"
        }
        PaymentResult::BadId => "the id of the payment is empty, too long or not of digits; ask the operator",
        PaymentResult::BadSum => "the sum is absent, not above zero, or has too many digits after the point",
        PaymentResult::SumTooSmall => return format!("the sum is below `sum-min` of {code}"),
        PaymentResult::SumTooBig => {
            return format!("the sum is above `sum-max` of {code} or [billing] payment-max");
        }
        PaymentResult::BadDate => "the date is absent or not written as the dialect's `date-format` says",
        PaymentResult::OtherSum => {
            "a payment with this id was taken with another sum: the operator uses an id twice; reconcile with its registry"
        }
        PaymentResult::OtherDate => {
            "a payment with this id was taken with another date: the operator uses an id twice, or dates its repeats anew (`date-compared`)"
        }
        PaymentResult::OtherAccount => {
            "a payment with this id was taken for somebody else: the operator uses an id twice; reconcile with its registry"
        }
        PaymentResult::UnknownPayment => "there is no such payment of this operator, or it was taken back",
        PaymentResult::NotCancellable => {
            "the payment cannot be taken back; look at it with headgate payments"
        }
        PaymentResult::Other => "the ledger refuses it",
    };
    match (result, detail) {
        (PaymentResult::Later | PaymentResult::NotCancellable | PaymentResult::Other, detail)
            if !detail.is_empty() =>
        {
            format!("{text}: {detail}")
        }
        _ => text.to_owned(),
    }
}

/// Token, what was answered, and what to do.
pub(super) fn misdirected(what: Misdirected) -> (&'static str, &'static str, &'static str) {
    match what {
        Misdirected::PlainToTls => (
            "http-on-tls-port",
            "HTTP 400",
            "HTTP came to a port of `tls-listen`: the operator has to call https://, or the port of `listen`",
        ),
        Misdirected::TlsToPlain => (
            "tls-on-http-port",
            "a TLS alert",
            "TLS came to a port of `listen`: the operator has to call http://, or the port of `tls-listen`",
        ),
    }
}
