//! Threads that work in step through the layers of a network call.
//!
//! A network call is some hundred short parallel loops. Waking sleeping threads for each would cost more than the
//! loops of a small batch, so the pool's threads enter once a call and wait for the next loop awake.

use std::any::Any;
use std::cell::UnsafeCell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use super::shared::Shared;

type Task<'a> = dyn Fn(usize, usize) + Sync + 'a;

/// A pool of named threads.
pub struct ThreadPool {
    pool: rayon::ThreadPool,
    /// One call at a time: two calls in the pool at once would wait for each other's threads.
    entry: Mutex<()>,
}

impl ThreadPool {
    /// Start `threads` threads (at least one).
    pub fn new(threads: usize) -> Result<Self, rayon::ThreadPoolBuildError> {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads.max(1))
            .thread_name(|index| format!("lmd-cpu-{index}"))
            .build()?;
        Ok(Self {
            pool,
            entry: Mutex::new(()),
        })
    }

    /// The pool of this process: a thread for each physical core.
    pub fn of_process() -> Result<Arc<Self>, String> {
        static POOL: LazyLock<Result<Arc<ThreadPool>, String>> = LazyLock::new(|| {
            ThreadPool::new(num_physical_cores())
                .map(Arc::new)
                .map_err(|error| error.to_string())
        });
        POOL.as_ref().map(Arc::clone).map_err(Clone::clone)
    }

    /// Number of threads.
    pub fn num_threads(&self) -> usize {
        self.pool.current_num_threads()
    }

    /// Run `work` on one thread of the pool while the others stand by for its loops.
    pub fn run<R: Send>(&self, work: impl FnOnce(&mut PoolScope<'_>) -> R + Send) -> R {
        let _entry = self.entry.lock().unwrap_or_else(PoisonError::into_inner);
        let threads = self.num_threads();
        let rendezvous = Rendezvous::default();
        let work = Mutex::new(Some(work));
        let result = Mutex::new(None);
        self.pool.broadcast(|thread| {
            if thread.index() != 0 {
                return rendezvous.follow(thread.index());
            }
            let _dismissal = Dismissal(&rendezvous);
            let work = work.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(work) = work {
                let value = work(&mut PoolScope {
                    rendezvous: &rendezvous,
                    threads,
                });
                *result.lock().unwrap_or_else(PoisonError::into_inner) = Some(value);
            }
        });
        let result = result.into_inner().unwrap_or_else(PoisonError::into_inner);
        result.unwrap_or_else(|| unreachable!("thread 0 of the broadcast ran the work or panicked"))
    }
}

impl std::fmt::Debug for ThreadPool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ThreadPool({} threads)", self.num_threads())
    }
}

/// Physical cores that this process may use: hyperthreads share the units that the kernels keep busy.
fn num_physical_cores() -> usize {
    let available = std::thread::available_parallelism().map_or(1, usize::from);
    num_cpus::get_physical().clamp(1, available)
}

/// Sends the followers home, also when the leader panics.
struct Dismissal<'a>(&'a Rendezvous);

impl Drop for Dismissal<'_> {
    fn drop(&mut self) {
        self.0.dismissed.store(true, Ordering::Release);
    }
}

/// What leader and followers share during one call.
#[derive(Default)]
struct Rendezvous {
    /// Number of the loop, whether it is [`OPEN`], and how many followers are inside.
    ///
    /// A follower joins an open loop or misses it: the leader never waits for a thread that the operating system has
    /// set aside before it joined.
    state: AtomicU64,
    dismissed: AtomicBool,
    /// Next task of the loop.
    next: AtomicUsize,
    panic: Mutex<Option<Box<dyn Any + Send>>>,
    current: UnsafeCell<Option<Loop>>,
}

/// Followers may join.
const OPEN: u64 = 1 << 31;
/// The count of followers inside.
const INSIDE: u64 = OPEN - 1;
/// The number of the loop.
const LOOP: u64 = 1 << 32;

/// A loop's body and number of tasks.
#[derive(Clone, Copy)]
struct Loop {
    task: *const Task<'static>,
    tasks: usize,
}

// SAFETY: the leader writes `current` only while the loop is closed and nobody is inside; followers read it only
// inside, after joining with an acquire of the state that was released after the write.
unsafe impl Sync for Rendezvous {}

impl Rendezvous {
    fn follow(&self, thread: usize) {
        let mut seen = 0;
        let mut patience = Patience::default();
        while !self.dismissed.load(Ordering::Acquire) {
            let state = self.state.load(Ordering::Acquire);
            if state & OPEN == 0 || state / LOOP == seen {
                patience.wait();
                continue;
            }
            let joined = self.state.compare_exchange_weak(
                state,
                state + 1,
                Ordering::AcqRel,
                Ordering::Relaxed,
            );
            if joined.is_err() {
                continue;
            }
            seen = state / LOOP;
            patience = Patience::default();
            // SAFETY: this thread is inside the loop.
            if let Some(work) = unsafe { *self.current.get() } {
                self.take_part(thread, work);
            }
            self.state.fetch_sub(1, Ordering::Release);
        }
    }

