//! The file of an archive: one JSON object a line. It begins with a header; each block of entries follows a line with its keys;
//! a trailer ends it. So the file can be verified without the database and without the secret key.
//!
//! Because the file has its keys, somebody could edit it and make its seals again. Its last seal would then be another one than
//! that which the activity log, `verify-activity` and the next archive have.

use std::io::BufRead;

use serde::{Deserialize, Serialize};

use crate::activity::Activity;
use crate::activity::chain_key::BlockKeys;
use crate::activity::seal::Head;
use crate::id::{ActivityKey, EmployeeKey};
use crate::secrets::DerivedKey;
use crate::time::Timestamp;

pub(super) const FORMAT: &str = "client-api-access activity archive";
pub(super) const VERSION: i64 = 1;

#[derive(Serialize, Deserialize)]
#[serde(tag = "line", rename_all = "lowercase")]
pub(super) enum Line {
    Header(HeaderLine),
    Block(BlockLine),
    Entry(Box<EntryLine>),
    Trailer(TrailerLine),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HeaderLine {
    pub(super) format: String,
    pub(super) version: i64,
    pub(super) account: String,
    pub(super) first: i64,
    pub(super) previous: String,
    pub(super) without_key_through: i64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BlockLine {
    pub(super) first: i64,
    pub(super) key: String,
    pub(super) redactions: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EntryLine {
    number: i64,
    seal: String,
    id: i64,
    at: i64,
    kind: String,
    actor_id: Option<i64>,
    actor_name: String,
    subject_kind: String,
    subject_id: i64,
    subject_name: String,
    employee_id: Option<i64>,
    detail: String,
    client_ip: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    redaction: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TrailerLine {
    pub(super) last: i64,
    pub(super) seal: String,
    pub(super) count: i64,
}

impl EntryLine {
    pub(super) fn of(head: &Head, (entry, code): &(Activity, Option<Vec<u8>>)) -> EntryLine {
        EntryLine {
            number: head.number,
            seal: hex(&head.seal),
            id: entry.id.0,
            at: entry.at.0,
            kind: entry.kind.clone(),
            actor_id: entry.actor_id.map(|id| id.0),
            actor_name: entry.actor_name.clone(),
            subject_kind: entry.subject_kind.clone(),
            subject_id: entry.subject_id,
            subject_name: entry.subject_name.clone(),
            employee_id: entry.employee_id.map(|id| id.0),
            detail: entry.detail.clone(),
            client_ip: entry.client_ip.clone(),
            redaction: code.as_ref().map(|code| hex(code)),
        }
    }

    fn into_parts(self) -> Option<(Head, Activity, Option<Vec<u8>>)> {
        let head = Head { number: self.number, seal: bytes(&self.seal)? };
        let code = match self.redaction {
            Some(code) => Some(bytes(&code)?),
            None => None,
        };
        let entry = Activity {
            id: ActivityKey(self.id),
            at: Timestamp(self.at),
            kind: self.kind,
            actor_id: self.actor_id.map(EmployeeKey),
            actor_name: self.actor_name,
            subject_kind: self.subject_kind,
            subject_id: self.subject_id,
            subject_name: self.subject_name,
            employee_id: self.employee_id.map(EmployeeKey),
            detail: self.detail,
            client_ip: self.client_ip,
        };
        Some((head, entry, code))
    }
}

/// What a file has, if it is whole and unchanged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedFile {
    /// The name of the shop.
    pub account: String,
    /// The seal before the first entry: the last one of the file before; number 0 in the first file.
    pub previous: Head,
    /// The seal of the last entry.
    pub last: Head,
}

/// Verifies a file. Errors: the line, and what is wrong with it.
pub fn verify(file: impl BufRead) -> std::result::Result<VerifiedFile, String> {
    let mut reading: Option<Reading> = None;
    for (n, text) in file.lines().enumerate() {
        let wrong = |why: String| format!("line {}: {why}", n + 1);
        let text = text.map_err(|error| wrong(error.to_string()))?;
        let line = serde_json::from_str(&text).map_err(|_| wrong("not a line of an activity archive".into()))?;
        match (&mut reading, line) {
            (None, Line::Header(header)) => reading = Some(Reading::start(header).map_err(wrong)?),
            (None, _) => return Err(wrong("the header is missing".into())),
            (Some(reading), line) => reading.take(line).map_err(wrong)?,
        }
    }
    match reading {
        Some(Reading { file, is_complete: true, .. }) => Ok(file),
        Some(Reading { file, .. }) => Err(format!("the file ends after entry {}: it was cut short", file.last.number)),
        None => Err("the file is empty".into()),
    }
}

struct Reading {
    file: VerifiedFile,
    without_key_through: i64,
    keys: Option<BlockKeys>,
    is_complete: bool,
}

impl Reading {
    fn start(header: HeaderLine) -> std::result::Result<Reading, String> {
        if header.format != FORMAT || header.version != VERSION {
            return Err(format!("this program reads version {VERSION} of an activity archive"));
        }
        let seal = bytes(&header.previous).ok_or("the previous seal is not hexadecimal")?;
        let previous = Head { number: header.first - 1, seal };
        Ok(Reading {
            file: VerifiedFile { account: header.account, last: previous.clone(), previous },
            without_key_through: header.without_key_through,
            keys: None,
            is_complete: false,
        })
    }

    fn take(&mut self, line: Line) -> std::result::Result<(), String> {
        let next = self.file.last.number + 1;
        if self.is_complete {
            return Err("the file goes on after its end".into());
        }
        match line {
            Line::Header(_) => Err("a second header".into()),
            Line::Block(block) if block.first == next => {
                let key = |text: &str| <[u8; 32]>::try_from(bytes(text)?).ok().map(DerivedKey::from_bytes);
                let keys = key(&block.key).zip(key(&block.redactions)).ok_or("a key is not hexadecimal")?;
                self.keys = Some(BlockKeys { seals: keys.0, redactions: keys.1 });
                Ok(())
            }
            Line::Block(block) => Err(format!("entry {next} is missing before the block of entry {}", block.first)),
            Line::Entry(line) => self.entry(*line),
            Line::Trailer(trailer) => {
                let count = self.file.last.number - self.file.previous.number;
                let end = (trailer.last, trailer.seal, trailer.count);
                self.is_complete = end == (self.file.last.number, hex(&self.file.last.seal), count);
                if self.is_complete { Ok(()) } else { Err("the end does not match the entries".into()) }
            }
        }
    }

    fn entry(&mut self, line: EntryLine) -> std::result::Result<(), String> {
        let number = line.number;
        let next = self.file.last.number + 1;
        if number != next {
            return Err(format!("entry {number} follows entry {}", next - 1));
        }
        let (head, entry, code) = line.into_parts().ok_or("a seal is not hexadecimal")?;
        let keys = self.keys.as_ref().ok_or("the keys of the block are missing")?;
        let has_key = number > self.without_key_through;
        if !keys.vouch_for(has_key, (&self.file.last, &head), &entry, code.as_ref()) {
            return Err(format!("entry {number} was edited, or its seal was"));
        }
        self.file.last = head;
        Ok(())
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.is_ascii() {
        return None;
    }
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).ok()).collect()
}
