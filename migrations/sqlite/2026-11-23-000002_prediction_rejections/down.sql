DROP TABLE prediction_rejections;
