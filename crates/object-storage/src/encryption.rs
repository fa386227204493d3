use std::sync::Arc;

use norma_encryption::KeyEncryption;

/// With which keys objects are encrypted.
#[derive(Clone)]
pub struct Encryption {
    pub keys: Arc<dyn KeyEncryption>,
    /// Whether what is not encrypted is read. Where not, who may write to the storage cannot put something of its own in.
    pub accepts_plain: bool,
}
