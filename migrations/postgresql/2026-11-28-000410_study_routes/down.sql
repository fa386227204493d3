DROP TABLE study_routes;