    fn take_part(&self, thread: usize, work: Loop) {
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            loop {
                let index = self.next.fetch_add(1, Ordering::Relaxed);
                if index >= work.tasks {
                    break;
                }
                // SAFETY: the leader keeps the closure alive until all threads have left the loop.
                unsafe { (*work.task)(thread, index) };
            }
        }));
        if let Err(panic) = outcome {
            *self.panic.lock().unwrap_or_else(PoisonError::into_inner) = Some(panic);
        }
    }
}

/// Waiting that begins awake and grows lazier: the next loop mostly comes within microseconds, but the leader may
/// also be paused by the user.
#[derive(Default)]
struct Patience(u32);

impl Patience {
    fn wait(&mut self) {
        const SPINS: u32 = 4_000;
        const YIELDS: u32 = 2_000;
        self.0 = self.0.saturating_add(1);
        if self.0 < SPINS {
            std::hint::spin_loop();
        } else if self.0 < SPINS + YIELDS {
            std::thread::yield_now();
        } else {
            std::thread::sleep(Duration::from_micros(200));
        }
    }
}

/// The thread that walks through the layers.
pub struct PoolScope<'a> {
    rendezvous: &'a Rendezvous,
    threads: usize,
}

impl PoolScope<'_> {
    /// Threads that share a loop.
    pub fn num_threads(&self) -> usize {
        self.threads
    }

    /// Call `task(thread, index, chunk)` for each chunk of `len` values, of which the last may be shorter, on all threads.
    ///
    /// # Panics
    /// If `len` is 0.
    pub fn for_each_chunk(
        &mut self,
        values: &mut [f32],
        len: usize,
        task: &(dyn Fn(usize, usize, &mut [f32]) + Sync),
    ) {
        let total = values.len();
        let shared = Shared::new(values);
        self.for_each(total.div_ceil(len), &|thread, index| {
            let first = index * len;
            let count = len.min(total - first);
            // SAFETY: each task has its own chunk, and `at` checks that it lies in the slice.
            let chunk = unsafe { std::slice::from_raw_parts_mut(shared.at(first, count), count) };
            task(thread, index, chunk);
        });
    }

    /// Call `task(thread, index)` for each index below `tasks`, on all threads; returns when all are done.
    pub fn for_each(&mut self, tasks: usize, task: &Task<'_>) {
        if self.threads == 1 || tasks <= 1 {
            for index in 0..tasks {
                task(0, index);
            }
            return;
        }
        let rendezvous = self.rendezvous;
        // SAFETY: only the lifetime changes; `for_each` does not return before every thread has left the loop.
        let task: *const Task<'static> = unsafe { std::mem::transmute(task) };
        let work = Loop { task, tasks };
        // SAFETY: the last loop is closed and everybody has left it.
        unsafe { *rendezvous.current.get() = Some(work) };
        rendezvous.next.store(0, Ordering::Relaxed);
        let number = rendezvous.state.load(Ordering::Relaxed) / LOOP + 1;
        rendezvous
            .state
            .store(number * LOOP + OPEN, Ordering::Release);
        rendezvous.take_part(0, work);
        rendezvous.state.fetch_and(!OPEN, Ordering::AcqRel);
        let mut patience = Patience::default();
        while rendezvous.state.load(Ordering::Acquire) & INSIDE != 0 {
            patience.wait();
        }
        let panic = rendezvous
            .panic
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(panic) = panic {
            resume_unwind(panic);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_index_runs_once() {
        let pool = ThreadPool::new(3).unwrap();
        let counts: Vec<AtomicUsize> = (0..1000).map(|_| AtomicUsize::new(0)).collect();
        let answer = pool.run(|leader| {
            for tasks in [0, 1, 2, 999, 1000] {
                leader.for_each(tasks, &|_, index| {
                    counts[index].fetch_add(1, Ordering::Relaxed);
                });
            }
            7
        });
        assert_eq!(answer, 7);
        let counts: Vec<usize> = counts
            .iter()
            .map(|count| count.load(Ordering::Relaxed))
            .collect();
        assert_eq!(counts[..3], [4, 3, 2]);
        assert_eq!(counts[998..], [2, 1]);
    }

    #[test]
    fn a_panic_reaches_the_caller_and_the_team_lives_on() {
        let pool = ThreadPool::new(2).unwrap();
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            pool.run(|leader| {
                leader.for_each(64, &|_, index| assert_ne!(index, 33, "task 33 fails"));
            });
        }));
        assert!(outcome.is_err(), "the panic must not be lost");
        assert_eq!(pool.run(|leader| leader.num_threads()), 2);
    }
}
