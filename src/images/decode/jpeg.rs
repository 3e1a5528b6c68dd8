//! Whether a JPEG's entropy-coded data holds every block of its picture.
//!
//! The decoder fills blocks that are missing with gray and says nothing, so the codes are walked here before it: their
//! lengths alone, no values. The letters are those of ITU-T T.81, annexes B (segments), F (sequential) and G
//! (progressive).

use super::huffman::{Bits, Table};

/// What the walk can end on, other than the end of a whole picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    /// Codes are missing, or there is one that its table does not know.
    Incomplete,
    /// A kind of JPEG that is not walked; the decoder says what it thinks of it.
    Unknown,
}

/// Whether it is certain that blocks of the picture are missing.
pub(super) fn is_incomplete(bytes: &[u8]) -> bool {
    matches!(Walk::default().run(bytes), Err(Flaw::Incomplete))
}

/// What the segments so far have said.
#[derive(Default)]
struct Walk {
    tables: [[Option<Table>; 4]; 2],
    restart_interval: usize,
    frame: Option<Frame>,
}

/// A component of the picture: a color plane.
struct Component {
    id: u8,
    /// Blocks of one interleaved unit, across and down.
    unit: [usize; 2],
    /// Blocks that hold pixels, across and down.
    size: [usize; 2],
    /// Blocks in memory of one row: whole interleaved units.
    stride: usize,
    /// For each block the coefficients that are known not to be zero, a bit each; progressive refinement depends on it.
    nonzero: Vec<u64>,
    /// For each coefficient the bits still to come; 255 while none came.
    bits_left: [u8; 64],
}

struct Frame {
    is_progressive: bool,
    /// Interleaved units, across and down.
    units: [usize; 2],
    components: Vec<Component>,
}

/// One scan's header.
struct Scan {
    /// Component, DC table, AC table.
    parts: Vec<(usize, usize, usize)>,
    /// First and last coefficient (Ss, Se).
    band: [usize; 2],
    /// Whether bits are added to coefficients that came before (Ah is not 0).
    is_refinement: bool,
    /// Bits that stay for later scans (Al).
    bits_left: u8,
}

impl Walk {
    fn run(mut self, bytes: &[u8]) -> Result<(), Flaw> {
        let mut rest = bytes;
        loop {
            let (marker, tail) = super::complete::next_marker(rest).ok_or(Flaw::Incomplete)?;
            rest = match marker {
                0xD9 => return self.check_all_came(),
                0x01 | 0xD0..=0xD8 => tail,
                _ => {
                    let (segment, next) = split_segment(tail).ok_or(Flaw::Unknown)?;
                    self.take(marker, segment).ok_or(Flaw::Unknown)?;
                    if marker == 0xDA {
                        self.walk_scan(segment, next)?
                    } else {
                        next
                    }
                }
            };
        }
    }

    /// Note what a segment says; `None` when it can't be understood or is of a kind that is not walked.
    fn take(&mut self, marker: u8, segment: &[u8]) -> Option<()> {
        match marker {
            0xC4 => self.take_tables(segment)?,
            0xDD => self.restart_interval = usize::from(u16_at(segment, 0)?),
            // Baseline, extended sequential and progressive, all with Huffman codes.
            0xC0..=0xC2 => self.frame = Some(Frame::read(segment, marker == 0xC2)?),
            // Lossless, hierarchical and arithmetic frames.
            0xC3 | 0xC5..=0xCF => return None,
            _ => {}
        }
        Some(())
    }

    fn take_tables(&mut self, mut segment: &[u8]) -> Option<()> {
        while let Some((&kind, tail)) = segment.split_first() {
            let (counts, tail) = tail.split_first_chunk::<16>()?;
            let num_symbols = counts.iter().map(|&count| usize::from(count)).sum();
            let (symbols, tail) = tail.split_at_checked(num_symbols)?;
            let slot = self.tables.get_mut(usize::from(kind >> 4))?;
            *slot.get_mut(usize::from(kind & 15))? = Some(Table::new(counts, symbols)?);
            segment = tail;
        }
        Some(())
    }

    fn check_all_came(&self) -> Result<(), Flaw> {
        let frame = self.frame.as_ref().ok_or(Flaw::Unknown)?;
        let all_came = frame
            .components
            .iter()
            .all(|component| component.bits_left == [0; 64]);
        if all_came {
            Ok(())
        } else {
            Err(Flaw::Incomplete)
        }
    }

