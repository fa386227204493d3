//! Segments, field by field.

/// A segment; fields are written as they are given, already escaped.
pub(super) struct Segment {
    fields: Vec<String>,
}

impl Segment {
    pub(super) fn new(name: &str) -> Self {
        Self {
            fields: vec![name.to_owned()],
        }
    }

    /// Sets a field by its number; those between stay empty.
    pub(super) fn with(mut self, number: usize, field: impl Into<String>) -> Self {
        if self.fields.len() <= number {
            self.fields.resize(number + 1, String::new());
        }
        self.fields[number] = field.into();
        self
    }

    /// With its end.
    pub(super) fn write(&self) -> String {
        format!("{}\r", self.fields.join("|").trim_end_matches('|'))
    }
}

/// MSH, whose first field is the separator itself.
pub(super) fn message_header(fields: &[(usize, String)]) -> String {
    let mut header = Segment::new("MSH").with(1, "^~\\&");
    for (number, field) in fields {
        header = header.with(number - 1, field.clone());
    }
    header.write()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_stand_at_their_numbers() {
        assert_eq!(
            Segment::new("PID").with(3, "7").with(1, "1").write(),
            "PID|1||7\r"
        );
        assert_eq!(
            message_header(&[(3, "NORMA".to_owned()), (11, "P".to_owned())]),
            "MSH|^~\\&|NORMA||||||||P\r"
        );
    }
}
