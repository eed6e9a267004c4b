//! `demo`: replaces the demo's data and serves it.

use crate::app::App;
use crate::commands::data_lock::DataLock;
use crate::commands::serve::{listen, until_stopped};
use crate::commands::{Outcome, one};
use crate::config::{Config, Demo};
use crate::demo;
use crate::time::Clock;

pub(super) fn run(config: Config, arguments: &Demo) -> Outcome {
    demo::clear(&config).map_err(one)?;
    let key = config.open_data()?;
    let lock = DataLock::take(&config)?;
    lock.note_ended();
    let listener = if arguments.only_make { None } else { Some(listen(&config)?) };
    actix_web::rt::System::new().block_on(async move {
        let app = App::open(config, &key, Clock::System).await.map_err(one)?;
        demo::make(&app.state, &app.walk_through, arguments).await.map_err(one)?;
        match listener {
            Some(listener) => until_stopped(app, listener).await,
            None => Ok(()),
        }
    })
}
