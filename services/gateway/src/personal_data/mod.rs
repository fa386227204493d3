//! What a patient may ask for: all that is stored, and a word that it was deleted.

pub(crate) mod erasure;
pub(crate) mod export;
