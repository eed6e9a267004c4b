//! Makes room for a new start: deletes what an earlier demo made, and never anything else.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use crate::config::Config;
use crate::db::DatabaseUrl;
use crate::demo::shop::{MAIL_DOMAIN, NAME};

// Its presence says that the folder's data is made up.
const MARKER: &str = "demo";
const MARKER_TEXT: &str = "The data in this folder is made up. Every start of the demo deletes it and makes it anew.\n";
const DATABASE: &str = "client-api-access.db";
const OURS: [&str; 5] =
    [DATABASE, "client-api-access.db-wal", "client-api-access.db-shm", "secret.key", "secret.key.new"];

/// Deletes the data of an earlier demo. Errors: the data is not a demo's, or a server is using it.
pub fn clear(config: &Config) -> Result<(), String> {
    match &config.database {
        DatabaseUrl::Sqlite(file) if *file == config.data_dir.join(DATABASE) => clear_folder(&config.data_dir),
        DatabaseUrl::Sqlite(_) => Err("--database-url / DATABASE_URL: the demo keeps its SQLite file in its own data \
             folder; leave this out, or name a PostgreSQL database"
            .into()),
        #[cfg(feature = "postgres")]
        DatabaseUrl::Postgres(_) => clear_postgres(&config.database),
    }
}

/// Makes a folder that only its owner can enter, unless it is there.
pub fn private_folder(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    match fs::DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        outcome => outcome,
    }
}

fn clear_folder(folder: &Path) -> Result<(), String> {
    let cannot = |error: std::io::Error| format!("--data-dir / DATA_DIR: {}: {error}", folder.display());
    private_folder(folder).map_err(cannot)?;
    let is_empty = fs::read_dir(folder).map_err(cannot)?.next().is_none();
    if is_empty {
        return fs::write(folder.join(MARKER), MARKER_TEXT).map_err(cannot);
    }
    if !folder.join(MARKER).is_file() {
        return Err(format!(
            "--data-dir / DATA_DIR: {} holds files that no demo made, and the demo deletes its data at every start; \
             name an empty folder or one that does not exist",
            folder.display()
        ));
    }
    let lock = fs::OpenOptions::new().write(true).open(folder.join("server.lock"));
    if lock.is_ok_and(|lock| lock.try_lock().is_err()) {
        return Err(format!("another server is running on the data folder {}", folder.display()));
    }
    for name in OURS {
        match fs::remove_file(folder.join(name)) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(cannot(error)),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(feature = "postgres")]
fn clear_postgres(url: &DatabaseUrl) -> Result<(), String> {
    use crate::db;
    let mut conn = db::connect(url)?;
    let found = inspect(&mut conn).map_err(|error| format!("the database cannot be read: {error}"))?;
    drop(conn);
    match found {
        Found::Nothing => Ok(()),
        Found::OurOwn => db::revert_all(url),
        Found::Real => Err("--database-url / DATABASE_URL: this database holds data that no demo made, and the demo \
             deletes its data at every start; name another one"
            .into()),
    }
}

#[cfg(feature = "postgres")]
enum Found {
    Nothing,
    OurOwn,
    Real,
}

// What somebody has changed by hand is theirs: another name for the shop, or one address elsewhere, is enough.
#[cfg(feature = "postgres")]
fn inspect(conn: &mut crate::db::DbConnection) -> diesel::QueryResult<Found> {
    use crate::schema::accounts;
    use crate::schema::clients;
    use crate::schema::employees;
    use diesel::dsl::{exists, select, sql};
    use diesel::prelude::*;
    let schema = sql::<diesel::sql_types::Bool>("to_regclass('employees') IS NOT NULL");
    if !select(schema).get_result::<bool>(conn)? {
        return Ok(Found::Nothing);
    }
    let everybody = employees::table.select(employees::id);
    let strangers = everybody.filter(employees::email_fold.not_like(format!("%@{MAIL_DOMAIN}")));
    let named = accounts::table.filter(accounts::name.eq(NAME)).select(accounts::id);
    let any_client = clients::table.select(clients::id);
    let has_people = select(exists(everybody)).get_result::<bool>(conn)?;
    let is_ours = select(exists(named)).get_result(conn)? && !select(exists(strangers)).get_result::<bool>(conn)?;
    let is_empty = !has_people && !select(exists(any_client)).get_result::<bool>(conn)?;
    Ok(if is_ours || is_empty { Found::OurOwn } else { Found::Real })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_demo_made_is_deleted() {
        let folder = tempfile::tempdir().expect("a folder");
        let demo = folder.path().join("demo");
        clear_folder(&demo).expect("a new folder");
        fs::write(demo.join(DATABASE), "old").expect("a database");
        fs::write(demo.join("notes.txt"), "mine").expect("a file of somebody else");

        clear_folder(&demo).expect("a demo's folder");

        assert!(!demo.join(DATABASE).exists());
        assert!(demo.join("notes.txt").exists());
        fs::remove_file(demo.join(MARKER)).expect("no longer a demo's");
        fs::write(demo.join(DATABASE), "real").expect("a database");
        assert!(clear_folder(&demo).is_err());
        assert_eq!(fs::read_to_string(demo.join(DATABASE)).expect("still there"), "real");
    }

    #[test]
    fn a_folder_that_a_server_uses_is_left_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        clear_folder(folder.path()).expect("an empty folder");
        fs::write(folder.path().join(DATABASE), "in use").expect("a database");
        let lock = fs::File::create(folder.path().join("server.lock")).expect("a lock");
        lock.try_lock().expect("the server's");

        assert!(clear_folder(folder.path()).is_err());
        assert!(folder.path().join(DATABASE).exists());
    }
}
