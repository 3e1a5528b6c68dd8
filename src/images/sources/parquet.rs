//! A Parquet table with a column of images, as the data sets of Hugging Face come: each row holds the bytes of an image's
//! file, in a column `image` of `bytes` and `path`, or in any column of bytes.
//!
//! An image's path is that of the file, then the column with the row's number from 0:
//! `train-00000-of-00001.parquet/image#00017`. `train-00000-of-00001.parquet/photo` stands for the images of that column,
//! where there are several.
//!
//! A table keeps its rows in groups, each of which is unpacked as a whole: the one that was read last stays in memory, so
//! that rows are best read in order.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::basic::{Compression, LogicalType, Type};
use parquet::column::reader::ColumnReader;
use parquet::data_type::ByteArray;
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::schema::types::ColumnDescriptor;

use super::listing::{self, ListError, Listing, Traits};
use super::opened::{OpenFiles, Stamp};
use super::stack::{MOST_PICTURES, MOST_UNPACKED, Reason};
use super::{Source, Wanted, stack, words};
use crate::images::input::{self, InputError};
use crate::images::{decode, guard};

pub(super) static SOURCE: Source = Source {
    name: "Parquet file",
    has_roles: false,
    is_one: |path| place_of(path).is_some(),
    list,
    read_inside: Some(read),
};

const MAGIC: &[u8] = b"PAR1";

/// Rows that are looked at to see whether a column holds images: the first ones may have none.
const MOST_LOOKED_AT: usize = 16;

/// Unpacked groups of rows that are kept: two files are read by turns, such as the in-domain ones and the others.
const MOST_GROUPS: usize = 2;

/// Files whose columns are known.
const MOST_OPEN: usize = 16;

/// The file of a path, and the column that it names after it.
fn place_of(path: &Path) -> Option<(&Path, Option<&str>)> {
    if is_table(path) {
        return Some((path, None));
    }
    let (file, column) = (path.parent()?, path.file_name()?.to_str()?);
    // With a row's number it is an image.
    (!column.contains('#') && is_table(file)).then_some((file, Some(column)))
}

/// By its name or its start: one that is named so and is not so is to be told what is wrong with it.
fn is_table(path: &Path) -> bool {
    let is_named_so = path
        .extension()
        .is_some_and(|it| it.eq_ignore_ascii_case("parquet"));
    path.is_file() && (is_named_so || stack::first_bytes(path, MAGIC.len()) == MAGIC)
}

/// A column of images.
#[derive(Clone, Debug)]
struct Column {
    /// Of the pictures, without the `bytes` that Hugging Face puts below it.
    name: String,
    /// Among the table's columns.
    index: usize,
}

/// What is known of a file from its end, and from the first rows.
#[derive(Debug)]
struct Table {
    columns: Vec<Column>,
    /// The first row of each group, and the number of all rows.
    starts: Vec<usize>,
}

impl Table {
    fn num_rows(&self) -> usize {
        self.starts.last().copied().unwrap_or(0)
    }

    fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// The column to be listed: the one that is named, or the one that is no mask.
    fn wanted(&self, name: Option<&str>) -> Result<&Column, Reason> {
        let names = || {
            let names = self
                .columns
                .iter()
                .map(|column| format!("`{}`", column.name));
            names.collect::<Vec<_>>().join(", ")
        };
        if let Some(name) = name {
            return self.column(name).ok_or_else(|| {
                format!(
                    "it has no column `{name}` of images; its columns of images are {}",
                    names()
                )
            });
        }
        let mut images = self.columns.iter().filter(|column| !is_masks(&column.name));
        match (images.next(), images.next()) {
            (Some(only), None) => Ok(only),
            _ => Err(format!(
                "it has several columns of images ({}); name one after the file, FILE/COLUMN",
                names()
            )),
        }
    }
}

fn list(
    path: &Path,
    wanted: Wanted,
    traits: &mut Traits,
    progress: &mut dyn FnMut(usize) -> ControlFlow<()>,
) -> Result<Listing, ListError> {
    let refused = |reason: Reason| ListError::Stack {
        path: path.to_owned(),
        reason,
    };
    let (file, column) = place_of(path).unwrap_or((path, None));
    let table = opened(file).map_err(|error| refused(error.to_string()))?;
    let column = table.wanted(column).map_err(refused)?;
    let rows = 0..table.num_rows();
    let candidates = rows.map(|row| path_of(file, &column.name, row)).collect();
    listing::describe_all(path, candidates, Vec::new(), wanted.limit, traits, progress)
}

