//! An object as a file.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use bytes::Bytes;
use futures::StreamExt as _;
use norma_encryption::HEADER_BYTES;
use object_store::GetResultPayload;
use tokio::io::AsyncWriteExt as _;

use crate::objects::ObjectStream;
use crate::sealed::Form;
use crate::{ObjectError, ObjectKey, Objects};

impl Objects {
    /// Writes an object to a file, in constant memory. The file is removed if that fails. Returns the bytes of the content.
    pub async fn get_to_file(&self, key: ObjectKey, file: &Path) -> Result<u64, ObjectError> {
        let copied = self.copy_to_file(key, file).await;
        if copied.is_err() {
            let _ = tokio::fs::remove_file(file).await;
        }
        copied
    }

    async fn copy_to_file(&self, key: ObjectKey, file: &Path) -> Result<u64, ObjectError> {
        let found = self.open(key, None).await?;
        let size_bytes = found.meta.size;
        if let GetResultPayload::File(stored, _) = found.payload {
            let looked = blocking(move || Ok((beginning(&stored)?, stored))).await;
            let (beginning, stored) = looked.map_err(|error| ObjectError::Unavailable(Box::new(error)))?;
            if let Form::Plain = self.form(key, beginning, size_bytes)? {
                // By the kernel, from file to file: a stream goes through this process in pieces, each handed over between threads.
                let file = file.to_owned();
                let copied = blocking(move || io::copy(&mut &stored, &mut File::create(file)?)).await;
                return whole(key, copied.map_err(ObjectError::LocalFile)?, size_bytes);
            }
        }
        write_stream(key, self.get_stream(key, None).await?, file).await
    }
}

/// The first [`HEADER_BYTES`], or all where there are fewer. The file stays where it is read.
fn beginning(file: &File) -> io::Result<Bytes> {
    let mut beginning = vec![0; HEADER_BYTES];
    let mut read = 0;
    while read < beginning.len() {
        match file.read_at(&mut beginning[read..], read as u64)? {
            0 => break,
            more => read += more,
        }
    }
    beginning.truncate(read);
    Ok(beginning.into())
}

async fn write_stream(key: ObjectKey, mut stream: ObjectStream, file: &Path) -> Result<u64, ObjectError> {
    let mut file = tokio::fs::File::create(file)
        .await
        .map_err(ObjectError::LocalFile)?;
    let mut copied = 0;
    while let Some(bytes) = stream.bytes.next().await {
        let bytes = bytes?;
        file.write_all(&bytes).await.map_err(ObjectError::LocalFile)?;
        copied += bytes.len() as u64;
    }
    file.flush().await.map_err(ObjectError::LocalFile)?;
    whole(key, copied, stream.size_bytes)
}

fn whole(key: ObjectKey, copied: u64, size_bytes: u64) -> Result<u64, ObjectError> {
    if copied == size_bytes {
        Ok(copied)
    } else {
        Err(ObjectError::Truncated(key))
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(io::Error::other)?
}
