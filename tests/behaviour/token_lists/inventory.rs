//! The inventory of shops made at random: what it shows is compared with everything there is.

use client_api_access::db::DbConnection;
use client_api_access::db::keyset::Cursor;
use client_api_access::tokens::listing::inventory::{
    CreatedWithin, Expiry, InventoryFilter, InventoryRequest, Owner, Reach, Scoped, TokenType, Usage, find, place_of,
};
use client_api_access::tokens::listing::{Limits, SortBy, TokenPage};

use super::world::{Dice, World};
use crate::support::{Database, NOW, Shop};

const PAGE: usize = 25;
const SORTS: [SortBy; 3] = [SortBy::Created, SortBy::LastUsed, SortBy::Expires];
const SMALL: Limits = Limits { gathered: 40, searched: 120, counted: 40, employees: 3 };

#[test]
fn the_inventory_of_random_shops_is_right_and_complete_both_ways() {
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
fn an_inventory_longer_than_every_limit_is_right_and_complete() {
    check_world(&mut Dice(20_261_120), 9_000, Limits::default());
}

fn check_world(dice: &mut Dice, size: i64, limits: Limits) {
    let database = Database::migrated();
    let mut shop = Shop::open(&database, NOW);
    let world = World::random(dice, size);
    world.store(&mut shop);
    for filter in filters(dice) {
        let order = (dice.one_of(&SORTS), dice.percent(50));
        Check { world: &world, filter: &filter, order, limits }.run(shop.conn());
    }
}

// Each filter alone, and some together.
fn filters(dice: &mut Dice) -> Vec<InventoryFilter> {
    let all = InventoryFilter::default;
    let mut filters = vec![all(), all(), all()];
    filters.extend(["c1", "c2", "c", "nobody"].map(|client| InventoryFilter { client: client.into(), ..all() }));
    let names = ["anna", "rare", "bo 1", "nobody"];
    filters.extend(names.map(|employee| InventoryFilter { employee: employee.into(), ..all() }));
    let scopes = ["employee:inventory_read", "employee:reports"];
    filters.extend(scopes.map(|scope| InventoryFilter { scope: scope.into(), ..all() }));
    filters.extend(TokenType::ALL.iter().map(|kind| InventoryFilter { token_type: Some(*kind), ..all() }));
    filters.extend(Usage::ALL.iter().map(|usage| InventoryFilter { usage: Some(*usage), ..all() }));
    filters.extend(Reach::ALL.iter().map(|reach| InventoryFilter { reach: Some(*reach), ..all() }));
    filters.extend(Owner::ALL.iter().map(|owner| InventoryFilter { owner: Some(*owner), ..all() }));
    filters.extend(Expiry::ALL.iter().map(|expiry| InventoryFilter { expiry: Some(*expiry), ..all() }));
    filters.extend(CreatedWithin::ALL.iter().map(|created| InventoryFilter { created: Some(*created), ..all() }));
    for _ in 0..10 {
        let maybe = |dice: &mut Dice, percent| dice.percent(percent);
        filters.push(InventoryFilter {
            client: if maybe(dice, 40) { "c1".into() } else { String::new() },
            employee: if maybe(dice, 40) { dice.one_of(&names).into() } else { String::new() },
            scope: String::new(),
            token_type: maybe(dice, 30).then(|| dice.one_of(TokenType::ALL)),
            usage: maybe(dice, 50).then(|| dice.one_of(Usage::ALL)),
            reach: maybe(dice, 30).then(|| dice.one_of(Reach::ALL)),
            owner: maybe(dice, 30).then(|| dice.one_of(Owner::ALL)),
            expiry: maybe(dice, 30).then(|| dice.one_of(Expiry::ALL)),
            created: maybe(dice, 30).then(|| dice.one_of(CreatedWithin::ALL)),
        });
    }
    filters
}

struct Check<'a> {
    world: &'a World,
    filter: &'a InventoryFilter,
    order: (SortBy, bool),
    limits: Limits,
}

impl Check<'_> {
    fn run(&self, conn: &mut DbConnection) {
        let first = self.page(conn, Cursor::First);
        // A long list that a date selects is sorted by that date, and says so.
        let expected = self.world.expected_inventory(self.filter, (first.sort, first.descending));
        let about = format!("{:?} {:?} {:?} {}", self.filter, self.order, first.sort, first.descending);

        let mut forward = Vec::new();
        let mut page = first;
        loop {
            self.check_counts(&page, expected.len(), &about);
            forward.extend(page.rows.rows.iter().map(|row| place_of(row, page.sort).id));
            let next = match (page.stopped, page.rows.has_next) {
                (Some(place), _) => place,
                (None, true) => place_of(&page.rows.rows[page.rows.rows.len() - 1], page.sort),
                (None, false) => break,
            };
            page = self.page(conn, Cursor::After(next));
        }
        assert_eq!(forward, expected, "forward: {about}");

        let mut backward = Vec::new();
        let mut page = self.page(conn, Cursor::Last);
        loop {
            self.check_counts(&page, expected.len(), &about);
            backward.extend(page.rows.rows.iter().rev().map(|row| place_of(row, page.sort).id));
            let next = match (page.stopped, page.rows.has_previous) {
                (Some(place), _) => place,
                (None, true) => place_of(&page.rows.rows[0], page.sort),
                (None, false) => break,
            };
            page = self.page(conn, Cursor::Before(next));
        }
        backward.reverse();
        assert_eq!(backward, expected, "backward: {about}");
    }

    fn page(&self, conn: &mut DbConnection, cursor: Cursor) -> TokenPage {
        let (sort, descending) = self.order;
        let scoped = Scoped { through: None, only: None, now: NOW };
        let (filter, limits) = (self.filter, self.limits);
        find(conn, &InventoryRequest { filter, scoped, sort, descending, cursor, page: PAGE, limits }).unwrap()
    }

    fn check_counts(&self, page: &TokenPage, expected: usize, about: &str) {
        assert!(page.rows.rows.len() <= PAGE, "{about}");
        let count = page.total;
        let is_right = if count.capped { count.n <= expected as i64 } else { count.n == expected as i64 };
        assert!(is_right, "{count:?} instead of {expected}: {about}");
    }
}
