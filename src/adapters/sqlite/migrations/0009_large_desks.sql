-- No statement that runs for each letter, each call or each round may cost more the more there is.

-- The queue of the outbox that carries an effect out: 0 tracker and rest, 1 answers, 2 second path, 3 calls by mail.
ALTER TABLE effect ADD COLUMN queue INTEGER NOT NULL GENERATED ALWAYS AS (
    CASE work
        WHEN 'call-by-mail' THEN 3
        WHEN 'call-by-second-path' THEN 2
        WHEN 'acknowledge' THEN 1
        WHEN 'send-certificate' THEN 1
        WHEN 'ask' THEN 1
        ELSE 0
    END
) VIRTUAL;
DROP INDEX effect_due;
CREATE INDEX effect_pending ON effect (queue, due) WHERE state = 'pending';
CREATE INDEX effect_leased ON effect (queue, lease_until) WHERE state = 'leased';
CREATE INDEX effect_failing ON effect (created_at) WHERE fault IS NOT NULL AND state IN ('pending', 'leased', 'failed');
CREATE INDEX effect_case ON effect (case_id) WHERE case_id IS NOT NULL;

-- What is looked up by case, and whose case an address is in.
CREATE INDEX answer_case ON answer (case_id) WHERE case_id IS NOT NULL;
CREATE INDEX reply_token_case ON reply_token (case_id);
CREATE INDEX participant_address ON participant (address, case_id);
CREATE INDEX cases_part_of ON cases (json_extract(course, '$.part_of')) WHERE json_extract(course, '$.part_of') IS NOT NULL;

-- What is asked of few among many.
CREATE INDEX cases_opened ON cases (opened_at DESC, id);
CREATE INDEX cases_closed ON cases (closed_at) WHERE standing = 'closed';
CREATE INDEX cases_unanswered ON cases (opened_at) WHERE ack_state IN ('due', 'by-hand');
CREATE INDEX letter_caseless ON letter (told_at) WHERE case_id IS NULL AND role = 'incoming' AND state IN ('read', 'shut', 'set-aside');
CREATE INDEX letter_file ON letter (id) WHERE sealed IS NULL AND blob != '';
CREATE INDEX journal_desk ON journal (event, at) WHERE case_id IS NULL;

