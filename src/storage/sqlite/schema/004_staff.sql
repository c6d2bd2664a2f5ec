-- Operators, API accounts, their keys and sessions.

-- Roles that a command has made or changed; the standard ones need no row.
CREATE TABLE role (
    id     INTEGER NOT NULL PRIMARY KEY,
    name   TEXT    NOT NULL UNIQUE,
    rights TEXT    NOT NULL
) STRICT;

-- The password is a hash, and sealed like other secrets.
CREATE TABLE staff (
    id       INTEGER NOT NULL PRIMARY KEY,
    login    TEXT    NOT NULL UNIQUE COLLATE NOCASE,
    name     TEXT    NOT NULL,
    kind     TEXT    NOT NULL,
    role     INTEGER NOT NULL,
    company  INTEGER REFERENCES grp (id),
    password BLOB,
    disabled INTEGER NOT NULL,
    created  INTEGER NOT NULL
) STRICT;

-- Of keys and SIDs only SHA-256 is kept.
CREATE TABLE api_key (
    id      INTEGER NOT NULL PRIMARY KEY,
    staff   INTEGER NOT NULL REFERENCES staff (id),
    name    TEXT    NOT NULL,
    hash    BLOB    NOT NULL UNIQUE,
    rights  TEXT    NOT NULL,
    expires INTEGER,
    created INTEGER NOT NULL,
    UNIQUE (staff, name)
) STRICT;

CREATE TABLE staff_session (
    hash    BLOB    NOT NULL PRIMARY KEY,
    staff   INTEGER NOT NULL REFERENCES staff (id),
    opened  INTEGER NOT NULL,
    expires INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
