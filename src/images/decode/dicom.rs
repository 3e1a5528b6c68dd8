//! DICOM files, as medical scanners write them: behind the feature `medical`, whose crates few users need.

use image::DynamicImage;

use super::{DecodeError, guarded};
use crate::images::file::NativeInfo;

const NAME: &str = "DICOM";
/// After 128 bytes for other programs.
const MAGIC: &[u8] = b"DICM";
const MAGIC_AT: usize = 128;
/// Leading bytes that show it.
pub(super) const NUM_MAGIC_BYTES: usize = MAGIC_AT + MAGIC.len();

/// By the first bytes of a file.
pub(super) fn is_one(start: &[u8]) -> bool {
    start
        .get(MAGIC_AT..)
        .is_some_and(|rest| rest.starts_with(MAGIC))
}

/// What the header says, and whether more pictures follow the first one.
pub(super) fn describe(bytes: &[u8]) -> Result<(NativeInfo, bool), DecodeError> {
    guarded(NAME, || medical::describe(bytes))
}

/// The first picture: stored values become those of the modality (CT numbers, say) and these gray by the file's first window
/// or table, as a viewer shows it when it opens the file; without either, bytes are gray as they are, and of larger values the
/// picture's least is black and its greatest white.
pub(super) fn decode(bytes: &[u8]) -> Result<(NativeInfo, DynamicImage), DecodeError> {
    guarded(NAME, || medical::decode(bytes))
}

#[cfg(not(feature = "medical"))]
mod medical {
    use super::{DecodeError, DynamicImage, NativeInfo};

    pub fn describe(_: &[u8]) -> Result<(NativeInfo, bool), DecodeError> {
        Err(DecodeError::NotBuiltForDicom)
    }

    pub fn decode(_: &[u8]) -> Result<(NativeInfo, DynamicImage), DecodeError> {
        Err(DecodeError::NotBuiltForDicom)
    }
}

#[cfg(feature = "medical")]
mod medical {
    use std::error::Error;

    use dicom_object::{DefaultDicomObject, StandardDataDictionary};
    use dicom_pixeldata::{ConvertOptions, ModalityLutOption, PixelDecoder as _};

    use super::{DecodeError, DynamicImage, NAME, NativeInfo};
    use crate::images::decode::{MAX_BYTES, MAX_PIXELS};

    type File = DefaultDicomObject<StandardDataDictionary>;

