//! What SQLite would take of a write-ahead log, and what it would drop without a word
//! (<https://www.sqlite.org/fileformat2.html#the_write_ahead_log>).

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

const HEADER: usize = 32;
const FRAME_HEADER: usize = 24;
/// The magic number without its last bit, which says how checksums read their input.
const MAGIC: u32 = 0x377F_0682;

/// A log as SQLite reads it.
#[derive(Debug, Default)]
pub(super) struct Wal {
    /// Whether its header is whole; nothing is taken of it otherwise.
    pub is_readable: bool,
    /// Bytes of a page.
    pub page_size: u32,
    /// The pages that finished transactions wrote.
    pub pages: HashSet<u32>,
    /// Finished transactions past the first frame that does not match its checksum: they are lost.
    ///
    /// Frames of an earlier round of the log, which lie behind the present ones in good order, don't count; nor does what
    /// a killed writer was about to write.
    pub num_lost: usize,
}

impl Wal {
    /// What is lost of it, a sentence.
    pub fn lost(&self) -> Vec<String> {
        if !self.is_readable {
            vec!["the log beside the file can't be read; the attempts in it are lost".to_owned()]
        } else if self.num_lost > 0 {
            vec![format!(
                "the log beside the file is damaged: {} of the batches in it are lost",
                self.num_lost
            )]
        } else {
            Vec::new()
        }
    }
}

/// Go through a log file.
pub(super) fn scan(path: &Path) -> io::Result<Wal> {
    scan_bytes(BufReader::new(File::open(path)?))
}

fn scan_bytes(mut log: impl Read) -> io::Result<Wal> {
    let mut wal = Wal::default();
    let mut header = [0; HEADER];
    if fill(&mut log, &mut header)? < HEADER {
        return Ok(wal);
    }
    let mut checksum = Checksum {
        is_big_endian: number(&header, 0) & 1 == 1,
        sums: (0, 0),
    };
    checksum.add(&header[..24]);
    wal.page_size = number(&header, 8);
    let is_size = (512..=65_536).contains(&wal.page_size) && wal.page_size.is_power_of_two();
    if number(&header, 0) & !1 != MAGIC || !checksum.matches(&header, 24) || !is_size {
        return Ok(wal);
    }
    wal.is_readable = true;
    let salts = &header[16..24];
    let mut frame = vec![0; FRAME_HEADER + wal.page_size as usize];
    let mut unfinished = Vec::new();
    let mut is_whole = true;
    while fill(&mut log, &mut frame)? == frame.len() {
        let is_present = &frame[8..16] == salts;
        let is_last_of_transaction = number(&frame, 4) != 0;
        if is_whole {
            checksum.add(&frame[..8]);
            checksum.add(&frame[FRAME_HEADER..]);
            is_whole = is_present && number(&frame, 0) != 0 && checksum.matches(&frame, 16);
        }
        if is_whole {
            unfinished.push(number(&frame, 0));
            if is_last_of_transaction {
                wal.pages.extend(unfinished.drain(..));
            }
        } else {
            wal.num_lost += usize::from(is_present && is_last_of_transaction);
        }
    }
    Ok(wal)
}

/// Read until the buffer is full or there is no more; returns how much came.
fn fill(log: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while length < buffer.len() {
        match log.read(&mut buffer[length..]) {
            Ok(0) => break,
            Ok(more) => length += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(length)
}

fn number(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(std::array::from_fn(|index| bytes[at + index]))
}

/// Runs through the header and all frames.
struct Checksum {
    is_big_endian: bool,
    sums: (u32, u32),
}

impl Checksum {
    fn add(&mut self, bytes: &[u8]) {
        let (pairs, _) = bytes.as_chunks::<8>();
        let word = |bytes: [u8; 4]| {
            if self.is_big_endian {
                u32::from_be_bytes(bytes)
            } else {
                u32::from_le_bytes(bytes)
            }
        };
        let (mut first, mut second) = self.sums;
        for &[a, b, c, d, e, f, g, h] in pairs {
            first = first.wrapping_add(word([a, b, c, d])).wrapping_add(second);
            second = second.wrapping_add(word([e, f, g, h])).wrapping_add(first);
        }
        self.sums = (first, second);
    }

    fn matches(&self, bytes: &[u8], at: usize) -> bool {
        self.sums == (number(bytes, at), number(bytes, at + 4))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A log of ten transactions as SQLite itself writes it.
    fn log(folder: &Path, num_more: usize) -> Vec<u8> {
        let path = folder.join("x.db");
        let connection = rusqlite::Connection::open(&path).unwrap();
        connection
            .execute_batch(
                "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; CREATE TABLE t (x); \
                 INSERT INTO t VALUES (randomblob(9000)); PRAGMA wal_checkpoint(PASSIVE)",
            )
            .unwrap();
        for _ in 0..num_more {
            connection
                .execute("INSERT INTO t VALUES (randomblob(9000))", [])
                .unwrap();
        }
        std::fs::read(folder.join("x.db-wal")).unwrap()
    }

    #[test]
    fn a_whole_log_loses_nothing_with_old_frames_behind_it_too() {
        for num_more in [0, 1, 10] {
            let folder = tempfile::tempdir().unwrap();
            let bytes = log(folder.path(), num_more);
            let wal = scan_bytes(&bytes[..]).unwrap();
            assert!(wal.is_readable);
            assert_eq!((wal.page_size, wal.num_lost), (4096, 0), "{num_more}");
            assert!(!wal.pages.is_empty());
        }
    }

    #[test]
    fn what_a_flipped_byte_costs_is_counted() {
        let folder = tempfile::tempdir().unwrap();
        let whole = log(folder.path(), 10);
        let frame = FRAME_HEADER + 4096;
        let num_commits = |bytes: &[u8]| {
            let frames = bytes[HEADER..].chunks_exact(frame);
            frames.filter(|frame| number(frame, 4) != 0).count()
        };
        for at in [HEADER + 100, HEADER + frame * 5 + 2000, HEADER + frame * 9] {
            let mut bytes = whole.clone();
            bytes[at] ^= 1;
            let wal = scan_bytes(&bytes[..]).unwrap();
            let kept = num_commits(&whole[..HEADER + (at - HEADER) / frame * frame]);
            assert_eq!(wal.num_lost, num_commits(&whole) - kept, "byte {at}");
        }
        let mut bytes = whole.clone();
        bytes[10] ^= 1;
        assert!(!scan_bytes(&bytes[..]).unwrap().is_readable);
        // A writer that is killed within a transaction loses what it had not finished.
        let cut = scan_bytes(&whole[..whole.len() - 100]).unwrap();
        assert_eq!((cut.is_readable, cut.num_lost), (true, 0));
        assert!(!scan_bytes(&b"short"[..]).unwrap().is_readable);
    }
}
