//! Numbers as people read them.

/// An error's text as the beginning of a sentence.
pub fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

/// A message in two parts, as error chains have it, as two sentences. A name at its beginning stays as it is written.
pub fn sentences(message: &str) -> String {
    let part = |part: &str| {
        let word = part.split_whitespace().next().unwrap_or_default();
        if word.chars().all(char::is_alphabetic) {
            capitalized(part)
        } else {
            part.to_owned()
        }
    };
    let ended = |part: String| {
        if part.is_empty() || part.ends_with(['.', '?', '!']) {
            part
        } else {
            format!("{part}.")
        }
    };
    match message.split_once("; ") {
        Some((what, remedy)) => format!("{} {}", ended(part(what)), ended(part(remedy))),
        None => ended(part(message)),
    }
}

/// A duration in words, two units at most, e.g. `4 min 20 s`.
pub fn duration(secs: f64) -> String {
    if !secs.is_finite() {
        return "unknown".to_owned();
    }
    let whole = secs.max(0.0).round() as u64;
    match whole {
        0 if secs > 0.0 => "under 1 s".to_owned(),
        0..60 => format!("{whole} s"),
        60..3_600 => format!("{} min {:02} s", whole / 60, whole % 60),
        3_600..172_800 => format!("{} h {:02} min", whole / 3_600, whole / 60 % 60),
        _ => format!("{} days {} h", whole / 86_400, whole / 3_600 % 24),
    }
}

/// A duration that is only estimated: no more digits than can be meant.
pub fn rough_duration(secs: f64) -> String {
    if !secs.is_finite() {
        return "unknown".to_owned();
    }
    match secs.max(0.0) {
        secs if secs < 10.0 => "a few seconds".to_owned(),
        secs if secs < 55.0 => format!("{:.0} s", 10.0 * (secs / 10.0).round()),
        secs if secs < 600.0 => format!("{:.0} min", (secs / 60.0).round().max(1.0)),
        secs if secs < 3_300.0 => format!("{:.0} min", 5.0 * (secs / 300.0).round()),
        secs if secs < 36_000.0 => format!("{} h", (secs / 1_800.0).round() / 2.0),
        secs if secs < 172_800.0 => format!("{:.0} h", (secs / 3_600.0).round()),
        secs => format!("{:.0} days", (secs / 86_400.0).round()),
    }
}

/// A whole number with groups of three digits, e.g. `12,400`.
pub fn count(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count with its noun, e.g. `1 image`, `200 images`.
pub fn counted(number: usize, singular: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {singular}{plural}", count(number))
}

/// The text with its first letter in upper case.
pub fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

/// A large number with a unit prefix, e.g. `1.1 M`.
pub fn magnitude(number: f64) -> String {
    let (scaled, prefix) = match number {
        n if n >= 1e12 => (n / 1e12, " T"),
        n if n >= 1e9 => (n / 1e9, " G"),
        n if n >= 1e6 => (n / 1e6, " M"),
        n if n >= 1e3 => (n / 1e3, " k"),
        n => (n, ""),
    };
    if scaled < 10.0 {
        format!("{scaled:.2}{prefix}")
    } else if scaled < 100.0 {
        format!("{scaled:.1}{prefix}")
    } else {
        format!("{scaled:.0}{prefix}")
    }
}

/// A score or distance with the digits that fit a fixed cell, e.g. `0.1234`.
pub fn score(value: f64) -> String {
    if value.abs() >= 10.0 {
        format!("{value:.3e}")
    } else {
        format!("{value:.4}")
    }
}

/// A share as a percentage, e.g. `97.5 %`.
pub fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

/// Calls a second with about three digits, e.g. `312`, `4.21`.
pub fn rate(per_second: f64) -> String {
    match per_second {
        r if r >= 100.0 => format!("{r:.0}"),
        r if r >= 10.0 => format!("{r:.1}"),
        r => format!("{r:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_estimate_has_no_more_digits_than_it_can_mean() {
        for (secs, words) in [
            (3.0, "a few seconds"),
            (42.0, "40 s"),
            (58.0, "1 min"),
            (339.0, "6 min"),
            (2_773.0, "45 min"),
            (3_500.0, "1 h"),
            (5_000.0, "1.5 h"),
            (90_000.0, "25 h"),
            (200_000.0, "2 days"),
        ] {
            assert_eq!(rough_duration(secs), words);
        }
    }

    #[test]
    fn a_message_and_its_remedy_are_two_sentences() {
        assert_eq!(
            sentences("readme.md is not a model; give a diffusers folder"),
            "readme.md is not a model. Give a diffusers folder."
        );
        assert_eq!(sentences("the file is cut short"), "The file is cut short.");
        assert_eq!(sentences(""), "");
    }

    #[test]
    fn numbers_read_as_people_write_them() {
        assert_eq!(duration(0.2), "under 1 s");
        assert_eq!(duration(59.4), "59 s");
        assert_eq!(duration(260.0), "4 min 20 s");
        assert_eq!(duration(7_500.0), "2 h 05 min");
        assert_eq!(duration(f64::INFINITY), "unknown");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(count(999), "999");
        assert_eq!(counted(1, "image"), "1 image");
        assert_eq!(magnitude(1_107_041.0), "1.11 M");
        assert_eq!(magnitude(35_700_000.0), "35.7 M");
        assert_eq!(score(0.123_44), "0.1234");
        assert_eq!(percent(0.975), "97.5 %");
    }
}