-- How many there are of each, kept where they change: what is shown of the desk costs the same however large it is.
CREATE TABLE tally (
    kind   TEXT    NOT NULL,             -- letter, caseless, sealed-to, case, effect
    name   TEXT    NOT NULL,             -- the role of a letter, a certificate of ours, the standing of a case, the work of an effect
    state  TEXT    NOT NULL,             -- of letter and effect; the draft of a case
    number INTEGER NOT NULL,
    PRIMARY KEY (kind, name, state)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER letter_tally_1 AFTER INSERT ON letter BEGIN
    INSERT INTO tally SELECT 'letter', NEW.role, NEW.state, 0 WHERE NOT EXISTS (SELECT 1 FROM tally WHERE kind = 'letter' AND name = NEW.role AND state = NEW.state);
    UPDATE tally SET number = number + 1 WHERE kind = 'letter' AND name = NEW.role AND state = NEW.state;
END;
CREATE TRIGGER letter_tally_2 AFTER UPDATE OF role, state ON letter WHEN NEW.role != OLD.role OR NEW.state != OLD.state BEGIN
    UPDATE tally SET number = number - 1 WHERE kind = 'letter' AND name = OLD.role AND state = OLD.state;
    INSERT INTO tally SELECT 'letter', NEW.role, NEW.state, 0 WHERE NOT EXISTS (SELECT 1 FROM tally WHERE kind = 'letter' AND name = NEW.role AND state = NEW.state);
    UPDATE tally SET number = number + 1 WHERE kind = 'letter' AND name = NEW.role AND state = NEW.state;
END;
CREATE TRIGGER letter_tally_3 AFTER UPDATE OF sealed_to ON letter WHEN NEW.sealed_to IS NOT OLD.sealed_to BEGIN
    UPDATE tally SET number = number - 1 WHERE kind = 'sealed-to' AND name = OLD.sealed_to AND state = '';
    INSERT INTO tally SELECT 'sealed-to', NEW.sealed_to, '', 0 WHERE NEW.sealed_to IS NOT NULL AND NOT EXISTS (SELECT 1 FROM tally WHERE kind = 'sealed-to' AND name = NEW.sealed_to AND state = '');
    UPDATE tally SET number = number + 1 WHERE kind = 'sealed-to' AND name = NEW.sealed_to AND state = '';
END;
CREATE TRIGGER letter_tally_4 AFTER UPDATE OF case_id, role, state ON letter
WHEN (OLD.case_id IS NULL AND OLD.role = 'incoming' AND OLD.state IN ('read', 'shut', 'set-aside')) != (NEW.case_id IS NULL AND NEW.role = 'incoming' AND NEW.state IN ('read', 'shut', 'set-aside')) BEGIN
    UPDATE tally SET number = number + iif(NEW.case_id IS NULL AND NEW.role = 'incoming' AND NEW.state IN ('read', 'shut', 'set-aside'), 1, -1) WHERE kind = 'caseless';
END;
CREATE TRIGGER cases_tally_1 AFTER INSERT ON cases BEGIN
    INSERT INTO tally SELECT 'case', NEW.standing, NEW.draft, 0 WHERE NOT EXISTS (SELECT 1 FROM tally WHERE kind = 'case' AND name = NEW.standing AND state = NEW.draft);
    UPDATE tally SET number = number + 1 WHERE kind = 'case' AND name = NEW.standing AND state = NEW.draft;
END;
CREATE TRIGGER cases_tally_2 AFTER UPDATE OF standing, draft ON cases WHEN NEW.standing != OLD.standing OR NEW.draft != OLD.draft BEGIN
    UPDATE tally SET number = number - 1 WHERE kind = 'case' AND name = OLD.standing AND state = OLD.draft;
    INSERT INTO tally SELECT 'case', NEW.standing, NEW.draft, 0 WHERE NOT EXISTS (SELECT 1 FROM tally WHERE kind = 'case' AND name = NEW.standing AND state = NEW.draft);
    UPDATE tally SET number = number + 1 WHERE kind = 'case' AND name = NEW.standing AND state = NEW.draft;
END;
CREATE TRIGGER effect_tally_1 AFTER INSERT ON effect BEGIN
    INSERT INTO tally SELECT 'effect', NEW.work, NEW.state, 0 WHERE NOT EXISTS (SELECT 1 FROM tally WHERE kind = 'effect' AND name = NEW.work AND state = NEW.state);
    UPDATE tally SET number = number + 1 WHERE kind = 'effect' AND name = NEW.work AND state = NEW.state;
END;
CREATE TRIGGER effect_tally_2 AFTER UPDATE OF state ON effect WHEN NEW.state != OLD.state BEGIN
    UPDATE tally SET number = number - 1 WHERE kind = 'effect' AND name = OLD.work AND state = OLD.state;
    INSERT INTO tally SELECT 'effect', NEW.work, NEW.state, 0 WHERE NOT EXISTS (SELECT 1 FROM tally WHERE kind = 'effect' AND name = NEW.work AND state = NEW.state);
    UPDATE tally SET number = number + 1 WHERE kind = 'effect' AND name = NEW.work AND state = NEW.state;
END;
INSERT INTO tally SELECT 'letter', role, state, count(*) FROM letter GROUP BY role, state;
INSERT INTO tally SELECT 'caseless', '', '', count(*) FROM letter WHERE case_id IS NULL AND role = 'incoming' AND state IN ('read', 'shut', 'set-aside');
INSERT INTO tally SELECT 'sealed-to', sealed_to, '', count(*) FROM letter WHERE sealed_to IS NOT NULL GROUP BY sealed_to;
INSERT INTO tally SELECT 'case', standing, draft, count(*) FROM cases GROUP BY standing, draft;
INSERT INTO tally SELECT 'effect', work, state, count(*) FROM effect GROUP BY work, state;
DROP INDEX letter_role_state;
DROP INDEX effect_work_state;
DROP INDEX letter_sealed_to;
CREATE INDEX letter_sealed_to ON letter (sealed_to, received_at) WHERE sealed_to IS NOT NULL;
CREATE INDEX effect_in_doubt ON effect (work) WHERE in_doubt > 0;
CREATE INDEX cases_acknowledged ON cases (ack_at, opened_at) WHERE ack_at IS NOT NULL;
CREATE INDEX journal_doubled ON journal (id) WHERE event = 'draft doubled';
