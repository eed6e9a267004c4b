//! Answers from the local database, while the server runs or not. Each act is one service function, as for a page, in one
//! transaction.

mod acts;
mod connection_acts;
mod lists;
mod names;
mod service;
mod shows;
mod token_lists;

use std::sync::Arc;

use serde_json::Value;

use crate::account::{Account, installation};
use crate::activity::{Actor, ChainKey};
use crate::commands::access::failure::Result;
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
    opened: Option<Opened>,
    // What is left to revoke at providers.
    disconnected: Vec<(Connection, OAuthClient)>,
}

/// What acts need beside the database.
pub(super) struct Opened {
    /// The secret key.
    master: MasterKey,
    /// The key of the activity log.
    key: ChainKey,
    /// The channels of notices.
    channels: Channels,
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
        Ok(Local { config, conn, zone, opened: None, disconnected: Vec::new() })
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
        if self.opened.is_some() {
            return Ok(());
        }
        let master = self.config.read_key().map_err(one)?;
        let opened = db::in_transaction(&mut self.conn, &|conn| Account::open(conn, &master, Local::now()));
        let key = opened.map_err(refusal)?.chain.key;
        let channels = self.config.channels();
        // The address that the server recorded, because this command may run without its settings.
        let origin = installation::public_url(&mut self.conn)?.unwrap_or_else(|| channels.origin.clone());
        let channels = Channels { origin, ..channels };
        db::carry_key(&mut self.conn, key.of_entries());
        db::carry_channels(&mut self.conn, &Arc::new(channels.clone()));
        self.opened = Some(Opened { master, key, channels });
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
        match connection_acts::handles(verb) {
            true => connection_acts::plan(&mut self.conn, verb, name),
            false => acts::plan(&mut self.conn, verb, name),
        }
    }

    fn carry_out(&mut self, planned: &Planned, dry_run: bool) -> Result<Done> {
        self.prepare_to_write()?;
        if connection_acts::handles(&planned.verb) {
            let opened = self.opened.as_ref().map(|opened| (&self.config, opened));
            return connection_acts::carry_out(&mut self.conn, opened, planned, dry_run);
        }
        let (done, disconnected) = acts::carry_out(&mut self.conn, planned, dry_run)?;
        if !dry_run {
            self.disconnected.extend(disconnected);
        }
        Ok(done)
    }

    fn follow_up(&mut self) -> Result<String> {
        match (std::mem::take(&mut self.disconnected), &self.opened) {
            (affected, Some(opened)) if !affected.is_empty() => {
                Ok(service::revoke_at_providers((&self.config, opened), affected).map_err(one)?)
            }
            _ => Ok(String::new()),
        }
    }

    fn server(&self) -> Option<String> {
        None
    }

    fn times(&self) -> TimeFormat {
        TimeFormat::new(Local::now(), &self.zone)
    }
}