    /// Walk the codes of a scan; returns what follows them.
    fn walk_scan<'a>(&mut self, header: &[u8], data: &'a [u8]) -> Result<&'a [u8], Flaw> {
        let frame = self.frame.as_mut().ok_or(Flaw::Unknown)?;
        let scan = Scan::read(header, frame).ok_or(Flaw::Unknown)?;
        let mut coder = Coder {
            bits: Bits::new(data),
            tables: &self.tables,
            end_of_band_run: 0,
        };
        let mut until_restart = self.restart_interval;
        // A scan of one component has its blocks in rows, one of several has interleaved units.
        let [across, down] = match scan.parts.as_slice() {
            [(component, ..)] => frame.components[*component].size,
            _ => frame.units,
        };
        for y in 0..down {
            for x in 0..across {
                if self.restart_interval > 0 {
                    if until_restart == 0 {
                        until_restart = self.restart_interval;
                        coder.restart()?;
                    }
                    until_restart -= 1;
                }
                coder.unit(frame, &scan, x, y)?;
            }
        }
        for &(index, ..) in &scan.parts {
            let [first, last] = scan.band;
            frame.components[index].bits_left[first..=last].fill(scan.bits_left);
        }
        Ok(coder.bits.rest())
    }
}

impl Frame {
    fn read(segment: &[u8], is_progressive: bool) -> Option<Self> {
        let height = usize::from(u16_at(segment, 1)?);
        let width = usize::from(u16_at(segment, 3)?);
        let num_components = usize::from(*segment.get(5)?);
        let specs = segment.get(6..6 + 3 * num_components)?;
        let sampling = |spec: &[u8]| [usize::from(spec[1] >> 4), usize::from(spec[1] & 15)];
        let most = |axis: usize| specs.chunks_exact(3).map(|spec| sampling(spec)[axis]).max();
        let most = [most(0)?, most(1)?];
        let is_valid = specs
            .chunks_exact(3)
            .all(|spec| sampling(spec).iter().all(|factor| (1..=4).contains(factor)));
        // A height of 0 comes later, in a segment of its own, and there is nothing to count until then.
        let is_small = (width * height) as u64 <= super::MAX_PIXELS;
        if !is_valid || !is_small || width == 0 || height == 0 {
            return None;
        }
        let units = [width.div_ceil(8 * most[0]), height.div_ceil(8 * most[1])];
        let components = specs.chunks_exact(3).map(|spec| {
            let unit = sampling(spec);
            let stride = units[0] * unit[0];
            let num_blocks = if is_progressive {
                stride * units[1] * unit[1]
            } else {
                0
            };
            Component {
                id: spec[0],
                unit,
                size: [
                    (width * unit[0]).div_ceil(8 * most[0]),
                    (height * unit[1]).div_ceil(8 * most[1]),
                ],
                stride,
                nonzero: vec![0; num_blocks],
                bits_left: [u8::MAX; 64],
            }
        });
        Some(Self {
            is_progressive,
            units,
            components: components.collect(),
        })
    }
}

impl Scan {
    fn read(header: &[u8], frame: &Frame) -> Option<Self> {
        let (&num_parts, tail) = header.split_first()?;
        let (specs, tail) = tail.split_at_checked(2 * usize::from(num_parts))?;
        let mut parts = Vec::new();
        for spec in specs.chunks_exact(2) {
            let index = frame.components.iter().position(|c| c.id == spec[0])?;
            parts.push((index, usize::from(spec[1] >> 4), usize::from(spec[1] & 15)));
        }
        let &[first, last, bits] = tail.first_chunk::<3>()?;
        let is_band = first <= last && last < 64 && (first > 0) != (last == 0);
        let is_valid = !parts.is_empty() && (!frame.is_progressive || is_band);
        is_valid.then(|| Self {
            parts,
            band: if frame.is_progressive {
                [usize::from(first), usize::from(last)]
            } else {
                [0, 63]
            },
            is_refinement: frame.is_progressive && bits >> 4 != 0,
            bits_left: if frame.is_progressive { bits & 15 } else { 0 },
        })
    }
}

/// Walks the codes of blocks.
struct Coder<'a, 't> {
    bits: Bits<'a>,
    tables: &'t [[Option<Table>; 4]; 2],
    /// Blocks that a progressive band has nothing more to say about (EOBRUN).
    end_of_band_run: usize,
}

impl Coder<'_, '_> {
    /// The next symbol of a DC (0) or AC (1) table, as run of zeros and size; the bits of that size are passed.
    fn symbol(&mut self, class: usize, slot: usize) -> Result<(usize, u32), Flaw> {
        let table = self.tables[class].get(slot).and_then(Option::as_ref);
        self.bits.symbol(table.ok_or(Flaw::Unknown)?)
    }

