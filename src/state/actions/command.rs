//! What can be asked for by nothing but its name: the names in one list, their words, keys and places in the palette in a
//! file for each part of the window.

mod files;
mod gallery;
mod looking;
mod marks;
mod running;
mod setup;
mod training;
mod window;

use super::Info;

/// When the palette offers a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// At any time.
    Always,
    /// While the worker is not busy with a run.
    Idle,
    /// Where the chosen detector can be fitted.
    CanFit,
    /// While it is fitted.
    Fitting,
    /// Where it has a fit.
    Fitted,
    /// While a run is under way and not held.
    Running,
    /// While a run is held.
    Paused,
    /// While a run is under way or held, and was not cancelled.
    RunningOrPaused,
    /// Where attempts of the run are missing that could be made.
    Unfinished,
    /// Where a run is shown.
    HasRun,
    /// Where the run was read from a file.
    Opened,
    /// Where there is something to take back.
    Undoable,
    /// Where something was taken back.
    Redoable,
}

/// Declares [`UiCommand`], the list of all of them and what is known of each: none can be listed and have no words, or
/// have keys and not be listed.
macro_rules! ui_commands {
    ($($(#[doc = $doc:literal])+ $name:ident => $info:expr,)+) => {
        /// Something a user can ask for that needs no more than its name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum UiCommand {
            $($(#[doc = $doc])+ $name,)+
        }

        impl UiCommand {
            /// All of them, in the order in which they are listed.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// Its words and keys.
            pub fn info(self) -> &'static Info {
                match self {
                    $(Self::$name => {
                        static INFO: Info = $info;
                        &INFO
                    })+
                }
            }
        }
    };
}

ui_commands! {
    /// Score the images.
    Run => running::RUN,
    /// Hold the run.
    Pause => running::PAUSE,
    /// Continue a held run.
    Resume => running::RESUME,
    /// End the run; its results are kept.
    Cancel => running::CANCEL,
    /// Look at the next image of the gallery.
    NextImage => gallery::NEXT_IMAGE,
    /// Look at the previous image of the gallery.
    PreviousImage => gallery::PREVIOUS_IMAGE,
    /// Show the next step of the presentation.
    NextStep => looking::NEXT_STEP,
    /// Show the step of the presentation before.
    PreviousStep => looking::PREVIOUS_STEP,
    /// Close what is open, then what is chosen: scores, marks, the newest message. The image that is looked at stays.
    Close => window::CLOSE,
    /// Choose a model folder in a dialog.
    BrowseModel => setup::BROWSE_MODEL,
    /// Open what is known of the model, or close it.
    ToggleModel => setup::TOGGLE_MODEL,
    /// Open the page for new models, or close it.
    ToggleTrain => training::TOGGLE_TRAIN,
    /// Choose a folder of images to learn from in a dialog.
    BrowseTrain => training::BROWSE_TRAIN,
    /// Train the model that the form describes.
    StartTraining => training::START_TRAINING,
    /// Train on where a training was stopped before its end.
    ContinueTraining => training::CONTINUE_TRAINING,
    /// Hold the training.
    PauseTraining => training::PAUSE_TRAINING,
    /// Continue a held training.
    ResumeTraining => training::RESUME_TRAINING,
    /// End the training; what was learnt becomes a model.
    StopTraining => training::STOP_TRAINING,
    /// Open the model that was made, with the images that it has never seen.
    UseTrained => training::USE_TRAINED,
    /// Back to the form.
    TrainAnother => training::TRAIN_ANOTHER,
    /// Choose a mask image in a dialog.
    BrowseMask => setup::BROWSE_MASK,
    /// Choose a file with weights of a distance in a dialog.
    BrowseWeights => setup::BROWSE_WEIGHTS,
    /// Choose a file with a network that features come from in a dialog.
    BrowseNetwork => setup::BROWSE_NETWORK,
    /// Take the last change back.
    Undo => window::UNDO,
    /// Make the change again that was taken back last.
    Redo => window::REDO,
    /// Back to the default threshold.
    ResetThreshold => window::RESET_THRESHOLD,
    /// Choose a detector file in a dialog.
    BrowseDetector => setup::BROWSE_DETECTOR,
    /// Fit the chosen detector on in-domain images.
    FitDetector => setup::FIT_DETECTOR,
    /// The same where it has a fit, which is replaced.
    FitAgain => setup::FIT_AGAIN,
    /// End the fit of the detector; what was there before stays.
    CancelFit => setup::CANCEL_FIT,
    /// Choose where to save the fit in a dialog.
    BrowseSaveFit => files::BROWSE_SAVE_FIT,
    /// Choose where to write the open model as a diffusers folder in a dialog.
    BrowseConvert => files::BROWSE_CONVERT,
    /// Take the folders out of the list whose images need no verdict.
    OnlyUnknown => setup::ONLY_UNKNOWN,
    /// Choose where to save the detector in a dialog.
    BrowseSaveDetector => files::BROWSE_SAVE_DETECTOR,
    /// Choose a folder for the plots in a dialog.
    BrowsePlots => files::BROWSE_PLOTS,
    /// Remove all notices.
    DismissAllNotices => window::DISMISS_ALL_NOTICES,
    /// The whole picture.
    Fit => looking::FIT,
    /// One screen pixel per picture pixel.
    ActualSize => looking::ACTUAL_SIZE,
    /// Look at the attempt after the one that is looked at.
    NextAttempt => looking::NEXT_ATTEMPT,
    /// Look at the attempt before it.
    PreviousAttempt => looking::PREVIOUS_ATTEMPT,
    /// Look at the image below in the gallery.
    RowDown => gallery::ROW_DOWN,
    /// Look at the image above in the gallery.
    RowUp => gallery::ROW_UP,
    /// Move one screen down in the gallery.
    ScreenDown => gallery::SCREEN_DOWN,
    /// Move one screen up in the gallery.
    ScreenUp => gallery::SCREEN_UP,
    /// Look at the first image of the gallery.
    FirstImage => gallery::FIRST_IMAGE,
    /// Look at the last image of the gallery.
    LastImage => gallery::LAST_IMAGE,
    /// Type a text to find images by.
    FocusFind => gallery::FOCUS_FIND,
    /// Give the focus to the next part of the window.
    NextPanel => window::NEXT_PANEL,
    /// Give the focus to the part of the window before.
    PreviousPanel => window::PREVIOUS_PANEL,
    /// Take all filters of the gallery away.
    ShowAll => gallery::SHOW_ALL,
    /// Make the attempt that is looked at again, with every step kept.
    StartScrub => looking::START_SCRUB,
    /// Mark all images that are shown.
    MarkAll => gallery::MARK_ALL,
    /// Mark no image.
    MarkNone => gallery::MARK_NONE,
    /// Say that the image was reviewed, or that it was not.
    ToggleReviewed => marks::TOGGLE_REVIEWED,
    /// Say that it was, and look at the next one.
    ReviewedAndNext => marks::REVIEWED_AND_NEXT,
    /// Type a tag for the image.
    FocusTag => marks::FOCUS_TAG,
    /// Add the tag once more that was added last.
    TagAgain => marks::TAG_AGAIN,
    /// Write a note about the image.
    FocusNote => marks::FOCUS_NOTE,
    /// The image is in-domain after all, or take that back.
    CorrectToIn => marks::CORRECT_TO_IN,
    /// The image is out-of-domain after all, or take that back.
    CorrectToOut => marks::CORRECT_TO_OUT,
    /// Choose a folder for the marked images in a dialog.
    BrowseExport => files::BROWSE_EXPORT,
    /// Copy the picture under the pointer, else the original.
    Copy => looking::COPY,
    /// Score the picture in the clipboard.
    Paste => looking::PASTE,
    /// Score the first picture that was dropped on the window.
    TryDropped => looking::TRY_DROPPED,
    /// Everything larger.
    ZoomIn => window::ZOOM_IN,
    /// Everything smaller.
    ZoomOut => window::ZOOM_OUT,
    /// Everything at its normal size.
    ZoomReset => window::ZOOM_RESET,
    /// Open the palette, or close it.
    TogglePalette => window::TOGGLE_PALETTE,
    /// Open the sheet of keys, or close it.
    ToggleShortcuts => window::TOGGLE_SHORTCUTS,
    /// Open the presentation, or close it.
    TogglePresentation => looking::TOGGLE_PRESENTATION,
    /// Open the explanation in three pictures, or close it.
    ToggleExplain => looking::TOGGLE_EXPLAIN,
    /// Open the picture to paint on, or close it.
    ToggleTry => looking::TOGGLE_TRY,
    /// Open the list of past messages, or close it.
    ToggleMessages => window::TOGGLE_MESSAGES,
    /// Open the guide, or close it.
    ToggleGuide => window::TOGGLE_GUIDE,
    /// Show what a first start says no more.
    DismissHints => window::DISMISS_HINTS,
    /// Open what the program is and what it finds on this machine, or close it.
    ToggleAbout => window::TOGGLE_ABOUT,
    /// Open the list of recent runs, or close it.
    ToggleRecent => files::TOGGLE_RECENT,
    /// Choose a run file in a dialog.
    BrowseOpen => files::BROWSE_OPEN,
    /// Choose where to save a copy of the run in a dialog.
    BrowseSaveAs => files::BROWSE_SAVE_AS,
    /// Type another name for the run that is shown.
    Rename => files::RENAME,
    /// Open the table of finished runs, or close it.
    ToggleCompare => files::TOGGLE_COMPARE,
    /// Open the comparison of detectors, or close it.
    ToggleDetectors => running::TOGGLE_DETECTORS,
    /// Score the images by all detectors that are chosen.
    CompareDetectors => running::COMPARE_DETECTORS,
    /// End the comparison of detectors.
    StopComparison => running::STOP_COMPARISON,
    /// Fold the setup of the next run away, or show it.
    ToggleSetup => window::TOGGLE_SETUP,
    /// Pictures of one image above the gallery.
    ShowOverview => window::SHOW_OVERVIEW,
    /// Pictures of one image, large.
    ShowInspect => window::SHOW_INSPECT,
    /// All images.
    ShowGallery => window::SHOW_GALLERY,
    /// The images to be judged, in a table.
    ShowVerdicts => window::SHOW_VERDICTS,
    /// Where like lies near like.
    ShowMap => gallery::SHOW_MAP,
    /// Images most like the one that is looked at, or all again.
    MoreLikeThis => gallery::MORE_LIKE_THIS,
    /// Pairs of images that are nearly the same.
    ShowDuplicates => gallery::SHOW_DUPLICATES,
    /// Do not compare the images of the run with each other.
    StopComparing => gallery::STOP_COMPARING,
    /// Leave the denoising that is watched.
    BackToResult => looking::BACK_TO_RESULT,
    /// Look at the newest result while the run goes.
    Follow => running::FOLLOW,
    /// Remove all recent runs; asks first.
    Clear => files::CLEAR,
    /// Make the attempts that are missing of the run that is shown; what it reads is asked about first where it came
    /// from a file.
    GoOn => running::GO_ON,
    /// Use the model, folders and settings of the run that was opened; what that reads is asked about first.
    UseAgain => files::USE_AGAIN,
    /// Put the run that was opened away.
    CloseRun => files::CLOSE_RUN,
    /// Do what was asked about.
    Confirm => window::CONFIRM,
    /// Do not.
    Decline => window::DECLINE,
    /// Write again what could not be written.
    TryAgain => running::TRY_AGAIN,
    /// Let the run continue without its file.
    GoOnUnsaved => running::GO_ON_UNSAVED,
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::super::{Key, Shortcut};
    use super::*;

    #[test]
    fn no_two_commands_share_a_key() {
        let shortcuts = UiCommand::ALL.iter().flat_map(|c| c.info().shortcuts);
        let mut seen = HashSet::new();
        for shortcut in shortcuts {
            assert!(seen.insert(*shortcut), "{} twice", shortcut.label());
        }
        assert!(seen.contains(&Shortcut::plain(Key::F5)), "{seen:?}");
    }

    #[test]
    fn what_the_palette_offers_has_words_and_an_explanation() {
        for info in UiCommand::ALL.iter().map(|command| command.info()) {
            let Some((_, words)) = info.palette else {
                continue;
            };
            assert!(!words.is_empty() && !info.text.is_empty(), "{info:?}");
            assert!(info.explanation.len() > words.len() / 2, "{info:?}");
        }
    }
}
