-- What was proven of the originator when the letter arrived: whose certificate may be pinned, and in which order letters are read.

ALTER TABLE letter ADD COLUMN dmarc TEXT NOT NULL DEFAULT 'unknown';
