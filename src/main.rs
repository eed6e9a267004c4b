//! The program: reads the command, starts the log, hands over to the library.

use std::net::TcpListener;
use std::os::unix::fs::OpenOptionsExt;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use client_api_access::activity::seal;
use client_api_access::activity::seal::Verdict;
use client_api_access::app::App;
use client_api_access::commands::rotate_key;
use client_api_access::config::{Cli, Command, Config, Settings, VerifyActivity};
use client_api_access::db;
use client_api_access::db::DatabaseUrl;
use client_api_access::employees::{OneTimeLink, Purpose, link_address};
use client_api_access::error::Error;
use client_api_access::pages::account::account_settings::is_set_up;
use client_api_access::secrets::RandomSecret;
use client_api_access::time::{Clock, count};
use client_api_access::{demo, jobs, logging};

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Serve(settings) => checked(&settings).and_then(serve),
        Command::Demo(demo) => {
            let settings = demo::settings(&demo.settings);
            checked(&settings).and_then(|config| run_demo(config, &demo))
        }
        Command::Migrate(settings) => checked(&settings).and_then(|config| migrate(&config)),
        Command::VerifyActivity(command) => {
            checked(&command.settings).and_then(|config| verify_activity(&config, &command))
        }
        Command::RotateKey(settings) => checked(&settings).and_then(|config| rotate_key(&config)),
        Command::ResetLink(command) => {
            checked(&command.settings).and_then(|config| reset_link(&config, &command.email))
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(form_errors) => {
            let (what, s) = if form_errors.len() == 1 { ("This", "s") } else { ("These", "") };
            eprintln!("{what} need{s} to be put right first:");
            for problem in form_errors {
                eprintln!("  {problem}");
            }
            ExitCode::FAILURE
        }
    }
}

type Outcome = Result<(), Vec<String>>;

fn checked(settings: &Settings) -> Result<Config, Vec<String>> {
    let config = Config::from_settings(settings)?;
    logging::start(config.log_level);
    Ok(config)
}

fn one(problem: impl ToString) -> Vec<String> {
    vec![problem.to_string()]
}

// One embedded database belongs to one server: the lock goes when the process does.
fn lock_data(config: &Config) -> Result<Option<std::fs::File>, Vec<String>> {
    let DatabaseUrl::Sqlite(_) = &config.database else {
        return Ok(None);
    };
    let path = config.data_dir.join("server.lock");
    let file = std::fs::OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path);
    let file = file.map_err(|error| one(format!("{}: {error}", path.display())))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(_) => Err(one(format!("another server is running on the data folder {}", config.data_dir.display()))),
    }
}

fn listen(config: &Config) -> Result<TcpListener, Vec<String>> {
    let cannot = |error| one(format!("--listen / LISTEN: {}: {error}", config.listen));
    TcpListener::bind(config.listen).map_err(cannot)
}

fn workers() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from)
}

fn serve(config: Config) -> Outcome {
    let key = config.open_data()?;
    let _lock = lock_data(&config)?;
    let listener = listen(&config)?;
    actix_web::rt::System::new().block_on(async move {
        let app = App::open(config, &key, Clock::System).await.map_err(one)?;
        offer_set_up(&app).await.map_err(one)?;
        log::info!("listening on {}, reached at {}", app.state.config.listen, app.state.config.public_url.origin());
        log::info!("data in {}", app.state.config.database.describe());
        run(app, listener).await
    })
}

async fn run(app: Arc<App>, listener: TcpListener) -> Outcome {
    let server = app.clone().serve(listener, workers(), true).map_err(one)?;
    server.await.map_err(one)?;
    app.state.connections.refresher.finish().await;
    // What was collected in memory is written before the process ends.
    if let Err(error) = jobs::flush(&app.state).await {
        log::warn!("what was seen last could not be written: {error}");
    }
    Ok(())
}

