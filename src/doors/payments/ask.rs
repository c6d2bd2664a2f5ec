//! What is asked, read from parameters as the dialect names them.

use crate::config::ParameterNames;
use crate::doors::http::Parameters;

/// Values as they were sent, trimmed; empty where none was.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ask<'a> {
    pub command: &'a str,
    pub id: &'a str,
    pub date: &'a str,
    pub account: &'a str,
    pub sum: &'a str,
    /// The payment that a cancellation means.
    pub cancels: &'a str,
}

impl<'a> Ask<'a> {
    /// Names count in any case; of a parameter given twice the last one does.
    pub fn of(parameters: &'a Parameters, names: &ParameterNames) -> Ask<'a> {
        let mut ask = Ask::default();
        for (name, value) in parameters.iter() {
            let name = name.to_lowercase();
            let slots = [
                (&names.command, &mut ask.command),
                (&names.id, &mut ask.id),
                (&names.date, &mut ask.date),
                (&names.account, &mut ask.account),
                (&names.sum, &mut ask.sum),
                (&names.cancels, &mut ask.cancels),
            ];
            for (known, slot) in slots {
                if !known.is_empty() && *known == name {
                    *slot = value.trim();
                }
            }
        }
        ask
    }
}
