//! What people call folders and labels: the words that say which images are normal, which are not, and which are no images
//! to score. A further word is one more entry here.

/// Images like those that a model learns from.
const NORMAL: &[&str] = &[
    "good",
    "normal",
    "ok",
    "nominal",
    "healthy",
    "defect_free",
    "no_defect",
    "non_defective",
    "negative",
    "neg",
    "inlier",
    "in_domain",
    "in",
    "id",
    "0",
];

/// Images that do not belong.
const ABNORMAL: &[&str] = &[
    "bad",
    "abnormal",
    "anomaly",
    "anomalies",
    "anomalous",
    "defect",
    "defects",
    "defective",
    "faulty",
    "fault",
    "ng",
    "nok",
    "ko",
    "not_ok",
    "not_good",
    "positive",
    "pos",
    "outlier",
    "out_of_domain",
    "out",
    "ood",
    "1",
];

/// Images of which nobody says what they are.
const UNKNOWN: &[&str] = &["unknown", "unlabeled", "unlabelled", ""];

/// Pictures of where a defect is.
const MASKS: &[&str] = &["ground_truth", "groundtruth"];

/// Pictures of where something is, where they lie beside images.
const MASKS_BESIDE_IMAGES: &[&str] = &[
    "mask",
    "masks",
    "gt",
    "label",
    "labels",
    "annotation",
    "annotations",
    "segmentation",
    "segmentations",
];

/// Folders that only hold the folders that matter.
const CONTAINERS: &[&str] = &["data", "dataset", "image", "images", "imgs", "img"];

const TRAIN: &[&str] = &["train", "training"];
const TEST: &[&str] = &[
    "test",
    "testing",
    "test_public",
    "val",
    "valid",
    "validation",
    "dev",
    "eval",
];

/// What a label, or the name of a folder, says of images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// They belong.
    Normal,
    /// They don't.
    Abnormal,
    /// It says that it doesn't say.
    Unknown,
}

/// For which part of the work images were set apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Split {
    /// A model has learned, or is to learn, from them.
    Train,
    /// It has not.
    Test,
}

/// `Not OK` as the lists above write it.
fn plain(word: &str) -> String {
    let word = word.trim().to_lowercase();
    word.replace(['-', ' '], "_")
}

fn is_one_of(words: &[&str], word: &str) -> bool {
    words.contains(&plain(word).as_str())
}

/// What a label says; `None` for a word that is neither normal nor abnormal by itself, such as the kind of a defect.
pub fn class(label: &str) -> Option<Class> {
    // Tables of data frames write whole numbers so.
    let label = match label.trim() {
        "0.0" => "0",
        "1.0" => "1",
        other => other,
    };
    [
        (NORMAL, Class::Normal),
        (ABNORMAL, Class::Abnormal),
        (UNKNOWN, Class::Unknown),
    ]
    .into_iter()
    .find_map(|(words, class)| is_one_of(words, label).then_some(class))
}

/// Whether a label is a number other than 0 and 1, which then count classes of a data set rather than say good or bad.
pub fn is_number_of_a_class(label: &str) -> bool {
    is_number(label) && class(label).is_none()
}

/// Whether a label is a number, as which class indices and measurements are written.
pub fn is_number(label: &str) -> bool {
    // Words such as `nan` are read as numbers too.
    (label.trim().parse()).is_ok_and(|number: f64| number.is_finite())
}

/// What the name of a folder says of the images in it: numbers and `in` or `id` are names like any other there.
pub fn class_of_folder(name: &str) -> Option<Class> {
    let is_too_short = is_one_of(&["0", "1", "in", "id", "out", ""], name);
    class(name).filter(|_| !is_too_short)
}

/// Which part of a data set a name stands for.
pub fn split(name: &str) -> Option<Split> {
    if is_one_of(TRAIN, name) {
        Some(Split::Train)
    } else {
        is_one_of(TEST, name).then_some(Split::Test)
    }
}

/// Whether a folder of this name holds masks, whatever lies beside it.
pub fn is_masks(name: &str) -> bool {
    is_one_of(MASKS, name)
}

/// Whether it does where a folder of images, or of normal ones, lies beside it.
pub fn is_masks_beside_images(name: &str) -> bool {
    is_one_of(MASKS_BESIDE_IMAGES, name)
}

/// Whether a folder of this name says nothing of what is in it.
pub fn is_container(name: &str) -> bool {
    is_one_of(CONTAINERS, name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_known_in_any_case_and_as_people_join_them() {
        for (label, expected) in [
            ("good", Some(Class::Normal)),
            (" Normal ", Some(Class::Normal)),
            ("0.0", Some(Class::Normal)),
            ("in-domain", Some(Class::Normal)),
            ("NOT OK", Some(Class::Abnormal)),
            ("anomalous", Some(Class::Abnormal)),
            ("1", Some(Class::Abnormal)),
            ("", Some(Class::Unknown)),
            ("scratch", None),
            ("-1", None),
            ("cat", None),
        ] {
            assert_eq!(class(label), expected, "{label}");
        }
        for label in ["2", " 9.0", "-1", "0.37"] {
            assert!(is_number_of_a_class(label), "{label}");
        }
        for label in ["0", "1.0", "", "nan", "cat"] {
            assert!(!is_number_of_a_class(label), "{label}");
        }
        assert_eq!(class_of_folder("NORMAL"), Some(Class::Normal));
        assert_eq!(class_of_folder("1"), None, "a folder of that number");
        assert_eq!(split("Test"), Some(Split::Test));
        assert_eq!(split("good"), None);
        assert!(is_masks("ground-truth") && !is_masks("masks"));
    }
}
