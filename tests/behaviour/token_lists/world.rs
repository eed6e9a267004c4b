//! A shop made at random, in the database and in memory.

use client_api_access::id::{ClientKey, EmployeeKey, RefreshTokenKey};
use client_api_access::time::{DAY, HOUR};
use client_api_access::tokens::listing::inventory::{
    CreatedWithin, Expiry, InventoryFilter, Owner, Reach, TokenType, Usage,
};
use client_api_access::tokens::listing::{List, SortBy, StatusFilter, TokenFilter, Within};

use crate::support::{NOW, Shop, is_postgres};

/// Numbers that look random and follow from a seed (splitmix64).
pub struct Dice(pub u64);

impl Dice {
    /// A number below `n`.
    pub fn below(&mut self, n: i64) -> i64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) % n.max(1) as u64) as i64
    }

    /// True in so many of a hundred cases.
    pub fn percent(&mut self, n: i64) -> bool {
        self.below(100) < n
    }

    /// One of these.
    pub fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len() as i64) as usize]
    }
}

#[derive(Clone)]
struct Employee {
    name: String,
    inactive: bool,
    through: (i64, i64),
}

/// A token as the test knows it.
#[derive(Clone)]
pub struct Token {
    pub id: i64,
    client: i64,
    employee: i64,
    grant: Option<i64>,
    pub prefix: String,
    created: i64,
    used: i64,
    expires: i64,
}

/// Everything in the shop.
pub struct World {
    employees: Vec<Employee>,
    clients: Vec<bool>,
    grants: Vec<(Token, bool)>,
    access: Vec<Token>,
    ended: Vec<Token>,
}

// What all tokens of a world have in common.
struct Kind {
    expired_percent: i64,
    never_used_percent: i64,
    key_percent: i64,
    deleting: bool,
}

impl World {
    /// A world with about so many tokens, most of them of the first client.
    pub fn random(dice: &mut Dice, size: i64) -> World {
        let kind = Kind {
            expired_percent: dice.one_of(&[0, 10, 50, 97, 100]),
            never_used_percent: dice.one_of(&[0, 40, 100]),
            key_percent: dice.one_of(&[2, 30, 80]),
            deleting: dice.percent(50),
        };
        let mut world = World {
            employees: (0..3 + dice.below(40)).map(|n| employee(dice, n, kind.deleting)).collect(),
            clients: (0..3).map(|n| n > 0 && kind.deleting && dice.percent(40)).collect(),
            grants: Vec::new(),
            access: Vec::new(),
            ended: Vec::new(),
        };
        let share = dice.one_of(&[60, 85, 99]);
        let number = |all: i64, dice: &mut Dice| all / 4 + dice.below(all);
        for n in 0..number(size / 3, dice) {
            let mut token = world.token(dice, &kind, n + 1, share);
            token.grant = Some(token.id);
            let revoked = kind.deleting && dice.percent(20);
            world.grants.push((token, revoked));
        }
        for n in 0..number(size, dice) {
            let mut token = world.token(dice, &kind, n + 1, share);
            if !dice.percent(kind.key_percent) && !world.grants.is_empty() {
                // Half of all access tokens belong to two grants.
                let index = if dice.percent(50) { dice.below(2) } else { dice.below(world.grants.len() as i64) };
                let grant = &world.grants[(index as usize).min(world.grants.len() - 1)].0;
                token = Token { client: grant.client, employee: grant.employee, grant: grant.grant, ..token };
                token.expires = if token.expires > NOW.0 { NOW.0 + 1 + dice.below(HOUR) } else { token.expires };
            }
            world.access.push(token);
        }
        for n in 0..dice.below(size / 2) {
            let Some((grant, _)) = world.grants.get(dice.below(3) as usize) else { break };
            let (client, employee, grant) = (grant.client, grant.employee, grant.grant);
            let token = world.token(dice, &kind, 1_000_000 + n, share);
            let expires = NOW.0 - dice.below(7 * DAY);
            world.ended.push(Token { client, employee, grant, expires, ..token });
        }
        world
    }

