-- The call that carried a token: a responder's answer names it in its References.
ALTER TABLE reply_token ADD COLUMN message_id TEXT;  -- absent where no call carried it
CREATE INDEX reply_token_message ON reply_token (message_id) WHERE message_id IS NOT NULL;
