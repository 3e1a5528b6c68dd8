//! Places for all activations of a network in one buffer, shared by those that are never needed at once.

/// Lengths of buffers are multiples of this: a cache line of values, and a row of the CPU kernels' panels.
const GRAIN: usize = 16;

/// A planned buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BufferId(pub usize);

/// When a buffer is needed, in operation indices, and how long it is.
#[derive(Clone, Copy, Debug)]
struct Need {
    len: usize,
    first: usize,
    last: usize,
}

impl Need {
    fn overlaps(&self, other: &Self) -> bool {
        self.first <= other.last && other.first <= self.last
    }
}

/// Buffers while a plan is made.
#[derive(Debug, Default)]
pub struct Needs(Vec<Need>);

impl Needs {
    /// A buffer of `len` values per image, written by operation `at`.
    pub fn create(&mut self, len: usize, at: usize) -> BufferId {
        self.0.push(Need {
            len: len.next_multiple_of(GRAIN),
            first: at,
            last: at,
        });
        BufferId(self.0.len() - 1)
    }

    /// Operation `at` reads or writes the buffer.
    pub fn touch(&mut self, buffer: BufferId, at: usize) {
        let need = &mut self.0[buffer.0];
        need.last = need.last.max(at);
    }

    /// The buffer is not needed after all.
    pub fn cancel(&mut self, buffer: BufferId) {
        self.0[buffer.0].len = 0;
    }

    /// Choose places: the longest first, each in the lowest gap that its contemporaries leave.
    pub fn place(&self, num_operations: usize) -> Layout {
        let mut order: Vec<usize> = (0..self.0.len()).collect();
        order.sort_by_key(|&index| std::cmp::Reverse(self.0[index].len));
        let mut offsets = vec![0; self.0.len()];
        let mut placed: Vec<usize> = Vec::new();
        for index in order {
            let need = self.0[index];
            let mut taken: Vec<(usize, usize)> = placed
                .iter()
                .filter(|&&other| self.0[other].overlaps(&need))
                .map(|&other| (offsets[other], offsets[other] + self.0[other].len))
                .collect();
            taken.sort_unstable();
            let mut offset = 0;
            for (begin, end) in taken {
                if offset + need.len <= begin {
                    break;
                }
                offset = offset.max(end);
            }
            offsets[index] = offset;
            placed.push(index);
        }
        let live = |at: usize| -> usize {
            self.0
                .iter()
                .filter(|need| need.first <= at && at <= need.last)
                .map(|need| need.len)
                .sum()
        };
        Layout {
            total: self
                .0
                .iter()
                .zip(&offsets)
                .map(|(need, offset)| offset + need.len)
                .max()
                .unwrap_or(0),
            largest_live: (0..num_operations).map(live).max().unwrap_or(0),
            places: offsets
                .into_iter()
                .zip(self.0.iter().map(|need| need.len))
                .collect(),
        }
    }
}

/// Places of buffers, in values for one image: a batch takes a multiple.
#[derive(Debug)]
pub struct Layout {
    /// Length of the whole.
    pub total: usize,
    /// The most that is needed at one time.
    pub largest_live: usize,
    places: Vec<(usize, usize)>,
}

impl Layout {
    /// The buffer's range for a batch.
    pub fn range(&self, buffer: BufferId, batch: usize) -> std::ops::Range<usize> {
        let (offset, len) = self.places[buffer.0];
        offset * batch..(offset + len) * batch
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_that_live_together_do_not_overlap() {
        let mut needs = Needs::default();
        let lens = [100, 32, 64, 16, 200, 48, 100, 16];
        let buffers: Vec<BufferId> = lens
            .iter()
            .enumerate()
            .map(|(at, &len)| needs.create(len, at))
            .collect();
        for (at, buffer) in buffers.iter().enumerate() {
            needs.touch(*buffer, at + 1 + at % 3);
        }
        let layout = needs.place(12);
        for (i, a) in buffers.iter().enumerate() {
            for (j, b) in buffers.iter().enumerate().skip(i + 1) {
                let (x, y) = (layout.range(*a, 3), layout.range(*b, 3));
                let apart = x.end <= y.start || y.end <= x.start;
                assert!(
                    apart || !needs.0[i].overlaps(&needs.0[j]),
                    "{i} and {j} share {x:?} and {y:?}"
                );
            }
        }
        assert!(layout.total >= layout.largest_live, "{layout:?}");
        assert!(layout.total * 2 <= layout.largest_live * 3, "{layout:?}");
    }
}
