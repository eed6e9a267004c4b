//! Divides the database connections, so that one kind of work cannot take the connections of another.
//!
//! Pages and lists, background jobs, and everything else (tokens, sessions, sign-in; on PostgreSQL also all changes) have a
//! pool each. So no token is refused because somebody filters a list, and a job that counts does not delay a page.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::db::manager::{Manager, Purpose};

/// The connections for one kind of work.
#[derive(Clone)]
pub(crate) struct Share {
    pub(crate) pool: r2d2::Pool<Manager>,
    // A caller takes a permit of each semaphore in turn. Semaphores serve waiting callers in order and drop those that
    // disconnected; the pool does neither.
    pub(crate) free: Vec<Arc<Semaphore>>,
}

/// The shares of one database.
#[derive(Clone)]
pub(crate) struct Shares {
    /// For tokens, sessions and sign-in.
    pub(crate) requests: Share,
    /// For changes on PostgreSQL: the same connections but one, so that tokens are read while every change waits for a lock.
    pub(crate) changes: Share,
    /// For pages and lists.
    pub(crate) pages: Share,
    /// For what background jobs read.
    pub(crate) jobs: Share,
}

impl Shares {
    /// Divides `total` connections. Each share has at least one.
    pub(crate) fn new(manager: &Manager, total: u32, timeout: Duration) -> Shares {
        let (requests, pages, jobs) = divide(total, manager.file().is_some());
        let share = |purpose, size| Share::new(manager.clone().for_purpose(purpose), size, timeout);
        let pages = share(Purpose::Pages, pages);
        // On SQLite, requests read in the caller's thread and changes have the writer: they need no pool.
        let requests = if requests == 0 { pages.clone() } else { share(Purpose::Requests, requests) };
        let most_changes = requests.pool.max_size().saturating_sub(1).max(1);
        let mut changes = requests.clone();
        changes.free.insert(0, Arc::new(Semaphore::new(most_changes as usize)));
        Shares { requests, changes, pages, jobs: share(Purpose::Jobs, jobs) }
    }
}

fn divide(total: u32, is_sqlite: bool) -> (u32, u32, u32) {
    let jobs = (total / 8).max(1);
    match is_sqlite {
        true => (0, total.saturating_sub(jobs).max(1), jobs),
        false => {
            let pages = (total / 4).max(1);
            (total.saturating_sub(jobs + pages).max(1), pages, jobs)
        }
    }
}

impl Share {
    fn new(manager: Manager, size: u32, timeout: Duration) -> Share {
        let pool = r2d2::Pool::builder()
            .max_size(size)
            .min_idle(Some(0))
            .connection_timeout(timeout)
            .test_on_check_out(false)
            .error_handler(Box::new(r2d2::NopErrorHandler))
            .build_unchecked(manager);
        Share { pool, free: vec![Arc::new(Semaphore::new(size as usize))] }
    }
}

#[cfg(test)]
mod tests {
    use super::divide;

    #[test]
    fn the_connections_are_divided_and_each_share_has_one_at_least() {
        assert_eq!(divide(8, false), (5, 2, 1));
        assert_eq!(divide(8, true), (0, 7, 1));
        assert_eq!(divide(40, false), (25, 10, 5));
        assert_eq!([divide(1, false), divide(3, false)], [(1, 1, 1); 2]);
        assert_eq!([divide(1, true), divide(2, true)], [(0, 1, 1); 2]);
    }
}
