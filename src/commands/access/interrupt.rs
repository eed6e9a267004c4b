//! Ctrl-C while many acts are carried out one by one: the one that runs is finished, and no other is begun.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;

/// Whether somebody asked to stop.
pub(super) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// From now on Ctrl-C and SIGTERM do not end the process at once.
    pub(super) fn watch() -> Interrupt {
        let (asked, (ready, is_ready)) = (Arc::new(AtomicBool::new(false)), mpsc::channel());
        let flag = asked.clone();
        thread::spawn(move || {
            actix_web::rt::System::new().block_on(async {
                use actix_web::rt::signal::unix::{SignalKind, signal};
                let (Ok(mut interrupt), Ok(mut terminate)) =
                    (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
                else {
                    return;
                };
                // Nobody waits for it any more if the command has ended.
                let _ = ready.send(());
                let (first, second) = (std::pin::pin!(interrupt.recv()), std::pin::pin!(terminate.recv()));
                futures_util::future::select(first, second).await;
                flag.store(true, Ordering::SeqCst);
            });
        });
        // Without a handler, Ctrl-C ends the process, and the database rolls back the act that runs.
        let _ = is_ready.recv();
        Interrupt(asked)
    }

    /// Whether to stop.
    pub(super) fn is_asked(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}
