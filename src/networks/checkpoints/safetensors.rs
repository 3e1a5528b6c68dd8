//! Safetensors, read from memory and written (<https://github.com/huggingface/safetensors#format>).
//!
//! The header is read here and not by a library so that a file cut short can be told from a damaged one.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::ops::Range;
use std::path::Path;

use candle_core::{DType, Device, Tensor};
use half::{bf16, f16};
use serde::{Deserialize, Serialize};

use super::json;

/// A parsed file.
pub(in crate::networks) struct Safetensors {
    entries: BTreeMap<String, Entry>,
    bytes: Cow<'static, [u8]>,
}

struct Entry {
    shape: Vec<usize>,
    /// As the file spells it.
    dtype: String,
    range: Range<usize>,
}

/// Why a file does not parse.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::networks) enum SafetensorsError {
    /// Fewer bytes than the header promises.
    #[error("it is cut short: expected {expected} bytes, got {got}")]
    Truncated {
        /// By the header.
        expected: u64,
        /// In the file.
        got: u64,
    },
    /// Anything else.
    #[error("{0}")]
    Damaged(String),
}

#[derive(Deserialize)]
struct RawEntry {
    dtype: String,
    shape: Vec<usize>,
    data_offsets: (usize, usize),
}

/// Bytes of the header's length.
const PREFIX: usize = 8;
/// No real header comes near; longer ones are not safetensors.
const MAX_HEADER: u64 = 100_000_000;

impl Safetensors {
    /// Parse the header and check every tensor's place against the file's size.
    pub(in crate::networks) fn parse(bytes: Cow<'static, [u8]>) -> Result<Self, SafetensorsError> {
        let got = bytes.len() as u64;
        let truncated = |expected| SafetensorsError::Truncated { expected, got };
        let prefix = bytes
            .first_chunk::<PREFIX>()
            .ok_or_else(|| truncated(PREFIX as u64))?;
        let header_len = u64::from_le_bytes(*prefix);
        let starts_object = bytes.get(PREFIX).is_none_or(|&byte| byte == b'{');
        if header_len > MAX_HEADER || !starts_object {
            return Err(SafetensorsError::Damaged(
                "it is not a safetensors file".to_owned(),
            ));
        }
        let start = PREFIX + header_len as usize;
        let header = bytes
            .get(PREFIX..start)
            .ok_or_else(|| truncated(start as u64))?;
        let entries = parse_header(header, start)?;
        let expected = entries.values().map(|entry| entry.range.end).max();
        match expected {
            Some(end) if end > bytes.len() => Err(truncated(end as u64)),
            _ => Ok(Self { entries, bytes }),
        }
    }

    /// Names and shapes, by name.
    pub(in crate::networks) fn shapes(&self) -> impl Iterator<Item = (&str, &[usize])> {
        self.entries
            .iter()
            .map(|(name, entry)| (name.as_str(), entry.shape.as_slice()))
    }

    /// Shape of one tensor.
    pub(in crate::networks) fn shape(&self, name: &str) -> Option<&[usize]> {
        self.entries.get(name).map(|entry| entry.shape.as_slice())
    }

    /// Values of one tensor as `f32`; the error names the tensor.
    pub(in crate::networks) fn read(&self, name: &str) -> Result<Vec<f32>, String> {
        self.read_as(name, float_dtype, "F32, F16, BF16 or F64")
    }

    /// The same of a tensor that may hold whole numbers.
    pub(in crate::networks) fn read_numbers(&self, name: &str) -> Result<Vec<f32>, String> {
        let dtype = |dtype: &str| match dtype {
            "I64" => Some((DType::I64, 8)),
            _ => float_dtype(dtype),
        };
        self.read_as(name, dtype, "I64, F32, F16, BF16 or F64")
    }

    fn read_as(
        &self,
        name: &str,
        dtype: impl Fn(&str) -> Option<(DType, usize)>,
        expected: &str,
    ) -> Result<Vec<f32>, String> {
        let entry = self
            .entries
            .get(name)
            .ok_or_else(|| format!("there is no tensor {name}"))?;
        let (dtype, size) = dtype(&entry.dtype)
            .ok_or_else(|| format!("{name} is stored as {}, expected {expected}", entry.dtype))?;
        let data = &self.bytes[entry.range.clone()];
        let count = entry
            .shape
            .iter()
            .try_fold(size, |product, &n| product.checked_mul(n));
        if count != Some(data.len()) {
            return Err(format!(
                "{name} of shape {:?} has {} bytes",
                entry.shape,
                data.len()
            ));
        }
        Tensor::from_raw_buffer(data, dtype, &entry.shape, &Device::Cpu)
            .and_then(|tensor| tensor.to_dtype(DType::F32)?.flatten_all()?.to_vec1())
            .map_err(|error| format!("{name}: {error}"))
    }
}

/// A tensor to write.
#[derive(Serialize)]
struct WrittenEntry<'a> {
    dtype: &'static str,
    shape: &'a [usize],
    data_offsets: (usize, usize),
}

