-- Certificates are kept at an hour that arrival fixed, before the answers that they may seal: in their queue.
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
        ELSE 0
    END
) VIRTUAL;
CREATE INDEX effect_pending ON effect (queue, due) WHERE state = 'pending';
CREATE INDEX effect_leased ON effect (queue, lease_until) WHERE state = 'leased';
