//! What a process did to a folder, call by call, as `strace` recorded it.

use std::collections::HashMap;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// One call that matters after a power cut, or a mark that something was acknowledged before.
#[derive(Debug)]
pub enum Event {
    /// The folder itself was created.
    Folder,
    /// A file was created, unless it was there.
    Create(String),
    /// Bytes were written at an offset, or at the end.
    Write { file: String, at: Option<usize>, bytes: Vec<u8> },
    /// A file got this length.
    Truncate { file: String, length: usize },
    /// A file is on the disk with what was written before this event number.
    Sync { file: String, before: usize },
    /// The names in the folder are on the disk.
    SyncNames,
    /// The folder's own name is on the disk.
    SyncParent,
    /// A file got another name.
    Rename(String, String),
    /// A file got another name besides.
    Link(String, String),
    /// A file was deleted.
    Unlink(String),
    /// This many acts have been acknowledged.
    Acknowledged(usize),
}

/// A mark that the recorded process sees when it opens or receives it.
pub fn mark(acknowledged: usize) -> String {
    format!("/acknowledged={acknowledged};")
}

/// A command that runs `program` with its calls recorded in `record`; the process started is the program.
pub fn recorded(program: &Path, record: &Path) -> Command {
    const CALLS: &str =
        "trace=openat,pwrite64,write,ftruncate,fsync,fdatasync,rename,link,linkat,unlink,mkdir,recvfrom";
    let mut command = Command::new("strace");
    command.args(["-D", "-f", "-qq", "-y", "-xx", "-s", "1000000", "-e", CALLS, "-e", "signal=none", "-o"]);
    command.arg(record).arg(program);
    command
}

/// The events of a record about `folder`, once the recorded process has ended.
pub fn read(record: &Path, folder: &Path) -> Vec<Event> {
    let text = finished(record);
    let mut reader = Reader { folder: folder.to_str().unwrap().to_string(), events: Vec::new(), open: HashMap::new() };
    for line in text.lines() {
        reader.line(line);
    }
    reader.events
}

// strace writes the rest when the process is gone already.
fn finished(record: &Path) -> String {
    let (begun, mut length) = (Instant::now(), 0);
    loop {
        std::thread::sleep(Duration::from_millis(200));
        let now = std::fs::metadata(record).unwrap().len();
        if now == length || begun.elapsed() > Duration::from_secs(20) {
            return std::fs::read_to_string(record).unwrap();
        }
        length = now;
    }
}

struct Reader {
    folder: String,
    events: Vec<Event>,
    // Syncs that have begun: what they are of, and how many events there were.
    open: HashMap<String, (Synced, usize)>,
}

enum Synced {
    File(String),
    Names,
    Parent,
}

impl Reader {
    fn line(&mut self, line: &str) {
        let Some((process, call)) = line.split_once(' ') else { return };
        let call = call.trim_start();
        if let Some(resumed) = call.strip_prefix("<... ") {
            if resumed.starts_with("recvfrom") {
                self.marks(resumed);
            }
            if let Some((synced, before)) = self.open.remove(process)
                && resumed.ends_with("= 0")
            {
                self.sync(synced, before);
            }
            return;
        }
        let Some((name, rest)) = call.split_once('(') else { return };
        let is_open = rest.ends_with("<unfinished ...>");
        if !is_open && rest.contains("= -1 ") && name != "openat" {
            return;
        }
        match name {
            "recvfrom" => self.marks(rest),
            "openat" => self.open_at(rest),
            "mkdir" if text(rest) == self.folder => self.events.push(Event::Folder),
            "write" | "pwrite64" => self.write(rest),
            "ftruncate" => {
                let length = rest.split(", ").nth(1).and_then(|rest| rest.split([')', ' ']).next()).unwrap();
                if let Some(file) = self.file(&of_descriptor(rest)) {
                    self.events.push(Event::Truncate { file, length: length.parse().unwrap() });
                }
            }
            "fsync" | "fdatasync" => {
                let Some(synced) = self.synced(&of_descriptor(rest)) else { return };
                let before = self.events.len();
                match is_open {
                    true => drop(self.open.insert(process.to_string(), (synced, before))),
                    false => self.sync(synced, before),
                }
            }
            "rename" | "link" | "linkat" => {
                let mut names =
                    rest.split('"').skip(1).step_by(2).map(bytes).map(|name| String::from_utf8(name).unwrap());
                if let (Some(from), Some(to)) = (names.next(), names.next())
                    && let (Some(from), Some(to)) = (self.file(&from), self.file(&to))
                {
                    let renamed = name == "rename";
                    self.events.push(if renamed { Event::Rename(from, to) } else { Event::Link(from, to) });
                }
            }
            "unlink" => self.events.extend(self.file(&text(rest)).map(Event::Unlink)),
            _ => {}
        }
    }

