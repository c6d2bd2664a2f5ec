//! Refusals that many methods share, in the form of the rules.

/// Of an account's WHO.
pub(super) const WHO: &[&str] = &["not-found", "ambiguous"];
/// Of a WHO that must mean one login.
pub(super) const LOGIN: &[&str] = &["not-found", "ambiguous", "no-subscriber"];
/// Of what is posted.
pub(super) const SUM: &[&str] = &["bad-sum", "out-of-range", "month-closed"];
pub(super) const TEXT: &[&str] = &["no-text", "text-too-long"];
/// Of rows of data files.
pub(super) const ROWS: &[&str] = &[
    "file-too-large",
    "live",
    "no-name",
    "bad-word",
    "bad-id",
    "id-taken",
    "other-id",
    "no-id-left",
    "unknown-group",
    "group-loop",
    "bad-speed",
    "quota-without-speed",
    "bad-time-table",
    "bad-sum",
    "out-of-range",
    "empty-package",
    "package-too-large",
    "unknown-pool",
    "no-prefixes",
    "pool-overlap",
    "no-address",
    "bad-address",
    "address-taken",
    "address-twice",
    "no-secret",
    "contract-is-login",
    "login-is-contract",
    "subject-taken",
    "subject-has-money",
    "unknown-plan",
    "unknown-nas",
    "unknown-service",
    "one-off-service",
    "service-twice",
    "bad-discount",
    "bad-date",
    "bad-nt-hash",
    "two-passwords",
    "month-closed",
];
