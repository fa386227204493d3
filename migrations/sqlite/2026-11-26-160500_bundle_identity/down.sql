DROP TABLE workers;
DROP INDEX analyses_awaiting_repeat;
DROP INDEX analyses_one_repeat;
ALTER TABLE analyses DROP COLUMN awaits_repeat;
ALTER TABLE analyses DROP COLUMN repeat_of;
