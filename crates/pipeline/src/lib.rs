pub mod training_set;
