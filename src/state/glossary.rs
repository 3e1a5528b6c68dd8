//! What every figure and setting means, in plain words: the tooltips of the window and the glossary of its guide, from one text.

use super::decision::Way;
use crate::detectors::{DetectorSpec, measures};
use crate::diffusion::samplers::SAMPLERS;

/// A word and what it means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    pub term: &'static str,
    /// Without a period at its end where it is one sentence, as a tooltip has it.
    pub text: &'static str,
}

/// Declares the entries and the list of all of them.
macro_rules! entries {
    ($list:ident: $($(#[doc = $doc:literal])* $name:ident = $term:literal, $text:literal;)+) => {
        $(
            $(#[doc = $doc])*
            pub const $name: Entry = Entry { term: $term, text: $text };
        )+
        static $list: &[Entry] = &[$($name),+];
    };
}

entries! { WORDS:
    IN_DOMAIN = "In-domain", "Images like those that the model was trained on: what is usual, good or known";
    OUT_OF_DOMAIN = "Out-of-domain", "Images that do not belong: a defect, another kind of thing, a broken file. They are needed only to see how well strangers are found";
    UNKNOWN = "Unknown", "Images to be judged. They get a score, a p-value and a verdict, and take part in no figure";
    SCORE = "Score", "How strange an image is to the model: the middle one of the distances of all its attempts. Higher is stranger, and only scores of one run can be compared";
    ATTEMPT = "Attempt", "One reconstruction of an image: a part is hidden, the model fills it in, and the distance to the original is measured";
    THRESHOLD = "Threshold", "Images with a higher score are called out-of-domain";
    FLAGGED = "Flagged", "Called out-of-domain, since the score is above the threshold";
    P_VALUE = "p-value", "Share of in-domain images at least as strange, this one counted in. A small one means that hardly any usual image looks so strange";
    Q_VALUE = "q-value", "The smallest false-discovery rate at which an image is reported: of all images reported at 10 %, no more than one in ten is in-domain on average";
    CALIBRATION = "Calibration", "Setting the threshold from in-domain images alone, so that no more than a chosen share of new ones is flagged";
    FAIR = "Fair comparison", "Roles that differ in size, format, color or brightness can be told apart without looking at what the pictures show: a high AUROC then says little";
    NEAR_DUPLICATES = "Near duplicates", "Images that are nearly the same picture, such as copies that were made brighter or stored again. One of a pair says nothing that the other does not, and a pair across roles makes every figure worse than it is";
    SIMILARITY = "Similarity", "How alike two images are to a network for photographs (AlexNet), by the cosine of what its third layer gives: 1 is the same picture";
    MAP = "Map", "Each point is an image, and points lie near each other where a network for photographs sees much the same: the two directions in which the images differ most (principal components)";
}

entries! { FIGURES:
    AUROC = "AUROC", "The chance that an out-of-domain image scores higher than an in-domain one. 1 is perfect, 0.5 is guessing";
    FPR95 = "False alarms when 95 % are found", "FPR95: the share of in-domain images flagged by mistake when 95 % of the out-of-domain images are found. 0 is best";
    AUPR_OUT = "AUPR, out-of-domain", "How pure the flagged images are over all thresholds. 1 is perfect. It depends on how many images there are of each role";
    AUPR_IN = "AUPR, in-domain", "The same with in-domain images as those to be found. 1 is perfect";
    ROC = "ROC curve", "Each point is a threshold: across, the share of in-domain images that it flags by mistake, up, the share of out-of-domain images that it finds. The nearer to the upper left corner, the better";
    CONFIDENCE = "Confidence", "Confidence of all ranges and of the band: so often they hold the truth";
    PRECISION = "Precision", "The share of out-of-domain images that you expect in use, and the share of flagged images that are then rightly flagged (precision). Rare strangers drown in false alarms";
    SPREAD = "Spread", "How far the attempts of an image disagree: the largest distance less the smallest";
}

entries! { SETTINGS:
    MASK = "Mask", "Which parts of an image are hidden and painted again. The alternating checkerboard hides the other half at every other attempt, so that each part is hidden sometimes";
    GRID = "Grid", "Squares along each side. Few make large holes that are hard to fill, many make small ones";
    METHOD = "Method", "How an image is changed before the model repairs it. Inpaint hides a part, denoise covers all of it with noise";
    START_STEP = "Start step", "How much noise is added before denoising. 0 is none, the largest hides the image";
    ATTEMPTS = "Attempts", "How many times each image is reconstructed. More take longer and make the score steadier";
    SAMPLER = "Sampler", "How noise is turned into a picture. DDIM needs few steps, DDPM all of them";
    STEPS = "Steps", "Steps from noise to picture. More take longer and look better up to a point";
    CALLS = "Calls", "Network calls per image, which a run's time goes with: steps times attempts. The button shows what more of them bought on the paper's data sets, and sets steps, eta and attempts";
    ETA = "Eta", "Fresh noise that DDIM adds at each step. 0 is none, 1 is as much as DDPM, inpainting works best near 1";
    IMAGE_LIMIT = "Image limit", "Use only the first images of each folder, for a quick look. 0 uses all";
    SEED = "Seed", "Start of the random numbers. The same seed gives the same scores again";
    BATCH = "Batch", "Images worked on at once. It changes the speed, never a score";
    RESIZING = "Resizing", "How a picture that is not square becomes one. Crop cuts the sides off, pad adds black bars, stretch distorts";
    DEVICE = "Device", "What the model runs on. Automatic takes a graphics card where this build can use one";
    FIT_ON = "Fit on", "How many images of each in-domain folder the detector is fitted on: the first ones, which are then left out of runs. A few hundred will do, and the model may have been trained on them";
    FIT_SEED = "Fit seed", "Start of the random numbers of the fit. The same seed and images give the same fit again";
    KEEP_RUNS = "Keep runs", "Write each run to the folder of recent runs while it runs, so that a crash loses nothing. Pictures of your images are in these files";
    PICTURES = "Pictures", "Which inpainted pictures a run keeps. Originals, at the size of the model, are always kept";
    DISK_LIMIT = "Disk limit", "What all recent runs may take together. The oldest finished ones are removed first, never the one that is shown";
}

entries! { THRESHOLDS:
    FALSE_ALARMS = "False alarms", "Share of new in-domain images that may be flagged. 5 % needs 19 in-domain images, 1 % needs 99";
    COST_OF_MISS = "A miss", "What it costs to let an out-of-domain image through";
    COST_OF_FALSE_ALARM = "False alarm", "What it costs to flag an in-domain image";
    OOD_SHARE = "OOD share", "Share of out-of-domain images where the detector will work";
    FOUND = "Found", "Share of the out-of-domain images here that is to be found";
}

/// Entries that belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    pub title: &'static str,
    pub entries: Vec<Entry>,
}

/// All entries, those of the words that a beginner meets first.
pub fn groups() -> Vec<Group> {
    let group = |title, entries| Group { title, entries };
    let ways = Way::ALL.map(|way| Entry {
        term: way.label(),
        text: way.explanation(),
    });
    let found = measures::all().into_iter().filter_map(measures::find);
    let distances = found.map(|measure| Entry {
        term: measure.label,
        text: measure.help,
    });
    let detectors = DetectorSpec::all();
    let detectors = detectors.iter().map(|detector| Entry {
        term: detector.about().label,
        text: detector.about().help,
    });
    let samplers = SAMPLERS.iter().map(|sampler| Entry {
        term: sampler.label,
        text: sampler.help,
    });
    vec![
        group("Words", WORDS.to_vec()),
        group("Figures", FIGURES.to_vec()),
        group(
            "Threshold",
            ways.into_iter().chain(THRESHOLDS.iter().copied()).collect(),
        ),
        group("Settings", SETTINGS.to_vec()),
        group("Detectors", detectors.collect()),
        group("Distances and other measures", distances.collect()),
        group("Samplers", samplers.collect()),
    ]
}

/// The groups with the entries that have all words of `text`, in any case and order; groups without one are left out.
pub fn found(text: &str) -> Vec<Group> {
    let needles: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
    let mut groups = groups();
    for group in &mut groups {
        group.entries.retain(|entry| {
            let words = format!("{} {}", entry.term, entry.text).to_lowercase();
            needles.iter().all(|needle| words.contains(needle))
        });
    }
    groups.retain(|group| !group.entries.is_empty());
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_is_told_once_in_its_group_and_is_found_by_any_of_its_words() {
        for group in groups() {
            let mut terms: Vec<&str> = group.entries.iter().map(|entry| entry.term).collect();
            let count = terms.len();
            terms.sort_unstable();
            terms.dedup();
            assert_eq!(terms.len(), count, "{}: {terms:?}", group.title);
            for entry in &group.entries {
                assert!(entry.text.len() > 15, "{entry:?}");
                assert!(!entry.text.contains("  "), "{entry:?}");
                assert!(!entry.text.ends_with('.'), "{entry:?}");
            }
        }
        let all: usize = groups().iter().map(|group| group.entries.len()).sum();
        let shown: usize = found(" ").iter().map(|group| group.entries.len()).sum();
        assert_eq!(all, shown);
        let auroc = found("CHANCE higher");
        assert_eq!((auroc.len(), auroc[0].entries[0]), (1, AUROC));
        assert_eq!(found("no such words"), []);
    }
}
