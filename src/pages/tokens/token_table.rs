//! A table of tokens on a page: its filters, its rows, its pager. Pages that show two of them read each under its own prefix.

use std::collections::HashMap;

use diesel::prelude::*;

use crate::clients::{Client, ClientState};
use crate::db::DbConnection;
use crate::db::keyset::{Count, Keyset, Slice};
use crate::employees::Employee;
use crate::error::Result;
use crate::id::{AccessTokenKey, ClientKey, RefreshTokenKey};
use crate::pages::clients::client_detail::path as client_path;
use crate::scopes::Scope;
use crate::time::{DisplayTime, TimeFormat, thousands};
use crate::tokens::token_list::{StatusFilter, Table, TokenFilter, TokenType, Within};
use crate::tokens::{AccessToken, Life, RefreshToken, TokenStatus, token_list};
use crate::web::badge::Badge;
use crate::web::list::{Heading, ListState, Pager, Sort};
use crate::web::page::Viewer;
use crate::web::query::Query;

/// How many characters of a token a filter takes.
pub const SHOWN: usize = 7;

static SORTS: [Sort; 3] = [
    Sort { word: "created", column: "id", largest_first: true },
    Sort { word: "used", column: "last_used_at", largest_first: true },
    Sort { word: "expires", column: "expires_at", largest_first: false },
];

/// A refresh token's page.
pub fn refresh_token_path(client: ClientKey, id: RefreshTokenKey) -> String {
    format!("{}/refresh-tokens/{id}", client_path(client))
}

/// An access token's or API key's page, below its client or below the refresh token one came from.
pub fn access_token_path(client: ClientKey, via: Option<RefreshTokenKey>, id: AccessTokenKey) -> String {
    match via {
        None => format!("{}/access-tokens/{id}", client_path(client)),
        Some(refresh_token) => format!("{}/access-tokens/{id}", refresh_token_path(client, refresh_token)),
    }
}

/// What the address asks of a table, before it is read.
#[derive(Clone, Debug)]
pub struct PanelState {
    table: Table,
    state: ListState,
    filter: TokenFilter,
}

/// Refresh tokens, as the names beginning with `prefix` ask for them.
pub fn refresh_token_panel(query: &Query, prefix: &'static str) -> Result<PanelState> {
    PanelState::read(Table::RefreshTokens, query, prefix)
}

/// Access tokens and API keys, as the names beginning with `prefix` ask for them.
pub fn access_token_panel(query: &Query, prefix: &'static str) -> Result<PanelState> {
    PanelState::read(Table::AccessTokens, query, prefix)
}

/// A row.
#[derive(Clone, Debug)]
pub struct TokenRow {
    /// The token's page.
    pub href: String,
    /// Its seven characters.
    pub mask: String,
    /// What an admin called it.
    pub label: String,
    /// `API Key` or `Access Token`; empty for a refresh token.
    pub type_name: &'static str,
    /// The client, on pages that show tokens of several.
    pub client: Option<(String, String)>,
    /// The employee's name and role, and their page where the viewer may see it.
    pub employee: (String, &'static str, Option<String>),
    /// What it reaches: the first few.
    pub reach: Vec<String>,
    /// And how many more.
    pub more: usize,
    /// When it was issued.
    pub created: DisplayTime,
    /// When it was last used.
    pub last_used: DisplayTime,
    /// When it ends.
    pub expires: DisplayTime,
    /// Its state.
    pub badge: Badge,
}

/// The table, ready for a template.
#[derive(Clone, Debug)]
pub struct Panel {
    /// Its id on the page.
    pub id: &'static str,
    /// Its heading.
    pub title: &'static str,
    /// The names of its fields begin with this.
    pub prefix: &'static str,
    /// Whether it shows refresh tokens.
    pub is_refresh_tokens: bool,
    /// Whether a column names the client and not the employee: on an employee's page.
    pub of_employee: bool,
    /// What is filtered.
    pub filter: TokenFilter,
    /// What is chosen in the status field.
    pub status: &'static str,
    /// What is chosen in the type field.
    pub token_type: &'static str,
    /// The rest of the page's state, for the filter form.
    pub hidden: Vec<(String, String)>,
    /// How many match.
    pub total: Count,
    /// The rows of this page.
    pub rows: Vec<TokenRow>,
    /// The headings.
    pub headings: Vec<Heading>,
    /// The links below.
    pub pager: Pager,
    /// Back to everything.
    pub clear: String,
    /// What can be made here: where, and what the button says.
    pub action: Option<(String, &'static str)>,
}

impl PanelState {
    fn read(table: Table, query: &Query, prefix: &'static str) -> Result<PanelState> {
        let state = ListState::read(query, prefix, &SORTS)?;
        let filter = TokenFilter {
            token: state.get("token").trim().to_string(),
            employee: state.get("employee").to_string(),
            token_type: TokenType::from_word(state.get("type")).filter(|_| table == Table::AccessTokens),
            status: StatusFilter::from_word(state.get("status")),
            expired: state.get("expired") == "1",
        };
        Ok(PanelState { table, state, filter })
    }

