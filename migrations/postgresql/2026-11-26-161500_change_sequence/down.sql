DROP TRIGGER analyses_changed ON analyses;
DROP FUNCTION norma_analysis_changed();
DROP TABLE change_head;
DROP INDEX analyses_unnumbered;
DROP INDEX analyses_change_sequence;
ALTER TABLE analyses DROP COLUMN change_sequence;
