//! One pass of a batch through the steps: up, through, and back to the host.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use wgpu::{CommandEncoderDescriptor, ComputePassDescriptor, MapMode, SubmissionIndex};

use super::denoiser::{Buffers, WgpuDenoiser};
use super::device::GpuError;
use crate::diffusion::Interrupt;

/// Submissions under way at most: one at work and one behind it.
const MOST_UNDER_WAY: usize = 2;

/// A piece of work on its way.
struct Piece {
    submission: SubmissionIndex,
    cost: u64,
    submitted: Instant,
}

impl WgpuDenoiser {
    /// Run a batch for which `buffers` have room.
    pub(super) fn pass(
        &mut self,
        buffers: &Buffers,
        (sample, timesteps): (&[f32], &[f32]),
        output: &mut [f32],
        interrupt: &dyn Interrupt,
    ) -> Result<(), GpuError> {
        self.send(buffers, sample, timesteps);
        let batch = timesteps.len();
        let mut under_way = VecDeque::new();
        let mut finished = Instant::now();
        let mut first = 0;
        while first < self.steps.len() {
            interrupt.check()?;
            if under_way.len() == MOST_UNDER_WAY {
                self.finish_first(&mut under_way, &mut finished, interrupt)?;
            }
            let piece = self.submit(buffers, &mut first, batch, size_of_val(sample) as u64);
            under_way.push_back(piece);
        }
        while !under_way.is_empty() {
            self.finish_first(&mut under_way, &mut finished, interrupt)?;
        }
        self.fetch(buffers, output)
    }

    /// Put a batch's sample and time rows where the steps read them.
    fn send(&mut self, buffers: &Buffers, sample: &[f32], timesteps: &[f32]) {
        let mut rows = Vec::new();
        self.time.look_up(timesteps, &mut rows);
        // A run's batches are at one timestep: its row goes over once.
        let mut distinct: Vec<usize> = Vec::new();
        let mut starts = vec![timesteps.len() as u32];
        let row_len = self.time.row_len();
        for row in rows {
            let place = distinct.iter().position(|&other| other == row);
            let place = place.unwrap_or_else(|| {
                distinct.push(row);
                distinct.len() - 1
            });
            starts.push((place * row_len) as u32);
        }
        let queue = &self.gpu.queue;
        for (place, row) in (0..).zip(distinct) {
            let values = &self.time.rows()[row..][..row_len];
            let place = 4 * (place * row_len) as u64;
            queue.write_buffer(&buffers.times, place, in_bytes(&mut self.bytes, values));
        }
        let starts: Vec<u8> = starts.iter().flat_map(|word| word.to_ne_bytes()).collect();
        queue.write_buffer(&buffers.starts, 0, &starts);
        queue.write_buffer(&buffers.planes, 0, in_bytes(&mut self.bytes, sample));
    }

    /// Submit steps from `first` on, as many as make a piece; the last piece also brings the output.
    fn submit(&self, buffers: &Buffers, first: &mut usize, batch: usize, bytes: u64) -> Piece {
        let gpu = &self.gpu;
        let mut encoder = (gpu.device).create_command_encoder(&CommandEncoderDescriptor::default());
        let mut cost = 0;
        {
            let mut pass = encoder.begin_compute_pass(&ComputePassDescriptor::default());
            while let Some(bound) = self.steps.get(*first) {
                let step_cost = bound.step.cost * batch as u64;
                if cost > 0 && cost + step_cost > self.pace.piece() {
                    break;
                }
                cost += step_cost;
                let [x, y, z] = bound.step.grid.size(batch);
                let params = (*first as u64 * gpu.param_stride()) as u32;
                pass.set_pipeline(&bound.pipeline);
                pass.set_bind_group(0, &buffers.groups[*first], &[params]);
                pass.dispatch_workgroups(x, y, z);
                *first += 1;
            }
        }
        if *first == self.steps.len() {
            encoder.copy_buffer_to_buffer(&buffers.planes, 0, &buffers.staging, 0, bytes);
        }
        Piece {
            submission: gpu.queue.submit([encoder.finish()]),
            cost,
            submitted: Instant::now(),
        }
    }

    /// Wait for the oldest piece and learn the device's pace by it.
    fn finish_first(
        &mut self,
        under_way: &mut VecDeque<Piece>,
        finished: &mut Instant,
        interrupt: &dyn Interrupt,
    ) -> Result<(), GpuError> {
        if let Some(piece) = under_way.pop_front() {
            self.gpu.wait(&piece.submission, interrupt)?;
            // It began when it was submitted, or when the one before it was done.
            let began = piece.submitted.max(*finished);
            *finished = Instant::now();
            self.pace.note(piece.cost, *finished - began);
        }
        Ok(())
    }

    /// The output, which has reached the staging buffer.
    fn fetch(&self, buffers: &Buffers, output: &mut [f32]) -> Result<(), GpuError> {
        let view = buffers.staging.slice(..size_of_val(output) as u64);
        let is_mapped = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&is_mapped);
        view.map_async(MapMode::Read, move |result| {
            told.store(result.is_ok(), Ordering::Release);
        });
        self.gpu.device.poll(wgpu::PollType::Poll).ok();
        self.gpu.check()?;
        if !is_mapped.load(Ordering::Acquire) {
            return Err(GpuError::Failed("the output could not be read".to_owned()));
        }
        let Ok(bytes) = view.get_mapped_range() else {
            return Err(GpuError::Failed("the output could not be read".to_owned()));
        };
        for (value, bytes) in output.iter_mut().zip(bytes.as_chunks().0) {
            *value = f32::from_ne_bytes(*bytes);
        }
        drop(bytes);
        buffers.staging.unmap();
        Ok(())
    }
}

/// Values as the device reads them.
fn in_bytes<'a>(bytes: &'a mut Vec<u8>, values: &[f32]) -> &'a [u8] {
    bytes.clear();
    bytes.extend(values.iter().flat_map(|value| value.to_ne_bytes()));
    bytes
}
