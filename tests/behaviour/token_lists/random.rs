//! Shops made at random: what a list shows is compared with everything there is.

use client_api_access::db::DbConnection;
use client_api_access::db::keyset::{Count, Cursor};
use client_api_access::tokens::listing::{
    Limits, List, Request, SortBy, StatusFilter, TokenFilter, TokenPage, Within, find,
};

use super::world::{Dice, World};
use crate::support::{Database, NOW, Shop};

const PAGE: usize = 25;
const SORTS: [SortBy; 3] = [SortBy::Created, SortBy::LastUsed, SortBy::Expires];

// Small limits, so that a few hundred tokens are too many to gather, to count or to search at once.
const SMALL: Limits = Limits { gathered: 40, searched: 120, counted: 40, employees: 3 };

#[test]
fn every_list_of_random_shops_is_right_and_complete_both_ways() {
    let seed = std::env::var("TOKEN_LISTS_SEED").ok().and_then(|text| text.parse().ok());
    let seed: u64 = seed.unwrap_or_else(|| {
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(1, |since| since.as_nanos() as u64)
    });
    for n in 0..6 {
        let seed = seed.wrapping_add(n);
        println!("TOKEN_LISTS_SEED={seed}");
        check_world(&mut Dice(seed), 500, SMALL);
    }
}

#[test]
fn lists_longer_than_every_limit_are_right_and_complete() {
    let seed = 20_261_120;
    check_world(&mut Dice(seed), 9_000, Limits::default());
}

fn check_world(dice: &mut Dice, size: i64, limits: Limits) {
    let database = Database::migrated();
    let mut shop = Shop::open(&database, NOW);
    let world = World::random(dice, size);
    world.store(&mut shop);
    let is_large = size > 1_000;
    for place in world.places() {
        let mut filters = filters(dice, &world);
        if is_large {
            filters = (0..3).map(|_| filters[dice.below(filters.len() as i64) as usize].clone()).collect();
        }
        for filter in filters {
            let sort = match place.0 {
                List::EndedTokens => SortBy::Expires,
                List::AccessTokens => SortBy::Created,
                List::ApiKeys | List::RefreshTokens => dice.one_of(&SORTS),
            };
            let order = (sort, dice.percent(50));
            Check { world: &world, place, filter: &filter, order, limits }.run(shop.conn());
        }
    }
}

fn filters(dice: &mut Dice, world: &World) -> Vec<TokenFilter> {
    let tokens = [String::new(), "Z".into(), "Zk3".into(), world.some_prefix(dice), "0000000".into(), "'".into()];
    let names = ["", "anna", "rare", "bo 1", "nobody"];
    let statuses: Vec<Option<StatusFilter>> =
        std::iter::once(None).chain(StatusFilter::ALL.iter().map(|status| Some(*status))).collect();
    let mut all = Vec::new();
    let mut add = |token: &str, employee: &str, status, expired| {
        all.push(TokenFilter { token: token.into(), employee: employee.into(), status, expired });
    };
    for expired in [false, true] {
        for token in &tokens {
            add(token, "", None, expired);
        }
        for name in names {
            add("", name, None, expired);
        }
        for status in &statuses {
            add("", "", *status, expired);
        }
    }
    for _ in 0..6 {
        let token = tokens[dice.below(4) as usize].clone();
        add(&token, dice.one_of(&names), dice.one_of(&statuses), dice.percent(30));
    }
    all
}

struct Check<'a> {
    world: &'a World,
    place: (List, Within),
    filter: &'a TokenFilter,
    order: (SortBy, bool),
    limits: Limits,
}

impl Check<'_> {
    fn run(&self, conn: &mut DbConnection) {
        let first = self.page(conn, Cursor::First);
        // A long list without an index for this order is sorted by creation, and says so.
        let expected = self.world.expected(self.place, self.filter, (first.sort, first.descending));
        let about = self.about(&first);

        let mut forward = Vec::new();
        let mut page = first;
        loop {
            self.check_counts(&page, expected.len(), &about);
            forward.extend(page.rows.rows.iter().map(|row| row.id));
            let next = match (page.stopped, page.rows.has_next) {
                (Some(place), _) => place,
                (None, true) => page.rows.rows[page.rows.rows.len() - 1].place(page.sort),
                (None, false) => break,
            };
            page = self.page(conn, Cursor::After(next));
        }
        assert_eq!(forward, expected, "forward: {about}");

        let mut backward = Vec::new();
        let mut page = self.page(conn, Cursor::Last);
        loop {
            self.check_counts(&page, expected.len(), &about);
            backward.extend(page.rows.rows.iter().rev().map(|row| row.id));
            let next = match (page.stopped, page.rows.has_previous) {
                (Some(place), _) => place,
                (None, true) => page.rows.rows[0].place(page.sort),
                (None, false) => break,
            };
            page = self.page(conn, Cursor::Before(next));
        }
        backward.reverse();
        assert_eq!(backward, expected, "backward: {about}");
    }

    fn page(&self, conn: &mut DbConnection, cursor: Cursor) -> TokenPage {
        let ((list, within), filter, (sort, descending)) = (self.place, self.filter, self.order);
        let limits = self.limits;
        find(conn, &Request { list, within, filter, sort, descending, cursor, page: PAGE, now: NOW, limits }).unwrap()
    }

    fn check_counts(&self, page: &TokenPage, expected: usize, about: &str) {
        assert!(page.rows.rows.len() <= PAGE, "{about}");
        let all = |expired| {
            let list = match self.place.0 {
                List::AccessTokens | List::EndedTokens if expired => List::EndedTokens,
                List::AccessTokens | List::EndedTokens => List::AccessTokens,
                list => list,
            };
            let filter = TokenFilter { expired, ..TokenFilter::default() };
            self.world.expected((list, self.place.1), &filter, (SortBy::Created, true)).len()
        };
        self.check_count(page.total, expected, about);
        self.check_count(page.valid, all(false), about);
        // On other pages than the refresh token's, expired access tokens are not listed.
        if self.place.0 != List::AccessTokens || matches!(self.place.1, Within::RefreshToken(..)) {
            self.check_count(page.expired, all(true), about);
        }
    }

    fn check_count(&self, count: Count, expected: usize, about: &str) {
        let is_right = if count.capped { count.n <= expected as i64 } else { count.n == expected as i64 };
        assert!(is_right, "{count:?} instead of {expected}: {about}");
    }

    fn about(&self, first: &TokenPage) -> String {
        let TokenFilter { token, employee, status, expired } = self.filter;
        let (sort, descending) = (first.sort, first.descending);
        format!(
            "{:?} {token:?} {employee:?} {status:?} expired {expired}, {sort:?} descending {descending}",
            self.place
        )
    }
}
