//! What the inspector's pictures show, and the words for it.

use std::sync::Arc;

use super::Detail;
use crate::detectors::measures;
use crate::images::Picture;
use crate::ood::KnownMask;
use crate::runs::AttemptResult;
use crate::state::Part;
use crate::state::folders::short_name;
use crate::ui::panels::Scene;

/// What the pictures come from.
pub struct Shown<'a> {
    pub name: String,
    pub result: Option<&'a AttemptResult>,
    pub original: Option<&'a Picture>,
    pub mask: Option<&'a Arc<KnownMask>>,
    pub inpainted: Option<&'a Picture>,
    pub caption: String,
}

/// What one place shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Pane {
    /// A picture alone.
    One(Part),
    /// The original left of a line, the inpainted picture right of it.
    Split,
    /// Both in turn.
    Blink,
}

/// What there is of an attempt, or of the mask preview before the first one.
pub fn shown<'a>(scene: &Scene<'a>, detail: Option<&'a Detail<'_>>) -> Shown<'a> {
    let result = detail.and_then(|d| d.shown.map(|shown| &*d.attempts[shown]));
    // Before the first attempt the mask preview already shows what the model will see.
    let preview = detail.filter(|_| result.is_none()).and_then(|d| {
        let (request, preview) = scene.session.preview.shown()?;
        let is_same = request.path.as_ref() == Some(&d.image.file.path);
        preview.as_ref().ok().filter(|_| is_same)
    });
    let distance = detail
        .zip(result)
        .filter(|(detail, _)| detail.is_of_pictures)
        .map(|(d, r)| format!(", {} {}", measures::label(&d.distance), d.value(r)));
    // A step of the denoising stands in for the result.
    let step = scene.session.shown.scrub().and_then(|scrub| {
        let words = format!("Step {} of {}", scrub.position + 1, scrub.num_steps());
        Some((scrub.picture()?, words))
    });
    let caption = format!("Inpainted{}", distance.unwrap_or_default());
    Shown {
        name: detail.map_or_else(String::new, |d| short_name(&d.image.file.path)),
        result,
        original: result
            .map(|r| &r.original)
            .or_else(|| preview.and_then(|p| p.original.as_ref())),
        mask: result
            .and_then(|r| r.known_mask.as_ref())
            .or_else(|| preview.map(|p| &p.known_mask)),
        inpainted: step
            .as_ref()
            .map(|(picture, _)| *picture)
            .or_else(|| result.and_then(|r| r.inpainted.as_ref())),
        caption: step.map_or(caption, |(_, words)| words),
    }
}

impl Shown<'_> {
    /// The words under it.
    pub fn caption(&self, pane: Pane) -> String {
        match pane {
            Pane::One(Part::Original) => "Original".to_owned(),
            Pane::One(Part::Masked) => self.numbered("Masked"),
            Pane::One(Part::Inpainted) => self.caption.clone(),
            Pane::One(Part::Difference) => "Difference".to_owned(),
            Pane::Split => "Original | inpainted".to_owned(),
            Pane::Blink => "Original and inpainted in turn".to_owned(),
        }
    }

    fn numbered(&self, word: &str) -> String {
        self.result.map_or_else(
            || word.to_owned(),
            |result| format!("{word}, attempt {}", result.attempt + 1),
        )
    }

    /// The accessible name; `is_flipped` while the original is shown in its place.
    pub fn name(&self, pane: Pane, is_flipped: bool) -> String {
        let word = match pane {
            Pane::One(Part::Original) => "Original".to_owned(),
            Pane::One(Part::Masked) => self.numbered("Masked"),
            Pane::One(Part::Inpainted) => self.numbered("Inpainted"),
            Pane::One(Part::Difference) => self.numbered("Difference"),
            Pane::Split => self.numbered("Split of original and inpainted"),
            Pane::Blink => self.numbered("Original and inpainted in turn"),
        };
        let instead = if is_flipped {
            ", the original in its place"
        } else {
            ""
        };
        format!("{word} of {}{instead}", self.name)
    }

    /// What its place says while there is nothing to show.
    pub fn empty_text(&self, pane: Pane) -> &'static str {
        let has_result = self.result.is_some();
        match pane {
            Pane::One(Part::Original) => "Original",
            Pane::One(Part::Masked) if has_result => "No mask",
            Pane::One(Part::Masked) => "Masked",
            Pane::One(Part::Inpainted | Part::Difference) | Pane::Split | Pane::Blink
                if has_result =>
            {
                "Not kept"
            }
            Pane::One(Part::Inpainted) => "Inpainted",
            Pane::One(Part::Difference) => "Difference",
            Pane::Split | Pane::Blink => "Original and inpainted",
        }
    }

    /// Whether there is anything to show.
    pub fn has(&self, pane: Pane) -> bool {
        match pane {
            Pane::One(Part::Original) => self.original.is_some(),
            Pane::One(Part::Masked) => self.original.is_some() && self.mask.is_some(),
            Pane::One(Part::Inpainted | Part::Difference) | Pane::Split | Pane::Blink => {
                self.inpainted.is_some()
            }
        }
    }
}

/// The values of a pixel in words.
pub fn pixel_values(shown: &Shown<'_>, [x, y]: [usize; 2]) -> Option<String> {
    let original = shown.original?;
    let index = y * original.width + x;
    let values = |picture: &Picture| {
        let values = picture.bytes.chunks_exact(picture.channels).nth(index)?;
        let words: Vec<String> = values.iter().map(u8::to_string).collect();
        Some(words.join(" "))
    };
    let mut line = format!("Column {x}, row {y}: original {}", values(original)?);
    if let Some(inpainted) = shown.inpainted {
        let difference = crate::state::shown::difference::pixel_differences(original, inpainted)
            .and_then(|all| all.get(index).copied());
        if let (Some(value), Some(difference)) = (values(inpainted), difference) {
            line = format!("{line}, inpainted {value}, difference {difference}");
        }
    }
    if let Some(mask) = shown.mask {
        let is_known = mask.known().get(index) == Some(&true);
        line += if is_known {
            ", shown to the model"
        } else {
            ", hidden from the model"
        };
    }
    Some(line)
}
