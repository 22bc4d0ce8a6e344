-- Which letter is read next goes by when the mail server had it, not by when the desk came round to it.
CREATE INDEX letter_unread ON letter (received_at) WHERE state = 'unread';
