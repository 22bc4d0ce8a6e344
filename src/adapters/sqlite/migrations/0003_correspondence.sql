-- What a letter is to the desk, whether its outside says PGP/MIME, and two digests: an HMAC of its text, by which one
-- that says the same is found, and the certificate of ours that it was sealed to.

ALTER TABLE letter ADD COLUMN role TEXT NOT NULL DEFAULT 'incoming';
ALTER TABLE letter ADD COLUMN sealed_outside INTEGER NOT NULL DEFAULT 0;
ALTER TABLE letter ADD COLUMN likeness TEXT;   -- absent until read, and where there is no text
ALTER TABLE letter ADD COLUMN sealed_to TEXT;  -- absent unless it was opened
CREATE INDEX letter_likeness ON letter (likeness) WHERE likeness IS NOT NULL;
CREATE INDEX letter_sealed_to ON letter (sealed_to) WHERE sealed_to IS NOT NULL;

ALTER TABLE effect ADD COLUMN payload BLOB;    -- sealed; absent where its case and letter say all

-- Tokens by which a responder's answer to a call is known. Each is good once.
CREATE TABLE reply_token (
    token     TEXT    NOT NULL PRIMARY KEY,
    case_id   TEXT    NOT NULL REFERENCES cases (id),
    address   TEXT    NOT NULL COLLATE NOCASE,
    issued_at INTEGER NOT NULL,
    spent_at  INTEGER                          -- absent while it is good
) STRICT, WITHOUT ROWID;

-- Addresses from which our letters came back.
CREATE TABLE unreachable (
    address TEXT    NOT NULL COLLATE NOCASE PRIMARY KEY,
    at      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Letters that the desk wrote to itself, to see whether they come through.
CREATE TABLE canary (
    message_id TEXT    NOT NULL PRIMARY KEY,
    shape      TEXT    NOT NULL,
    sent_at    INTEGER NOT NULL,
    settled_at INTEGER,                        -- absent until it was read
    fault      TEXT                            -- absent unless it was read and something was wrong
) STRICT, WITHOUT ROWID;
