-- What cash desks and accounting programs keep here beside money.

-- Announced payments. The payment with the same key settles one.
CREATE TABLE payment_order (
    operator TEXT    NOT NULL,
    id       TEXT    NOT NULL,
    number   INTEGER NOT NULL,
    account  INTEGER NOT NULL,
    contract TEXT    NOT NULL,
    sum      INTEGER NOT NULL,
    made     INTEGER NOT NULL,
    PRIMARY KEY (operator, id)
) STRICT, WITHOUT ROWID;

-- `kind` says what `id` is: a contract, the transfer of a payment, the number of an act.
CREATE TABLE sync_mark (
    kind   TEXT    NOT NULL,
    id     INTEGER NOT NULL,
    code1c TEXT    NOT NULL,
    synced INTEGER NOT NULL,
    PRIMARY KEY (kind, id)
) STRICT, WITHOUT ROWID;
-- A payment is pushed under its code, and looked for by it.
CREATE INDEX sync_mark_by_code ON sync_mark (kind, code1c) WHERE code1c <> '';
