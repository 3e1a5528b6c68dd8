//! Paths as text, without loss.

use std::path::Path;

/// A path as text from which the path can be told.
///
/// Paths that are UTF-8 stay as they are. Each byte that is not part of valid UTF-8 becomes U+FFFD (the replacement
/// character) and the byte's two upper-case hexadecimal digits; a U+FFFD in the path itself becomes its three bytes,
/// written so: `\u{FFFD}EF\u{FFFD}BF\u{FFFD}BD`. To read it back, replace each U+FFFD and the two digits after it by
/// that byte. (Backslash and percent, the usual escapes, are common in paths that need none.)
pub fn text_from_path(path: &Path) -> String {
    const MARK: char = char::REPLACEMENT_CHARACTER;
    let mut text = String::new();
    let escape = |text: &mut String, bytes: &[u8]| {
        for byte in bytes {
            text.push(MARK);
            text.extend(
                [byte >> 4, byte & 15]
                    .map(|digit| char::from(b"0123456789ABCDEF"[usize::from(digit)])),
            );
        }
    };
    for chunk in path.as_os_str().as_encoded_bytes().utf8_chunks() {
        for character in chunk.valid().chars() {
            if character == MARK {
                escape(&mut text, MARK.encode_utf8(&mut [0; 4]).as_bytes());
            } else {
                text.push(character);
            }
        }
        escape(&mut text, chunk.invalid());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_as_it_is() {
        for path in ["a/b c.png", r"C:\x\y.png", "50%.png", "ä/日本.png"] {
            assert_eq!(text_from_path(Path::new(path)), path);
        }
    }

    #[cfg(unix)]
    #[test]
    fn other_bytes_can_be_told_from_their_text() {
        use std::ffi::OsStr;
        use std::os::unix::ffi::OsStrExt as _;
        let path = |bytes| text_from_path(Path::new(OsStr::from_bytes(bytes)));
        assert_eq!(path(b"a\xFFb"), "a\u{FFFD}FFb");
        assert_eq!(
            path("\u{FFFD}FF".as_bytes()),
            "\u{FFFD}EF\u{FFFD}BF\u{FFFD}BDFF"
        );
        assert_eq!(path(b"\xC3"), "\u{FFFD}C3");
    }
}
