//! The columns of each table, named once: writing and reading use them in this order.

/// A table whose rows are objects of the model.
pub(super) struct Table {
    pub name: &'static str,
    /// Columns of the primary key.
    pub key: &'static [&'static str],
    pub columns: &'static [&'static str],
}

impl Table {
    pub fn select(&self) -> String {
        format!("SELECT {} FROM {}", self.columns.join(", "), self.name)
    }

    pub fn insert(&self) -> String {
        let places = vec!["?"; self.columns.len()].join(", ");
        format!("INSERT INTO {} ({}) VALUES ({places})", self.name, self.columns.join(", "))
    }

    /// Inserts, or replaces every column but the key's.
    pub fn upsert(&self) -> String {
        let sets: Vec<String> = self
            .columns
            .iter()
            .filter(|column| !self.key.contains(column))
            .map(|column| format!("{column} = excluded.{column}"))
            .collect();
        format!("{} ON CONFLICT ({}) DO UPDATE SET {}", self.insert(), self.key.join(", "), sets.join(", "))
    }
}

/// Writes an interim record's news: all but the key and what indexes and other tables hold, which must be as it is. Takes the
/// columns of [`SESSION`]. Where no row is changed by it, the session is to be upserted. An upsert alone would write
/// a page of each index too, a third of the speed.
pub(super) fn session_update() -> String {
    let kept = ["subscriber", "stopped", "framed_ip", "ipv6_prefixes"];
    let numbered: Vec<(usize, &str)> = SESSION.columns.iter().copied().enumerate().collect();
    let equal = |skip: &dyn Fn(&str) -> bool, is: &str, between: &str| {
        let parts = numbered.iter().filter(|(_, column)| !skip(column));
        parts.map(|(at, column)| format!("{column} {is} ?{}", at + 1)).collect::<Vec<_>>().join(between)
    };
    let in_key = |column: &str| SESSION.key.contains(&column);
    let sets = equal(&|column| in_key(column) || kept.contains(&column), "=", ", ");
    let key = equal(&|column| !in_key(column), "=", " AND ");
    let same = equal(&|column| !kept.contains(&column), "IS", " AND ");
    format!("UPDATE session SET {sets} WHERE {key} AND {same}")
}

pub(super) const GROUP: Table = Table { name: "grp", key: &["id"], columns: &["id", "name", "parent"] };

pub(super) const PLAN: Table = Table {
    name: "plan",
    key: &["id"],
    columns: &[
        "id",
        "name",
        "fee",
        "period",
        "charge",
        "on_shortage",
        "rate_in",
        "ceil_in",
        "burst_in",
        "cburst_in",
        "rate_out",
        "ceil_out",
        "burst_out",
        "cburst_out",
        "mikrotik_burst_rate_in",
        "mikrotik_burst_threshold_in",
        "mikrotik_burst_rate_out",
        "mikrotik_burst_threshold_out",
        "mikrotik_burst_time",
        "traffic_price_in",
        "traffic_included_in",
        "traffic_price_out",
        "traffic_included_out",
        "session_price",
        "timed",
        "quota",
    ],
};

pub(super) const POOL: Table = Table { name: "pool", key: &["id"], columns: &["id", "name", "prefixes"] };

pub(super) const NAS: Table = Table {
    name: "nas",
    key: &["id"],
    columns: &[
        "id",
        "name",
        "address",
        "secret",
        "vendor",
        "coa_port",
        "pool",
        "sends_message_authenticator",
    ],
};

pub(super) const ACCOUNT: Table = Table {
    name: "account",
    key: &["id"],
    columns: &[
        "id",
        "contract",
        "name",
        "kind",
        "grp",
        "phone",
        "email",
        "address",
        "tax_id",
        "code1c",
        "voip_subjects",
        "credit_limit",
        "credit_until",
        "closed",
    ],
};

