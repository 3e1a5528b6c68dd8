//! Natural order of paths: `2.png` before `10.png`.
//!
//! Compares bytes, so that names that are not UTF-8 have a place too. The order is total, which sorting relies on.

use std::cmp::Ordering;
use std::path::Path;

/// Compare by folder, then by name; runs of digits by value, ASCII letters without case. Paths that are equal so far are
/// ordered by their bytes.
pub fn compare(a: &Path, b: &Path) -> Ordering {
    let (a, b) = (
        a.as_os_str().as_encoded_bytes(),
        b.as_os_str().as_encoded_bytes(),
    );
    compare_tokens(a, b).then_with(|| a.cmp(b))
}

fn compare_tokens(mut a: &[u8], mut b: &[u8]) -> Ordering {
    loop {
        let (Some(&first_a), Some(&first_b)) = (a.first(), b.first()) else {
            return a.len().cmp(&b.len());
        };
        let order = if first_a.is_ascii_digit() && first_b.is_ascii_digit() {
            let (number_a, rest_a) = split_number(a);
            let (number_b, rest_b) = split_number(b);
            (a, b) = (rest_a, rest_b);
            number_a
                .len()
                .cmp(&number_b.len())
                .then(number_a.cmp(number_b))
        } else {
            (a, b) = (&a[1..], &b[1..]);
            rank(first_a).cmp(&rank(first_b))
        };
        if order.is_ne() {
            return order;
        }
    }
}

/// The leading digits without leading zeros, and what follows them.
fn split_number(bytes: &[u8]) -> (&[u8], &[u8]) {
    let end = bytes
        .iter()
        .position(|byte| !byte.is_ascii_digit())
        .unwrap_or(bytes.len());
    let (digits, rest) = bytes.split_at(end);
    let zeros = digits.iter().take_while(|&&digit| digit == b'0').count();
    (&digits[zeros..], rest)
}

/// Separators first, so that a folder's files stay together; digits of any value alike against other bytes.
fn rank(byte: u8) -> u8 {
    match byte {
        _ if std::path::is_separator(char::from(byte)) => 0,
        b'0'..=b'9' => b'0',
        _ => byte.to_ascii_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_by_value_and_folders_together() {
        let sorted = [
            "1.png",
            "2.png",
            "02.PNG",
            "10.png",
            "a/3.png",
            "a/20.png",
            "a b/1.png",
            "A10.png",
            "b.png",
            "B.png.1",
        ];
        let mut paths: Vec<&Path> = sorted.iter().rev().map(Path::new).collect();
        paths.sort_by(|a, b| compare(a, b));
        assert_eq!(
            paths,
            [
                "1.png",
                "02.PNG",
                "2.png",
                "10.png",
                "a/3.png",
                "a/20.png",
                "a b/1.png",
                "A10.png",
                "b.png",
                "B.png.1"
            ]
            .map(Path::new)
        );
    }

    #[test]
    fn numbers_longer_than_any_integer_type_are_compared() {
        let small = format!("{}1", "9".repeat(40));
        let large = format!("{}2", "9".repeat(40));
        assert_eq!(
            compare(Path::new(&small), Path::new(&large)),
            Ordering::Less
        );
    }

    proptest::proptest! {
        #[test]
        fn the_order_is_total(names in proptest::collection::vec("[0-2a/ B_]{0,5}", 3)) {
            let [a, b, c] = [0, 1, 2].map(|index| Path::new(&names[index]));
            proptest::prop_assert_eq!(compare(a, b), compare(b, a).reverse());
            if compare(a, b).is_le() && compare(b, c).is_le() {
                proptest::prop_assert!(compare(a, c).is_le());
            }
        }
    }
}