    fn damaged(error: &dyn Error) -> DecodeError {
        let mut reason = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            reason = format!("{reason}: {cause}");
            source = cause.source();
        }
        DecodeError::Damaged {
            format: NAME,
            reason,
        }
    }

    fn number(file: &File, name: &str) -> Option<u32> {
        let element = file.element_by_name_opt(name).ok().flatten()?;
        element.to_int().ok()
    }

    /// Opened, with the size of a picture in pixels and how many pictures there are; refused past the limits.
    fn open(bytes: &[u8]) -> Result<(File, [u32; 2], u32), DecodeError> {
        let file = dicom_object::from_reader(bytes).map_err(|error| damaged(&error))?;
        let number = |name: &str| number(&file, name);
        let [Some(width), Some(height)] = ["Columns", "Rows"].map(number) else {
            return Err(DecodeError::Damaged {
                format: NAME,
                reason: "it holds no picture, such as a directory or a report".to_owned(),
            });
        };
        if width == 0 || height == 0 {
            return Err(DecodeError::NoPixels { width, height });
        }
        let samples = number("SamplesPerPixel").unwrap_or(1);
        let bits = number("BitsAllocated").unwrap_or(16);
        let num_pixels = u64::from(width) * u64::from(height);
        let num_bytes = num_pixels.saturating_mul(u64::from(samples) * u64::from(bits.div_ceil(8)));
        if num_pixels > MAX_PIXELS || num_bytes > MAX_BYTES {
            return Err(DecodeError::PictureTooLarge { width, height });
        }
        let num_frames = number("NumberOfFrames").unwrap_or(1);
        Ok((file, [width, height], num_frames))
    }

    fn native(bytes: &[u8], [width, height]: [u32; 2], color: String) -> NativeInfo {
        NativeInfo {
            width,
            height,
            format: NAME.to_lowercase(),
            color,
            num_bytes: bytes.len() as u64,
            jpeg_quality: None,
        }
    }

    pub fn describe(bytes: &[u8]) -> Result<(NativeInfo, bool), DecodeError> {
        let (file, size, num_frames) = open(bytes)?;
        let color = match (
            number(&file, "SamplesPerPixel"),
            number(&file, "BitsAllocated"),
        ) {
            (Some(3), _) => "Rgb8",
            (_, Some(8)) => "L8",
            _ => "L16",
        };
        Ok((native(bytes, size, color.to_owned()), num_frames > 1))
    }

    pub fn decode(bytes: &[u8]) -> Result<(NativeInfo, DynamicImage), DecodeError> {
        let (file, size, _) = open(bytes)?;
        let pixels = file
            .decode_pixel_data_frame(0)
            .map_err(|error| damaged(&error))?;
        let is_gray_as_stored = pixels.bits_allocated() == 8
            && matches!(pixels.window(), Ok(None))
            && matches!(pixels.voi_lut_sequence(), Ok(None));
        let options = if pixels.samples_per_pixel() == 3 {
            ConvertOptions::new().force_8bit()
        } else if is_gray_as_stored {
            ConvertOptions::new().with_modality_lut(ModalityLutOption::None)
        } else {
            ConvertOptions::new().force_16bit()
        };
        let image = pixels
            .to_dynamic_image_with_options(0, &options)
            .map_err(|error| damaged(&error))?;
        let color = format!("{:?}", image.color());
        Ok((native(bytes, size, color), image))
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use crate::images::decode::{DecodeError, decode_file, describe_file};

    fn fixture(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/fixtures/dicom")
            .join(name)
    }

    #[cfg(not(feature = "medical"))]
    #[test]
    fn a_build_without_dicom_says_what_to_do() {
        for name in ["ct.dcm", "xray"] {
            let error = describe_file(&fixture(name)).unwrap_err();
            assert!(matches!(error, DecodeError::NotBuiltForDicom), "{error}");
            assert!(error.to_string().contains("--features medical"), "{error}");
            assert!(decode_file(&fixture(name)).is_err());
        }
    }

    #[cfg(feature = "medical")]
    #[test]
    fn pictures_are_those_that_pydicom_shows() {
        use std::collections::BTreeMap;
        use std::fs;

        let expected = fs::read(fixture("expected.json")).unwrap();
        let expected: BTreeMap<String, Vec<f64>> = serde_json::from_slice(&expected).unwrap();
        assert_eq!(expected.len(), 4);
        for (name, white) in expected {
            let described = describe_file(&fixture(&name)).unwrap();
            let decoded = decode_file(&fixture(&name)).unwrap();
            let size = (described.native.width, described.native.height);
            assert_eq!(size, (decoded.image.width(), decoded.image.height()));
            assert_eq!(described.has_more_pictures, name == "frames.dcm");
            let found: Vec<f64> = if decoded.image.color().has_color() {
                let bytes = decoded.image.to_rgb8().into_raw();
                bytes.into_iter().map(|it| f64::from(it) / 255.0).collect()
            } else {
                let words = decoded.image.to_luma16().into_raw();
                words
                    .into_iter()
                    .map(|it| f64::from(it) / 65535.0)
                    .collect()
            };
            assert_eq!(found.len(), white.len(), "{name}");
            for (at, (found, white)) in found.iter().zip(&white).enumerate() {
                // The decoder shifts 12 bits to 16, so that its white is 65,520.
                assert!((found - white).abs() < 3e-4, "{name} {at}: {found} {white}");
            }
        }
    }

    #[cfg(feature = "medical")]
    #[test]
    fn files_that_are_cut_short_or_hold_no_picture_are_refused() {
        use std::fs;

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.dcm");
        let whole = fs::read(fixture("ct.dcm")).unwrap();
        for len in [132, 140, 400, whole.len() - 100] {
            fs::write(&path, &whole[..len]).unwrap();
            let error = decode_file(&path).unwrap_err().to_string();
            assert!(error.contains("DICOM data is damaged"), "{len}: {error}");
        }
        // More pixels than anything holds: 65,535 x 65,535.
        let mut huge = whole.clone();
        for tag in [[0x28, 0, 0x10, 0], [0x28, 0, 0x11, 0]] {
            let at = huge.windows(4).position(|it| it == tag).unwrap();
            huge[at + 8..at + 10].fill(0xFF);
        }
        fs::write(&path, &huge).unwrap();
        let error = describe_file(&path).unwrap_err();
        assert!(
            matches!(error, DecodeError::PictureTooLarge { .. }),
            "{error}"
        );
    }
}
