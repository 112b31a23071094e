//! How is a good token changed by an input?

/// The first byte of an input that is a list of changes to a good token.
pub const CHANGES: u8 = 0;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// The token after the changes: three bytes each, two for the place, one for what happens there. A
/// character is replaced, one is put in, one is taken out, or another byte of ASCII stands there.
pub(super) fn changed(token: &str, changes: &[u8]) -> String {
    let mut text = token.as_bytes().to_vec();
    for change in changes.chunks_exact(3) {
        let place = usize::from(u16::from_be_bytes([change[0], change[1]])) % (text.len() + 1);
        let letter = ALPHABET[usize::from(change[2] & 0x3f)];
        let is_inside = place < text.len();
        match change[2] >> 6 {
            0 if is_inside => text[place] = letter,
            2 if is_inside => {
                text.remove(place);
            }
            3 if is_inside => text[place] = change[2] & 0x7f,
            _ => text.insert(place, letter),
        }
    }
    String::from_utf8(text).expect("ASCII")
}
