//! What reads HL7 v2 over MLLP.

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// A message, its start and its end included. None where the peer hangs up before.
pub(crate) async fn read_message(stream: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    let mut message = Vec::new();
    while !message.ends_with(b"\x1c\r") {
        if stream.read_buf(&mut message).await.ok()? == 0 {
            return None;
        }
    }
    Some(String::from_utf8(message).unwrap())
}

/// Answers a message with this code: AA, AE or AR.
pub(crate) async fn acknowledge(stream: &mut (impl AsyncWrite + Unpin), message: &str, code: &str) {
    let id = message.split('|').nth(9).unwrap();
    let answer = format!("\x0bMSH|^~\\&|RIS||||1||ACK|1|P|2.5.1\rMSA|{code}|{id}\r\x1c\r");
    stream.write_all(answer.as_bytes()).await.unwrap();
    stream.flush().await.unwrap();
}
