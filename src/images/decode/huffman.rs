//! The bits and codes of JPEG's entropy-coded data (ITU-T T.81, annexes C and F.2.2).

use super::jpeg::Flaw;

/// Codes up to this length are looked up at once; they are nearly all there are.
const FAST_BITS: u32 = 9;

/// A Huffman table: codes of 1 to 16 bits.
pub(super) struct Table {
    /// By the next [`FAST_BITS`] bits: length and symbol, or a length of 0 for longer codes.
    fast: Vec<(u8, u8)>,
    /// For each length one more than the last code, its bits moved to the top of 16.
    ends: [u32; 17],
    /// For each length what to add to a code, wrapping around, to find its symbol.
    offsets: [u32; 17],
    symbols: Vec<u8>,
}

impl Table {
    /// `counts` has the number of codes of each length; `None` when there are more than fit.
    pub fn new(counts: &[u8; 16], symbols: &[u8]) -> Option<Self> {
        let mut table = Self {
            fast: vec![(0, 0); 1 << FAST_BITS],
            ends: [0; 17],
            offsets: [0; 17],
            symbols: symbols.to_vec(),
        };
        let (mut code, mut index) = (0_u32, 0_u32);
        for (length, &count) in (1_u32..).zip(counts) {
            table.offsets[length as usize] = index.wrapping_sub(code);
            for _ in 0..count {
                let symbol = *symbols.get(index as usize)?;
                if length <= FAST_BITS {
                    let spare = FAST_BITS - length;
                    let first = (code << spare) as usize;
                    table
                        .fast
                        .get_mut(first..first + (1 << spare))?
                        .fill((length as u8, symbol));
                }
                code += 1;
                index += 1;
            }
            if code > 1 << length {
                return None;
            }
            table.ends[length as usize] = code << (16 - length);
            code <<= 1;
        }
        Some(table)
    }

    /// Length and symbol of the code that the next 16 bits begin with.
    fn look_up(&self, next: u32) -> Option<(u32, u8)> {
        let (length, symbol) = self.fast[(next >> (16 - FAST_BITS)) as usize];
        if length > 0 {
            return Some((u32::from(length), symbol));
        }
        let length = (FAST_BITS + 1..=16).find(|&length| next < self.ends[length as usize])?;
        let code = next >> (16 - length);
        let index = code.wrapping_add(self.offsets[length as usize]);
        Some((length, *self.symbols.get(index as usize)?))
    }
}

/// Bits of entropy-coded data; they end before the next marker.
pub(super) struct Bits<'a> {
    bytes: &'a [u8],
    /// The next bits, from the top down; zeros below them.
    buffer: u64,
    held: u32,
}

impl<'a> Bits<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            buffer: 0,
            held: 0,
        }
    }

    /// Hold at least 32 bits, or all there are before the next marker.
    fn refill(&mut self) {
        if let Some((word, rest)) = self.bytes.split_first_chunk::<4>()
            && self.held <= 32
            && !word.contains(&0xFF)
        {
            self.buffer |= u64::from(u32::from_be_bytes(*word)) << (32 - self.held);
            self.held += 32;
            self.bytes = rest;
            return;
        }
        while self.held <= 56 {
            let byte = match self.bytes {
                // `FF 00` stands for a data byte `FF`.
                [0xFF, 0, rest @ ..] => {
                    self.bytes = rest;
                    0xFF
                }
                [0xFF, ..] | [] => return,
                [byte, rest @ ..] => {
                    self.bytes = rest;
                    *byte
                }
            };
            self.buffer |= u64::from(byte) << (56 - self.held);
            self.held += 8;
        }
    }

    /// Pass over at most 64 bits.
    pub fn skip(&mut self, count: u32) -> Result<(), Flaw> {
        if count > 32 {
            self.skip(32)?;
            return self.skip(count - 32);
        }
        if self.held < count {
            self.refill();
        }
        self.held = self.held.checked_sub(count).ok_or(Flaw::Incomplete)?;
        self.buffer <<= count;
        Ok(())
    }

    /// At most 16 bits as a number.
    pub fn read(&mut self, count: u32) -> Result<usize, Flaw> {
        if self.held < count {
            self.refill();
        }
        let value = (self.buffer >> 32 >> (32 - count)) as usize;
        self.skip(count)?;
        Ok(value)
    }

    /// The next symbol's upper half and lower half, and past it the bits that belong to it, as many as its lower half
    /// says.
    pub fn symbol(&mut self, table: &Table) -> Result<(usize, u32), Flaw> {
        // The longest code and the most bits after it.
        if self.held < 16 + 15 {
            self.refill();
        }
        let next = (self.buffer >> 48) as u32;
        let (length, symbol) = table.look_up(next).ok_or(Flaw::Incomplete)?;
        let size = u32::from(symbol & 15);
        self.skip(length + size)?;
        Ok((usize::from(symbol >> 4), size))
    }

    /// Go on after the restart marker, which must come next.
    pub fn restart(&mut self) -> Result<(), Flaw> {
        // What is left before the marker pads the last byte.
        while self.held > 0 {
            self.buffer = 0;
            self.held = 0;
            self.refill();
        }
        match super::complete::next_marker(self.bytes) {
            Some((0xD0..=0xD7, tail)) => {
                *self = Self::new(tail);
                Ok(())
            }
            _ => Err(Flaw::Incomplete),
        }
    }

    /// What follows the data: a marker, or nothing.
    pub fn rest(&self) -> &'a [u8] {
        super::complete::skip_data(self.bytes)
    }
}