fn is_masks(name: &str) -> bool {
    words::is_masks(name) || words::is_masks_beside_images(name)
}

fn path_of(file: &Path, column: &str, row: usize) -> PathBuf {
    file.join(format!("{column}#{row:05}"))
}

/// Read the image of one row.
fn read(path: &Path, name: &Path, limit: u64) -> Result<Vec<u8>, InputError> {
    let missing = || InputError::System(io::ErrorKind::NotFound.into());
    let (column, number) = name
        .to_str()
        .and_then(|name| name.rsplit_once('#'))
        .ok_or_else(missing)?;
    let table = opened(path)?;
    let column = table.column(column).ok_or_else(missing)?;
    // Only as it is written: an image has one path.
    let row = (number.parse().ok())
        .filter(|row| format!("{row:05}") == number && *row < table.num_rows())
        .ok_or_else(missing)?;
    let group = table.starts.partition_point(|start| *start <= row) - 1;
    let images = images(path, column, group)?;
    match images.get(row - table.starts[group]) {
        Some(Some(image)) => match image.len() as u64 {
            num_bytes if num_bytes > limit => Err(InputError::TooLarge { num_bytes, limit }),
            _ => Ok(image.data().to_vec()),
        },
        _ => Err(refusal(
            "its row holds no image; where it holds a path, name the folder of the images"
                .to_owned(),
        )),
    }
}

fn refusal(reason: Reason) -> InputError {
    InputError::System(io::Error::other(reason))
}

static OPENED: OpenFiles<Arc<Table>> = OpenFiles::new(MOST_OPEN);

fn opened(path: &Path) -> Result<Arc<Table>, InputError> {
    let (file, num_bytes) = input::open(path)?;
    OPENED.get(path, Stamp::of(&file, num_bytes), || {
        let table = guarded(|| open(file)).map_err(refusal)?;
        Ok(Arc::new(table))
    })
}

/// Unpacked images, `None` for a row that has none.
type Images = Arc<Vec<Option<ByteArray>>>;

static GROUPS: OpenFiles<Images> = OpenFiles::new(MOST_GROUPS);

/// The images of a group of rows.
fn images(path: &Path, column: &Column, group: usize) -> Result<Images, InputError> {
    let (file, num_bytes) = input::open(path)?;
    let of_group = path.join(format!("{}#{group}", column.index));
    GROUPS.get(&of_group, Stamp::of(&file, num_bytes), || {
        let images = guarded(|| unpacked(&reader(file)?, group, column.index, usize::MAX));
        Ok(Arc::new(images.map_err(refusal)?))
    })
}

fn reader(mut file: File) -> Result<SerializedFileReader<File>, Reason> {
    let mut start = [0; 4];
    let is_one = file.read_exact(&mut start).is_ok() && start == *MAGIC;
    if !is_one || file.seek(SeekFrom::Start(0)).is_err() {
        return Err("it doesn't begin as a Parquet file does".to_owned());
    }
    SerializedFileReader::new(file).map_err(|error| damaged(&error))
}

fn damaged(error: &ParquetError) -> Reason {
    format!("it is damaged or cut short ({error}); copy or download it again")
}

/// Turn the reader's panic on a malformed file into what is wrong with the file.
fn guarded<T>(read: impl FnOnce() -> Result<T, Reason>) -> Result<T, Reason> {
    guard::guarded(read).unwrap_or_else(|| {
        Err(
            "it is damaged (its reader stopped on an internal error); copy or download it again"
                .to_owned(),
        )
    })
}

