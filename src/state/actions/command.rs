//! What can be asked for by nothing but its name: one table of names, words, keys and places in the palette.

use std::borrow::Cow::Borrowed;

use super::{Info, Key, Shortcut};

/// When the palette offers a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// At any time.
    Always,
    /// While the worker is not busy with a run.
    Idle,
    /// While a run is under way and not held.
    Running,
    /// While a run is held.
    Paused,
    /// While a run is under way or held, and was not cancelled.
    RunningOrPaused,
    /// Where attempts of the run are missing that could be made.
    Unfinished,
    /// Where the run was read from a file.
    Opened,
    /// Where there is something to take back.
    Undoable,
    /// Where something was taken back.
    Redoable,
}

const fn plain(key: Key) -> Shortcut {
    Shortcut::plain(key)
}

const fn ctrl(key: Key) -> Shortcut {
    Shortcut::ctrl(key)
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
    Run => Info {
        text: Borrowed("Run"),
        explanation: Borrowed("Hide parts of every image, let the model paint them again and measure how much changed"),
        shortcuts: &[plain(Key::F5), ctrl(Key::R)],
        palette: Some((When::Idle, "Start the run")),
    },
    /// Hold the run.
    Pause => Info {
        text: Borrowed("Pause"),
        explanation: Borrowed("Hold the run where it is, the computer is free meanwhile"),
        shortcuts: &[],
        palette: Some((When::Running, "Pause the run")),
    },
    /// Continue a held run.
    Resume => Info {
        text: Borrowed("Resume"),
        explanation: Borrowed("Continue the run where it was held"),
        shortcuts: &[],
        palette: Some((When::Paused, "Resume the run")),
    },
    /// End the run; its results are kept.
    Cancel => Info {
        text: Borrowed("Cancel"),
        explanation: Borrowed("End the run, the results so far stay"),
        shortcuts: &[],
        palette: Some((When::RunningOrPaused, "Cancel the run")),
    },
    /// Look at the next image of the gallery.
    NextImage => Info {
        text: Borrowed("Next"),
        explanation: Borrowed("Look at the next image"),
        shortcuts: &[plain(Key::ArrowRight)],
        palette: Some((When::Always, "Next image")),
    },
    /// Look at the previous image of the gallery.
    PreviousImage => Info {
        text: Borrowed("Previous"),
        explanation: Borrowed("Look at the image before"),
        shortcuts: &[plain(Key::ArrowLeft)],
        palette: Some((When::Always, "Previous image")),
    },
    /// Show the next step of the presentation.
    NextStep => Info {
        text: Borrowed("Next"),
        explanation: Borrowed("Show the next step (Right)"),
        shortcuts: &[],
        palette: None,
    },
    /// Show the step of the presentation before.
    PreviousStep => Info {
        text: Borrowed("Back"),
        explanation: Borrowed("Show the step before (Left)"),
        shortcuts: &[],
        palette: None,
    },
    /// Close what is open, then what is chosen: scores, marks, the newest message. The image that is looked at stays.
    Close => Info {
        text: Borrowed("Close"),
        explanation: Borrowed("Close what is open, then take the choice of scores and the marks away"),
        shortcuts: &[plain(Key::Escape)],
        palette: None,
    },
    /// Choose a model folder in a dialog.
    BrowseModel => Info {
        text: Borrowed("Browse…"),
        explanation: Borrowed("Choose the folder of a diffusion model"),
        shortcuts: &[ctrl(Key::O)],
        palette: Some((When::Always, "Open a model…")),
    },
    /// Open the page for new models, or close it.
    ToggleTrain => Info {
        text: Borrowed("New model…"),
        explanation: Borrowed("Train a model of your own images, while the rest of the window stays usable"),
        shortcuts: &[],
        palette: Some((When::Always, "Train a new model…")),
    },
    /// Choose a folder of images to learn from in a dialog.
    BrowseTrain => Info {
        text: Borrowed("Browse…"),
        explanation: Borrowed("Choose a folder of images that the model should learn"),
        shortcuts: &[],
        palette: None,
    },
    /// Train the model that the form describes.
    StartTraining => Info {
        text: Borrowed("Start training"),
        explanation: Borrowed("Train the model, on the processor and beside everything else"),
        shortcuts: &[],
        palette: None,
    },
    /// Train on where a training was stopped before its end.
    ContinueTraining => Info {
        text: Borrowed("Continue it"),
        explanation: Borrowed("Train on from the last checkpoint of that training, with its own settings"),
        shortcuts: &[],
        palette: None,
    },
    /// Hold the training.
    PauseTraining => Info {
        text: Borrowed("Pause training"),
        explanation: Borrowed("Hold the training where it is, the computer is free meanwhile"),
        shortcuts: &[],
        palette: None,
    },
    /// Continue a held training.
    ResumeTraining => Info {
        text: Borrowed("Resume training"),
        explanation: Borrowed("Continue the training where it was held"),
        shortcuts: &[],
        palette: None,
    },
    /// End the training; what was learnt becomes a model.
    StopTraining => Info {
        text: Borrowed("Stop and keep"),
        explanation: Borrowed("End the training now and make a model of what was learnt so far"),
        shortcuts: &[],
        palette: None,
    },
    /// Open the model that was made, with the images that it has never seen.
    UseTrained => Info {
        text: Borrowed("Use this model"),
        explanation: Borrowed("Open the model, with the images that its training left alone as in-domain ones"),
        shortcuts: &[],
        palette: None,
    },
    /// Back to the form.
    TrainAnother => Info {
        text: Borrowed("Train another"),
        explanation: Borrowed("Put this training away and fill the form in for another one"),
        shortcuts: &[],
        palette: None,
    },
    /// Choose a mask image in a dialog.
    BrowseMask => Info {
        text: Borrowed("Browse…"),
        explanation: Borrowed("Choose a picture as the mask, white stays and black is painted again"),
        shortcuts: &[],
        palette: None,
    },
    /// Take the last change back.
    Undo => Info {
        text: Borrowed("Undo"),
        explanation: Borrowed("Take the last change back: of threshold, folders, choice of images, marks or settings"),
        shortcuts: &[ctrl(Key::Z)],
        palette: Some((When::Undoable, "Undo")),
    },
    /// Make the change again that was taken back last.
    Redo => Info {
        text: Borrowed("Redo"),
        explanation: Borrowed("Make the change again that was taken back last"),
        shortcuts: &[Shortcut::shifted(Key::Z), ctrl(Key::Y)],
        palette: Some((When::Redoable, "Redo")),
    },
    /// Back to the default threshold.
    ResetThreshold => Info {
        text: Borrowed("Reset"),
        explanation: Borrowed("Back to the threshold from in-domain images alone with 5 % false alarms"),
        shortcuts: &[],
        palette: Some((When::Always, "Reset the threshold")),
    },
    /// Choose a detector file in a dialog.
    BrowseDetector => Info {
        text: Borrowed("Browse…"),
        explanation: Borrowed("Choose a detector file"),
        shortcuts: &[],
        palette: None,
    },
    /// Take the folders out of the list whose images need no verdict.
    OnlyUnknown => Info {
        text: Borrowed("Only score unknown images"),
        explanation: Borrowed("Take the in-domain and out-of-domain folders out of the list: the detector file has its own in-domain scores"),
        shortcuts: &[],
        palette: Some((When::Idle, "Only score unknown images")),
    },
    /// Choose where to save the detector in a dialog.
    BrowseSaveDetector => Info {
        text: Borrowed("Save…"),
        explanation: Borrowed(
            "Write threshold, model, settings and in-domain scores to a file, which `lmd classify` and this window \
             use on new images",
        ),
        shortcuts: &[],
        palette: None,
    },
    /// Choose a folder for the plots in a dialog.
    BrowsePlots => Info {
        text: Borrowed("Save plots…"),
        explanation: Borrowed("Write histogram, ROC curve and AUROC by attempts as PNG and SVG"),
        shortcuts: &[],
        palette: Some((When::Always, "Save plots…")),
    },
    /// Remove all notices.
    DismissAllNotices => Info {
        text: Borrowed("Dismiss all"),
        explanation: Borrowed("Remove all messages"),
        shortcuts: &[],
        palette: Some((When::Always, "Dismiss all messages")),
    },
    /// The whole picture.
    Fit => Info {
        text: Borrowed("Fit"),
        explanation: Borrowed("Show the whole picture"),
        shortcuts: &[plain(Key::F)],
        palette: Some((When::Always, "Fit")),
    },
    /// One screen pixel per picture pixel.
    ActualSize => Info {
        text: Borrowed("Actual size"),
        explanation: Borrowed("Show each pixel of the picture as one pixel of the screen"),
        shortcuts: &[plain(Key::Num1), plain(Key::Num0)],
        palette: Some((When::Always, "Actual size")),
    },
    /// Look at the attempt after the one that is looked at.
    NextAttempt => Info {
        text: Borrowed("Next attempt"),
        explanation: Borrowed("Look at the next attempt"),
        shortcuts: &[plain(Key::Period)],
        palette: Some((When::Always, "Next attempt")),
    },
    /// Look at the attempt before it.
    PreviousAttempt => Info {
        text: Borrowed("Previous attempt"),
        explanation: Borrowed("Look at the attempt before"),
        shortcuts: &[plain(Key::Comma)],
        palette: Some((When::Always, "Previous attempt")),
    },
    /// Look at the image below in the gallery.
    RowDown => Info {
        text: Borrowed("Row down"),
        explanation: Borrowed("Look at the image below in the gallery"),
        shortcuts: &[plain(Key::ArrowDown)],
        palette: Some((When::Always, "Row down")),
    },
    /// Look at the image above in the gallery.
    RowUp => Info {
        text: Borrowed("Row up"),
        explanation: Borrowed("Look at the image above in the gallery"),
        shortcuts: &[plain(Key::ArrowUp)],
        palette: Some((When::Always, "Row up")),
    },
    /// Move one screen down in the gallery.
    ScreenDown => Info {
        text: Borrowed("Screen down"),
        explanation: Borrowed("Go one screen down in the gallery"),
        shortcuts: &[plain(Key::PageDown)],
        palette: Some((When::Always, "Screen down")),
    },
    /// Move one screen up in the gallery.
    ScreenUp => Info {
        text: Borrowed("Screen up"),
        explanation: Borrowed("Go one screen up in the gallery"),
        shortcuts: &[plain(Key::PageUp)],
        palette: Some((When::Always, "Screen up")),
    },
    /// Look at the first image of the gallery.
    FirstImage => Info {
        text: Borrowed("First image"),
        explanation: Borrowed("Look at the first image of the gallery"),
        shortcuts: &[plain(Key::Home)],
        palette: Some((When::Always, "First image")),
    },
    /// Look at the last image of the gallery.
    LastImage => Info {
        text: Borrowed("Last image"),
        explanation: Borrowed("Look at the last image of the gallery"),
        shortcuts: &[plain(Key::End)],
        palette: Some((When::Always, "Last image")),
    },
    /// Type a text to find images by.
    FocusFind => Info {
        text: Borrowed("Find images"),
        explanation: Borrowed("Show only images whose path has a text"),
        shortcuts: &[ctrl(Key::F)],
        palette: Some((When::Always, "Find images")),
    },
    /// Give the focus to the next part of the window.
    NextPanel => Info {
        text: Borrowed("Next panel"),
        explanation: Borrowed("Go to the next part of the window by keyboard"),
        shortcuts: &[plain(Key::F6)],
        palette: Some((When::Always, "Next panel")),
    },
    /// Give the focus to the part of the window before.
    PreviousPanel => Info {
        text: Borrowed("Previous panel"),
        explanation: Borrowed("Go to the part of the window before by keyboard"),
        shortcuts: &[Shortcut::shift(Key::F6)],
        palette: Some((When::Always, "Previous panel")),
    },
    /// Take all filters of the gallery away.
    ShowAll => Info {
        text: Borrowed("Show all"),
        explanation: Borrowed("Take all filters away, by role, verdict, text and score"),
        shortcuts: &[],
        palette: Some((When::Always, "Show all images")),
    },
    /// Make the attempt that is looked at again, with every step kept.
    StartScrub => Info {
        text: Borrowed("Watch it denoise"),
        explanation: Borrowed("Make this attempt again from its seed and see it come out of the noise"),
        shortcuts: &[plain(Key::W)],
        palette: Some((When::Always, "Watch it denoise")),
    },
    /// Mark all images that are shown.
    MarkAll => Info {
        text: Borrowed("Mark all"),
        explanation: Borrowed("Mark all images that are shown"),
        shortcuts: &[ctrl(Key::A)],
        palette: Some((When::Always, "Mark all")),
    },
    /// Mark no image.
    MarkNone => Info {
        text: Borrowed("Mark none"),
        explanation: Borrowed("Mark no image"),
        shortcuts: &[],
        palette: None,
    },
    /// Choose a folder for the marked images in a dialog.
    BrowseExport => Info {
        text: Borrowed("Browse…"),
        explanation: Borrowed("Choose a folder and write the marked images, with a table, into it"),
        shortcuts: &[ctrl(Key::E)],
        palette: Some((When::Always, "Export marked images…")),
    },
    /// Copy the picture under the pointer, else the original.
    Copy => Info {
        text: Borrowed("Copy picture"),
        explanation: Borrowed("Put the picture under the pointer, else the original, into the clipboard"),
        shortcuts: &[ctrl(Key::C)],
        palette: Some((When::Always, "Copy picture")),
    },
    /// Score the picture in the clipboard.
    Paste => Info {
        text: Borrowed("Paste"),
        explanation: Borrowed(
            "Score the picture in the clipboard, or the file whose path is there; it joins no figure",
        ),
        shortcuts: &[ctrl(Key::V)],
        palette: Some((When::Always, "Try the pasted picture")),
    },
    /// Score the first picture that was dropped on the window.
    TryDropped => Info {
        text: Borrowed("Try it"),
        explanation: Borrowed("Score this one picture now, it joins no figure"),
        shortcuts: &[],
        palette: None,
    },
    /// Everything larger.
    ZoomIn => Info {
        text: Borrowed("Larger"),
        explanation: Borrowed("Show everything larger, up to 300 %"),
        shortcuts: &[ctrl(Key::Plus), ctrl(Key::Equals)],
        palette: Some((When::Always, "Larger")),
    },
    /// Everything smaller.
    ZoomOut => Info {
        text: Borrowed("Smaller"),
        explanation: Borrowed("Show everything smaller, down to 100 %"),
        shortcuts: &[ctrl(Key::Minus)],
        palette: Some((When::Always, "Smaller")),
    },
    /// Everything at its normal size.
    ZoomReset => Info {
        text: Borrowed("Normal size"),
        explanation: Borrowed("Show everything at its normal size"),
        shortcuts: &[ctrl(Key::Num0)],
        palette: Some((When::Always, "Normal size")),
    },
    /// Open the palette, or close it.
    TogglePalette => Info {
        text: Borrowed("All commands"),
        explanation: Borrowed("Find any command by typing"),
        shortcuts: &[ctrl(Key::P)],
        palette: Some((When::Always, "All commands")),
    },
    /// Open the sheet of keys, or close it.
    ToggleShortcuts => Info {
        text: Borrowed("Keys"),
        explanation: Borrowed("Show all keys"),
        shortcuts: &[plain(Key::Questionmark)],
        palette: Some((When::Always, "Keys")),
    },
    /// Open the presentation, or close it.
    TogglePresentation => Info {
        text: Borrowed("Presentation"),
        explanation: Borrowed("Show an audience this image step by step, with large type: the arrow keys go on"),
        shortcuts: &[plain(Key::F11)],
        palette: Some((When::Always, "Presentation")),
    },
    /// Open the explanation in three pictures, or close it.
    ToggleExplain => Info {
        text: Borrowed("Explain this image"),
        explanation: Borrowed("Show in four pictures and a few words how this image came by its score"),
        shortcuts: &[plain(Key::E)],
        palette: Some((When::Always, "Explain this image")),
    },
    /// Open the picture to paint on, or close it.
    ToggleTry => Info {
        text: Borrowed("Paint and try…"),
        explanation: Borrowed("Paint on this image, or drop a picture, and see its score; it joins no figure"),
        shortcuts: &[plain(Key::T)],
        palette: Some((When::Always, "Paint and try…")),
    },
    /// Open the list of past messages, or close it.
    ToggleMessages => Info {
        text: Borrowed("Messages"),
        explanation: Borrowed("Show what the window has said so far"),
        shortcuts: &[],
        palette: Some((When::Always, "Past messages")),
    },
    /// Open the list of recent runs, or close it.
    ToggleRecent => Info {
        text: Borrowed("Recent runs…"),
        explanation: Borrowed("Show the runs that this window has kept, and open one"),
        shortcuts: &[ctrl(Key::H)],
        palette: Some((When::Always, "Recent runs")),
    },
    /// Choose a run file in a dialog.
    BrowseOpen => Info {
        text: Borrowed("Browse…"),
        explanation: Borrowed("Choose a run file"),
        shortcuts: &[],
        palette: Some((When::Always, "Open a run file…")),
    },
    /// Choose where to save a copy of the run in a dialog.
    BrowseSaveAs => Info {
        text: Borrowed("Save as…"),
        explanation: Borrowed("Write a copy of this run to a file that a colleague can open"),
        shortcuts: &[ctrl(Key::S)],
        palette: Some((When::Always, "Save the run as…")),
    },
    /// Open the table of finished runs, or close it.
    ToggleCompare => Info {
        text: Borrowed("Compare…"),
        explanation: Borrowed("Show finished runs in one table, and hold the shown one against another image by image"),
        shortcuts: &[],
        palette: Some((When::Always, "Compare runs")),
    },
    /// Fold the setup of the next run away, or show it.
    ToggleSetup => Info {
        text: Borrowed("Setup"),
        explanation: Borrowed("Show model, folders and settings of the next run, or fold them away"),
        shortcuts: &[ctrl(Key::B)],
        palette: Some((When::Always, "Setup of the next run")),
    },
    /// Pictures of one image above the gallery.
    ShowOverview => Info {
        text: Borrowed("Overview"),
        explanation: Borrowed("Show the pictures of one image above all images"),
        shortcuts: &[],
        palette: Some((When::Always, "Overview")),
    },
    /// Pictures of one image, large.
    ShowInspect => Info {
        text: Borrowed("Inspect"),
        explanation: Borrowed("Show the pictures of one image as large as there is room"),
        shortcuts: &[],
        palette: Some((When::Always, "Inspect one image")),
    },
    /// All images.
    ShowGallery => Info {
        text: Borrowed("Gallery"),
        explanation: Borrowed("Show all images"),
        shortcuts: &[],
        palette: Some((When::Always, "Gallery")),
    },
    /// The images to be judged, in a table.
    ShowVerdicts => Info {
        text: Borrowed("Verdicts"),
        explanation: Borrowed("Show the images to be judged, with p-value and verdict"),
        shortcuts: &[],
        palette: Some((When::Always, "Verdicts")),
    },
    /// Leave the denoising that is watched.
    BackToResult => Info {
        text: Borrowed("Back to the result"),
        explanation: Borrowed("Show what the attempt came to in place of its steps (Esc)"),
        shortcuts: &[],
        palette: None,
    },
    /// Look at the newest result while the run goes.
    Follow => Info {
        text: Borrowed("Follow the run"),
        explanation: Borrowed("Show the newest result as it comes"),
        shortcuts: &[],
        palette: Some((When::Running, "Follow the run")),
    },
    /// Remove all recent runs; asks first.
    Clear => Info {
        text: Borrowed("Clear recent runs…"),
        explanation: Borrowed("Remove all runs that this window has kept, but for the one that is shown"),
        shortcuts: &[],
        palette: Some((When::Always, "Clear recent runs…")),
    },
    /// Make the attempts that are missing of the run that is shown; what it reads is asked about first where it came
    /// from a file.
    GoOn => Info {
        text: Borrowed("Resume"),
        explanation: Borrowed("Make the attempts that are missing, the scores are those of a run that nothing stopped"),
        shortcuts: &[],
        palette: Some((When::Unfinished, "Continue the unfinished run")),
    },
    /// Use the model, folders and settings of the run that was opened; what that reads is asked about first.
    UseAgain => Info {
        text: Borrowed("Use again…"),
        explanation: Borrowed("Open the model, folders and settings of this run, to run them again"),
        shortcuts: &[],
        palette: Some((When::Opened, "Use the opened run again…")),
    },
    /// Put the run that was opened away.
    CloseRun => Info {
        text: Borrowed("Close run"),
        explanation: Borrowed("Put the opened run away, its file stays"),
        shortcuts: &[],
        palette: Some((When::Opened, "Close the opened run")),
    },
    /// Do what was asked about.
    Confirm => Info {
        text: Borrowed("Continue"),
        explanation: Borrowed("Do it"),
        shortcuts: &[],
        palette: None,
    },
    /// Do not.
    Decline => Info {
        text: Borrowed("Cancel"),
        explanation: Borrowed("Leave everything as it is"),
        shortcuts: &[],
        palette: None,
    },
    /// Write again what could not be written.
    TryAgain => Info {
        text: Borrowed("Try again"),
        explanation: Borrowed("Write the attempts that could not be written, after room was made"),
        shortcuts: &[],
        palette: None,
    },
    /// Let the run continue without its file.
    GoOnUnsaved => Info {
        text: Borrowed("Continue without saving"),
        explanation: Borrowed("Keep what was written so far, the rest of the run stays in memory only"),
        shortcuts: &[],
        palette: None,
    },
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

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