    fn token(&self, dice: &mut Dice, kind: &Kind, id: i64, share: i64) -> Token {
        let oldest = dice.one_of(&[2 * HOUR, 300 * DAY]);
        let created = NOW.0 - dice.below(oldest);
        let used = match dice.percent(kind.never_used_percent) {
            true => 0,
            false => created.max(NOW.0 - dice.one_of(&[60, DAY, 29 * DAY, 31 * DAY, 90 * DAY])),
        };
        // A few ends only, so that many rows are equal in their order.
        let expires = match dice.percent(kind.expired_percent) {
            true => NOW.0 - dice.one_of(&[0, 1, HOUR, 3 * DAY]),
            false => NOW.0 + dice.one_of(&[1, HOUR, 2 * DAY, 7 * DAY, 8 * DAY, 90 * DAY]),
        };
        let client = if dice.percent(share) { 1 } else { 2 + dice.below(2) };
        // The first employee has most tokens.
        let employee = if dice.percent(40) { 1 } else { 1 + dice.below(self.employees.len() as i64) };
        let letters = if dice.percent(70) { "Zk3" } else { dice.one_of(&["zk3", "Ab0", "9zz", "ZZZ"]) };
        let prefix = format!("{letters}{:04}", dice.below(40));
        Token { id, client, employee, grant: None, prefix, created, used, expires }
    }

    /// Writes it into an empty database.
    pub fn store(&self, shop: &mut Shop) {
        let client = |id: usize, revoked: bool| {
            let revoked = if revoked { NOW.0.to_string() } else { "NULL".into() };
            format!("({id}, 'c{id}', 'C{id}', 'c{id}', '', 1, 1, {revoked})")
        };
        let all = self.clients.iter().enumerate().map(|(n, revoked)| client(n + 1, *revoked));
        insert(shop, "clients (id, client_id, name, name_fold, website, created_at, approved_at, revoked_at)", all);
        let all = self.employees.iter().enumerate().map(|(n, employee)| {
            let (id, name, locked) = (n + 1, &employee.name, if employee.inactive { "5" } else { "NULL" });
            let (fold, (refresh, access)) = (name.to_lowercase(), employee.through);
            format!("({id}, '{name}', '{fold}', 'e{id}', 'e{id}', 'staff', 1, {locked}, {refresh}, {access})")
        });
        let columns = "employees (id, name, name_fold, email, email_fold, role, created_at, locked_at, \
                       revoked_refresh_tokens_through, revoked_access_tokens_through)";
        insert(shop, columns, all);
        let all = self.grants.iter().map(|(token, revoked)| {
            let revoked = if *revoked { NOW.0.to_string() } else { "NULL".into() };
            format!("({}, 'employee:inventory', 1, 1, {revoked})", token.columns(false))
        });
        let columns = "refresh_tokens (id, client_id, employee_id, prefix, created_at, last_used_at, expires_at, scope, \
                       generation, rotated_at, revoked_at)";
        insert(shop, columns, all);
        let columns =
            "(id, client_id, employee_id, prefix, created_at, last_used_at, expires_at, refresh_token_id, hash";
        let values = |token: &Token| format!("{}, {}", token.columns(true), hash(token.id));
        let all = self.access.iter().map(|token| format!("({}, 'employee:reports')", values(token)));
        insert(shop, &format!("access_tokens {columns}, scope)"), all);
        // Reports are not for staff.
        shop.sql("UPDATE access_tokens SET beyond_role = TRUE WHERE refresh_token_id IS NULL");
        let all = self.ended.iter().map(|token| format!("({})", values(token)));
        insert(shop, &format!("ended_tokens {columns})"), all);
        let marked = self.clients.iter().any(|revoked| *revoked)
            || self.grants.iter().any(|(_, revoked)| *revoked)
            || self.employees.iter().any(|employee| employee.through != (0, 0));
        if marked {
            shop.sql("INSERT INTO purges (subject_kind, subject_id, subject_name, total, created_at) VALUES ('client', 9, '', 1, 1)");
        }
        shop.sql("ANALYZE");
    }

