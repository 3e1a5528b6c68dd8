//! The parts of the window. Each draws from the session and pushes actions; none changes the session itself.

pub mod advanced;
pub mod attempts;
pub mod brush;
mod calls;
pub mod confounds;
pub mod decision;
pub mod detector;
pub mod drop;
pub mod export;
pub mod features;
pub mod figures;
pub mod fit;
pub mod folders;
pub mod gallery;
pub mod guide;
pub mod headline;
pub mod histogram;
pub mod inspector;
pub mod map;
pub mod mask;
pub mod method;
pub mod model;
pub mod notices;
pub mod overlays;
pub mod pointed;
pub mod progress;
pub mod proposal;
pub mod results;
pub mod roc;
pub mod runs;
pub mod threshold;
pub mod top_bar;
pub mod train;
pub mod verdicts;
pub mod weights;

use std::path::PathBuf;
use std::sync::Arc;

use super::focus::Focus;
use super::textures::Textures;
use crate::detectors::DetectorSpec;
use crate::detectors::lmd::Lmd;
use crate::ood::PerRole;
use crate::runs::{RunImage, RunSettings};
use crate::state::shown::verdicts::VerdictRows;
use crate::state::{Action, LookAction, Part, Session, Shown, UiCommand};
use crate::worker::protocol::{Architecture, JobId};

/// What the panels share for one frame.
pub struct Scene<'a> {
    /// What to show.
    pub session: &'a Session,
    pub textures: &'a mut Textures,
    /// Text that is being typed.
    pub drafts: &'a mut Drafts,
    /// What the user asked for in this frame.
    pub actions: &'a mut Vec<Action>,
}

/// What is typed into the form for what a model does not say.
#[derive(Debug)]
pub struct ModelSettingsDraft {
    /// The published model that was begun from last.
    pub from: &'static Architecture,
    pub json: String,
}

/// Text that is being typed and not yet used, and other marks of the moment.
#[derive(Debug, Default)]
pub struct Drafts {
    /// The path of a model.
    pub model: String,
    /// Settings that a model does not say; `None` while nobody says them.
    pub model_settings: Option<ModelSettingsDraft>,
    /// Paths of the form for new models.
    pub train: TrainDrafts,
    /// Paths of folders.
    pub folders: PerRole<String>,
    /// Detectors that were chosen before, with the settings that they were left with.
    pub specs: Vec<DetectorSpec>,
    /// The path of a mask image.
    pub mask: String,
    /// The path of weights of a distance.
    pub weights: String,
    /// The path of a network for features.
    pub network: String,
    /// Columns and rows of the gallery that were drawn last.
    pub gallery_shape: (usize, usize),
    /// A picture to be copied, see [`crate::state::LookAction::Copy`]: `None` is the one under the pointer, else the original.
    pub copy: Option<Option<Part>>,
    /// The folder for the plots.
    pub plots: String,
    /// The folder to export to.
    pub export: String,
    /// The folder to write the run to, in a format.
    pub written: String,
    /// The field that should get the focus.
    pub wish: Option<TextWish>,
    /// The tag that is being typed.
    pub tag: String,
    /// The text typed into the command palette and the line chosen in it.
    pub palette: (String, usize),
    /// When the last step of a denoising was shown, in seconds of the window's clock.
    pub scrubbed_at_secs: f64,
    /// How the files of the folders differ, and of which images that is known.
    pub compared: Option<(Arc<[RunImage]>, Vec<String>)>,
    /// The parts of the window are shown one at a time.
    pub is_narrow: bool,
    /// The part of a narrow window that is shown.
    pub page: Page,
    /// The path of a run file.
    pub run: String,
    /// The path for a fit.
    pub fit: String,
    /// The path for a converted model.
    pub converted: String,
    /// Paths of detector files, to open and to save.
    pub detectors: [String; 2],
    /// The gallery should bring the shown image into view.
    pub reveal_shown: bool,
    /// What is about the run that is shown.
    pub shown: ShownDrafts,
    /// Places of folders that were just removed.
    pub removed: Vec<folders::RemovedRow>,
    /// Which part of the window has the focus.
    pub focus: Focus,
    /// The model problem whose path was put into the field.
    pub told_model: Option<JobId>,
}

/// Paths of the form for new models that are being typed.
#[derive(Debug, Default)]
pub struct TrainDrafts {
    /// The folder to learn from.
    pub folder: String,
    /// The model folder.
    pub output: String,
    /// The model folder that the text stands for.
    pub shown_output: Option<PathBuf>,
}

impl Drafts {
    /// Whether this field should get the focus, which is asked for once.
    pub fn takes_wish(&mut self, wish: TextWish) -> bool {
        self.wish.take_if(|known| *known == wish).is_some()
    }

