//! Networks: one typed description, loaders that fill it, executors that run it.
//!
//! A checkpoint loader ([`checkpoints`]) turns a file of its family into a [`description::Network`];
//! an executor ([`executors`]) runs any description, and [`training`] trains any. Families and devices never multiply.

pub mod autoencoder;
pub mod bundled;
pub mod checkpoints;
pub mod convert;
pub mod cost;
pub mod description;
pub mod distances;
pub mod executors;
pub mod identity;
pub mod lpips;
pub mod simclr;
pub mod training;
pub mod verify;
pub mod weights;

pub use description::Network;
pub use identity::{Fingerprint, ModelIdentity, ModelMatch};
pub use weights::Weights;
