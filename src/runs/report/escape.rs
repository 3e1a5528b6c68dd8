//! Paths as text, without loss, and as cells of a table.

use std::path::{Path, PathBuf};

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

/// The path that [`text_from_path`] wrote; what it can't have written is taken as it stands.
///
/// Where paths are not bytes (outside Unix) a path with escapes is only a name to show.
pub fn path_from_text(text: &str) -> PathBuf {
    if !text.contains(char::REPLACEMENT_CHARACTER) {
        return PathBuf::from(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut parts = text.split(char::REPLACEMENT_CHARACTER);
    bytes.extend_from_slice(parts.next().unwrap_or_default().as_bytes());
    for part in parts {
        let byte = part
            .get(..2)
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match byte {
            Some(byte) => {
                bytes.push(byte);
                bytes.extend_from_slice(&part.as_bytes()[2..]);
            }
            None => return PathBuf::from(text),
        }
    }
    path_from_bytes(bytes, text)
}

#[cfg(unix)]
fn path_from_bytes(bytes: Vec<u8>, _text: &str) -> PathBuf {
    use std::os::unix::ffi::OsStringExt as _;
    std::ffi::OsString::from_vec(bytes).into()
}

#[cfg(not(unix))]
fn path_from_bytes(bytes: Vec<u8>, text: &str) -> PathBuf {
    String::from_utf8(bytes).map_or_else(|_| PathBuf::from(text), PathBuf::from)
}

/// A path as a cell that neither runs nor tears.
pub fn path_cell(path: &Path) -> String {
    text_cell(&text_from_path(path))
}

/// A text as a cell that neither runs nor tears.
pub fn text_cell(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\'']) {
        format!("\"'{}\"", text.replace('"', "\"\""))
    } else if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

/// A word for a POSIX shell, quoted where a shell would not take it as it stands.
pub fn shell_word(text: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "/._-+,:@%".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_neither_run_nor_torn() {
        for (path, cell) in [
            ("a/b.png", "a/b.png"),
            ("=1+1.png", "\"'=1+1.png\""),
            ("@x,\"y\".png", "\"'@x,\"\"y\"\".png\""),
            ("'x.png", "\"''x.png\""),
            ("a,b\n.png", "\"a,b\n.png\""),
            ("a \"b\".png", "\"a \"\"b\"\".png\""),
        ] {
            assert_eq!(path_cell(Path::new(path)), cell);
        }
    }

    #[test]
    fn text_stays_as_it_is() {
        for path in ["a/b c.png", r"C:\x\y.png", "50%.png", "ä/日本.png"] {
            assert_eq!(text_from_path(Path::new(path)), path);
            assert_eq!(path_from_text(path), Path::new(path));
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
        for bytes in [
            &b"a\xFFb"[..],
            "\u{FFFD}FF".as_bytes(),
            b"\xC3",
            b"/x\n\xFE\xFF",
        ] {
            assert_eq!(
                path_from_text(&path(bytes)),
                Path::new(OsStr::from_bytes(bytes))
            );
        }
        assert_eq!(path_from_text("\u{FFFD}x"), Path::new("\u{FFFD}x"));
    }
}
