//! The variable items of an association request or its acceptance, as far as they are understood.
//!
//! A receiver ignores items that it does not know (PS3.8 section 9.3.1); the decoder refuses the whole PDU over one, and
//! over sub-items that are longer than their parts. So that is left out which nobody here reads.

/// Protocol version, reserved bytes, two AE titles, reserved bytes.
const FIXED_BYTES: usize = 2 + 2 + 16 + 16 + 32;
const TITLES: std::ops::Range<usize> = 4..36;

const APPLICATION_CONTEXT: u8 = 0x10;
const PROPOSED_CONTEXT: u8 = 0x20;
const CONTEXT_RESULT: u8 = 0x21;
const USER_INFORMATION: u8 = 0x50;
const MAXIMUM_LENGTH: u8 = 0x51;
const IMPLEMENTATION_CLASS: u8 = 0x52;
const ROLE_SELECTION: u8 = 0x54;
const IMPLEMENTATION_VERSION: u8 = 0x55;

/// The body of an A-ASSOCIATE-RQ or -AC without items that are not read, titles padded with blanks. None where its items
/// do not fit into it.
pub(crate) fn understood_items(body: &[u8]) -> Option<Vec<u8>> {
    let (fixed, items) = body.split_at_checked(FIXED_BYTES)?;
    let mut kept = fixed.to_vec();
    for byte in &mut kept[TITLES] {
        if *byte == 0 {
            *byte = b' ';
        }
    }
    for item in Items(items) {
        let (kind, value) = item?;
        match kind {
            APPLICATION_CONTEXT | PROPOSED_CONTEXT | CONTEXT_RESULT => append(&mut kept, kind, value)?,
            USER_INFORMATION => append(&mut kept, kind, &understood_user_items(value)?)?,
            _ => {}
        }
    }
    Some(kept)
}

fn understood_user_items(value: &[u8]) -> Option<Vec<u8>> {
    let mut kept = Vec::new();
    for item in Items(value) {
        let (kind, value) = item?;
        if matches!(
            kind,
            MAXIMUM_LENGTH | IMPLEMENTATION_CLASS | IMPLEMENTATION_VERSION
        ) {
            append(&mut kept, kind, value)?;
        } else if kind == ROLE_SELECTION
            && let Some(role) = role_selection(value)
        {
            append(&mut kept, kind, role)?;
        }
    }
    Some(kept)
}

/// The class with its length, and two roles (PS3.7 section D.3.3.4), without what some peers write behind them.
fn role_selection(value: &[u8]) -> Option<&[u8]> {
    let [high, low, ..] = *value else { return None };
    value.get(..2 + usize::from(u16::from_be_bytes([high, low])) + 2)
}

fn append(kept: &mut Vec<u8>, kind: u8, value: &[u8]) -> Option<()> {
    kept.extend([kind, 0]);
    kept.extend(u16::try_from(value.len()).ok()?.to_be_bytes());
    kept.extend(value);
    Some(())
}

/// Items of a type, a reserved byte, a length of two bytes and a value.
struct Items<'a>(&'a [u8]);

impl<'a> Iterator for Items<'a> {
    /// None where an item reaches past the end.
    type Item = Option<(u8, &'a [u8])>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let item = self.0.split_first_chunk::<4>().and_then(|(head, rest)| {
            let [kind, _, high, low] = *head;
            let length = usize::from(u16::from_be_bytes([high, low]));
            Some((kind, rest.split_at_checked(length)?))
        });
        let Some((kind, (value, rest))) = item else {
            self.0 = &[];
            return Some(None);
        };
        self.0 = rest;
        Some(Some((kind, value)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(kind: u8, value: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        append(&mut bytes, kind, value).unwrap();
        bytes
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        let fixed = vec![0; FIXED_BYTES];
        let user = [
            item(0x51, &[0, 0, 64, 0]),
            item(0x54, b"\0\x40abc"),
            item(0x54, b"\0\x031.2\0\x01more"),
            item(0x99, b"x"),
        ]
        .concat();
        let body = [
            fixed.clone(),
            item(0x10, b"1.2"),
            item(0x77, b"x"),
            item(0x50, &user),
        ]
        .concat();
        let kept = understood_items(&body).unwrap();
        let user = [item(0x51, &[0, 0, 64, 0]), item(0x54, b"\0\x031.2\0\x01")].concat();
        let expected = [item(0x10, b"1.2"), item(0x50, &user)].concat();
        assert_eq!(kept[FIXED_BYTES..], expected);
        assert_eq!(&kept[TITLES], [b' '; 32]);
    }

    #[test]
    fn an_item_that_does_not_fit_is_refused() {
        let mut body = vec![0; FIXED_BYTES];
        body.extend([0x10, 0, 0, 9, b'1']);
        assert_eq!(understood_items(&body), None);
        assert_eq!(understood_items(&[0; 10]), None);
    }
}
