//! Text and pictures as HTML takes them.

use std::fmt::Write as _;

/// Append formatted HTML.
pub(super) fn add(html: &mut String, text: std::fmt::Arguments<'_>) {
    html.write_fmt(text)
        .expect("writing to a string does not fail");
}

/// Text as HTML shows it, in elements and in quoted attributes; control characters become U+FFFD.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\n' | '\t' => escaped.push(character),
            other if other.is_control() => escaped.push(char::REPLACEMENT_CHARACTER),
            other => escaped.push(other),
        }
    }
    escaped
}

/// One row of a table of names and values.
pub(super) fn fact(html: &mut String, name: &str, value: &str) {
    add(
        html,
        format_args!(
            "<tr><th scope=\"row\">{}</th><td>{}</td></tr>",
            escaped(name),
            escaped(value)
        ),
    );
}

/// A number with so many decimals, or a dash.
pub(super) fn number(value: Option<f64>, num_decimals: usize) -> String {
    value.map_or_else(|| "–".to_owned(), |value| format!("{value:.num_decimals$}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_name_is_markup() {
        assert_eq!(
            escaped("<a href='x'>\"&\u{7}\n"),
            "&lt;a href=&#39;x&#39;&gt;&quot;&amp;\u{FFFD}\n"
        );
    }
}
