-- A letter keeps the case that it had before a reading moved it: what leaves by itself goes by that one.
ALTER TABLE letter ADD COLUMN arrived_in TEXT;
CREATE INDEX letter_arrived ON letter (arrived_in) WHERE arrived_in IS NOT NULL;
-- The case of an encrypted letter with a machine's header is opened beside the answers, so that no slow
-- tracker delays it.
DROP INDEX effect_pending;
DROP INDEX effect_leased;
ALTER TABLE effect DROP COLUMN queue;
ALTER TABLE effect ADD COLUMN queue INTEGER NOT NULL GENERATED ALWAYS AS (
    CASE work
        WHEN 'call-by-mail' THEN 3
        WHEN 'call-by-second-path' THEN 2
        WHEN 'acknowledge' THEN 1
        WHEN 'keep-certificates' THEN 1
        WHEN 'send-certificate' THEN 1
        WHEN 'ask' THEN 1
        WHEN 'open-case' THEN 1
        ELSE 0
    END
) VIRTUAL;
CREATE INDEX effect_pending ON effect (queue, due) WHERE state = 'pending';
CREATE INDEX effect_leased ON effect (queue, lease_until) WHERE state = 'leased';
-- Whose letter a case began with is only claimed, unless a letter of theirs in it was proven.
ALTER TABLE participant ADD COLUMN proven INTEGER NOT NULL DEFAULT 0;
UPDATE participant SET proven = 1 WHERE EXISTS (
    SELECT 1 FROM letter WHERE letter.case_id = participant.case_id
    AND letter.originator = participant.address COLLATE NOCASE AND letter.dmarc = 'pass'
);
