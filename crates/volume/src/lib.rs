mod volume;

pub use volume::Volume;
