//! What a driver needs to run: kernels, threads, working memory.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::aligned::Aligned;
use super::isa::Table;
use super::thread_pool::PoolScope;

/// Working memory of one thread, or of all of them for one loop; grows on first use and is then kept.
#[derive(Debug, Default)]
pub struct Scratch {
    /// Input rows, gathered or transformed.
    pub input: Aligned,
    pub output: Aligned,
    /// Normalized image rows.
    pub rows: Aligned,
}

impl Scratch {
    /// Memory taken, in bytes.
    pub fn num_bytes(&self) -> usize {
        (self.input.len() + self.output.len() + self.rows.len()) * size_of::<f32>()
    }
}

/// Handed from driver to driver through a network call.
pub struct Context<'a, 'b> {
    pub table: &'static Table,
    pub pool: &'a mut PoolScope<'b>,
    /// One for each thread.
    pub scratches: &'a [Mutex<Scratch>],
    /// For loops in which threads build one matrix together.
    pub common: &'a mut Scratch,
}

impl<'b> Context<'_, 'b> {
    /// The same for a part of the work.
    pub fn again(&mut self) -> Context<'_, 'b> {
        Context {
            table: self.table,
            pool: &mut *self.pool,
            scratches: self.scratches,
            common: &mut *self.common,
        }
    }
}

/// The scratch of a thread; its lock is never contended, since each thread has its own.
pub fn scratch_of(scratches: &[Mutex<Scratch>], thread: usize) -> MutexGuard<'_, Scratch> {
    scratches[thread]
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
}
