//! The whole demo shop as plain data; the same numbers and the same seed give the same shop.

use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::demo::integrations::{Integration, integrations};
use crate::demo::people::{EACH_ROLE, Person, people};
use crate::demo::plan::{Plan, plan};

// Beyond the first ninety employees, one for each thousand tokens.
const PEOPLE: usize = 3 * EACH_ROLE + 9;
const MOST_PEOPLE: usize = 1_000;

/// Employees, clients and tokens.
#[derive(Debug, PartialEq)]
pub struct World {
    /// The employees.
    pub people: Vec<Person>,
    /// The clients.
    pub clients: Vec<Integration>,
    /// The tokens.
    pub plan: Plan,
}

impl World {
    /// The shop of this size for this seed.
    pub fn new(clients: usize, tokens: usize, seed: u64) -> World {
        // One generator per part, so that more clients do not change the employees.
        let rng = |part| StdRng::seed_from_u64(seed.wrapping_mul(4).wrapping_add(part));
        let people = people((tokens / 1_000).clamp(PEOPLE, MOST_PEOPLE), &mut rng(0));
        let clients = integrations(clients, &mut rng(1));
        let plan = plan(tokens, &clients, &people, rng(2));
        World { people, clients, plan }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::integrations::ClientState;
    use crate::demo::integrations::LEDGERLY;
    use crate::demo::people::JONAS;
    use crate::demo::people::PersonState;
    use crate::demo::plan::Issue;
    use crate::demo::plan::Of;
    use crate::time::DAY;
    use crate::time::HOUR;

    fn client_of(world: &World, issue: &Issue) -> usize {
        match issue.of {
            Of::Grant(n) => world.plan.grants[n].client,
            Of::Key(n) => world.plan.keys[n].client,
        }
    }

    fn is_live(world: &World, issue: &Issue) -> bool {
        match issue.of {
            Of::Grant(n) => issue.age < if world.plan.grants[n].day_long { DAY } else { HOUR },
            Of::Key(n) => world.plan.keys[n].ends_in.is_none_or(|left| left > 0),
        }
    }

    #[test]
    fn the_same_seed_makes_the_same_world_and_another_one_another() {
        assert_eq!(World::new(48, 3_000, 1), World::new(48, 3_000, 1));
        assert_ne!(World::new(48, 3_000, 1).plan, World::new(48, 3_000, 2).plan);
        assert_eq!(World::new(48, 3_000, 1).people, World::new(60, 3_000, 1).people);
    }

    #[test]
    fn nothing_is_issued_before_client_and_employee_existed_or_after_they_were_stopped() {
        for seed in 0..20 {
            let world = World::new(80, 3_000, seed);
            for issue in &world.plan.issues {
                let (client, employee) = match issue.of {
                    Of::Grant(n) => (world.plan.grants[n].client, world.plan.grants[n].employee),
                    Of::Key(n) => (world.plan.keys[n].client, world.plan.keys[n].employee),
                };
                let (client, person) = (&world.clients[client], &world.people[employee]);
                let stopped = match client.state {
                    ClientState::Suspended(ago) => ago.max(person.stopped()),
                    _ => person.stopped(),
                };
                assert_ne!(client.state, ClientState::Pending);
                assert_ne!(person.state, PersonState::Invited);
                assert!(issue.age <= client.age.min(person.age), "{issue:?}");
                assert!(issue.age >= stopped, "{issue:?}");
                assert!(issue.used.is_none_or(|used| (stopped..=issue.age).contains(&used)), "{issue:?}");
            }
        }
    }

    #[test]
    fn a_grant_is_always_refreshed_before_it_expires() {
        let world = World::new(48, 3_000, 1);
        let mut newest = vec![i64::MAX; world.plan.grants.len()];
        for issue in &world.plan.issues {
            if let Of::Grant(n) = issue.of {
                assert!(newest[n] == i64::MAX || newest[n] - issue.age < 30 * DAY);
                newest[n] = issue.age;
            }
        }
        assert!(newest.iter().any(|age| *age > 30 * DAY), "some have expired");
        assert!(newest.iter().any(|age| (23 * DAY..30 * DAY).contains(age)), "some are about to");
    }

    #[test]
    fn the_default_shop_has_clients_of_each_size() {
        for seed in 0..20 {
            let world = World::new(48, 3_000, seed);
            let live = world.plan.issues.iter().filter(|issue| is_live(&world, issue));
            let mut counts = vec![0; 48];
            live.for_each(|issue| counts[client_of(&world, issue)] += 1);

            assert!(counts.iter().any(|n| *n > 100), "{counts:?}");
            assert!(counts.iter().filter(|n| (2..50).contains(*n)).count() > 10, "{counts:?}");
            assert!((5..60).contains(&counts[LEDGERLY]), "{counts:?}");
            assert!(world.plan.grants.iter().filter(|grant| grant.employee == JONAS).count() >= 6);
        }
    }

    #[test]
    fn a_large_world_has_half_of_its_tokens_in_one_client_and_a_fifth_of_them_live() {
        let world = World::new(500, 200_000, 1);
        let mut counts = vec![0; 500];
        world.plan.issues.iter().for_each(|issue| counts[client_of(&world, issue)] += 1);
        let live = world.plan.issues.iter().filter(|issue| is_live(&world, issue)).count();

        assert!((200_000..203_000).contains(&world.plan.issues.len()));
        assert!((19_000..21_000).contains(&world.plan.grants.len()));
        assert!((99_000..102_000).contains(&counts.iter().max().copied().unwrap_or(0)));
        assert!((36_000..50_000).contains(&live), "{live}");
    }
}
