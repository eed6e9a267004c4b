//! Divides the database connections, so that one kind of work cannot take the connections of another.
//!
//! Pages and lists, background jobs, and everything else (tokens, sessions, sign-in; on PostgreSQL also all changes) have a
//! pool each. So no token is refused because somebody filters a list, and a job that counts does not delay a page.

use std::sync::Arc;
use std::time::Duration;

use prometheus::Histogram;
use tokio::sync::Semaphore;

use crate::db::manager::{Manager, Purpose};

/// The connections for one kind of work.
#[derive(Clone)]
pub(crate) struct Share {
    pub(crate) name: &'static str,
    // How long callers wait for a connection.
    pub(crate) waits: Histogram,
    pub(crate) pool: r2d2::Pool<Manager>,
    // A caller takes a permit of each semaphore in turn. Semaphores serve waiting callers in order and drop those that
    // disconnected; the pool does neither.
    pub(crate) free: Vec<Arc<Semaphore>>,
    /// How long PostgreSQL lets one statement run.
    pub(crate) statement_limit: Duration,
}

/// The shares of one database.
#[derive(Clone)]
pub(crate) struct Shares {
    /// For tokens, sessions and sign-in.
    pub(crate) requests: Share,
    /// For changes on PostgreSQL: the same connections but one, so that tokens are read while every change waits for a lock.
    pub(crate) changes: Share,
    /// For low-priority changes on PostgreSQL: the connections for changes but one, so that a revocation need not wait for
    /// refreshes.
    pub(crate) low_priority_changes: Share,
    /// For pages and lists.
    pub(crate) pages: Share,
    /// For what background jobs read.
    pub(crate) jobs: Share,
}

impl Shares {
    /// Divides `total` connections. Each share has at least one.
    pub(crate) fn new(manager: &Manager, total: u32, timeout: Duration) -> Shares {
        let processors = std::thread::available_parallelism().map_or(1, |n| n.get() as u32);
        let (requests, pages, jobs) = divide(total, manager.file().is_some().then_some(processors));
        let share = |name, purpose, size| Share::new(name, manager, purpose, (size, timeout));
        let pages = share("pages", Purpose::Pages, pages);
        // On SQLite, requests read in the caller's thread and changes have the writer: they need no pool.
        let requests = if requests == 0 { pages.clone() } else { share("requests", Purpose::Requests, requests) };
        let most_changes = requests.pool.max_size().saturating_sub(1).max(1);
        let changes = requests.with_at_most(most_changes);
        let low_priority_changes = changes.with_at_most(most_changes.saturating_sub(1).max(1));
        Shares { requests, changes, low_priority_changes, pages, jobs: share("jobs", Purpose::Jobs, jobs) }
    }

    /// Each pool's name, how many connections it may have, and how many are in use.
    pub(crate) fn usage(&self) -> Vec<(&'static str, usize, usize)> {
        let mut shares = vec![&self.pages, &self.jobs];
        // On SQLite there is no pool of its own for requests.
        if self.requests.name != self.pages.name {
            shares.insert(0, &self.requests);
        }
        let usage = |share: &Share| {
            let most = share.pool.max_size() as usize;
            (share.name, most, most - share.free.last().map_or(0, |free| free.available_permits()).min(most))
        };
        shares.into_iter().map(usage).collect()
    }

    /// How many connections can be in use at a time.
    pub(crate) fn connections(&self) -> usize {
        let shares = [&self.requests, &self.pages, &self.jobs];
        shares.into_iter().map(|share| share.pool.max_size() as usize).sum()
    }
}

// SQLite's reads do not wait for a network, so more of them than `processors` can run would only take memory for their pages.
fn divide(total: u32, processors: Option<u32>) -> (u32, u32, u32) {
    let jobs = (total / 8).max(1);
    match processors {
        Some(processors) => (0, total.saturating_sub(jobs).clamp(1, 2 * processors), jobs),
        None => {
            let pages = (total / 4).max(1);
            (total.saturating_sub(jobs + pages).max(1), pages, jobs)
        }
    }
}

impl Share {
    fn new(name: &'static str, manager: &Manager, purpose: Purpose, (size, timeout): (u32, Duration)) -> Share {
        let waits = manager.metrics().pool_wait(name);
        let is_sqlite = manager.file().is_some();
        let pool = r2d2::Pool::builder()
            .max_size(size)
            .min_idle(Some(0))
            .connection_timeout(timeout)
            .test_on_check_out(false)
            .error_handler(Box::new(r2d2::NopErrorHandler))
            .build_unchecked(manager.clone().for_purpose(purpose));
        let statement_limit = if is_sqlite { Duration::MAX } else { purpose.statement_limit() };
        Share { name, waits, pool, free: vec![Arc::new(Semaphore::new(size as usize))], statement_limit }
    }

    // A part of this share for one kind of work, which uses at most `most` connections at a time.
    fn with_at_most(&self, most: u32) -> Share {
        let mut part = self.clone();
        part.free.insert(0, Arc::new(Semaphore::new(most as usize)));
        part
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Share, Shares, divide};
    use crate::db::DatabaseUrl;
    use crate::db::manager::Manager;

    #[test]
    fn low_priority_changes_leave_a_connection_to_other_changes() {
        let manager = Manager::new(DatabaseUrl::Sqlite("unused.db".into()));
        let shares = |total| Shares::new(&manager, total, Duration::from_secs(1));
        let free = |share: &Share| share.free.iter().map(|free| free.available_permits()).collect::<Vec<_>>();

        let (many, one) = (shares(5), shares(1));

        assert_eq!(free(&many.changes), [3, 4]);
        assert_eq!(free(&many.low_priority_changes), [2, 3, 4]);
        assert_eq!(free(&one.low_priority_changes), [1, 1, 1]);
        let _low = many.low_priority_changes.free[1].try_acquire().expect("a permit");
        assert_eq!(free(&many.changes), [2, 4], "the shares have the same permits");
    }

    #[test]
    fn the_connections_are_divided_and_each_share_has_one_at_least() {
        assert_eq!(divide(8, None), (5, 2, 1));
        assert_eq!(divide(40, None), (25, 10, 5));
        assert_eq!([divide(1, None), divide(3, None)], [(1, 1, 1); 2]);
        assert_eq!(divide(8, Some(8)), (0, 7, 1));
        assert_eq!(divide(8, Some(2)), (0, 4, 1));
        assert_eq!([divide(1, Some(2)), divide(2, Some(2))], [(0, 1, 1); 2]);
    }
}