    fn restart(&mut self) -> Result<(), Flaw> {
        self.end_of_band_run = 0;
        self.bits.restart()
    }

    /// One block of each component, or as many as an interleaved unit has.
    fn unit(&mut self, frame: &mut Frame, scan: &Scan, x: usize, y: usize) -> Result<(), Flaw> {
        for &(index, dc, ac) in &scan.parts {
            let component = &mut frame.components[index];
            let [width, height] = if scan.parts.len() > 1 {
                component.unit
            } else {
                [1, 1]
            };
            for inside in 0..width * height {
                if frame.is_progressive {
                    let row = y * height + inside / width;
                    let column = x * width + inside % width;
                    let nonzero = &mut component.nonzero[row * component.stride + column];
                    self.progressive_block(scan, dc, ac, nonzero)?;
                } else {
                    self.sequential_block(dc, ac)?;
                }
            }
        }
        Ok(())
    }

    /// T.81 F.2.2: the DC difference, then runs of zeros and coefficients.
    fn sequential_block(&mut self, dc: usize, ac: usize) -> Result<(), Flaw> {
        self.symbol(0, dc)?;
        let mut next = 1;
        while next < 64 {
            let (run, size) = self.symbol(1, ac)?;
            if size == 0 && run < 15 {
                break;
            }
            next += run + 1;
        }
        Ok(())
    }

    /// T.81 G.1.2.
    fn progressive_block(
        &mut self,
        scan: &Scan,
        dc: usize,
        ac: usize,
        nonzero: &mut u64,
    ) -> Result<(), Flaw> {
        match (scan.band[0], scan.is_refinement) {
            (0, true) => self.bits.skip(1),
            (0, false) => {
                self.symbol(0, dc)?;
                Ok(())
            }
            (_, false) => self.first_band(scan.band, ac, nonzero),
            (_, true) => self.refined_band(scan.band, ac, nonzero),
        }
    }

    fn first_band(
        &mut self,
        [first, last]: [usize; 2],
        ac: usize,
        nonzero: &mut u64,
    ) -> Result<(), Flaw> {
        if self.end_of_band_run > 0 {
            self.end_of_band_run -= 1;
            return Ok(());
        }
        let mut next = first;
        while next <= last {
            let (run, size) = self.symbol(1, ac)?;
            if size == 0 && run < 15 {
                self.end_of_band_run = self.run_length(run)? - 1;
                break;
            }
            next += run;
            if size > 0 {
                *nonzero |= bit(next);
            }
            next += 1;
        }
        Ok(())
    }

    fn refined_band(
        &mut self,
        [first, last]: [usize; 2],
        ac: usize,
        nonzero: &mut u64,
    ) -> Result<(), Flaw> {
        let mut next = first;
        while self.end_of_band_run == 0 && next <= last {
            let (mut run, size) = self.symbol(1, ac)?;
            if size == 0 && run < 15 {
                self.end_of_band_run = self.run_length(run)?;
                break;
            }
            // A new coefficient came with its sign; each old one that is passed brings a bit.
            while next <= last {
                if *nonzero & bit(next) != 0 {
                    self.bits.skip(1)?;
                } else if run == 0 {
                    break;
                } else {
                    run -= 1;
                }
                next += 1;
            }
            if size > 0 {
                *nonzero |= bit(next);
            }
            next += 1;
        }
        if self.end_of_band_run > 0 {
            self.end_of_band_run -= 1;
            let old = (next..=last).filter(|&index| *nonzero & bit(index) != 0);
            self.bits.skip(old.count() as u32)?;
        }
        Ok(())
    }

    /// 2^`category` and as many more as that many bits say.
    fn run_length(&mut self, category: usize) -> Result<usize, Flaw> {
        let more = self.bits.read(category as u32)?;
        Ok((1 << category) + more)
    }
}

/// The bit of a coefficient; none where a damaged run leads past the last one.
fn bit(index: usize) -> u64 {
    1_u64.checked_shl(index as u32).unwrap_or(0)
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    let pair = bytes.get(at..)?.first_chunk::<2>()?;
    Some(u16::from_be_bytes(*pair))
}

/// A segment's content without its length, and what follows.
pub(super) fn split_segment(tail: &[u8]) -> Option<(&[u8], &[u8])> {
    let length = usize::from(u16_at(tail, 0)?);
    let (segment, next) = tail.split_at_checked(length)?;
    Some((segment.get(2..)?, next))
}