pub(super) const SUBSCRIBER: Table = Table {
    name: "subscriber",
    key: &["id"],
    columns: &[
        "id",
        "login",
        "password_kind",
        "password",
        "account",
        "name",
        "grp",
        "plan",
        "nas",
        "access",
        "addresses",
        "pool",
        "ipv6_prefix",
        "mac",
        "circuit_id",
        "snat",
        "routes",
        "sessions_max",
        "block_reason",
        "block_since",
        "block_by",
        "valid_from",
        "valid_until",
        "code1c",
        "terms",
    ],
};

/// Without the balance, which only [`super::write`] moves.
pub(super) const LEDGER_ACCOUNT: Table =
    Table { name: "ledger_account", key: &["id"], columns: &["id", "kind", "asset", "name"] };

pub(super) const TRANSFER: Table = Table {
    name: "transfer",
    key: &["id"],
    columns: &[
        "id",
        "debit",
        "credit",
        "amount",
        "kind",
        "reference",
        "text",
        "time",
        "actor",
        "balance_after",
        "day",
        "reverses",
    ],
};

pub(super) const PAYMENT: Table = Table {
    name: "payment",
    key: &["operator", "id"],
    columns: &[
        "operator",
        "id",
        "transfer",
        "account",
        "contract",
        "who",
        "sum",
        "operator_date",
        "time",
        "balance_after",
        "reversed",
    ],
};

pub(super) const SESSION: Table = Table {
    name: "session",
    // A NAS may use an id again after a Stop: the session then is another one.
    key: &["nas", "acct_session_id", "login", "started"],
    columns: &[
        "nas",
        "acct_session_id",
        "login",
        "subscriber",
        "nas_address",
        "started",
        "updated",
        "stopped",
        "terminate_cause",
        "session_seconds",
        "framed_ip",
        "ipv6_prefixes",
        "mac",
        "calling_station_id",
        "nas_port_id",
        "download_octets",
        "upload_octets",
        "download_octets_before_reset",
        "upload_octets_before_reset",
    ],
};

/// What the history of a session's addresses needs to know of its row.
pub(super) const SESSION_BEFORE: &str = "SELECT updated, framed_ip, ipv6_prefixes FROM session \
     WHERE nas = ?1 AND acct_session_id = ?2 AND login = ?3 AND started = ?4";

/// An address of a session, from a moment on.
pub(super) const SESSION_ADDRESS: &str = "INSERT INTO session_address (prefix, since, nas, acct_session_id, login, started) VALUES (?, ?, ?, ?, ?, ?) \
     ON CONFLICT DO UPDATE SET until = NULL";

/// The same parameters; the moment is the end.
pub(super) const SESSION_ADDRESS_LEFT: &str = "UPDATE session_address SET until = max(since, ?2) \
     WHERE prefix = ?1 AND nas = ?3 AND acct_session_id = ?4 AND login = ?5 AND started = ?6 AND until IS NULL";

pub(super) const ADDRESS_ASSIGNMENT: Table = Table {
    name: "address_assignment",
    key: &["prefix", "kind", "subscriber", "since"],
    columns: &["prefix", "kind", "subscriber", "login", "since", "until"],
};

pub(super) const ADDRESS_ASSIGNMENT_END: &str = "UPDATE address_assignment SET until = max(since, ?4) \
     WHERE prefix = ?1 AND kind = ?2 AND subscriber = ?3 AND until IS NULL";

pub(super) const POOL_GRANT: Table = Table {
    name: "pool_grant",
    key: &["pool", "address"],
    columns: &["pool", "address", "subscriber", "at"],
};

pub(super) const EDGE_POSITION: Table =
    Table { name: "edge_position", key: &["edge"], columns: &["edge", "epoch", "sequence"] };

pub(super) const SERVICE: Table = Table { name: "service", key: &["name"], columns: &["name", "body"] };

pub(super) const PACKAGE: Table = Table { name: "package", key: &["name"], columns: &["name", "body"] };

