//! What training adds to the kernels: gradients of products, normalizations and attention, and the optimizer.
//!
//! As everywhere in the kernels, every sum has one order, whatever the number of threads: what is added up in
//! blocks is cut by the sizes of the work alone, and what threads add up together they share by matrix, by row or by image,
//! never by copy.

pub mod attention;
mod direct;
pub mod elementwise;
mod few_outputs;
pub mod gemm_tn;
pub mod norm;
pub mod optimizer;
mod product;
pub mod rows;
pub mod tiles;
pub mod weights;
mod winograd;

#[cfg(test)]
mod tests;

pub use attention::backward as attention_backward;
pub use norm::{NormGradient, Target};
pub use optimizer::{AdamStep, Moments};
pub use weights::WeightGradient;