    /// Where to go instead when the address holds more of a token than its shown characters.
    pub fn cut(&self, query: &Query) -> Option<String> {
        if self.filter.token.chars().count() <= SHOWN {
            return None;
        }
        let short: String = self.filter.token.chars().take(SHOWN).collect();
        let rest = Query::parse(self.state.link(&[("token", Some(&short))]).trim_start_matches('?')).ok()?;
        // The other table of the page may be asked for too much as well.
        let other = ["rt-token", "at-token"].into_iter().find(|name| {
            query.get(name).is_some_and(|value| value.chars().count() > SHOWN)
                && rest.get(name).is_some_and(|value| value.chars().count() > SHOWN)
        });
        Some(match other {
            None => rest.with(&[]),
            Some(name) => rest.with(&[(name, None)]),
        })
    }

    /// Reads the page of the table that is asked for.
    pub fn load(
        &self,
        conn: &mut DbConnection,
        within: Within,
        client: ClientState,
        (viewer, words): (&Viewer, &TimeFormat),
    ) -> Result<Panel> {
        let keyset = Keyset {
            column: self.state.sort().column,
            descending: self.state.descending,
            cursor: self.state.cursor()?,
        };
        let listed = token_list::find(conn, (self.table, within), &self.filter, &keyset, words.now())?;
        let slice = self.rows(conn, listed.ids, (within, client), (viewer, words))?;
        let mut pager = self.state.pager(&slice, listed.total, |(_, place)| (place.0.to_string(), place.1));
        if listed.others.n > 0 || self.filter.expired {
            let (value, text) = match self.filter.expired {
                true => (None, format!("Hide expired, show live ({})", listed.others)),
                false => (Some("1"), format!("Show expired ({})", listed.others)),
            };
            pager.toggle = Some((self.state.link(&[("expired", value)]), text));
        }
        let (id, title) = match self.table {
            Table::RefreshTokens => ("refresh-tokens", "Refresh tokens"),
            Table::AccessTokens => ("access-tokens", "API keys / access tokens"),
        };
        Ok(Panel {
            id,
            title,
            prefix: self.prefix(),
            is_refresh_tokens: self.table == Table::RefreshTokens,
            of_employee: matches!(within, Within::Employee(_)),
            status: self.filter.status.map_or("", StatusFilter::word),
            token_type: self.filter.token_type.map_or("", TokenType::word),
            filter: self.filter.clone(),
            hidden: self.state.hidden(&["token", "employee", "type", "status"]),
            total: listed.total,
            rows: slice.rows.into_iter().map(|(row, _)| row).collect(),
            headings: self.headings(within),
            pager,
            clear: self.state.link(&[("token", None), ("employee", None), ("type", None), ("status", None)]),
            action: None,
        })
    }

    fn prefix(&self) -> &'static str {
        match self.table {
            Table::RefreshTokens => "rt-",
            Table::AccessTokens => "at-",
        }
    }

    fn headings(&self, within: Within) -> Vec<Heading> {
        let plain = |label| self.state.heading(label, "");
        let whose = if matches!(within, Within::Employee(_)) { "Client" } else { "Employee" };
        let mut headings = vec![plain("Token")];
        if self.table == Table::AccessTokens {
            headings.push(plain("Type"));
        }
        headings.push(plain(whose));
        if self.table == Table::RefreshTokens {
            headings.push(plain("Can reach"));
        }
        headings.push(self.state.heading("Created", "created"));
        headings.push(self.state.heading("Last used", "used"));
        headings
            .push(self.state.heading(if self.table == Table::RefreshTokens { "Lapses" } else { "Expires" }, "expires"));
        headings.push(plain("Status"));
        headings
    }