pub(super) const PACKAGE_HOLDING: Table = Table {
    name: "package_holding",
    key: &["account", "package", "number"],
    columns: &["account", "package", "number", "ended", "body"],
};

pub(super) const FEE_STATE: Table = Table {
    name: "fee_state",
    key: &["subscriber"],
    columns: &["subscriber", "decided", "plan_through", "services_through", "due", "due_cut_at"],
};

pub(super) const ACCOUNT_STATE: Table =
    Table { name: "account_state", key: &["account"], columns: &["account", "body"] };

pub(super) const METER: Table = Table {
    name: "meter",
    key: &["month", "subscriber", "service"],
    columns: &["subscriber", "service", "month", "used", "before", "covered", "charged", "price", "included"],
};

pub(super) const PENDING: Table = Table { name: "pending", key: &["id"], columns: &["id", "open", "body"] };

pub(super) const BUDGET: Table = Table { name: "budget", key: &["subject"], columns: &["subject", "body"] };

pub(super) const RATING_DOCUMENT: Table =
    Table { name: "rating_document", key: &["name"], columns: &["name", "body"] };

pub(super) const ACT: Table = Table {
    name: "act",
    key: &["number"],
    columns: &["number", "month", "account", "lines", "sum", "vat", "made"],
};

pub(super) const BOOKS: Table = Table { name: "books", key: &["id"], columns: &["id", "body"] };

pub(super) const ANSWER: Table = Table { name: "answer", key: &["key"], columns: &["key", "at", "body"] };

pub(super) const PAYMENT_ORDER: Table = Table {
    name: "payment_order",
    key: &["operator", "id"],
    columns: &["operator", "id", "number", "account", "contract", "sum", "made"],
};

pub(super) const SYNC_MARK: Table =
    Table { name: "sync_mark", key: &["kind", "id"], columns: &["kind", "id", "code1c", "synced"] };

pub(super) const AUDIT: Table =
    Table { name: "audit", key: &[], columns: &["time", "actor", "action", "subject", "text"] };

pub(super) const ROLE: Table = Table { name: "role", key: &["id"], columns: &["id", "name", "rights"] };

pub(super) const STAFF: Table = Table {
    name: "staff",
    key: &["id"],
    columns: &["id", "login", "name", "kind", "role", "company", "password", "disabled", "created"],
};

pub(super) const API_KEY: Table = Table {
    name: "api_key",
    key: &["id"],
    columns: &["id", "staff", "name", "hash", "rights", "expires", "created"],
};

pub(super) const STAFF_SESSION: Table =
    Table { name: "staff_session", key: &["hash"], columns: &["hash", "staff", "opened", "expires"] };

/// An event for a target, to be tried at once.
pub(super) const EVENT: &str = "INSERT INTO outbox (event, target, kind, account, at, since, next_at, body) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?5, ?6)";

pub(super) const EVENT_DELIVERED: &str = "UPDATE outbox SET state = ?3, attempts = ?4, next_at = ?5, error = ?6 \
     WHERE event = ?1 AND target = ?2 AND state = 'pending'";

pub(super) const EVENT_REPLAYED: &str = "UPDATE outbox SET state = 'pending', attempts = 0, since = ?3, next_at = ?3, error = '' \
     WHERE event = ?1 AND target = ?2 AND state <> 'pending'";

pub(super) const EVENT_DROPPED: &str = "UPDATE outbox SET state = 'dropped', next_at = ?3 \
     WHERE event = ?1 AND target = ?2 AND state IN ('pending', 'failed')";

pub(super) const OUTBOX_DISABLED: Table =
    Table { name: "outbox_disabled", key: &["target"], columns: &["target", "since", "note"] };

pub(super) const OUTBOX_TOLD: Table =
    Table { name: "outbox_told", key: &["subscriber"], columns: &["subscriber", "verdict"] };
