//! Noise of the next step, drawn on other threads while the network works on this one.
//!
//! Draws depend on their address alone, so that they are the same bits whoever draws them and when. Drawing takes about
//! 17 ns a value on one thread: longer than a graphics card takes for the network.

use std::sync::atomic::{AtomicBool, Ordering};

use super::noise::{NoiseSource, Purpose};

/// Images whose noise one task draws.
const TASK_ITEMS: usize = 8;

/// A source with the draws of one step at hand.
pub(super) struct Ahead<'a> {
    at_hand: AtHand<'a>,
    item_len: usize,
    /// Room for the next step's draws, by stream.
    room: Vec<Vec<f32>>,
}

struct AtHand<'a> {
    source: &'a dyn NoiseSource,
    streams: Vec<Stream>,
}

/// The draws for one purpose.
struct Stream {
    purpose: Purpose,
    /// Whose they are; `None` where they were not drawn.
    step: Option<usize>,
    /// (B, item).
    values: Vec<f32>,
    /// Whether this step asks for any.
    is_asked: AtomicBool,
    /// Whether the last one did: a sampler may add no noise at all.
    is_needed: bool,
}

impl<'a> Ahead<'a> {
    /// For a batch of so many values, with the draws of step `first` at hand; `purposes` are those that steps may ask for.
    pub fn new(
        source: &'a dyn NoiseSource,
        (batch_len, item_len): (usize, usize),
        purposes: &[Purpose],
        first: Option<usize>,
    ) -> Self {
        let stream = |&purpose: &Purpose| Stream {
            purpose,
            step: None,
            values: vec![0.0; batch_len],
            is_asked: AtomicBool::new(false),
            is_needed: true,
        };
        let streams = purposes.iter().map(stream).collect();
        let mut ahead = Self {
            at_hand: AtHand { source, streams },
            item_len,
            room: vec![vec![0.0; batch_len]; purposes.len()],
        };
        ahead.draw(first, |_| ());
        ahead
    }

    /// Do the work of a step on this thread while others draw for step `next`, if one that adds noise follows.
    pub fn during<T>(
        &mut self,
        next: Option<usize>,
        work: impl FnOnce(&dyn NoiseSource) -> T,
    ) -> T {
        let done = self.draw(next, work);
        for stream in &mut self.at_hand.streams {
            stream.is_needed = stream.is_asked.swap(false, Ordering::Relaxed);
        }
        done
    }

    fn draw<T>(&mut self, next: Option<usize>, work: impl FnOnce(&dyn NoiseSource) -> T) -> T {
        let (at_hand, item_len) = (&self.at_hand, self.item_len);
        let room = &mut self.room;
        let done = rayon::in_place_scope(|scope| {
            for (stream, values) in at_hand.streams.iter().zip(room) {
                let Some(step) = next.filter(|_| stream.is_needed) else {
                    continue;
                };
                let tasks = values.chunks_mut(TASK_ITEMS * item_len);
                for (first, chunk) in (0..).step_by(TASK_ITEMS).zip(tasks) {
                    scope.spawn(move |_| {
                        for (item, out) in (first..).zip(chunk.chunks_mut(item_len)) {
                            let source = at_hand.source;
                            source.fill_normal(item, stream.purpose, step, out);
                        }
                    });
                }
            }
            work(at_hand)
        });
        for (stream, values) in self.at_hand.streams.iter_mut().zip(&mut self.room) {
            stream.step = next.filter(|_| stream.is_needed);
            std::mem::swap(&mut stream.values, values);
        }
        done
    }
}

impl NoiseSource for AtHand<'_> {
    fn fill_normal(&self, item: usize, purpose: Purpose, step: usize, out: &mut [f32]) {
        let stream = self.streams.iter().find(|it| it.purpose == purpose);
        if let Some(stream) = stream {
            stream.is_asked.store(true, Ordering::Relaxed);
            let drawn = stream.values.get(item * out.len()..(item + 1) * out.len());
            if let Some(drawn) = drawn.filter(|_| stream.step == Some(step)) {
                out.copy_from_slice(drawn);
                return;
            }
        }
        self.source.fill_normal(item, purpose, step, out);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::diffusion::noise::{PhiloxNoise, PhiloxStream};
    use crate::images::ContentHash;

    /// Notes which steps are drawn for.
    struct Noted<'a>(&'a PhiloxNoise, Mutex<Vec<(Purpose, usize)>>);

    impl NoiseSource for Noted<'_> {
        fn fill_normal(&self, item: usize, purpose: Purpose, step: usize, out: &mut [f32]) {
            if item == 0 {
                self.1.lock().unwrap().push((purpose, step));
            }
            self.0.fill_normal(item, purpose, step, out);
        }
    }

    #[test]
    fn draws_are_the_same_bits_and_none_is_made_for_nothing() {
        const LEN: usize = 13;
        let stream = |byte| PhiloxStream::new(1, &ContentHash([byte; 32]), 0);
        let noise = PhiloxNoise {
            streams: (0..19).map(stream).collect(),
        };
        let noted = Noted(&noise, Mutex::default());
        let purposes = [Purpose::Step, Purpose::Known];
        let mut ahead = Ahead::new(&noted, (19 * LEN, LEN), &purposes, Some(0));
        for step in 0..4 {
            let next = Some(step + 1).filter(|&next| next < 4);
            ahead.during(next, |noise_at_hand| {
                for item in 0..19 {
                    let (mut got, mut wanted) = ([0.0; LEN], [0.0; LEN]);
                    noise_at_hand.fill_normal(item, Purpose::Known, step, &mut got);
                    noise.fill_normal(item, Purpose::Known, step, &mut wanted);
                    assert_eq!(got, wanted, "image {item} in step {step}");
                }
            });
        }
        let mut drawn = noted.1.into_inner().unwrap();
        drawn.sort_by_key(|&(purpose, step)| (purpose as u32, step));
        let known = (0..4).map(|step| (Purpose::Known, step));
        // The first two steps of a sampler that adds none.
        let expected: Vec<_> = [(Purpose::Step, 0), (Purpose::Step, 1)]
            .into_iter()
            .chain(known)
            .collect();
        assert_eq!(drawn, expected);
    }
}