#[derive(Serialize)]
#[serde(untagged)]
enum Header<'a> {
    Metadata { format: &'static str },
    Tensor(WrittenEntry<'a>),
}

/// Numbers that weights are written in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Numbers {
    #[default]
    F32,
    /// Half precision, up to 65,504.
    F16,
    /// Half of a single-precision number: its range, and an eighth of half precision's digits.
    Bf16,
}

impl Numbers {
    /// As safetensors spells it.
    fn dtype(self) -> &'static str {
        match self {
            Self::F32 => "F32",
            Self::F16 => "F16",
            Self::Bf16 => "BF16",
        }
    }

    fn size(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 | Self::Bf16 => 2,
        }
    }

    fn write(self, value: f32, to: &mut impl io::Write) -> io::Result<()> {
        match self {
            Self::F32 => to.write_all(&value.to_le_bytes()),
            Self::F16 => to.write_all(&f16::from_f32(value).to_le_bytes()),
            Self::Bf16 => to.write_all(&bf16::from_f32(value).to_le_bytes()),
        }
    }
}

/// Write a new file of tensors (name, shape, values), synced; byte for byte what the library of that name writes.
pub(in crate::networks) fn write(
    path: &Path,
    tensors: &[(&str, &[usize], &[f32])],
    numbers: Numbers,
) -> io::Result<()> {
    let mut sorted = tensors.to_vec();
    sorted.sort_unstable_by_key(|(name, ..)| *name);
    let mut header = BTreeMap::from([("__metadata__", Header::Metadata { format: "pt" })]);
    let mut offset = 0;
    for (name, shape, values) in &sorted {
        let end = offset + values.len() * numbers.size();
        header.insert(
            name,
            Header::Tensor(WrittenEntry {
                dtype: numbers.dtype(),
                shape,
                data_offsets: (offset, end),
            }),
        );
        offset = end;
    }
    let mut header = serde_json::to_vec(&header)?;
    header.resize(header.len().next_multiple_of(PREFIX), b' ');
    let mut file = BufWriter::new(File::create_new(path)?);
    file.write_all(&(header.len() as u64).to_le_bytes())?;
    file.write_all(&header)?;
    for (_, _, values) in &sorted {
        for value in *values {
            numbers.write(*value, &mut file)?;
        }
    }
    file.into_inner()?.sync_all()
}

fn parse_header(header: &[u8], start: usize) -> Result<BTreeMap<String, Entry>, SafetensorsError> {
    let damaged = |message: String| SafetensorsError::Damaged(message);
    let values = json::object(header)
        .map_err(|error| damaged(format!("its header is damaged ({error})")))?;
    let mut entries = BTreeMap::new();
    for (name, value) in values {
        if name == "__metadata__" {
            continue;
        }
        let RawEntry {
            dtype,
            shape,
            data_offsets: (from, to),
        } = serde_json::from_value(value)
            .map_err(|error| damaged(format!("its header is damaged at {name} ({error})")))?;
        let range = start.checked_add(from).zip(start.checked_add(to));
        let Some((from, to)) = range.filter(|(from, to)| from <= to) else {
            return Err(damaged(format!("its header is damaged at {name}")));
        };
        let entry = Entry {
            shape,
            dtype,
            range: from..to,
        };
        entries.insert(name, entry);
    }
    Ok(entries)
}

/// The floating types that weights come in, with their size in bytes.
fn float_dtype(name: &str) -> Option<(DType, usize)> {
    match name {
        "F32" => Some((DType::F32, 4)),
        "F16" => Some((DType::F16, 2)),
        "BF16" => Some((DType::BF16, 2)),
        "F64" => Some((DType::F64, 8)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_rounded_as_candle_rounds_them() {
        let edges = [
            0.0,
            -0.0,
            1.0,
            -1.5,
            65504.0,
            65519.9,
            65520.0,
            1e6,
            6.1e-5,
            6.0e-8,
            2.9e-8,
            3.1e-8,
            1e-30,
            -3.4e38,
            1.0 + 1.0 / 2048.0,
            1.0 + 3.0 / 2048.0,
            1.003_906_3,
            f32::INFINITY,
        ];
        let spread = (0..40_000_u32).map(|i| f32::from_bits(i.wrapping_mul(107_377) | 0x2000));
        let values: Vec<f32> = (edges.into_iter().chain(spread))
            .filter(|value| !value.is_nan())
            .collect();
        let folder = tempfile::tempdir().unwrap();
        for (numbers, dtype) in [(Numbers::F16, DType::F16), (Numbers::Bf16, DType::BF16)] {
            let path = folder.path().join(numbers.dtype());
            let shape = [values.len()];
            write(&path, &[("a", &shape, &values)], numbers).unwrap();
            let bytes = std::fs::read(path).unwrap();
            let read = Safetensors::parse(bytes.into()).unwrap().read("a").unwrap();
            let tensor = Tensor::from_slice(&values, &shape, &Device::Cpu).unwrap();
            let halves = tensor.to_dtype(dtype).unwrap().to_dtype(DType::F32);
            let expected: Vec<f32> = halves.unwrap().to_vec1().unwrap();
            for ((value, got), wanted) in values.iter().zip(&read).zip(&expected) {
                assert_eq!(got.to_bits(), wanted.to_bits(), "{dtype:?} of {value:e}");
            }
        }
    }
}