// Goes to the console and past the log: it holds a secret.
async fn offer_set_up(app: &App) -> Result<(), String> {
    let secret = RandomSecret::generate();
    let (hash, now) = (secret.hash(), app.state.clock.now());
    let offered = app.state.db.write(move |conn| {
        if is_set_up(conn)? {
            return Ok(false);
        }
        OneTimeLink::issue(conn, Purpose::SetUp, None, &hash, now)?;
        Ok(true)
    });
    if offered.await.map_err(|error| error.to_string())? {
        let link = link_address(app.state.config.public_url.origin(), Purpose::SetUp, &secret);
        println!(
            "\nNobody is set up yet. Open this link to become the first admin; it works once, for 24 hours:\n\n  {link}\n"
        );
    }
    Ok(())
}

fn run_demo(config: Config, command: &client_api_access::config::Demo) -> Outcome {
    demo::clear(&config).map_err(one)?;
    let key = config.open_data()?;
    let _lock = lock_data(&config)?;
    let listener = if command.only_make { None } else { Some(listen(&config)?) };
    actix_web::rt::System::new().block_on(async move {
        let app = App::open(config, &key, Clock::System).await.map_err(one)?;
        demo::make(&app.state, &app.walk_through, command).await.map_err(one)?;
        match listener {
            Some(listener) => run(app, listener).await,
            None => Ok(()),
        }
    })
}

fn migrate(config: &Config) -> Outcome {
    // Before the first migration of an embedded database, its key is made beside it.
    config.open_data()?;
    let applied = db::migrate(&config.database).map_err(one)?;
    match applied.as_slice() {
        [] => println!("The schema is up to date."),
        applied => println!("Applied: {}.", applied.join(", ")),
    }
    Ok(())
}

fn verify_activity(config: &Config, command: &VerifyActivity) -> Outcome {
    if let DatabaseUrl::Sqlite(path) = &config.database
        && !path.exists()
    {
        return Err(one(format!("there is no database at {}", path.display())));
    }
    let mut conn = db::connect(&config.database).map_err(one)?;
    match seal::verify(&mut conn, command.head.as_deref()).map_err(one)? {
        Verdict::Intact { head, unsealed } => {
            let head = head.map_or_else(|| "nothing is sealed yet".to_string(), |head| format!("head {head}"));
            println!("The activity log is intact: {head}; {unsealed} waiting for their seal.");
            Ok(())
        }
        Verdict::Broken(how) => Err(one(format!("the activity log is broken: {how}"))),
    }
}

fn rotate_key(config: &Config) -> Outcome {
    if let DatabaseUrl::Sqlite(path) = &config.database
        && !path.exists()
    {
        return Err(one(format!("there is no database at {}", path.display())));
    }
    let _lock = lock_data(config)?;
    let change = config.change_key().map_err(one)?;
    let mut conn = db::connect(&config.database).map_err(one)?;
    let rotated = rotate_key::rotate(&mut conn, &change.key, Clock::System.now()).map_err(|error| match error {
        Error::Invalid(why) => one(why),
        error => one(format!("it was cut off and can be run again: {error}")),
    })?;
    let kept_at = change.finish().map_err(one)?;
    let anew = count(rotated.resealed, "stored secret");
    println!("{anew} sealed anew under the new key, {} had been before.", rotated.current);
    if rotated.closed > 0 {
        let closed = count(rotated.closed, "stored secret");
        println!("{closed} left as it is: neither key opens it, and its connection needs authorization.");
    }
    match kept_at {
        Some(path) => println!("The new key is in {}: back it up with the database.", path.display()),
        None => println!("Start every node with SECRET_KEY alone from now on."),
    }
    println!("Everybody has to sign in again, and forms that are open have to be opened again.");
    Ok(())
}

// Goes to the console and past the log: it holds a secret.
fn reset_link(config: &Config, email: &str) -> Outcome {
    config.open_data()?;
    let mut conn = db::connect(&config.database).map_err(one)?;
    let (secret, now) = (RandomSecret::generate(), Clock::System.now());
    let hash = secret.hash();
    let name = db::in_transaction(&mut conn, &|conn| OneTimeLink::reset_from_console(conn, email, &hash, now));
    let name = name.map_err(|error| match error {
        Error::NotFound => one(format!("nobody signs in with {email}")),
        error => one(error),
    })?;
    println!("Hand this link to {name} only; it works once, for 24 hours:\n");
    println!("  {}", link_address(config.public_url.origin(), Purpose::Reset, &secret));
    Ok(())
}
