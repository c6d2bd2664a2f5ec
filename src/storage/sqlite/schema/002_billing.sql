-- Fees, promises, usage, budgets, acts. A column `body` or a list is JSON of the model's value.

ALTER TABLE subscriber DROP COLUMN paused;
-- Services, discount, pause, the next plan.
ALTER TABLE subscriber ADD COLUMN terms TEXT NOT NULL DEFAULT '{}';
ALTER TABLE plan ADD COLUMN timed TEXT NOT NULL DEFAULT '[]';
ALTER TABLE plan ADD COLUMN quota TEXT NOT NULL DEFAULT 'null';

ALTER TABLE ledger_account ADD COLUMN asset TEXT NOT NULL DEFAULT 'money';

-- The day it is for, where that is not the day of `time`: days since 1970-01-01.
ALTER TABLE transfer ADD COLUMN day INTEGER;
ALTER TABLE transfer ADD COLUMN reverses INTEGER;
CREATE UNIQUE INDEX transfer_by_reversed ON transfer (reverses) WHERE reverses IS NOT NULL;

CREATE TABLE service (
    name TEXT NOT NULL PRIMARY KEY,
    body TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE package (
    name TEXT NOT NULL PRIMARY KEY,
    body TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Rows of ended holdings stay until their number is given again.
CREATE TABLE package_holding (
    account INTEGER NOT NULL,
    package TEXT    NOT NULL,
    number  INTEGER NOT NULL,
    ended   INTEGER NOT NULL,
    body    TEXT    NOT NULL,
    PRIMARY KEY (account, package, number)
) STRICT, WITHOUT ROWID;

-- Those that closed last are loaded, so that a record of one that is over is not taken for a new one.
CREATE INDEX session_closed ON session (stopped) WHERE stopped IS NOT NULL;

CREATE TABLE fee_state (
    subscriber       INTEGER NOT NULL PRIMARY KEY,
    decided          INTEGER NOT NULL,
    plan_through     INTEGER NOT NULL,
    services_through TEXT    NOT NULL,
    due              INTEGER NOT NULL,
    due_cut_at       INTEGER
) STRICT;

CREATE TABLE account_state (
    account INTEGER NOT NULL PRIMARY KEY,
    body    TEXT    NOT NULL
) STRICT;

CREATE TABLE meter (
    subscriber INTEGER NOT NULL,
    service    TEXT    NOT NULL,
    month      INTEGER NOT NULL,
    used       INTEGER NOT NULL,
    before     INTEGER NOT NULL,
    covered    INTEGER NOT NULL,
    charged    INTEGER NOT NULL,
    price      INTEGER NOT NULL,
    included   INTEGER NOT NULL,
    PRIMARY KEY (month, subscriber, service)
) STRICT, WITHOUT ROWID;

CREATE TABLE pending (
    id   INTEGER NOT NULL PRIMARY KEY,
    open INTEGER NOT NULL,
    body TEXT    NOT NULL
) STRICT;
CREATE INDEX pending_open ON pending (id) WHERE open;

CREATE TABLE budget (
    subject TEXT NOT NULL PRIMARY KEY,
    body    TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE rating_document (
    name TEXT NOT NULL PRIMARY KEY,
    body TEXT NOT NULL
) STRICT;

CREATE TABLE act (
    number  INTEGER NOT NULL PRIMARY KEY,
    month   INTEGER NOT NULL,
    account INTEGER NOT NULL,
    lines   TEXT    NOT NULL,
    sum     INTEGER NOT NULL,
    vat     INTEGER NOT NULL,
    made    INTEGER NOT NULL,
    UNIQUE (month, account)
) STRICT;

-- One row.
CREATE TABLE books (
    id   INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    body TEXT    NOT NULL
) STRICT;

CREATE TABLE answer (
    key  TEXT    NOT NULL PRIMARY KEY,
    at   INTEGER NOT NULL,
    body TEXT    NOT NULL
) STRICT;
CREATE INDEX answer_by_time ON answer (at);

CREATE TABLE audit (
    time    INTEGER NOT NULL,
    actor   TEXT    NOT NULL,
    action  TEXT    NOT NULL,
    subject TEXT    NOT NULL,
    text    TEXT    NOT NULL
) STRICT;
CREATE INDEX audit_by_time ON audit (time);