    fn rows(
        &self,
        conn: &mut DbConnection,
        ids: Slice<i64>,
        (within, client): (Within, ClientState),
        (viewer, words): (&Viewer, &TimeFormat),
    ) -> Result<Slice<(TokenRow, (i64, i64))>> {
        let Slice { rows: ids, has_previous, has_next } = ids;
        let column = self.state.sort().column;
        let place = |id: i64, life: Life| match column {
            "last_used_at" => (life.last_used_at.0, id),
            "expires_at" => (life.expires_at.0, id),
            _ => (id, id),
        };
        let rows: Vec<(Line, (i64, i64))> = match self.table {
            Table::RefreshTokens => RefreshToken::with_employees(conn, &ids)?
                .into_iter()
                .map(|(token, employee)| {
                    let life = Life {
                        created_at: token.created_at,
                        last_used_at: token.last_used_at,
                        expires_at: token.expires_at,
                    };
                    let place = place(token.id.0, life);
                    let line = Line {
                        href: refresh_token_path(token.client_id, token.id),
                        mask: token.mask.characters().to_string(),
                        label: String::new(),
                        type_name: "",
                        client: token.client_id,
                        scope: token.scope,
                        life,
                        employee,
                    };
                    (line, place)
                })
                .collect(),
            Table::AccessTokens => AccessToken::with_employees(conn, &ids)?
                .into_iter()
                .map(|(token, employee)| {
                    let via = match within {
                        Within::RefreshToken(_, id) => Some(id),
                        _ => None,
                    };
                    let life = Life {
                        created_at: token.created_at,
                        last_used_at: token.last_used_at,
                        expires_at: token.expires_at,
                    };
                    let place = place(token.id.0, life);
                    let line = Line {
                        href: access_token_path(token.client_id, via, token.id),
                        mask: token.mask.characters().to_string(),
                        type_name: token.type_name(),
                        label: token.label,
                        client: token.client_id,
                        scope: token.scope,
                        life,
                        employee,
                    };
                    (line, place)
                })
                .collect(),
        };
        let clients = match within {
            Within::Employee(_) => clients_of(conn, rows.iter().map(|(line, _)| line.client))?,
            _ => HashMap::new(),
        };
        let is_refresh_token = self.table == Table::RefreshTokens;
        let rows = rows.into_iter().map(|(line, place)| {
            let own = clients.get(&line.client);
            let state = own.map_or(client, Client::state);
            (line.row(own, state, is_refresh_token, (viewer, words)), place)
        });
        Ok(Slice { rows: rows.collect(), has_previous, has_next })
    }
}

struct Line {
    href: String,
    mask: String,
    label: String,
    type_name: &'static str,
    client: ClientKey,
    scope: Scope,
    life: Life,
    employee: Employee,
}

impl Line {
    fn row(
        self,
        client: Option<&Client>,
        state: ClientState,
        is_refresh_token: bool,
        (viewer, words): (&Viewer, &TimeFormat),
    ) -> TokenRow {
        const CHIPS: usize = 2;
        let mut reach = self.scope.in_words();
        let more = reach.len().saturating_sub(CHIPS);
        reach.truncate(CHIPS);
        TokenRow {
            href: self.href,
            mask: self.mask,
            label: self.label,
            type_name: self.type_name,
            client: client.map(|client| (client.name.clone(), client_path(client.id))),
            employee: (self.employee.name.clone(), self.employee.role.name(), viewer.employee_page(self.employee.id)),
            reach,
            more,
            created: words.date(self.life.created_at),
            last_used: words.ago(self.life.last_used_at),
            expires: words.until(self.life.expires_at),
            badge: TokenStatus::of(self.life, &self.employee, state, words.now()).badge(is_refresh_token),
        }
    }
}

fn clients_of(
    conn: &mut DbConnection,
    ids: impl Iterator<Item = ClientKey>,
) -> QueryResult<HashMap<ClientKey, Client>> {
    use crate::schema::clients;
    let mut ids: Vec<ClientKey> = ids.collect();
    ids.sort_unstable();
    ids.dedup();
    let rows: Vec<Client> = clients::table.filter(clients::id.eq_any(ids)).select(Client::as_select()).load(conn)?;
    Ok(rows.into_iter().map(|client| (client.id, client)).collect())
}

impl Panel {
    /// The number beside the panel's title.
    pub fn sum(&self) -> String {
        match self.filter.expired {
            true => format!("{} expired", self.total),
            false => self.total.to_string(),
        }
    }

    /// The live ones, when this page has counted them; otherwise as last counted.
    pub fn live_count(&self, counted: i64) -> String {
        match self.filter.is_empty() && !self.filter.expired && !self.total.capped {
            true => self.total.to_string(),
            false => thousands(counted),
        }
    }

    /// What is read out when the table has changed.
    pub fn announcement(&self) -> String {
        let one = self.total.n == 1 && !self.total.capped;
        match (self.is_refresh_tokens, one) {
            (true, true) => "1 refresh token".into(),
            (true, false) => format!("{} refresh tokens", self.total),
            (false, true) => "1 API key or access token".into(),
            (false, false) => format!("{} API keys and access tokens", self.total),
        }
    }
}
