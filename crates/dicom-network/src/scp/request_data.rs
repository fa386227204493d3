//! The data set of a request that is answered from memory.

use tokio::io::{AsyncRead, AsyncWrite};

use crate::command::Command;
use crate::error::NetworkError;
use crate::incoming::read_to_end;
use crate::scp::handshake::AcceptedAssociation;
use crate::scp::options::ScpOptions;

/// Reads it to its end; empty where the command says that none follows, None where it has more than `most` bytes.
pub(super) async fn request_data<S: AsyncRead + AsyncWrite + Unpin>(
    options: &ScpOptions,
    accepted: &mut AcceptedAssociation<S>,
    id: u8,
    command: &Command,
    most: usize,
) -> Result<Option<Vec<u8>>, NetworkError> {
    let mut data = Some(Vec::new());
    if command.has_data_set() {
        let limit = options.limits.instance_bytes;
        let keep = |bytes: &[u8]| {
            data = data.take().filter(|kept| kept.len() + bytes.len() <= most);
            data.iter_mut().for_each(|kept| kept.extend_from_slice(bytes));
        };
        read_to_end(&mut accepted.association, id, limit, 0, keep).await?;
    }
    Ok(data)
}
