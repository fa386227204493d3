//! What the receiver says (ACK, HL7 v2.5.1 chapter 2.13.2).

/// What a receiver says of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acknowledgement {
    /// AA or CA: it has the message.
    Accepted,
    /// AE or CE: it failed over it; it may take it another time.
    Error,
    /// AR or CR: it does not take such messages.
    Rejected,
}

/// An answer that is no acknowledgement of the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the receiver's answer is no acknowledgement of the message")]
pub struct UnreadableAcknowledgement;

/// Reads the acknowledgement of `message`, one of [`oru_r01`](super::oru_r01). Nothing of the answer is kept: it may name a patient.
///
/// # Errors
/// Where it is none, or one of another message.
pub fn read_acknowledgement(
    message: &str,
    answer: &[u8],
) -> Result<Acknowledgement, UnreadableAcknowledgement> {
    // What counts is in the segment's first fields, in ASCII.
    let answer = String::from_utf8_lossy(answer);
    let acknowledgement = answer
        .split(['\r', '\n'])
        .find_map(|segment| segment.strip_prefix("MSA|"))
        .ok_or(UnreadableAcknowledgement)?;
    let mut fields = acknowledgement.split('|');
    let (code, control_id) = (fields.next(), fields.next());
    let sent = message.split(['|', '\r']).nth(9);
    if sent.is_none() || control_id != sent {
        return Err(UnreadableAcknowledgement);
    }
    match code {
        Some("AA" | "CA") => Ok(Acknowledgement::Accepted),
        Some("AE" | "CE") => Ok(Acknowledgement::Error),
        Some("AR" | "CR") => Ok(Acknowledgement::Rejected),
        _ => Err(UnreadableAcknowledgement),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_acknowledgement_is_of_the_message() {
        let message = "MSH|^~\\&|NORMA||||20261127||ORU^R01^ORU_R01|42|P|2.5.1\rPID|1\r";
        let answered = |msa: &str| {
            let answer = format!("MSH|^~\\&|RIS||NORMA||20261127||ACK|7|P|2.5.1\r{msa}\r");
            read_acknowledgement(message, answer.as_bytes())
        };
        assert_eq!(answered("MSA|AA|42"), Ok(Acknowledgement::Accepted));
        assert_eq!(answered("MSA|CA|42|well"), Ok(Acknowledgement::Accepted));
        assert_eq!(answered("MSA|AE|42|no such patient"), Ok(Acknowledgement::Error));
        assert_eq!(answered("MSA|AR|42"), Ok(Acknowledgement::Rejected));
        for other in ["MSA|AA|41", "MSA|AA", "MSA|XX|42", "ERR|AA|42", ""] {
            assert_eq!(answered(other), Err(UnreadableAcknowledgement), "{other}");
        }
    }
}
