-- In clear: ids, times, states, digests, sizes, the outer envelope. All else is sealed.
-- Times are milliseconds since 1970-01-01 UTC.

CREATE TABLE desk (
    name  TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;

CREATE TABLE cases (
    id            TEXT    NOT NULL PRIMARY KEY,
    opened_at     INTEGER NOT NULL,
    standing      TEXT    NOT NULL,
    closed_at     INTEGER,           -- absent unless closed
    closing       TEXT,              -- absent unless closed
    ack_state     TEXT    NOT NULL,
    ack_deadline  INTEGER,           -- absent once sent or not owed
    ack_alarmed   INTEGER NOT NULL,
    ack_at        INTEGER,           -- absent until sent
    ack_signed    INTEGER NOT NULL,
    draft         TEXT    NOT NULL,
    advisory_id   TEXT,              -- absent until filed
    advisory_url  TEXT,
    perhaps_of    TEXT
) STRICT;

CREATE TABLE letter (
    id             INTEGER NOT NULL PRIMARY KEY,
    mailbox        TEXT    NOT NULL,
    digest         TEXT    NOT NULL,
    octets         INTEGER NOT NULL,
    received_at    INTEGER NOT NULL,
    spooled_at     INTEGER NOT NULL,
    blob           TEXT    NOT NULL,
    case_id        TEXT    REFERENCES cases (id),
    originator     TEXT,             -- absent where there is no single From
    reply_to       TEXT,             -- absent where no machine may answer
    message_id     TEXT,
    state          TEXT    NOT NULL,
    tries          INTEGER NOT NULL DEFAULT 0,
    reading        BLOB,             -- sealed; absent until read
    UNIQUE (mailbox, digest)
) STRICT;
CREATE INDEX letter_state ON letter (state);
CREATE INDEX letter_case ON letter (case_id);
CREATE INDEX letter_message_id ON letter (message_id);

CREATE TABLE place (
    mailbox   TEXT    NOT NULL,
    folder    TEXT    NOT NULL,
    validity  INTEGER NOT NULL,
    uid       INTEGER NOT NULL,
    letter_id INTEGER REFERENCES letter (id),  -- absent where it could not be fetched
    settled   INTEGER NOT NULL,
    PRIMARY KEY (mailbox, folder, validity, uid)
) STRICT, WITHOUT ROWID;
CREATE INDEX place_unsettled ON place (mailbox) WHERE settled = 0;

CREATE TABLE cursor (
    mailbox  TEXT    NOT NULL,
    folder   TEXT    NOT NULL,
    validity INTEGER NOT NULL,
    after    INTEGER NOT NULL,
    PRIMARY KEY (mailbox, folder)
) STRICT, WITHOUT ROWID;

CREATE TABLE participant (
    case_id TEXT NOT NULL REFERENCES cases (id),
    address TEXT NOT NULL COLLATE NOCASE,
    PRIMARY KEY (case_id, address)
) STRICT, WITHOUT ROWID;

CREATE TABLE effect (
    key         TEXT    NOT NULL PRIMARY KEY,
    work        TEXT    NOT NULL,
    reason      TEXT,                -- absent unless it calls humans
    case_id     TEXT,
    letter_id   INTEGER,
    due         INTEGER NOT NULL,
    state       TEXT    NOT NULL,    -- pending, leased, done, failed, cancelled
    lease_until INTEGER,             -- absent unless leased
    attempts    INTEGER NOT NULL,
    in_doubt    INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    settled_at  INTEGER,             -- absent until done, failed or cancelled
    fault       TEXT                 -- absent unless the last try failed
) STRICT, WITHOUT ROWID;
CREATE INDEX effect_due ON effect (state, due);

CREATE TABLE journal (
    id      INTEGER NOT NULL PRIMARY KEY,
    at      INTEGER NOT NULL,
    case_id TEXT,                    -- absent for what concerns the desk as a whole
    event   TEXT    NOT NULL,
    detail  TEXT    NOT NULL
) STRICT;
CREATE INDEX journal_case ON journal (case_id);
CREATE TRIGGER journal_is_append_only_1 BEFORE UPDATE ON journal BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER journal_is_append_only_2 BEFORE DELETE ON journal BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;

CREATE TABLE pinned (
    address     TEXT    NOT NULL COLLATE NOCASE PRIMARY KEY,
    fingerprint TEXT    NOT NULL,
    armored     TEXT    NOT NULL,
    at          INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE answer (
    message_id TEXT    NOT NULL PRIMARY KEY,
    address    TEXT    NOT NULL COLLATE NOCASE,
    kind       TEXT    NOT NULL,
    case_id    TEXT,
    tag        TEXT    NOT NULL,
    taken_at   INTEGER NOT NULL,     -- its turn under the caps
    sent_at    INTEGER               -- absent until it left
) STRICT, WITHOUT ROWID;
CREATE INDEX answer_address ON answer (address, kind, taken_at);
CREATE INDEX answer_tag ON answer (tag);
CREATE INDEX answer_taken ON answer (taken_at);
