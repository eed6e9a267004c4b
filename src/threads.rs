//! A few threads for one kind of blocking work, shared by all workers of the HTTP server: pooled connections, passwords.
//!
//! Why: each worker has threads of its own for blocking work, and glibc keeps the memory that a thread has freed for that
//! thread. So with few threads the server needs less memory.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

const KEPT_IDLE: Duration = Duration::from_secs(60);

/// At most a number of threads; they start when they are needed.
#[derive(Clone)]
pub(crate) struct Threads(Arc<Owner>);

struct Owner(Option<Runtime>);

impl Threads {
    pub(crate) fn start(name: &str, most: usize) -> std::io::Result<Threads> {
        let runtime = Builder::new_current_thread()
            .max_blocking_threads(most)
            .thread_keep_alive(KEPT_IDLE)
            .thread_name(name)
            .build()?;
        Ok(Threads(Arc::new(Owner(Some(runtime)))))
    }

    /// Runs `work` in the next free thread.
    pub(crate) fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
        match &self.0.0 {
            Some(runtime) => runtime.spawn_blocking(work),
            None => tokio::task::spawn_blocking(work),
        }
    }
}

impl Drop for Owner {
    // Waiting for the threads is not allowed in an asynchronous context, where the last handle may be dropped.
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
