//! Time embeddings and their projections, computed once for each timestep of a run.

use std::collections::HashMap;
use std::sync::Arc;

use crate::networks::description::{Linear, TimeEmbedding};
use crate::networks::weights::Weights;

/// Timesteps kept: a full ancestral run has a thousand.
const CAPACITY: usize = 1024;

/// `y = x W^T + b` on one vector.
#[derive(Debug)]
struct Matrix {
    weights: Vec<f32>,
    bias: Vec<f32>,
}

impl Matrix {
    fn new(linear: &Linear) -> Self {
        let out = linear.weight.shape.first().copied().unwrap_or(0);
        Self {
            weights: linear.weight.values.to_vec(),
            bias: linear
                .bias
                .as_ref()
                .map_or_else(|| vec![0.0; out], |bias| bias.values.to_vec()),
        }
    }

    fn apply(&self, x: &[f32]) -> impl Iterator<Item = f32> {
        let rows = self.weights.chunks_exact(x.len().max(1));
        rows.zip(&self.bias)
            .map(move |(row, bias)| dot(row, x) + bias)
    }

    fn num_bytes(&self) -> usize {
        (self.weights.len() + self.bias.len()) * size_of::<f32>()
    }
}

/// Eight running sums, so that the compiler can vectorize without reordering.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0; 8];
    let (a_whole, b_whole) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: f32 = a_whole
        .remainder()
        .iter()
        .zip(b_whole.remainder())
        .map(|(a, b)| a * b)
        .sum();
    for (a, b) in a_whole.zip(b_whole) {
        for (sum, (a, b)) in sums.iter_mut().zip(a.iter().zip(b)) {
            *sum += a * b;
        }
    }
    sums.iter().sum::<f32>() + rest
}

fn silu(x: f32) -> f32 {
    x / (1.0 + (-x).exp())
}

/// The embedding and the projections of all resnets.
#[derive(Debug)]
pub struct TimeTable {
    /// Without its layers' weights.
    embedding: TimeEmbedding,
    linear_1: Matrix,
    linear_2: Matrix,
    projections: Vec<Matrix>,
    row_len: usize,
    rows: Vec<f32>,
    starts: HashMap<u32, usize>,
}

impl TimeTable {
    /// Take over the embedding's weights.
    pub fn new(time: &TimeEmbedding) -> Self {
        let emptied = || Linear {
            weight: Weights {
                shape: Vec::new(),
                values: Arc::new([]),
            },
            bias: None,
        };
        Self {
            embedding: TimeEmbedding {
                linear_1: emptied(),
                linear_2: emptied(),
                fourier: time.fourier.clone(),
                ..*time
            },
            linear_1: Matrix::new(&time.linear_1),
            linear_2: Matrix::new(&time.linear_2),
            projections: Vec::new(),
            row_len: 0,
            rows: Vec::new(),
            starts: HashMap::new(),
        }
    }

    /// Add a resnet's projection, with `extra` added to its bias; returns where its values stand in a row.
    pub fn add(&mut self, projection: &Linear, extra: Option<&[f32]>) -> usize {
        let mut matrix = Matrix::new(projection);
        for (bias, extra) in matrix.bias.iter_mut().zip(extra.unwrap_or_default()) {
            *bias += extra;
        }
        let offset = self.row_len;
        self.row_len += matrix.bias.len();
        self.projections.push(matrix);
        offset
    }

    /// Memory of the weights, in bytes.
    pub fn num_bytes(&self) -> usize {
        let projections: usize = self.projections.iter().map(Matrix::num_bytes).sum();
        self.linear_1.num_bytes() + self.linear_2.num_bytes() + projections
    }

    /// Make sure that the timesteps have rows, and write where each one's starts.
    pub fn look_up(&mut self, timesteps: &[f32], starts: &mut Vec<usize>) {
        if self.starts.len() + timesteps.len() > CAPACITY.max(timesteps.len()) {
            self.starts.clear();
            self.rows.clear();
        }
        starts.clear();
        for &timestep in timesteps {
            let start = self.starts.get(&timestep.to_bits()).copied();
            starts.push(start.unwrap_or_else(|| self.compute(timestep)));
        }
    }

    /// Values of a row.
    pub fn row_len(&self) -> usize {
        self.row_len
    }

    /// All rows computed so far.
    pub fn rows(&self) -> &[f32] {
        &self.rows
    }

    fn compute(&mut self, timestep: f32) -> usize {
        let sinusoid = self.embedding.sinusoid(timestep);
        let hidden: Vec<f32> = self.linear_1.apply(&sinusoid).map(silu).collect();
        let embedding: Vec<f32> = self.linear_2.apply(&hidden).map(silu).collect();
        let start = self.rows.len();
        for projection in &self.projections {
            self.rows.extend(projection.apply(&embedding));
        }
        self.starts.insert(timestep.to_bits(), start);
        start
    }
}
