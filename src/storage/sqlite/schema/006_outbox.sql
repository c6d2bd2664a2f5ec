-- Events for other programs: one row for each event and target, written with what caused it.

CREATE TABLE outbox (
    event    INTEGER NOT NULL,
    target   TEXT    NOT NULL,
    kind     TEXT    NOT NULL,
    account  INTEGER,
    -- When it happened, and since when it is tried.
    at       INTEGER NOT NULL,
    since    INTEGER NOT NULL,
    state    TEXT    NOT NULL DEFAULT 'pending',
    attempts INTEGER NOT NULL DEFAULT 0,
    -- When it is tried next, while it is pending; else when that was over.
    next_at  INTEGER NOT NULL,
    error    TEXT    NOT NULL DEFAULT '',
    body     TEXT    NOT NULL,
    PRIMARY KEY (event, target)
) STRICT, WITHOUT ROWID;
CREATE INDEX outbox_pending ON outbox (target, next_at, event, since) WHERE state = 'pending';
CREATE INDEX outbox_failed ON outbox (target, event) WHERE state = 'failed';

-- Targets to which nothing is sent until an operator enables them.
CREATE TABLE outbox_disabled (
    target TEXT    NOT NULL PRIMARY KEY,
    since  INTEGER NOT NULL,
    note   TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

-- What others were last told of how a subscriber stands; no row: let through.
CREATE TABLE outbox_told (
    subscriber INTEGER NOT NULL PRIMARY KEY,
    verdict    TEXT    NOT NULL
) STRICT;
