-- How far a case has come: lane, steps that were reached, the agreed release day, whom the clocks have called. States and
-- times alone, as JSON; and what responders found out, sealed, with a number by which two who write at once are told apart.

ALTER TABLE cases ADD COLUMN course TEXT NOT NULL DEFAULT '{"lane":"normal","reached":{},"release_day":null,"announced":null,"announced_by_word":false,"waiting_since":null,"waited_ms":0,"advisory":null,"called":{}}';
ALTER TABLE cases ADD COLUMN dossier BLOB;                              -- absent until somebody wrote in it
ALTER TABLE cases ADD COLUMN dossier_version INTEGER NOT NULL DEFAULT 0;

-- What is due was not called for before: cases that are late already are not shouted about at the first start.
UPDATE cases SET course = json_set(course, '$.called."fix-team"', 'missed') WHERE opened_at < (unixepoch() - 86400) * 1000;
UPDATE cases SET course = json_set(course, '$.called.fix', 'missed') WHERE opened_at < (unixepoch() - 7 * 86400) * 1000;
UPDATE cases SET course = json_set(course, '$.called.release', 'missed') WHERE opened_at < (unixepoch() - 21 * 86400) * 1000;

-- A report that is no mail but an entry in the tracker.
ALTER TABLE letter ADD COLUMN advisory_id TEXT;
ALTER TABLE letter ADD COLUMN advisory_url TEXT;

-- What letters say, an HMAC a paragraph, in place of one of the whole: a greeting or a signature more makes no other report.
DROP INDEX letter_likeness;
ALTER TABLE letter DROP COLUMN likeness;
CREATE TABLE saying (
    letter_id INTEGER NOT NULL REFERENCES letter (id),
    tag       TEXT    NOT NULL,
    weight    INTEGER NOT NULL,                -- characters
    PRIMARY KEY (letter_id, tag)
) STRICT, WITHOUT ROWID;
CREATE INDEX saying_tag ON saying (tag);
CREATE INDEX cases_open ON cases (opened_at) WHERE standing != 'closed';
