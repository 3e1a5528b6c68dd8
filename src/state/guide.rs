//! The guide: first steps, worked cases with the bundled model and samples, and the glossary.

use super::actions::{Action, UiCommand};
use super::arrangement::{GalleryOrder, GalleryView, VerdictFilter};
use super::decision::{DecisionSettings, Way};
use super::folders::Folder;
use super::panels::{Center, PanelSettings, ResultsPage};
use super::session::Session;
use super::shown::run::Phase;
use crate::ood::{Outcome, Role};
use crate::worker::protocol::ModelSource;

/// A page of the guide.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GuidePage {
    /// What the program does and where to begin.
    #[default]
    Start,
    /// Tasks from beginning to end.
    Cases,
    /// What words mean.
    Glossary,
}

impl GuidePage {
    /// All pages, in the order in which they are shown.
    pub const ALL: [Self; 3] = [Self::Start, Self::Cases, Self::Glossary];

    /// The name for people.
    pub fn label(self) -> &'static str {
        match self {
            Self::Start => "First steps",
            Self::Cases => "Worked cases",
            Self::Glossary => "Glossary",
        }
    }

    /// What is on it.
    pub fn explanation(self) -> &'static str {
        match self {
            Self::Start => "What the program does, and where to begin",
            Self::Cases => {
                "Three tasks from beginning to end, with the bundled model and its samples"
            }
            Self::Glossary => "What every figure and setting means, in plain words",
        }
    }
}

/// The guide as it is open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Guide {
    pub page: GuidePage,
    /// The words that entries must have; where there are any, all pages are searched.
    pub needle: String,
    /// The worked case that is open, a position in [`CASES`].
    pub case: usize,
}

/// What the program does, a paragraph each.
pub const START: [(&str, &str); 5] = [
    (
        "What it does",
        "LMD Inspector finds images that do not belong, without an example of what is wrong. A part of an image is hidden, a \
         model that knows only usual images fills it in, and the result is held against the original: the further apart, the \
         higher the score.",
    ),
    (
        "What you need",
        "A diffusion model that was trained on usual images, and folders of images. The bundled models know pictures of \
         clothing and handwritten digits, and samples of both are there to try. New model… makes one from images of your own.",
    ),
    (
        "What you see",
        "On the left is the setup of the next run, in the middle one image with its reconstructions above all images, on the \
         right what came out. Everything explains itself under the pointer.",
    ),
    (
        "What to watch for",
        "A score says how strange an image is to this model, and not why. Look at the images that are called wrongly, and at \
         the page Explanations: where roles differ in brightness or file size, that alone may decide.",
    ),
    (
        "Keys",
        "F1 opens this guide, ? shows all keys, Ctrl+P finds every command by typing. Ctrl+Z takes changes back.",
    ),
];

/// What a first start says, a line each.
pub const HINTS: [&str; 3] = [
    "Run scores the sample images that are loaded, which takes a few minutes; the first scores come at once",
    "Click an image to see what the model made of it, and drag the dashed line to move the threshold",
    "The guide has three worked cases and says what every word means (F1)",
];

/// A task from beginning to end.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    pub title: &'static str,
    /// What it is about.
    pub about: &'static str,
    pub steps: &'static [Step],
}

/// A step of a case.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    pub words: &'static str,
    /// What its button says.
    pub button: &'static str,
    /// What its button asks for; nothing where it can't be done now.
    pub actions: fn(&Session) -> Vec<Action>,
    /// Whether it has been done.
    pub is_done: fn(&Session) -> bool,
}

const LOAD: Step = Step {
    words: "Take the bundled model, and the samples as folders: clothing as in-domain, digits as out-of-domain images.",
    button: "Load model and samples",
    actions: |session| {
        let mut actions = Vec::new();
        if session.settings.model != ModelSource::BUNDLED {
            actions.push(Action::OpenModel(ModelSource::BUNDLED));
        }
        for role in [Role::InDomain, Role::OutOfDomain] {
            if !session.has_samples(role) {
                actions.push(Action::AddSamples(role));
            }
        }
        actions
    },
    is_done: |session| {
        let is_listed = !session.folders.iter().any(Folder::is_pending);
        let roles = [Role::InDomain, Role::OutOfDomain];
        session.settings.model == ModelSource::BUNDLED
            && roles.iter().all(|role| session.has_samples(*role))
            && is_listed
    },
};

const RUN: Step = Step {
    words: "Score them. The first attempt of each image comes at once, and the figures get steadier with every further one.",
    button: "Score the samples",
    actions: |session| {
        if session.is_running() {
            Vec::new()
        } else {
            vec![Action::Do(UiCommand::Run)]
        }
    },
    is_done: |session| {
        let run = session.shown.run.as_ref();
        run.is_some_and(|run| run.phase == Phase::Done)
    },
};

fn show(session: &Session, center: Center, results: Option<ResultsPage>) -> Action {
    let old = session.settings.panels;
    Action::SetPanels(PanelSettings {
        center,
        results: results.unwrap_or(old.results),
        ..old
    })
}

fn has_scores(session: &Session) -> bool {
    session.shown.analysis.is_some()
}

fn by_outcome(session: &Session, outcome: Outcome) -> Vec<Action> {
    let view = GalleryView {
        verdict: Some(VerdictFilter::Outcome(outcome)),
        role: None,
        ..session.settings.gallery
    };
    vec![Action::SetGallery(view)]
}

