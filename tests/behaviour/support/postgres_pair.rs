//! A PostgreSQL primary and a synchronous standby that a test stops, kills and promotes.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// Both servers. They stop, and their data goes, with the value.
pub struct PostgresPair {
    /// The URL of both, the primary first.
    pub url: String,
    child: Child,
    commands: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl PostgresPair {
    /// Starts both.
    pub fn start() -> PostgresPair {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/postgres");
        let mut child =
            Command::new(script).arg("pair").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the script");
        let (commands, answers) = (child.stdin.take(), BufReader::new(child.stdout.take().unwrap()));
        let mut pair = PostgresPair { url: String::new(), child, commands, answers };
        pair.url = pair.line();
        pair
    }

    /// `pause`, `continue`, `stop`, `start` or `kill`: the primary; `promote`: the standby. Returns when it is done.
    pub fn tell(&mut self, command: &str) {
        writeln!(self.commands.as_mut().unwrap(), "{command}").unwrap();
        assert_eq!(self.line(), "done", "{command}");
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        line.trim().to_string()
    }
}

impl Drop for PostgresPair {
    fn drop(&mut self) {
        drop(self.commands.take());
        drop(self.child.wait());
    }
}
