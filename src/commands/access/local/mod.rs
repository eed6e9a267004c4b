//! Answers from the local database, while the server runs or not. Each act is one service function, as for a page, in one
//! transaction.

mod acts;
mod follow_up;
mod lists;
mod names;
mod shows;
mod token_lists;

use std::sync::Arc;

use serde_json::Value;

use crate::account::{Account, installation};
use crate::activity::Actor;
use crate::commands::access::failure::{Failure, Result};
use crate::commands::access::source::{Done, Noun, Planned, Rows, Source, Verb};
use crate::commands::{one, refusal, require_database};
use crate::config::access_filters::Pairs;
use crate::config::{Channels, Config};
use crate::connections::{Connection, OAuthClient};
use crate::db::{self, DbConnection};
use crate::secrets::MasterKey;
use crate::time::{Clock, TimeFormat};

/// The local database.
pub(super) struct Local {
    config: Config,
    conn: DbConnection,
    zone: String,
    // None until the first act: a list needs no secret key.
    master: Option<MasterKey>,
    // What is left to revoke at providers.
    disconnected: Vec<(Connection, OAuthClient)>,
}

impl Local {
    /// Opens the database. Errors: there is none, or another version of the program fits its schema.
    pub(super) fn open(config: Config) -> Result<Local> {
        require_database(&config)?;
        let mut conn = db::connect(&config.database).map_err(one)?;
        if db::known_schema(&mut conn).map_err(one)?.is_older() {
            return Err(one("the schema of the database is older than this program: run migrate first").into());
        }
        let zone = Account::get(&mut conn)?.time_zone;
        Ok(Local { config, conn, zone, master: None, disconnected: Vec::new() })
    }

    fn now() -> crate::time::Timestamp {
        Clock::System.now()
    }

    // The commands on the machine of the server have one name in the activity log.
    fn actor() -> Actor {
        Actor::console()
    }

    // What an act writes needs the key of the activity log, and the channels of its notices.
    fn prepare_to_write(&mut self) -> Result<()> {
        if self.master.is_some() {
            return Ok(());
        }
        let master = self.config.read_key().map_err(one)?;
        let opened = db::in_transaction(&mut self.conn, &|conn| Account::open(conn, &master, Local::now()));
        db::carry_key(&mut self.conn, opened.map_err(refusal)?.chain.key.of_entries());
        let recorded = installation::public_url(&mut self.conn)?;
        let channels = self.config.channels();
        // The address that the server recorded, because this command may run without its settings.
        let channels = Channels { origin: recorded.unwrap_or_else(|| channels.origin.clone()), ..channels };
        db::carry_channels(&mut self.conn, &Arc::new(channels));
        self.master = Some(master);
        Ok(())
    }
}

impl Source for Local {
    fn list(&mut self, noun: Noun, filters: &Pairs, after: Option<&str>, most: usize) -> Result<Rows> {
        let filters = lists::Filters::new(filters);
        match noun {
            Noun::Clients => lists::clients(&mut self.conn, &filters, after, most),
            Noun::Tokens | Noun::Keys => token_lists::list(&mut self.conn, &filters, after, most),
            Noun::Employees => lists::employees(&mut self.conn, &filters, after, most),
            Noun::Connections => lists::connections(&mut self.conn, &filters, after, most),
            Noun::Attention => lists::attention(&mut self.conn),
            Noun::Activity => lists::activity(&mut self.conn, (&filters, &self.zone), after, most),
        }
    }

    fn show(&mut self, noun: Noun, name: &str) -> Result<Value> {
        shows::show(&mut self.conn, noun, name)
    }

    fn plan(&mut self, verb: &Verb, name: &str) -> Result<Planned> {
        acts::plan(&mut self.conn, verb, name)
    }

    fn carry_out(&mut self, planned: &Planned, dry_run: bool) -> Result<Done> {
        self.prepare_to_write()?;
        let (done, disconnected) = acts::carry_out(&mut self.conn, planned, dry_run)?;
        if !dry_run {
            self.disconnected.extend(disconnected);
        }
        Ok(done)
    }

    fn follow_up(&mut self) -> Result<String> {
        match (std::mem::take(&mut self.disconnected), &self.master) {
            (none, _) if none.is_empty() => Ok(String::new()),
            (_, None) => Ok(String::new()),
            (affected, Some(master)) => {
                follow_up::revoke_at_providers(&self.config, master, &affected).map_err(|why| Failure::from(one(why)))
            }
        }
    }

    fn times(&self) -> TimeFormat {
        TimeFormat::new(Local::now(), &self.zone)
    }
}
