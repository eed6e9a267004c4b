//! Runs each job in a task of its own, again and again, and restarts one that fails or panics after a pause that grows.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use rand::RngExt;

use crate::error::Error;
use crate::jobs::Job;
use crate::time::count;
use crate::web::state::State;

const LONGEST_PAUSE: Duration = Duration::from_secs(60);

// Why a run failed: `cause` for the log, `shown` for `/readyz`, which anybody can read.
struct Failure {
    cause: String,
    shown: &'static str,
    is_expected: bool,
}

/// Starts the task of a job; it runs until the runtime stops. Its health is in [`State::job_health`].
pub fn supervise(app: Arc<State>, job: Job) {
    actix_web::rt::spawn(async move {
        loop {
            let pause = run(&app, &job).await;
            actix_web::rt::time::sleep(pause).await;
        }
    });
}

// Runs the job once; returns how long to wait until the next run.
async fn run(app: &State, job: &Job) -> Duration {
    app.job_health.started(job.name, app.clock.now());
    let outcome = AssertUnwindSafe((job.run)(app)).catch_unwind().await;
    let failure = match outcome {
        Ok(Ok(())) => {
            let failures = app.job_health.succeeded(job.name, app.clock.now());
            if failures > 0 {
                log::info!("{}: works again after {}", job.name, count(i64::from(failures), "failure"));
            }
            return job.every;
        }
        Ok(Err(error)) => Failure::from(&error),
        Err(panic) => Failure { cause: message(&*panic), shown: "it panicked", is_expected: false },
    };
    let failures = app.job_health.failed(job.name, failure.shown);
    let pause = pause_after(job.every, failures);
    let level = if failure.is_expected { log::Level::Warn } else { log::Level::Error };
    let (times, seconds) = (count(i64::from(failures), "time"), pause.as_secs_f32());
    log::log!(level, "{}: failed {times}, next attempt in {seconds:.1} s: {}", job.name, failure.cause);
    pause
}

impl Failure {
    fn from(error: &Error) -> Failure {
        let shown = match error {
            Error::Unavailable(why) => why,
            Error::Database(_) if error.is_unavailable() => "the database is unavailable",
            Error::Database(_) => "a query failed",
            Error::Explained { shown, .. } => shown,
            _ => "an internal error",
        };
        Failure { cause: error.to_string(), shown, is_expected: error.is_unavailable() }
    }
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_string());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    format!("panicked: {}", text.unwrap_or_default())
}

// The pause doubles with each failure, up to a minute or to the job's own interval if that is longer. A random part of up to
// a quarter is added, so that the nodes do not all try at the same moment.
fn pause_after(every: Duration, failures: u32) -> Duration {
    let longest = LONGEST_PAUSE.max(every);
    let pause = every.saturating_mul(2_u32.saturating_pow(failures.min(10))).min(longest);
    pause.mul_f64(rand::rng().random_range(1.0..1.25))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_grows_with_each_failure_up_to_a_minute() {
        let pauses = [1, 2, 20].map(|failures| pause_after(Duration::from_secs(3), failures).as_secs_f64());

        assert!((6.0..7.6).contains(&pauses[0]), "{pauses:?}");
        assert!((12.0..15.1).contains(&pauses[1]), "{pauses:?}");
        assert!((60.0..75.1).contains(&pauses[2]), "{pauses:?}");
        assert!(pause_after(Duration::from_secs(3600), 1) >= Duration::from_secs(3600));
    }
}