    /// The ids that a list must show, in its order. Everything is looked at, in the simplest way.
    pub fn expected(
        &self,
        (list, within): (List, Within),
        filter: &TokenFilter,
        (sort, descending): (SortBy, bool),
    ) -> Vec<i64> {
        let rows: Vec<&Token> = match list {
            List::RefreshTokens => self.grants.iter().map(|(token, _)| token).collect(),
            List::ApiKeys => self.access.iter().filter(|token| token.grant.is_none()).collect(),
            List::AccessTokens => self.access.iter().filter(|token| token.grant.is_some()).collect(),
            List::EndedTokens => self.ended.iter().collect(),
        };
        let expired = match list {
            List::AccessTokens => false,
            List::EndedTokens => true,
            _ => filter.expired,
        };
        let mut found: Vec<&Token> = rows
            .into_iter()
            .filter(|token| token.is_within(within) && (token.expires <= NOW.0) == expired)
            .filter(|token| !self.is_revoked(token, list) && self.passes(token, filter))
            .collect();
        found.sort_by_key(|token| match sort {
            SortBy::Created if list == List::ApiKeys => (token.created, token.id),
            SortBy::Created => (token.id, token.id),
            SortBy::LastUsed => (token.used, token.id),
            SortBy::Expires => (token.expires, token.id),
        });
        if descending {
            found.reverse();
        }
        found.into_iter().map(|token| token.id).collect()
    }

    /// The ids of refresh tokens (even) and API keys (odd) that the inventory must show, in its order.
    pub fn expected_inventory(&self, filter: &InventoryFilter, (sort, descending): (SortBy, bool)) -> Vec<i64> {
        let grants = self.grants.iter().map(|(token, _)| (token, List::RefreshTokens));
        let keys = self.access.iter().filter(|token| token.grant.is_none()).map(|token| (token, List::ApiKeys));
        let mut found: Vec<(i64, i64)> = grants
            .chain(keys)
            .filter(|(token, list)| !self.is_revoked(token, *list) && self.passes_inventory(token, filter))
            .map(|(token, list)| {
                let value = match sort {
                    SortBy::Created => token.created,
                    SortBy::LastUsed => token.used,
                    SortBy::Expires => token.expires,
                };
                (value, 2 * token.id + i64::from(list == List::ApiKeys))
            })
            .collect();
        found.sort_unstable();
        if descending {
            found.reverse();
        }
        found.into_iter().map(|(_, id)| id).collect()
    }

    fn passes_inventory(&self, token: &Token, filter: &InventoryFilter) -> bool {
        let employee = &self.employees[token.employee as usize - 1];
        let is_key = token.grant.is_none();
        let unused = |days: i64| token.used.max(token.created) < NOW.0 - days * DAY;
        (token.expires <= NOW.0) == (filter.expiry == Some(Expiry::Expired))
            && filter.token_type.is_none_or(|kind| (kind == TokenType::ApiKey) == is_key)
            && format!("c{}", token.client).contains(&filter.client)
            && employee.name.to_lowercase().contains(&filter.employee)
            && filter.usage.is_none_or(|usage| match usage {
                Usage::Unused30 => unused(30),
                Usage::Unused90 => unused(90),
                Usage::Unused180 => unused(180),
                Usage::NeverUsed => token.used == 0,
            })
            && filter.expiry.is_none_or(|expiry| match expiry {
                Expiry::Never => false,
                Expiry::Soon => token.expires < NOW.0 + 7 * DAY,
                Expiry::Expired => true,
            })
            && filter.created.is_none_or(|created| {
                let days = match created {
                    CreatedWithin::Week => 7,
                    CreatedWithin::Month => 30,
                    CreatedWithin::Quarter => 90,
                };
                token.created >= NOW.0 - days * DAY
            })
            // Everybody is staff; a grant has `employee:inventory`, a key `employee:reports`, which staff do not have.
            && filter.reach.is_none_or(|reach| match reach {
                Reach::Full => false,
                Reach::Write => !is_key,
                Reach::Read | Reach::BeyondRole => is_key,
            })
            && filter.owner.is_none_or(|owner| match owner {
                Owner::Staff => true,
                Owner::Manager | Owner::Admin => false,
                Owner::Active => !employee.inactive,
                Owner::Inactive => employee.inactive,
            })
            && (filter.scope.is_empty() || (filter.scope == "employee:inventory_read" && !is_key))
    }

