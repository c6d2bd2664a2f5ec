//! The methods by name, over the years: March 2012 with its aliases, and September 2012.

/// What a caller wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    Cost,
    MaxSessionTime,
    Balance,
    DebitBalance,
    DebitSms,
    DebitSeconds,
    AddVolumeSeconds,
    ResetVolumeSeconds,
    AddReceivedSeconds,
    ResetBudget,
    Debit,
    MaxDebit,
    Status,
    FlushCache,
}

const SERVICE: &str = "Responder";

const METHODS: [(&str, Method); 17] = [
    // The document says Get, the code has said GetGost, and then GetCost.
    ("GetCost", Method::Cost),
    ("Get", Method::Cost),
    ("GetGost", Method::Cost),
    ("GetMaxSessionTime", Method::MaxSessionTime),
    ("GetBalance", Method::Balance),
    ("DebitBalance", Method::DebitBalance),
    ("DebitCents", Method::DebitBalance),
    ("DebitSMS", Method::DebitSms),
    ("DebitSeconds", Method::DebitSeconds),
    ("AddVolumeDiscountSeconds", Method::AddVolumeSeconds),
    ("ResetVolumeDiscountSeconds", Method::ResetVolumeSeconds),
    ("AddRecievedCallSeconds", Method::AddReceivedSeconds),
    ("ResetUserBudget", Method::ResetBudget),
    ("Debit", Method::Debit),
    ("MaxDebit", Method::MaxDebit),
    ("Status", Method::Status),
    ("FlushCache", Method::FlushCache),
];

impl Method {
    /// `Responder.GetCost`.
    ///
    /// # Errors
    /// The text of Go's `net/rpc`.
    pub fn find(name: &str) -> Result<Method, String> {
        let mut parts = name.split('.');
        let (Some(service), Some(method), None) = (parts.next(), parts.next(), parts.next()) else {
            return Err(format!("rpc: service/method request ill-formed: {name}"));
        };
        if service != SERVICE {
            return Err(format!("rpc: can't find service {name}"));
        }
        let known = METHODS.iter().find(|(known, _)| *known == method);
        known.map(|(_, method)| *method).ok_or_else(|| format!("rpc: can't find method {name}"))
    }
}
