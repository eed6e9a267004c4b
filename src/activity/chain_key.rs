//! The key of the hash chain, and what is made with it: the HMAC of an entry that waits for its seal, seals, and the HMAC of
//! the chain's boundary.

use sha2::{Digest, Sha256};

use crate::activity::Activity;
use crate::activity::seal::Head;
use crate::secrets::DerivedKey;

/// The keys derived from the key of the chain.
#[derive(Clone, Debug)]
pub struct ChainKey {
    entries: DerivedKey,
    blocks: DerivedKey,
    redactions: DerivedKey,
    boundary: DerivedKey,
}

impl ChainKey {
    /// How many seals have a key of their own in common. So the keys of some can be given away without those of the others.
    pub const BLOCK: i64 = 1_000;

    pub(super) fn from_secret(secret: &str) -> ChainKey {
        let key = |purpose| DerivedKey::from_secret(secret, purpose);
        ChainKey {
            entries: key("entry"),
            blocks: key("block"),
            redactions: key("redaction"),
            boundary: key("boundary"),
        }
    }

    /// The key that a connection carries, so that it can record entries.
    pub fn of_entries(&self) -> &DerivedKey {
        &self.entries
    }

    /// Whether `code` was written by a server that has this key, for this entry.
    pub(super) fn has_recorded(&self, entry: &Activity, code: &[u8]) -> bool {
        self.entries.authenticates(&fields(entry), code)
    }

    /// The keys of the seals whose numbers have the same thousands.
    pub(super) fn block(&self, number: i64) -> BlockKeys {
        let block = (number / Self::BLOCK).to_string();
        BlockKeys { seals: self.blocks.derive(&block), redactions: self.redactions.derive(&block) }
    }

    /// The HMAC of where the chain begins and changes its rule.
    pub(super) fn boundary(&self) -> &DerivedKey {
        &self.boundary
    }
}

/// The HMAC of an entry that waits for its seal.
pub(super) fn entry_code(key: &DerivedKey, entry: &Activity) -> Vec<u8> {
    key.mac(&fields(entry))
}

/// The keys of a block of seals. They can be given away without those of other blocks.
pub(super) struct BlockKeys {
    pub(super) seals: DerivedKey,
    pub(super) redactions: DerivedKey,
}

impl BlockKeys {
    /// The seal of an entry: HMAC-SHA256 of the previous seal, the number of this one, and the entry.
    pub(super) fn seal(&self, before: &[u8], number: i64, entry: &Activity) -> Vec<u8> {
        let mut message = Vec::new();
        append(&mut message, before);
        append(&mut message, number.to_string().as_bytes());
        message.extend(fields(entry));
        self.seals.mac(&message)
    }

    /// The HMAC of what is left of an entry from which something was erased, with the seal before its own, and its own.
    pub(super) fn redaction_code(&self, before: &Head, seal: &Head, left: &Activity) -> Vec<u8> {
        let mut message = Vec::new();
        append(&mut message, &before.seal);
        append(&mut message, &seal.seal);
        append(&mut message, seal.number.to_string().as_bytes());
        message.extend(fields(left));
        self.redactions.mac(&message)
    }

    /// Whether `seal` is that of the entry, with or without the key, or `code` is that of what is left of the entry.
    pub(super) fn vouch_for(
        &self,
        has_key: bool,
        (before, seal): (&Head, &Head),
        entry: &Activity,
        code: Option<&Vec<u8>>,
    ) -> bool {
        match code {
            Some(code) => self.redaction_code(before, seal, entry) == *code,
            None if has_key => self.seal(&before.seal, seal.number, entry) == seal.seal,
            None => seal_without_key(&before.seal, entry) == seal.seal,
        }
    }
}

/// The seal by the rule of earlier versions: SHA-256 of the previous seal and the entry.
pub(super) fn seal_without_key(before: &[u8], entry: &Activity) -> Vec<u8> {
    let mut hash = Sha256::new();
    hash.update(before);
    hash.update(fields(entry));
    hash.finalize().to_vec()
}

// Every column with its length before it, so that two different entries never give the same bytes.
fn fields(entry: &Activity) -> Vec<u8> {
    let optional = |id: Option<crate::id::EmployeeKey>| id.map_or(String::new(), |id| id.to_string());
    let fields = [
        &entry.id.to_string(),
        &entry.at.0.to_string(),
        &entry.kind,
        &optional(entry.actor_id),
        &entry.actor_name,
        &entry.subject_kind,
        &entry.subject_id.to_string(),
        &entry.subject_name,
        &optional(entry.employee_id),
        &entry.detail,
        &entry.client_ip,
    ];
    let mut bytes = Vec::new();
    fields.iter().for_each(|field| append(&mut bytes, field.as_bytes()));
    bytes
}

fn append(bytes: &mut Vec<u8>, field: &[u8]) {
    bytes.extend((field.len() as u64).to_be_bytes());
    bytes.extend(field);
}
