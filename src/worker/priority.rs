//! Threads that compute give way to the window's: with a processor that does both, a click is answered at once.

/// Let this thread, and those that it starts from now on, give way to the others of the program.
///
/// On Linux a nice value belongs to a thread and is inherited by those that it starts. Elsewhere it belongs to the whole
/// program, whose window it would slow down as well, so there it stays.
#[cfg(target_os = "linux")]
pub fn give_way() {
    use rustix::process::{getpriority_process, setpriority_process};

    /// A third of the time of a thread that asks for it as well.
    const LESS: i32 = 5;
    let lowered =
        getpriority_process(None).and_then(|now| setpriority_process(None, (now + LESS).min(19)));
    if let Err(error) = lowered {
        // A matter of comfort: everything works without it.
        log::debug!("threads that compute keep the priority of the window: {error}");
    }
}

/// The same where a nice value belongs to the whole program.
#[cfg(not(target_os = "linux"))]
pub fn give_way() {}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use rustix::process::getpriority_process;

    use super::*;

    #[test]
    fn a_thread_and_what_it_starts_give_way_and_the_others_do_not() {
        let of_this = || getpriority_process(None).unwrap();
        let before = of_this();
        let start = |name: &str, work: Box<dyn FnOnce() -> (i32, i32) + Send>| {
            let thread = std::thread::Builder::new().name(name.to_owned());
            thread.spawn(work).unwrap().join().unwrap()
        };
        let (parent, child) = start(
            "gives way",
            Box::new(move || {
                give_way();
                let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
                (of_this(), pool.unwrap().install(of_this))
            }),
        );
        assert!(parent > before || before == 19, "{before} to {parent}");
        assert_eq!(child, parent, "a pool that it starts");
        assert_eq!(of_this(), before, "the thread that started it");
    }
}
