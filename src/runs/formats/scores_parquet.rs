//! `scores.csv` in columns, for programs: an Apache Parquet file (<https://parquet.apache.org/docs/file-format/>).

use std::sync::Arc;

use parquet::data_type::{ByteArray, ByteArrayType, DataType, DoubleType, Int32Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;

use super::{Content, Format, Row, RunView};
use crate::detectors::measures;
use crate::ood::MeasureId;
use crate::runs::report::{tabulated_measures, text_from_path};

pub(super) static FORMAT: Format = Format {
    name: "parquet",
    label: "Scores as Parquet",
    file_name: "scores.parquet",
    help: "Write every attempt's distances with its seconds, folder and file hash, as an Apache Parquet file",
    content: Content::File(|run| write(run).map_err(|error| error.to_string())),
};

/// The columns of `scores.csv`, then what a spreadsheet has no use for. All are there in every row; a measure that is not
/// defined, or was not measured, is NaN.
const SCHEMA: &str = "message scores {
    required binary path (STRING);
    required binary role (STRING);
    required int32 attempt;
    {measures}
    required double seconds;
    required int32 image;
    required binary folder (STRING);
    required binary sha256 (STRING);
}";

/// The file's metadata under this key is the run's manifest as JSON.
const MANIFEST_KEY: &str = "lmd.manifest";

/// Under this key is how many attempts the run has yet to make, where it is not finished.
const MISSING_KEY: &str = "lmd.missing_attempts";

/// Rows of a group at most: a writer holds one group in memory.
const GROUP: usize = 1 << 20;

/// Every attempt of a run in the order of `scores.csv`: path (text as [`text_from_path`] writes it, without the quotes
/// of a CSV), role, attempt, distances, seconds of work (its share of its batch), the image's number, its folder as
/// given, and the SHA-256 of its file in hex.
///
/// What belongs to an image rather than to an attempt (score, p-value, verdict) is not here: it would be repeated in each
/// row and depends on the choice of aggregation and threshold.
fn write(run: &RunView) -> Result<Vec<u8>, ParquetError> {
    let manifest = serde_json::to_string(run.manifest()).unwrap_or_default();
    let mut metadata = vec![KeyValue::new(MANIFEST_KEY.to_owned(), manifest)];
    if run.num_missing > 0 {
        let missing = run.num_missing.to_string();
        metadata.push(KeyValue::new(MISSING_KEY.to_owned(), missing));
    }
    let properties = WriterProperties::builder()
        .set_created_by(format!("LMD Inspector {}", env!("CARGO_PKG_VERSION")))
        .set_key_value_metadata(Some(metadata))
        .build();
    let ids = tabulated_measures(&run.results);
    let columns: Vec<String> = (ids.iter())
        .map(|id| {
            format!(
                "required double {};",
                measures::column(id).replace('-', "_")
            )
        })
        .collect();
    let schema = SCHEMA.replace("{measures}", &columns.join("\n    "));
    let schema = Arc::new(parse_message_type(&schema)?);
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties))?;
    let rows = run.rows();
    for group in rows.chunks(GROUP) {
        write_group(&mut writer, group, &ids)?;
    }
    writer.into_inner()
}

fn write_group(
    writer: &mut SerializedFileWriter<Vec<u8>>,
    rows: &[Row<'_>],
    measures: &[MeasureId],
) -> Result<(), ParquetError> {
    let mut group = writer.next_row_group()?;
    texts(&mut group, rows, |row| text_from_path(&row.image.file.path))?;
    texts(&mut group, rows, |row| row.image.role.name().to_owned())?;
    column::<Int32Type>(&mut group, rows, |row| int32(row.result.attempt))?;
    for &id in measures {
        column::<DoubleType>(&mut group, rows, |row| row.result.values.of(id))?;
    }
    column::<DoubleType>(&mut group, rows, |row| row.seconds)?;
    column::<Int32Type>(&mut group, rows, |row| int32(row.result.image))?;
    texts(&mut group, rows, |row| text_from_path(&row.image.folder))?;
    texts(&mut group, rows, |row| row.image.file.hash.to_string())?;
    group.close()?;
    Ok(())
}

/// Run files hold fewer images and attempts than this has room for.
fn int32(index: usize) -> i32 {
    (index as u32).cast_signed()
}

fn texts(
    group: &mut SerializedRowGroupWriter<'_, Vec<u8>>,
    rows: &[Row<'_>],
    text: impl Fn(&Row<'_>) -> String,
) -> Result<(), ParquetError> {
    column::<ByteArrayType>(group, rows, |row| ByteArray::from(text(row).into_bytes()))
}

/// The next column of the schema.
fn column<T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, Vec<u8>>,
    rows: &[Row<'_>],
    value: impl Fn(&Row<'_>) -> T::T,
) -> Result<(), ParquetError> {
    let mut column = group
        .next_column()?
        .ok_or_else(|| ParquetError::General("the schema has fewer columns".to_owned()))?;
    let values: Vec<T::T> = rows.iter().map(value).collect();
    column.typed::<T>().write_batch(&values, None, None)?;
    column.close()
}