fn open(file: File) -> Result<Table, Reason> {
    let reader = reader(file)?;
    let metadata = reader.metadata();
    let mut starts = vec![0];
    for group in metadata.row_groups() {
        let num_rows = usize::try_from(group.num_rows()).unwrap_or(0);
        let num_before = starts.last().copied().unwrap_or(0);
        starts.push(num_before + num_rows.min(MOST_PICTURES + 1));
    }
    let mut table = Table {
        columns: Vec::new(),
        starts,
    };
    if table.num_rows() > MOST_PICTURES {
        return Err(format!(
            "it has {} rows, more than the limit of {MOST_PICTURES}; split it",
            table.num_rows()
        ));
    }
    // The first group that has rows is as the others are.
    let group = table.starts.windows(2).position(|rows| rows[0] < rows[1]);
    let group = group.ok_or("it has no rows")?;
    let mut refused = None;
    for (index, column) in metadata
        .file_metadata()
        .schema_descr()
        .columns()
        .iter()
        .enumerate()
    {
        let Some(name) = name_of(column) else {
            continue;
        };
        match unpacked(&reader, group, index, MOST_LOOKED_AT) {
            Ok(rows)
                if rows
                    .iter()
                    .flatten()
                    .any(|it| decode::begins_like_one(it.data())) =>
            {
                table.columns.push(Column { name, index });
            }
            Ok(_) => {}
            Err(reason) => {
                refused = refused.or_else(|| Some(format!("its column `{name}`: {reason}")));
            }
        }
    }
    match refused {
        _ if !table.columns.is_empty() => Ok(table),
        Some(reason) => Err(reason),
        None => Err(
            "it has no column of images: expected one that holds the bytes of image files, such as `image` in data sets of \
             Hugging Face"
                .to_owned(),
        ),
    }
}

/// What a column of bytes is called; `None` for one of text or numbers, and for lists.
fn name_of(column: &ColumnDescriptor) -> Option<String> {
    let is_text = matches!(
        column.logical_type_ref(),
        Some(LogicalType::String | LogicalType::Json | LogicalType::Enum)
    );
    let parts = column.path().parts();
    let parts = match parts {
        [outer @ .., last] if !outer.is_empty() && last == "bytes" => outer,
        _ => parts,
    };
    let name = parts.join(".");
    let may_be_a_name = !name.is_empty() && !name.contains(['#', '/', '\\']);
    let is_bytes = column.physical_type() == Type::BYTE_ARRAY && column.max_rep_level() == 0;
    (is_bytes && !is_text && may_be_a_name).then_some(name)
}

/// The first `most` rows of a column in a group.
fn unpacked(
    reader: &SerializedFileReader<File>,
    group: usize,
    column: usize,
    most: usize,
) -> Result<Vec<Option<ByteArray>>, Reason> {
    let as_reason = |error: ParquetError| damaged(&error);
    let rows = reader.get_row_group(group).map_err(as_reason)?;
    let chunk = rows.metadata().column(column);
    if !matches!(
        chunk.compression(),
        Compression::UNCOMPRESSED | Compression::SNAPPY
    ) {
        return Err(format!(
            "its data is compressed by {}; expected Snappy or none: in Python, pandas.read_parquet(FILE).to_parquet(NEW, \
             compression=\"snappy\")",
            chunk.compression()
        ));
    }
    let num_bytes = u64::try_from(chunk.uncompressed_size()).unwrap_or(u64::MAX);
    if num_bytes > MOST_UNPACKED {
        return Err(format!(
            "a group of its rows unpacks to {num_bytes} bytes, more than the limit of {MOST_UNPACKED}; write it with fewer \
             rows per group"
        ));
    }
    let most = most.min(usize::try_from(rows.metadata().num_rows()).unwrap_or(0));
    let most_defined = chunk.column_descr().max_def_level();
    let ColumnReader::ByteArrayColumnReader(mut column) =
        rows.get_column_reader(column).map_err(as_reason)?
    else {
        return Err("its type is not the one that the file's end says".to_owned());
    };
    let mut images = Vec::new();
    while images.len() < most {
        let (mut values, mut levels) = (Vec::new(), Vec::new());
        let (num_rows, ..) = column
            .read_records(most - images.len(), Some(&mut levels), None, &mut values)
            .map_err(as_reason)?;
        if num_rows == 0 {
            return Err(format!(
                "its rows end after {} of {most}; copy or download it again",
                images.len()
            ));
        }
        let mut values = values.into_iter();
        if most_defined == 0 {
            images.extend(values.map(Some));
        } else {
            images.extend(
                levels
                    .iter()
                    .map(|level| (*level == most_defined).then(|| values.next()).flatten()),
            );
        }
    }
    Ok(images)
}
