//! Deletes the data of an earlier demo before a new start, and refuses to delete anything else.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use crate::config::Config;
use crate::db::DatabaseUrl;
use crate::demo::shop::{MAIL_DOMAIN, NAME};

// The marker file of a data folder that the demo created.
const MARKER: &str = "demo";
const MARKER_TEXT: &str = "The data in this folder is made up. Each start of the demo replaces it.\n";
const DATABASE: &str = "client-api-access.db";
const OURS: [&str; 5] =
    [DATABASE, "client-api-access.db-wal", "client-api-access.db-shm", "secret.key", "secret.key.new"];

/// Deletes the data of an earlier demo. Errors: the demo did not create the data, or a server is using it.
pub fn clear(config: &Config) -> Result<(), String> {
    match &config.database {
        DatabaseUrl::Sqlite(file) if *file == config.data_dir.join(DATABASE) => clear_folder(&config.data_dir),
        DatabaseUrl::Sqlite(_) => Err("--database-url / DATABASE_URL: the demo stores its SQLite file in its own \
             data folder; omit this setting, or set a PostgreSQL database"
            .into()),
        #[cfg(feature = "postgres-any")]
        DatabaseUrl::Postgres(_) => clear_postgres(&config.database),
    }
}

/// Creates a folder with mode 0700 unless it exists.
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
            "--data-dir / DATA_DIR: {} contains files that the demo did not create, and the demo deletes its data at \
             each start; choose an empty folder or one that does not exist",
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

#[cfg(feature = "postgres-any")]
fn clear_postgres(url: &DatabaseUrl) -> Result<(), String> {
    use crate::db;
    let mut conn = db::connect(url)?;
    let found = inspect(&mut conn).map_err(|error| format!("could not read the database: {error}"))?;
    drop(conn);
    match found {
        Existing::Nothing => Ok(()),
        Existing::Demo => db::revert_all(url),
        Existing::Real => {
            Err("--database-url / DATABASE_URL: this database contains data that the demo did not create, and \
             the demo deletes its data at each start; choose another database"
                .into())
        }
    }
}

#[cfg(feature = "postgres-any")]
enum Existing {
    Nothing,
    Demo,
    Real,
}

// Data that somebody changed by hand counts as real: a renamed shop, or one employee with another mail domain.
#[cfg(feature = "postgres-any")]
fn inspect(conn: &mut crate::db::DbConnection) -> diesel::QueryResult<Existing> {
    use crate::schema::accounts;
    use crate::schema::clients;
    use crate::schema::employees;
    use diesel::dsl::{exists, select, sql};
    use diesel::prelude::*;
    let schema = sql::<diesel::sql_types::Bool>("to_regclass('employees') IS NOT NULL");
    if !select(schema).get_result::<bool>(conn)? {
        return Ok(Existing::Nothing);
    }
    let everybody = employees::table.select(employees::id);
    let strangers = everybody.filter(employees::email_fold.not_like(format!("%@{MAIL_DOMAIN}")));
    let named = accounts::table.filter(accounts::name.eq(NAME)).select(accounts::id);
    let any_client = clients::table.select(clients::id);
    let has_people = select(exists(everybody)).get_result::<bool>(conn)?;
    let is_ours = select(exists(named)).get_result(conn)? && !select(exists(strangers)).get_result::<bool>(conn)?;
    let is_empty = !has_people && !select(exists(any_client)).get_result::<bool>(conn)?;
    Ok(if is_ours || is_empty { Existing::Demo } else { Existing::Real })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_data_of_the_demo_is_deleted() {
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
