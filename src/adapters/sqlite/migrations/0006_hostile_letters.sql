-- What was proven of the originator when the letter arrived: whose certificate may be pinned, and in which order letters are read.

ALTER TABLE letter ADD COLUMN dmarc TEXT NOT NULL DEFAULT 'unknown';

-- Where a pinned certificate came from, and the fingerprint of another one that was proven for the same address later.
ALTER TABLE pinned ADD COLUMN origin TEXT NOT NULL DEFAULT 'a letter';
ALTER TABLE pinned ADD COLUMN contested TEXT;  -- absent while there is only one

-- The registered domain of an address: one domain's many subdomains share one cap.
ALTER TABLE answer ADD COLUMN organisation TEXT NOT NULL DEFAULT '';
CREATE INDEX answer_organisation ON answer (organisation, taken_at);

-- Tags of what letters say are keyed anew, by a secret that rests sealed: with the old one, whoever had this folder could test guesses.
DELETE FROM saying;

-- How many calls and drafts were queued lately is asked for each letter.
CREATE INDEX effect_created ON effect (work, created_at);

-- When responders were told of a letter that rests without a case.
ALTER TABLE letter ADD COLUMN told_at INTEGER;  -- absent until then
UPDATE letter SET told_at = 0;                  -- what rested before is old news
