DROP TABLE performed_step_studies;
DROP TABLE performed_steps;
DROP TABLE study_counts;
