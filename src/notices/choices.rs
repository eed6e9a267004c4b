//! Which kinds of notices are sent on which channel.

use diesel::prelude::*;

use crate::db::{self, DbConnection};
use crate::notices::{Channel, NoticeKind};
use crate::schema::notice_choices;

/// The kinds that are sent on each channel, for the settings page.
#[derive(Clone, Debug)]
pub struct Choices(Vec<(Channel, NoticeKind)>);

impl Choices {
    /// Reads them.
    pub fn load(conn: &mut DbConnection) -> QueryResult<Choices> {
        let mut sent = Vec::new();
        for channel in Channel::ALL {
            for kind in NoticeKind::ALL {
                if is_sent(conn, *channel, *kind)? {
                    sent.push((*channel, *kind));
                }
            }
        }
        Ok(Choices(sent))
    }

    /// Whether a kind is sent on a channel.
    pub fn has(&self, channel: Channel, kind: NoticeKind) -> bool {
        self.0.contains(&(channel, kind))
    }

    /// Those that are sent, in the order of the page.
    pub fn all(&self) -> &[(Channel, NoticeKind)] {
        &self.0
    }
}

/// Whether a kind is sent on a channel, if the channel is set up.
pub(super) fn is_sent(conn: &mut DbConnection, channel: Channel, kind: NoticeKind) -> QueryResult<bool> {
    let row = notice_choices::table.find((channel, kind)).select(notice_choices::is_sent);
    Ok(row.first(conn).optional()?.unwrap_or(kind.words().by_default))
}

/// Stores for every kind whether it is sent on a channel.
pub(super) fn store(conn: &mut DbConnection, chosen: &[(Channel, NoticeKind)]) -> QueryResult<()> {
    for channel in Channel::ALL {
        for kind in NoticeKind::ALL {
            let is_sent = chosen.contains(&(*channel, *kind));
            let row = (
                notice_choices::channel.eq(*channel),
                notice_choices::kind.eq(*kind),
                notice_choices::is_sent.eq(is_sent),
            );
            db::on_each!(conn, |conn| {
                diesel::insert_into(notice_choices::table)
                    .values(row)
                    .on_conflict((notice_choices::channel, notice_choices::kind))
                    .do_update()
                    .set(notice_choices::is_sent.eq(is_sent))
                    .execute(conn)
            })?;
        }
    }
    Ok(())
}
