//! A device that is lost in the middle of a run.

use lmd_inspector::diffusion::{DenoiseError, Denoiser, Interrupt};
use lmd_inspector::engine::{NewFile, SaveRequest};
use lmd_inspector::images::Geometry;
use lmd_inspector::runs::file::{self, KeepPictures};

use crate::memory::run_on;

/// A device that is lost after some calls. What it says before is the CPU's, so that the scores can be compared.
struct Fragile {
    inner: Box<dyn Denoiser>,
    num_left: usize,
}

impl Denoiser for Fragile {
    fn geometry(&self) -> Geometry {
        self.inner.geometry()
    }

    fn denoise(
        &mut self,
        sample: &[f32],
        timesteps: &[f32],
        output: &mut [f32],
        interrupt: &dyn Interrupt,
    ) -> Result<(), DenoiseError> {
        if self.num_left == 0 {
            return Err(DenoiseError::DeviceLost("it was reset".to_owned()));
        }
        self.num_left -= 1;
        self.inner.denoise(sample, timesteps, output, interrupt)
    }
}

#[test]
fn a_run_survives_the_loss_of_its_device_and_its_file_says_so() {
    let whole = run_on(|inner| inner, None);
    whole.end.unwrap();

    let folder = tempfile::tempdir().unwrap();
    let saving = SaveRequest::Begin(NewFile {
        folder: folder.path().to_owned(),
        folders: Vec::new(),
        keep_pictures: KeepPictures::None,
        num_skipped: 0,
    });
    // Nine images as eight and one, two steps each: it is lost in the second attempt.
    let wrap = |inner| -> Box<dyn Denoiser> { Box::new(Fragile { inner, num_left: 5 }) };
    let survived = run_on(wrap, Some(saving));
    survived.end.unwrap();
    assert_eq!(survived.scores, whole.scores);
    let [notice] = survived.notices.as_slice() else {
        panic!("{:?}", survived.notices);
    };
    assert!(
        notice.contains("was lost (it was reset); the run continues on CPU"),
        "{notice}"
    );

    let files = std::fs::read_dir(folder.path()).unwrap();
    let paths: Vec<_> = files.map(|entry| entry.unwrap().path()).collect();
    let path = paths
        .iter()
        .find(|path| path.extension().is_some_and(|it| it == "lmdrun"));
    let run = file::read(path.unwrap()).unwrap();
    assert_eq!(run.segments.len(), 2);
    let calls: Vec<u64> = (run.segments.iter())
        .map(|(_, it)| it.network_calls)
        .collect();
    // One call of eight images was for nothing.
    assert_eq!(calls, [18 + 8, 18]);
    for (result, effort) in run.results.iter().zip(&run.efforts) {
        assert_eq!(usize::try_from(effort.segment), Ok(1 + result.attempt));
    }
    assert_eq!(run.notices, [notice.as_str()]);
}
