//! `strace` around a process: it records calls, kills at one, or makes one fail. The product needs no hooks for it.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Whether processes can be traced here; says so if not.
pub fn can_trace() -> bool {
    let traced = Command::new("strace").args(["-f", "-qq", "-o", "/dev/null", "true"]).stderr(Stdio::null()).status();
    let can = traced.is_ok_and(|status| status.success());
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
        let mut command = Command::new("strace");
        command.args(["-f", "-qq", "-o", "/dev/null", "-e", inject, "-p", &process.to_string()]);
        if let Some(file) = only {
            command.arg("-P").arg(file);
        }
        let child = command.stdin(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let begun = Instant::now();
        while !is_traced(process) {
            assert!(begun.elapsed() < Duration::from_secs(10), "strace attaches");
            std::thread::sleep(Duration::from_millis(2));
        }
        Tracer(child)
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