    // The name of a file in the folder, unless its content dies with the machine: SQLite makes -shm anew.
    fn file(&self, path: &str) -> Option<String> {
        let name = path.strip_prefix(&self.folder)?.strip_prefix('/')?;
        (!name.ends_with("-shm") && !name.ends_with(" (deleted)")).then(|| name.to_string())
    }

    fn synced(&self, path: &str) -> Option<Synced> {
        let parent = Path::new(&self.folder).parent()?.to_str()?;
        match path {
            _ if path == self.folder => Some(Synced::Names),
            _ if path == parent => Some(Synced::Parent),
            _ => self.file(path).map(Synced::File),
        }
    }

    fn sync(&mut self, synced: Synced, before: usize) {
        self.events.push(match synced {
            Synced::File(file) => Event::Sync { file, before },
            Synced::Names => Event::SyncNames,
            Synced::Parent => Event::SyncParent,
        });
    }

    fn open_at(&mut self, rest: &str) {
        self.marks(rest);
        let Some(file) = self.file(&text(rest)) else { return };
        if rest.contains("O_CREAT") {
            self.events.push(Event::Create(file.clone()));
        }
        if rest.contains("O_TRUNC") {
            self.events.push(Event::Truncate { file, length: 0 });
        }
    }

    fn write(&mut self, rest: &str) {
        let Some(file) = self.file(&of_descriptor(rest)) else { return };
        let (_, after) = rest.split_once(">, ").unwrap();
        let bytes = bytes(after.split('"').nth(1).unwrap());
        // Behind the text: its length, and the offset.
        let numbers: Vec<&str> =
            after.rsplit_once('"').unwrap().1.split([',', ')', ' ']).filter(|n| !n.is_empty()).collect();
        let at = numbers.get(1).and_then(|offset| offset.parse().ok());
        assert_eq!(numbers[0].parse(), Ok(bytes.len()), "the record has every byte");
        self.events.push(Event::Write { file, at, bytes });
    }

    fn marks(&mut self, rest: &str) {
        if !rest.contains("\\x3d") {
            return;
        }
        let all: Vec<u8> = rest.split('"').skip(1).step_by(2).flat_map(bytes).collect();
        let all = String::from_utf8_lossy(&all);
        let number = all.split("/acknowledged=").nth(1).and_then(|rest| rest.split(';').next());
        self.events.extend(number.and_then(|number| number.parse().ok()).map(Event::Acknowledged));
    }
}

// The first text of the arguments.
fn text(rest: &str) -> String {
    String::from_utf8(rest.split('"').nth(1).map(bytes).unwrap_or_default()).unwrap_or_default()
}

// The path behind the first descriptor: `5</path>`.
fn of_descriptor(rest: &str) -> String {
    let path = rest.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map(|(path, _)| bytes(path));
    String::from_utf8(path.unwrap_or_default()).unwrap_or_default()
}

// `\x41\x42`, or plain words that strace adds itself: ` (deleted)`, `socket:[1]`.
fn bytes(escaped: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(escaped.len() / 4);
    let mut rest = escaped.as_bytes();
    while let [first, then @ ..] = rest {
        match then {
            [b'x', high, low, after @ ..] if *first == b'\\' => {
                bytes.push(hex(*high) << 4 | hex(*low));
                rest = after;
            }
            _ => {
                bytes.push(*first);
                rest = then;
            }
        }
    }
    bytes
}

fn hex(digit: u8) -> u8 {
    char::from(digit).to_digit(16).map_or(0, |digit| digit as u8)
}
