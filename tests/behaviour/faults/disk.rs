//! A disk that keeps what was synced, and of the rest what it likes.

use std::collections::BTreeMap;

use super::record::Event;

/// What happens to writes that were not synced when the power fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// All of them are lost.
    All,
    /// None is lost.
    None,
    /// Those after a point of each file are lost.
    Late,
    /// Any of their sectors are lost, and any names.
    Any,
}

impl Loss {
    /// Each.
    pub const EACH: [Loss; 4] = [Loss::All, Loss::None, Loss::Late, Loss::Any];
}

const SECTOR: usize = 512;

#[derive(Default)]
struct File {
    durable: Vec<u8>,
    length: usize,
    pending: Vec<(usize, Change)>,
}

#[derive(Clone)]
enum Change {
    Write(usize, Vec<u8>),
    Truncate(usize),
}

#[derive(Clone)]
enum NameChange {
    Create(String, usize),
    Rename(String, String),
    Link(String, String),
    Unlink(String),
}

type Names = BTreeMap<String, usize>;

/// The disk after some events.
#[derive(Default)]
pub struct Disk {
    files: Vec<File>,
    names: Names,
    durable_names: Names,
    pending_names: Vec<NameChange>,
    events: usize,
    folder_is_pending: bool,
}

impl Disk {
    /// Takes one more event.
    pub fn take(&mut self, event: &Event) {
        let n = self.events;
        self.events += 1;
        match event {
            Event::Folder => self.folder_is_pending = true,
            Event::SyncParent => self.folder_is_pending = false,
            Event::Acknowledged(_) => {}
            Event::Create(name) if self.names.contains_key(name) => {}
            Event::Create(name) => {
                self.files.push(File::default());
                self.rename(NameChange::Create(name.clone(), self.files.len() - 1));
            }
            Event::Rename(from, to) => self.rename(NameChange::Rename(from.clone(), to.clone())),
            Event::Link(from, to) => self.rename(NameChange::Link(from.clone(), to.clone())),
            Event::Unlink(name) => self.rename(NameChange::Unlink(name.clone())),
            Event::SyncNames => {
                self.durable_names = self.names.clone();
                self.pending_names.clear();
            }
            Event::Write { file, at, bytes } => {
                let file = self.file(file);
                let at = at.unwrap_or(file.length);
                file.length = file.length.max(at + bytes.len());
                file.pending.push((n, Change::Write(at, bytes.clone())));
            }
            Event::Truncate { file, length } => {
                let file = self.file(file);
                file.length = *length;
                file.pending.push((n, Change::Truncate(*length)));
            }
            Event::Sync { file, before } => {
                let file = self.file(file);
                let synced = file.pending.iter().take_while(|(number, _)| number < before).count();
                for (_, change) in file.pending.drain(..synced) {
                    apply(&mut file.durable, &change);
                }
            }
        }
    }

    fn file(&mut self, name: &str) -> &mut File {
        &mut self.files[self.names[name]]
    }

    fn rename(&mut self, change: NameChange) {
        apply_name(&mut self.names, &change);
        self.pending_names.push(change);
    }

    /// The files after a power cut at this moment; `seed` decides what is lost where the disk may choose.
    pub fn after_a_cut(&self, loss: Loss, seed: usize) -> BTreeMap<String, Vec<u8>> {
        let mut dice = Dice(seed as u64);
        if self.folder_is_pending && loss == Loss::All {
            return BTreeMap::new();
        }
        let mut names = self.durable_names.clone();
        let kept = match loss {
            Loss::All => 0,
            Loss::None => self.pending_names.len(),
            Loss::Late | Loss::Any => dice.below(self.pending_names.len() + 1),
        };
        // A file system keeps the order of names.
        self.pending_names[..kept].iter().for_each(|change| apply_name(&mut names, change));
        names.into_iter().map(|(name, file)| (name, self.files[file].after_a_cut(loss, &mut dice))).collect()
    }
}

impl File {
    fn after_a_cut(&self, loss: Loss, dice: &mut Dice) -> Vec<u8> {
        let mut content = self.durable.clone();
        let kept = match loss {
            Loss::All => 0,
            Loss::Late => dice.below(self.pending.len() + 1),
            Loss::None | Loss::Any => self.pending.len(),
        };
        for (_, change) in &self.pending[..kept] {
            match change {
                Change::Write(at, bytes) if loss == Loss::Any => {
                    let mut from = 0;
                    while from < bytes.len() {
                        let to = (from + SECTOR - (at + from) % SECTOR).min(bytes.len());
                        if dice.below(2) == 0 {
                            apply(&mut content, &Change::Write(at + from, bytes[from..to].to_vec()));
                        }
                        from = to;
                    }
                }
                Change::Truncate(_) if loss == Loss::Any && dice.below(2) == 0 => {}
                change => apply(&mut content, change),
            }
        }
        content
    }
}

fn apply(content: &mut Vec<u8>, change: &Change) {
    match change {
        Change::Truncate(length) => content.resize(*length, 0),
        Change::Write(at, bytes) => {
            let end = at + bytes.len();
            content.resize(content.len().max(end), 0);
            content[*at..end].copy_from_slice(bytes);
        }
    }
}

fn apply_name(names: &mut Names, change: &NameChange) {
    match change {
        NameChange::Create(name, file) => drop(names.insert(name.clone(), *file)),
        NameChange::Unlink(name) => drop(names.remove(name)),
        NameChange::Link(from, to) => drop(names.get(from).copied().map(|file| names.insert(to.clone(), file))),
        NameChange::Rename(from, to) => {
            if let Some(file) = names.remove(from) {
                names.insert(to.clone(), file);
            }
        }
    }
}

// Numbers that are the same for the same seed (SplitMix64), so that a failure can be repeated.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % n as u64) as usize
    }
}
