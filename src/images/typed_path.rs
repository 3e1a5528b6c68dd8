//! Paths as people and file managers write them.

use std::path::PathBuf;

/// The path that was typed or pasted; `None` for nothing. Quotes and `file://` come with pasted paths.
pub fn typed_path(text: &str) -> Option<PathBuf> {
    let text = text.trim();
    if let Some(address) = text.strip_prefix("file://") {
        return Some(PathBuf::from(percent_decoded(address)));
    }
    let text = text
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .or_else(|| {
            text.strip_prefix('\'')
                .and_then(|rest| rest.strip_suffix('\''))
        })
        .unwrap_or(text);
    if text.is_empty() {
        return None;
    }
    let home = std::env::home_dir();
    match (text.strip_prefix("~/"), home) {
        (Some(rest), Some(home)) => Some(home.join(rest)),
        _ => Some(PathBuf::from(text)),
    }
}

/// File managers copy a path as an address, in which `%20` stands for a space; what is no such code stays.
fn percent_decoded(address: &str) -> String {
    let mut bytes = Vec::with_capacity(address.len());
    let mut rest = address.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let code = tail
            .first_chunk::<2>()
            .filter(|_| first == b'%')
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(code.unwrap_or(first));
        rest = if code.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8(bytes).unwrap_or_else(|_| address.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pasted_paths_lose_their_wrapping() {
        assert_eq!(typed_path("  "), None);
        assert_eq!(typed_path(" /a b "), Some("/a b".into()));
        assert_eq!(typed_path("\"/a b\""), Some("/a b".into()));
        assert_eq!(typed_path("file:///a"), Some("/a".into()));
        assert_eq!(typed_path("file:///a%20b%C3%A4"), Some("/a bä".into()));
        assert_eq!(typed_path("file:///50%/%zz"), Some("/50%/%zz".into()));
        assert_eq!(typed_path("/a%20b"), Some("/a%20b".into()));
        assert_eq!(typed_path("'"), Some("'".into()));
    }
}
