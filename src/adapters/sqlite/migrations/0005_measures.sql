-- What monitoring counts each quarter of a minute, without reading a letter for it.
CREATE INDEX letter_role_state ON letter (role, state);
CREATE INDEX effect_work_state ON effect (work, state, attempts);
