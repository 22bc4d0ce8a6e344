-- How far a case has come: lane, steps that were reached, the agreed release day, whom the clocks have called. States and
-- times alone, as JSON; and what responders found out, sealed, with a number by which two who write at once are told apart.

ALTER TABLE cases ADD COLUMN course TEXT NOT NULL DEFAULT '{"lane":"normal","reached":{},"release_day":null,"announced":null,"waiting_since":null,"waited_ms":0,"called":{}}';
ALTER TABLE cases ADD COLUMN dossier BLOB;                              -- absent until somebody wrote in it
ALTER TABLE cases ADD COLUMN dossier_version INTEGER NOT NULL DEFAULT 0;
