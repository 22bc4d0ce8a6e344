-- Small letters rest in their row, sealed as before; larger ones stay files in the spool.

ALTER TABLE letter ADD COLUMN sealed BLOB;  -- absent where `blob` names a file; where it is present, `blob` is empty