    fn is_revoked(&self, token: &Token, list: List) -> bool {
        let (refresh, access) = self.employees[token.employee as usize - 1].through;
        let own = if list == List::RefreshTokens { refresh } else { access };
        let grant_is_revoked = token.grant.is_some_and(|id| self.grants[id as usize - 1].1 || id <= refresh);
        self.clients[token.client as usize - 1] || grant_is_revoked || token.id <= own
    }

    fn passes(&self, token: &Token, filter: &TokenFilter) -> bool {
        let employee = &self.employees[token.employee as usize - 1];
        let by_status = match filter.status {
            None => true,
            Some(StatusFilter::EmployeeActive) => !employee.inactive,
            Some(StatusFilter::EmployeeInactive) => employee.inactive,
            Some(StatusFilter::NeverUsed) => token.used == 0,
            Some(StatusFilter::Unused) => token.used > 0 && token.used < NOW.0 - 30 * DAY,
            Some(StatusFilter::ExpiringSoon) => {
                token.expires - token.created > 7 * DAY && token.expires < NOW.0 + 7 * DAY
            }
        };
        by_status && token.prefix.starts_with(&filter.token) && employee.name.to_lowercase().contains(&filter.employee)
    }

    /// Clients that are not revoked, employees, and the grants with the most tokens.
    pub fn places(&self) -> Vec<(List, Within)> {
        let mut places = Vec::new();
        for client in (1..=3).filter(|id| !self.clients[*id as usize - 1]).take(2) {
            let within = Within::Client(ClientKey(client));
            places.extend([List::ApiKeys, List::RefreshTokens, List::AccessTokens].map(|list| (list, within)));
        }
        for employee in [1, 2] {
            let within = Within::Employee(EmployeeKey(employee));
            places.extend([List::ApiKeys, List::RefreshTokens, List::AccessTokens].map(|list| (list, within)));
        }
        let shown = |(grant, revoked): &&(Token, bool)| !revoked && !self.clients[grant.client as usize - 1];
        for (grant, _) in self.grants.iter().take(2).filter(shown) {
            let within = Within::RefreshToken(ClientKey(grant.client), RefreshTokenKey(grant.id));
            places.extend([List::AccessTokens, List::EndedTokens].map(|list| (list, within)));
        }
        places
    }

    /// The first characters of some token.
    pub fn some_prefix(&self, dice: &mut Dice) -> String {
        let index = dice.below(self.access.len() as i64) as usize;
        self.access.get(index).map_or_else(String::new, |token| token.prefix.clone())
    }
}

impl Token {
    fn columns(&self, with_grant: bool) -> String {
        let Token { id, client, employee, prefix, created, used, expires, .. } = self;
        let own = format!("{id}, {client}, {employee}, '{prefix}', {created}, {used}, {expires}");
        match (with_grant, self.grant) {
            (false, _) => own,
            (true, None) => format!("{own}, NULL"),
            (true, Some(grant)) => format!("{own}, {grant}"),
        }
    }

    fn is_within(&self, within: Within) -> bool {
        match within {
            Within::Client(client) => self.client == client.0,
            Within::Employee(employee) => self.employee == employee.0,
            Within::RefreshToken(client, id) => self.client == client.0 && self.grant == Some(id.0),
        }
    }
}

fn employee(dice: &mut Dice, n: i64, deleting: bool) -> Employee {
    let first = if dice.percent(75) { "Anna" } else { dice.one_of(&["Bo", "Rare Bird"]) };
    let through = if deleting && n > 0 && dice.percent(15) { (dice.below(60), dice.below(200)) } else { (0, 0) };
    Employee { name: format!("{first} {n}"), inactive: dice.percent(20), through }
}

fn insert(shop: &mut Shop, into: &str, rows: impl Iterator<Item = String>) {
    let rows: Vec<String> = rows.collect();
    for some in rows.chunks(400) {
        shop.sql(&format!("INSERT INTO {into} VALUES {}", some.join(", ")));
    }
}

fn hash(id: i64) -> String {
    if is_postgres() { format!("'\\x{id:064x}'") } else { format!("x'{id:064x}'") }
}
