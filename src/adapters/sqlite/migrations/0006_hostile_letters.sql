-- What was proven of the originator when the letter arrived: whose certificate may be pinned, and in which order letters are read.

ALTER TABLE letter ADD COLUMN dmarc TEXT NOT NULL DEFAULT 'unknown';

-- Where a pinned certificate came from, and the fingerprint of another one that was proven for the same address later.
ALTER TABLE pinned ADD COLUMN origin TEXT NOT NULL DEFAULT 'a letter';
ALTER TABLE pinned ADD COLUMN contested TEXT;  -- absent while there is only one