    /// Take from an action what it means to what is drawn, before the session performs it.
    pub fn note(&mut self, action: &Action) {
        match action {
            Action::Do(
                UiCommand::NextImage
                | UiCommand::PreviousImage
                | UiCommand::RowDown
                | UiCommand::RowUp
                | UiCommand::ScreenDown
                | UiCommand::ScreenUp
                | UiCommand::FirstImage
                | UiCommand::LastImage,
            ) => self.reveal_shown = true,
            Action::Do(UiCommand::FocusFind) => self.wish = Some(TextWish::Find),
            Action::Do(command @ (UiCommand::FocusTag | UiCommand::FocusNote)) => {
                self.page = Page::Inspect;
                self.wish = Some(match command {
                    UiCommand::FocusTag => TextWish::Tag,
                    _ => TextWish::Note,
                });
            }
            Action::Do(UiCommand::NextPanel) => self.focus.step = 1,
            Action::Do(UiCommand::PreviousPanel) => self.focus.step = -1,
            Action::Do(UiCommand::ToggleSetup) => self.page = Page::Setup,
            Action::Do(UiCommand::ShowOverview | UiCommand::ShowInspect) => {
                self.page = Page::Inspect;
            }
            Action::Do(UiCommand::ShowGallery) => self.page = Page::Gallery,
            Action::Do(UiCommand::ShowVerdicts) => self.page = Page::Verdicts,
            Action::Do(UiCommand::ShowMap | UiCommand::ShowDuplicates) => self.page = Page::Map,
            Action::Do(UiCommand::MoreLikeThis) if self.page != Page::Map => {
                self.page = Page::Gallery;
            }
            Action::Do(UiCommand::Copy) => self.copy = Some(None),
            Action::Look(LookAction::Copy(part)) => self.copy = Some(Some(*part)),
            _ => {}
        }
    }
}

/// A field that a command puts the text cursor into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TextWish {
    /// To find images by.
    Find,
    /// For a tag of the image.
    Tag,
    /// For the note about it.
    Note,
}

/// Marks of the moment on the run that is shown: its pictures, scores and places in the gallery. They go with it.
#[derive(Debug, Default)]
pub struct ShownDrafts {
    /// Whose they are.
    of: Option<JobId>,
    /// The pixel of the inspector's pictures under the pointer, x and y.
    pub pointed: Option<[usize; 2]>,
    /// Which of these pictures is under the pointer.
    pub pointed_part: Option<Part>,
    /// The picture that is painted on.
    pub canvas: Option<overlays::trial::Canvas>,
    /// The point on the ROC curve while it is dragged and has moved.
    pub roc_drag: Option<egui::Id>,
    /// The image of the gallery that was under the pointer, or had the focus, in the last frame: the plots mark it.
    pub hovered: Option<usize>,
    /// The same in this frame.
    pub hovering: Option<usize>,
    /// The line that is being drawn around points of the map.
    pub lasso: Vec<egui::Pos2>,
    /// The score at which a range was begun that is being dragged out in the histogram.
    pub brushed_from: Option<f64>,
    /// The pointer is over the notices.
    pub reads_notices: bool,
    /// The name that is being typed for the run; `None` while its field is closed.
    pub name: Option<String>,
    /// The rows of the table of verdicts.
    pub verdicts: VerdictRows,
}

impl ShownDrafts {
    /// Forget everything where another run is shown by now; call before drawing.
    pub fn follow(&mut self, shown: &Shown) {
        if self.of != shown.first_job() {
            *self = Self {
                of: shown.first_job(),
                ..Self::default()
            };
        }
    }
}

/// A part of the window, where there is no room for all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Page {
    /// Model, folders and method.
    Setup,
    /// One image and its attempts.
    #[default]
    Inspect,
    /// All images.
    Gallery,
    /// The images to be judged.
    Verdicts,
    /// Where like lies near like.
    Map,
    /// Histogram, curve and figures.
    Results,
}

impl Page {
    /// All pages, in the order in which they are shown.
    pub const ALL: [Self; 6] = [
        Self::Setup,
        Self::Inspect,
        Self::Gallery,
        Self::Verdicts,
        Self::Map,
        Self::Results,
    ];

    /// The name for people.
    pub fn label(self) -> &'static str {
        match self {
            Self::Setup => "Setup",
            Self::Inspect => "Inspect",
            Self::Gallery => "Gallery",
            Self::Verdicts => "Verdicts",
            Self::Map => "Map",
            Self::Results => "Results",
        }
    }
}

impl Scene<'_> {
    /// Let `edit` change a copy of the run's settings, and ask for the change if there was one.
    pub fn edit_run(&mut self, edit: impl FnOnce(&mut RunSettings, &mut Self)) {
        let mut settings = self.session.settings.run.clone();
        edit(&mut settings, self);
        if settings != self.session.settings.run {
            self.actions.push(Action::SetRun(Box::new(settings)));
        }
    }

    /// The same with the settings of LMD; nothing where that is not the detector.
    pub fn edit_lmd(&mut self, edit: impl FnOnce(&mut Lmd, &mut Self)) {
        self.edit_run(|settings, scene| {
            if let Some(lmd) = settings.method.detector.lmd_mut() {
                edit(lmd, scene);
            }
        });
    }
}
