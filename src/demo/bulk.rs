//! The bulk of a large demo shop: hundreds of thousands of tokens for benchmarks.
//!
//! Half of all tokens belong to one client, because pages must be fast there too, and benchmarks measure that.

use rand::RngExt;
use rand::seq::IndexedRandom;

use crate::demo::integrations::{ClientState, Integration};
use crate::demo::people::{JONAS, Person, PersonState};
use crate::demo::plan::Planner;
use crate::demo::rhythm::Rhythm;
use crate::time::DAY;

// Average number of access tokens per grant.
const TOKENS_OF_A_GRANT: usize = 10;
// Clients and employees in bulk grants are older than any of their tokens.
const SETTLED: i64 = 40 * DAY;

impl Planner<'_> {
    /// Adds grants until there are `tokens` tokens in total.
    pub fn bulk(&mut self, tokens: usize) {
        let settled = |(_, client): &(usize, &Integration)| client.state == ClientState::Active && client.age > SETTLED;
        let clients: Vec<usize> = self.clients.iter().enumerate().filter(settled).map(|(i, _)| i).collect();
        let clients = if clients.len() > 1 { clients[1..].to_vec() } else { clients };
        let settled =
            |(i, person): &(usize, &Person)| *i != JONAS && person.state == PersonState::Active && person.age > SETTLED;
        let people: Vec<usize> = self.people.iter().enumerate().filter(settled).map(|(i, _)| i).collect();
        for (client, count) in self.shares(tokens, &clients) {
            self.bulk_of(client, count, &people);
        }
    }

    // Half of all tokens for the first client, a tenth for the second, the rest by weight.
    fn shares(&self, tokens: usize, clients: &[usize]) -> Vec<(usize, usize)> {
        let mut rest = tokens.saturating_sub(self.total());
        let mut shares = Vec::new();
        for (client, most) in clients.iter().zip([tokens / 2, tokens / 10]) {
            let share = most.saturating_sub(self.kept[*client]).min(rest);
            rest -= share;
            shares.push((*client, share));
        }
        let others = clients.get(2..).unwrap_or_default();
        let mut weights: f64 = others.iter().map(|client| self.clients[*client].weight).sum();
        for client in others {
            let weight = self.clients[*client].weight;
            let share = ((rest as f64 * weight / weights).round() as usize).min(rest);
            (rest, weights) = (rest - share, weights - weight);
            shares.push((*client, share));
        }
        // With at most two clients, the first one gets the remainder.
        if let Some(first) = shares.first_mut() {
            first.1 += rest;
        }
        shares
    }

    fn bulk_of(&mut self, client: usize, count: usize, people: &[usize]) {
        let (mut left, mut spare) = (count, None);
        while left > 0 {
            // Sizes come in pairs whose mean is the average.
            let size = spare.take().unwrap_or_else(|| {
                let off = self.rng.random_range(0..TOKENS_OF_A_GRANT / 2);
                spare = Some(TOKENS_OF_A_GRANT + off);
                TOKENS_OF_A_GRANT - off
            });
            let Some(employee) = people.choose(&mut self.rng).copied() else {
                return;
            };
            let rhythm = Rhythm::bulk(size.min(left), &mut self.rng);
            left -= rhythm.issues;
            self.grant((client, employee), &rhythm, true);
        }
    }
}
