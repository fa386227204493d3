DROP TABLE delivery_objects;