fn is_filtered_by(session: &Session, outcome: Outcome) -> bool {
    session.settings.gallery.verdict == Some(VerdictFilter::Outcome(outcome))
}

/// The cases, the first of them for a first look.
pub static CASES: [Case; 3] = [
    Case {
        title: "Find what does not belong",
        about: "Digits among pictures of clothing: how far apart are their scores, and what does the model make of them?",
        steps: &[
            LOAD,
            RUN,
            Step {
                words: "Sort the images with the strangest first. The model paints clothing where a digit was hidden, which is what \
                        makes its score high.",
                button: "Strangest first",
                actions: |session| {
                    let view = GalleryView {
                        order: GalleryOrder::HighestFirst,
                        ..GalleryView::default()
                    };
                    vec![
                        show(session, Center::Overview, None),
                        Action::SetGallery(view),
                    ]
                },
                is_done: |session| session.settings.gallery.order == GalleryOrder::HighestFirst,
            },
            Step {
                words: "Look at one of them. The pictures are the original, what the model was shown, what it painted, and how far \
                        both are apart.",
                button: "Look at the strangest",
                actions: |session| {
                    let first = session.shown.gallery.order().first();
                    first
                        .map(|image| Action::SelectImage(*image))
                        .into_iter()
                        .collect()
                },
                is_done: |session| session.shown.gallery.selected().is_some(),
            },
            Step {
                words: "Look at the digits that were missed: what do these have in common?",
                button: "Show the missed ones",
                actions: |session| by_outcome(session, Outcome::Miss),
                is_done: |session| is_filtered_by(session, Outcome::Miss),
            },
        ],
    },
    Case {
        title: "Set a threshold",
        about: "How strange is too strange? The answer comes from in-domain images alone, so that it holds for strangers of any \
                kind.",
        steps: &[
            LOAD,
            RUN,
            Step {
                words: "Let 5 % of the in-domain images be false alarms. This threshold does not look at a single digit.",
                button: "Set 5 % false alarms",
                actions: |session| {
                    let settings = DecisionSettings {
                        way: Way::FalseAlarms,
                        false_alarm_rate: 0.05,
                        ..session.settings.decision
                    };
                    let settings = Box::new(settings);
                    vec![
                        show(
                            session,
                            session.settings.panels.center,
                            Some(ResultsPage::Threshold),
                        ),
                        Action::SetDecision {
                            settings,
                            is_continued: false,
                        },
                    ]
                },
                is_done: |session| {
                    let decision = session.settings.decision;
                    has_scores(session)
                        && decision.way == Way::FalseAlarms
                        && decision.false_alarm_rate == 0.05
                },
            },
            Step {
                words: "See what it flags by mistake. If these are strange to you as well, the folder needs a look before the \
                        threshold does.",
                button: "Show the false alarms",
                actions: |session| by_outcome(session, Outcome::FalseAlarm),
                is_done: |session| is_filtered_by(session, Outcome::FalseAlarm),
            },
            Step {
                words: "Keep the threshold with the model and its settings in a detector file, by which new images are judged here \
                        and by `lmd classify`.",
                button: "Save the detector…",
                actions: |_| vec![Action::Do(UiCommand::BrowseSaveDetector)],
                is_done: |session| session.detector.is_some(),
            },
        ],
    },
    Case {
        title: "Doubt the result",
        about: "A high AUROC can come from something other than what the pictures show. Look for it before you believe it.",
        steps: &[
            LOAD,
            RUN,
            Step {
                words: "See what brightness, contrast and file size alone would tell. Digits are darker than clothing, so that part of \
                        the score may be that.",
                button: "Show the explanations",
                actions: |session| {
                    let center = session.settings.panels.center;
                    vec![show(session, center, Some(ResultsPage::Explanations))]
                },
                is_done: |session| {
                    session.settings.panels.results == ResultsPage::Explanations
                        && session.shown.confounds().is_some()
                },
            },
            Step {
                words: "See how the images lie to each other. Points of one color far from all others are what is easy; strangers \
                        among the in-domain points are what counts.",
                button: "Show the map",
                actions: |_| vec![Action::Do(UiCommand::ShowMap)],
                is_done: |session| {
                    session.settings.panels.center == Center::Map
                        && session.shown.similar().is_some()
                },
            },
            Step {
                words: "See whether images are in it twice, which makes figures look better founded than they are.",
                button: "Show near duplicates",
                actions: |_| vec![Action::Do(UiCommand::ShowDuplicates)],
                is_done: |session| {
                    let duplicates = super::arrangement::Alike::Duplicates;
                    session.shown.gallery.alike() == Some(&duplicates)
                },
            },
        ],
    },
];

impl Session {
    /// Open the guide, or close it; who opens it has seen the hints.
    pub(super) fn toggle_guide(&mut self) {
        self.settings.shows_hints = false;
        self.looking.guide = match self.looking.guide {
            Some(_) => None,
            None => Some(Guide::default()),
        };
    }

    /// Whether to show what a first start says.
    pub fn shows_hints(&self) -> bool {
        self.settings.shows_hints && self.looking.guide.is_none() && self.looking.overlay.is_none()
    }
}

/// Whether words of the guide have all of `text`, in any case and order.
pub fn has_words(words: &[&str], text: &str) -> bool {
    let words = words.join(" ").to_lowercase();
    let mut needles = text.split_whitespace().map(str::to_lowercase);
    needles.all(|needle| words.contains(&needle))
}
