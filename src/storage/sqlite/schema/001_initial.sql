-- Money is in millionths of the currency unit, prices in billionths, times in microseconds since 1970 UTC.
-- Octet counters and epochs are 64-bit patterns: a value past 2^63 shows as a negative number.
-- Lists of addresses and prefixes are separated by spaces; lists of free texts are JSON arrays.

CREATE TABLE meta (
    name  TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- One row. Every batch checks the epoch and leaves its own number.
CREATE TABLE writer_lease (
    id             INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    epoch          INTEGER NOT NULL,
    batch_sequence INTEGER NOT NULL,
    holder         TEXT    NOT NULL
) STRICT;
INSERT INTO writer_lease (id, epoch, batch_sequence, holder) VALUES (1, 0, 0, '');

CREATE TABLE grp (
    id     INTEGER NOT NULL PRIMARY KEY,
    name   TEXT    NOT NULL,
    parent INTEGER
) STRICT;

CREATE TABLE plan (
    id                 INTEGER NOT NULL PRIMARY KEY,
    name               TEXT    NOT NULL,
    fee                INTEGER NOT NULL,
    period             TEXT    NOT NULL,
    charge             TEXT    NOT NULL,
    on_shortage        TEXT    NOT NULL,
    rate_in            INTEGER NOT NULL,
    ceil_in            INTEGER NOT NULL,
    burst_in           INTEGER NOT NULL,
    cburst_in          INTEGER NOT NULL,
    rate_out           INTEGER NOT NULL,
    ceil_out           INTEGER NOT NULL,
    burst_out          INTEGER NOT NULL,
    cburst_out         INTEGER NOT NULL,
    mikrotik_burst_rate_in       INTEGER NOT NULL,
    mikrotik_burst_threshold_in  INTEGER NOT NULL,
    mikrotik_burst_rate_out      INTEGER NOT NULL,
    mikrotik_burst_threshold_out INTEGER NOT NULL,
    mikrotik_burst_time          INTEGER NOT NULL,
    traffic_price_in     INTEGER NOT NULL,
    traffic_included_in  INTEGER NOT NULL,
    traffic_price_out    INTEGER NOT NULL,
    traffic_included_out INTEGER NOT NULL,
    session_price        INTEGER NOT NULL
) STRICT;

CREATE TABLE pool (
    id       INTEGER NOT NULL PRIMARY KEY,
    name     TEXT    NOT NULL,
    prefixes TEXT    NOT NULL
) STRICT;

CREATE TABLE nas (
    id       INTEGER NOT NULL PRIMARY KEY,
    name     TEXT    NOT NULL,
    address  TEXT    NOT NULL,
    secret   BLOB    NOT NULL,
    vendor   TEXT    NOT NULL,
    coa_port INTEGER NOT NULL,
    pool     INTEGER,
    -- 1: it has sent a valid one, and one is demanded of it from then on.
    sends_message_authenticator INTEGER NOT NULL
) STRICT;

CREATE TABLE account (
    id            INTEGER NOT NULL PRIMARY KEY,
    contract      TEXT    NOT NULL UNIQUE,
    name          TEXT    NOT NULL,
    kind          TEXT    NOT NULL,
    grp           INTEGER,
    phone         TEXT    NOT NULL,
    email         TEXT    NOT NULL,
    address       TEXT    NOT NULL,
    tax_id        TEXT    NOT NULL,
    code1c        TEXT    NOT NULL,
    voip_subjects TEXT    NOT NULL,
    credit_limit  INTEGER NOT NULL,
    credit_until  INTEGER,
    closed        INTEGER NOT NULL
) STRICT;

CREATE TABLE subscriber (
    id            INTEGER NOT NULL PRIMARY KEY,
    login         TEXT    NOT NULL UNIQUE,
    password_kind TEXT    NOT NULL,
    password      BLOB,
    account       INTEGER NOT NULL REFERENCES account (id) DEFERRABLE INITIALLY DEFERRED,
    name          TEXT    NOT NULL,
    grp           INTEGER,
    plan          INTEGER,
    nas           INTEGER,
    access        TEXT    NOT NULL,
    addresses     TEXT    NOT NULL,
    pool          INTEGER,
    ipv6_prefix   TEXT,
    mac           TEXT,
    circuit_id    TEXT    NOT NULL,
    snat          TEXT,
    routes        TEXT    NOT NULL,
    sessions_max  INTEGER NOT NULL,
    block_reason  TEXT,
    block_since   INTEGER,
    block_by      TEXT,
    paused        INTEGER NOT NULL,
    valid_from    INTEGER,
    valid_until   INTEGER,
    code1c        TEXT    NOT NULL
) STRICT;

CREATE TABLE ledger_account (
    id      INTEGER NOT NULL PRIMARY KEY,
    kind    TEXT    NOT NULL,
    name    TEXT    NOT NULL,
    balance INTEGER NOT NULL DEFAULT 0
) STRICT;

-- That both accounts are there is seen when their balances are moved; foreign keys would look each up once more.
CREATE TABLE transfer (
    id            INTEGER NOT NULL PRIMARY KEY,
    debit         INTEGER NOT NULL,
    credit        INTEGER NOT NULL,
    amount        INTEGER NOT NULL CHECK (amount > 0),
    kind          TEXT    NOT NULL,
    reference     TEXT    NOT NULL,
    text          TEXT    NOT NULL,
    time          INTEGER NOT NULL,
    actor         TEXT    NOT NULL,
    balance_after INTEGER NOT NULL,
    CHECK (debit <> credit)
) STRICT;
-- Only contracts (positive ids) are asked for their postings: our own accounts stand in every batch.
CREATE INDEX transfer_by_debit  ON transfer (debit, id) WHERE debit > 0;
CREATE INDEX transfer_by_credit ON transfer (credit, id) WHERE credit > 0;
CREATE TRIGGER transfer_is_not_edited BEFORE UPDATE ON transfer
    BEGIN SELECT RAISE(ABORT, 'a transfer is never edited; post a correction'); END;
CREATE TRIGGER transfer_is_not_deleted BEFORE DELETE ON transfer
    BEGIN SELECT RAISE(ABORT, 'a transfer is never deleted; post a correction'); END;

-- In the order of its transfers, so that a new payment is written at the end; its key is an index beside it.
CREATE TABLE payment (
    operator      TEXT    NOT NULL,
    id            TEXT    NOT NULL,
    transfer      INTEGER NOT NULL PRIMARY KEY REFERENCES transfer (id) DEFERRABLE INITIALLY DEFERRED,
    account       INTEGER NOT NULL,
    contract      TEXT    NOT NULL,
    who           TEXT    NOT NULL,
    sum           INTEGER NOT NULL,
    operator_date TEXT    NOT NULL,
    time          INTEGER NOT NULL,
    balance_after INTEGER NOT NULL,
    reversed      INTEGER NOT NULL,
    UNIQUE (operator, id)
) STRICT;
-- Those of one account are found by its transfers.
CREATE INDEX payment_by_time ON payment (time);

CREATE TABLE session (
    nas                INTEGER NOT NULL,
    acct_session_id    TEXT    NOT NULL,
    login              TEXT    NOT NULL,
    subscriber         INTEGER,
    nas_address        TEXT    NOT NULL,
    started            INTEGER NOT NULL,
    updated            INTEGER NOT NULL,
    stopped            INTEGER,
    terminate_cause    INTEGER NOT NULL,
    session_seconds    INTEGER NOT NULL,
    framed_ip          TEXT,
    ipv6_prefixes      TEXT    NOT NULL,
    mac                TEXT,
    calling_station_id TEXT    NOT NULL,
    nas_port_id        TEXT    NOT NULL,
    download_octets    INTEGER NOT NULL,
    upload_octets      INTEGER NOT NULL,
    download_octets_before_reset INTEGER NOT NULL,
    upload_octets_before_reset   INTEGER NOT NULL,
    PRIMARY KEY (nas, acct_session_id, login, started)
) STRICT, WITHOUT ROWID;
CREATE INDEX session_by_subscriber ON session (subscriber, started);
CREATE INDEX session_open ON session (nas) WHERE stopped IS NULL;

-- The last owner of each address.
CREATE TABLE pool_grant (
    pool       INTEGER NOT NULL,
    address    TEXT    NOT NULL,
    subscriber INTEGER NOT NULL,
    at         INTEGER NOT NULL,
    PRIMARY KEY (pool, address)
) STRICT, WITHOUT ROWID;

CREATE TABLE edge_position (
    edge     TEXT    NOT NULL PRIMARY KEY,
    epoch    INTEGER NOT NULL,
    sequence INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
