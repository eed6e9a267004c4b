//! A table of tokens on a page: its filters, rows and links to other pages.

use std::collections::HashMap;

use crate::clients::{Client, ClientState};
use crate::db::DbConnection;
use crate::db::keyset::{Count, Keyset, Slice};
use crate::error::Result;
pub use crate::pages::tokens::token_filters::{PanelState, access_token_panel, refresh_token_panel};
use crate::pages::tokens::token_rows::{ListedToken, TokenRow, clients_by_id};
use crate::time::{TimeFormat, thousands};
use crate::tokens::listing;
use crate::tokens::listing::{StatusFilter, Table, TokenFilter, TokenType, Within};
use crate::web::list::{Heading, Pager};
use crate::web::page::Viewer;

/// A token table as the template shows it.
#[derive(Clone)]
pub struct Panel {
    /// The `id` of its HTML element.
    pub id: &'static str,
    /// Its heading.
    pub title: &'static str,
    /// The prefix of its query parameters.
    pub prefix: &'static str,
    /// Whether it shows refresh tokens.
    pub is_refresh_tokens: bool,
    /// Whether it shows the tokens of one employee, with a column for the client instead of the employee.
    pub of_employee: bool,
    /// The filters.
    pub filter: TokenFilter,
    /// The selected status filter.
    pub status: &'static str,
    /// The selected type filter.
    pub token_type: &'static str,
    /// The other query parameters of the page, as hidden fields of the filter form.
    pub hidden: Vec<(String, String)>,
    /// How many tokens match.
    pub total: Count,
    /// The rows.
    pub rows: Vec<TokenRow>,
    /// The column headings.
    pub headings: Vec<Heading>,
    /// The links to other pages of the list.
    pub pager: Pager,
    /// The link that removes all filters.
    pub clear: String,
    /// A button beside the filters: its link and its text.
    pub action: Option<(String, &'static str)>,
}

impl PanelState {
    /// Loads one page of the table.
    pub fn load(
        &self,
        conn: &mut DbConnection,
        within: Within,
        client: ClientState,
        (viewer, times): (&Viewer, &TimeFormat),
    ) -> Result<Panel> {
        let keyset =
            Keyset { column: self.list.sort().column, descending: self.list.descending, cursor: self.list.cursor()? };
        let found = listing::find(conn, (self.table, within), &self.filter, &keyset, times.now())?;
        let slice = self.rows(conn, found.ids, (within, client), (viewer, times))?;
        let mut pager = self.list.pager(&slice, found.total, |(_, position)| (position.0.to_string(), position.1));
        if let Some(toggle) = self.expired_toggle(found.others) {
            pager.toggle = Some(toggle);
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
            hidden: self.list.hidden(&["token", "employee", "type", "status"]),
            total: found.total,
            rows: slice.rows.into_iter().map(|(row, _)| row).collect(),
            headings: self.headings(within),
            pager,
            clear: self.clear(),
            action: None,
        })
    }

    fn headings(&self, within: Within) -> Vec<Heading> {
        let plain = |label| self.list.heading(label, "");
        let owner = if matches!(within, Within::Employee(_)) { "Client" } else { "Employee" };
        let mut headings = vec![plain("Token")];
        if self.table == Table::AccessTokens {
            headings.push(plain("Type"));
        }
        headings.push(plain(owner));
        if self.table == Table::RefreshTokens {
            headings.push(plain("Access"));
        }
        headings.push(self.list.heading("Created", "created"));
        headings.push(self.list.heading("Last used", "used"));
        headings.push(self.list.heading("Expires", "expires"));
        headings.push(plain("Status"));
        headings
    }

    fn rows(
        &self,
        conn: &mut DbConnection,
        ids: Slice<i64>,
        (within, client): (Within, ClientState),
        (viewer, times): (&Viewer, &TimeFormat),
    ) -> Result<Slice<(TokenRow, (i64, i64))>> {
        let Slice { rows: ids, has_previous, has_next } = ids;
        let tokens = ListedToken::load(conn, self.table, within, &ids)?;
        let clients = match within {
            Within::Employee(_) => clients_by_id(conn, tokens.iter().map(ListedToken::client))?,
            Within::Client(_) | Within::RefreshToken(..) => HashMap::new(),
        };
        let column = self.list.sort().column;
        let rows = tokens.into_iter().map(|token| {
            let owner = clients.get(&token.client());
            let state = owner.map_or(client, Client::state);
            let position = token.position(column);
            (token.row(owner, state, (viewer, times)), position)
        });
        Ok(Slice { rows: rows.collect(), has_previous, has_next })
    }
}

impl Panel {
    /// The number beside the heading.
    pub fn sum(&self) -> String {
        match self.filter.expired {
            true => format!("{} expired", self.total),
            false => self.total.to_string(),
        }
    }

    /// The number of live tokens: exact when this page counted it, else the last stored count.
    pub fn live_count(&self, stored: i64) -> String {
        match self.filter.is_empty() && !self.filter.expired && !self.total.capped {
            true => self.total.to_string(),
            false => thousands(stored),
        }
    }

    /// What screen readers announce when the table changes.
    pub fn announcement(&self) -> String {
        let is_one = self.total.n == 1 && !self.total.capped;
        match (self.is_refresh_tokens, is_one) {
            (true, true) => "1 refresh token".into(),
            (true, false) => format!("{} refresh tokens", self.total),
            (false, true) => "1 API key or access token".into(),
            (false, false) => format!("{} API keys and access tokens", self.total),
        }
    }
}
