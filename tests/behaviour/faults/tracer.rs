//! `strace` around a process: it records calls, kills at one, or makes one fail. The product needs no hooks for it.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Whether a running process can be traced here; says so if not.
pub fn can_trace() -> bool {
    let Ok(mut asleep) = Command::new("sleep").arg("60").spawn() else { return false };
    let can = Tracer::try_attach(asleep.id(), "trace=none", None, Duration::from_secs(3)).is_some();
    drop(asleep.kill());
    drop(asleep.wait());
    if !can {
        println!("left out: strace is missing or may not trace here (scripts/test install)");
    }
    can
}

/// One that interferes with a running process until it is dropped.
pub struct Tracer(Child);

impl Tracer {
    /// Attaches to every thread of a process: `inject` says what happens at which call, as in strace's manual; `only` of the
    /// calls that name this file.
    pub fn attach(process: u32, inject: &str, only: Option<&Path>) -> Tracer {
        Tracer::try_attach(process, inject, only, Duration::from_secs(10)).expect("strace attaches")
    }

    fn try_attach(process: u32, inject: &str, only: Option<&Path>, patience: Duration) -> Option<Tracer> {
        let mut command = Command::new("strace");
        command.args(["-f", "-qq", "-o", "/dev/null", "-e", inject, "-p", &process.to_string()]);
        if let Some(file) = only {
            command.arg("-P").arg(file);
        }
        let tracer = Tracer(command.stdin(Stdio::null()).stderr(Stdio::null()).spawn().ok()?);
        let begun = Instant::now();
        while !is_traced(process) {
            if begun.elapsed() >= patience {
                return None;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        Some(tracer)
    }
}

impl Drop for Tracer {
    fn drop(&mut self) {
        // On SIGTERM it lets go of the process; on SIGKILL the process would stay stopped.
        drop(Command::new("kill").args(["-TERM", &self.0.id().to_string()]).stderr(Stdio::null()).status());
        drop(self.0.wait());
    }
}

// Every thread, or the process is gone already.
fn is_traced(process: u32) -> bool {
    let Ok(tasks) = std::fs::read_dir(format!("/proc/{process}/task")) else { return true };
    tasks.flatten().all(|task| {
        let status = std::fs::read_to_string(task.path().join("status")).unwrap_or_default();
        status.lines().find(|line| line.starts_with("TracerPid:")).is_none_or(|line| !line.ends_with("\t0"))
    })
}
