-- Who had which address, and when. A host is a prefix of full length, so that one lookup finds both. Kept for ever.

-- Of sessions, as they reported them. `until` is set when a session is seen with another address instead; the end of
-- the session ends the rest.
CREATE TABLE session_address (
    prefix          TEXT    NOT NULL,
    since           INTEGER NOT NULL,
    nas             INTEGER NOT NULL,
    acct_session_id TEXT    NOT NULL,
    login           TEXT    NOT NULL,
    started         INTEGER NOT NULL,
    until           INTEGER,
    PRIMARY KEY (prefix, since, nas, acct_session_id, login, started)
) STRICT, WITHOUT ROWID;

-- In the order of the key, which writes each page once.
INSERT INTO session_address (prefix, since, nas, acct_session_id, login, started)
    SELECT framed_ip || '/32', started, nas, acct_session_id, login, started
    FROM session WHERE framed_ip IS NOT NULL ORDER BY 1, 2;
INSERT OR IGNORE INTO session_address (prefix, since, nas, acct_session_id, login, started)
    SELECT net.value, started, nas, acct_session_id, login, started
    FROM session, json_each('["' || replace(ipv6_prefixes, ' ', '","') || '"]') AS net WHERE ipv6_prefixes <> ''
    ORDER BY 1, 2;

-- Of subscribers by agreement: configured, delegated, routed, source NAT. The login is the one of that time.
CREATE TABLE address_assignment (
    prefix     TEXT    NOT NULL,
    kind       TEXT    NOT NULL,
    subscriber INTEGER NOT NULL,
    login      TEXT    NOT NULL,
    since      INTEGER NOT NULL,
    until      INTEGER,
    PRIMARY KEY (prefix, kind, subscriber, since)
) STRICT, WITHOUT ROWID;
CREATE INDEX address_assignment_by_subscriber ON address_assignment (subscriber, since);

-- What is configured now has been so since an unknown moment: its history begins here.
INSERT INTO address_assignment (prefix, kind, subscriber, login, since)
    WITH held (prefix, kind, subscriber, login) AS (
        SELECT ip.value || CASE WHEN instr(ip.value, ':') THEN '/128' ELSE '/32' END, 'configured', s.id, s.login
        FROM subscriber s, json_each('["' || replace(s.addresses, ' ', '","') || '"]') AS ip WHERE s.addresses <> ''
        UNION SELECT s.ipv6_prefix, 'delegated-prefix', s.id, s.login
        FROM subscriber s WHERE s.ipv6_prefix IS NOT NULL
        UNION SELECT net.value, 'routed', s.id, s.login
        FROM subscriber s, json_each('["' || replace(s.routes, ' ', '","') || '"]') AS net WHERE s.routes <> ''
        UNION SELECT s.snat || '/32', 'source-nat', s.id, s.login FROM subscriber s WHERE s.snat IS NOT NULL
    )
    SELECT prefix, kind, subscriber, login, unixepoch() * 1000000 FROM held;
INSERT INTO meta (name, value)
    SELECT 'assignments_since', CAST(unixepoch() * 1000000 AS BLOB) WHERE EXISTS (SELECT 1 FROM subscriber);
