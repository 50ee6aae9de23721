//! A pack in memory: its objects are found, checked and unpacked within limits.

use super::delta;
use super::object::{Id, ObjectKind};
use flate2::{Decompress, FlushDecompress, Status};
use keyfill_diag::Cx;
use sha1::{Digest as _, Sha1};
use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// The most objects of a pack. A single commit, without its history, has fewer.
const MOST_OBJECTS: u32 = 400_000;
/// The largest unpacked object, in bytes.
const MOST_OBJECT: usize = 64 << 20;
/// The largest size of all unpacked objects together, in bytes.
const MOST_BYTES: u64 = 2 << 30;
/// The longest chain of deltas that is followed. git makes chains of 50 by default.
const MOST_DEPTH: usize = 1_000;
/// The most bytes of unpacked objects in the cache, which are the base of deltas.
const KEPT_BYTES: usize = 32 << 20;

/// An entry of the pack.
#[derive(Clone, Copy)]
struct Entry {
    /// The offset of its compressed bytes.
    start: usize,
    /// The size of its unpacked bytes.
    size: usize,
    form: Form,
}

#[derive(Clone, Copy)]
enum Form {
    Whole(ObjectKind),
    /// A delta to the entry at this index.
    Delta(usize),
    /// A delta to the object of this name.
    DeltaTo(Id),
}

/// A pack that was read and checked.
pub struct Pack<'a> {
    bytes: &'a [u8],
    entries: Vec<Entry>,
    by_id: HashMap<Id, usize>,
    kept: RefCell<Kept>,
}

#[derive(Default)]
struct Kept {
    objects: HashMap<usize, (ObjectKind, Arc<Vec<u8>>)>,
    order: VecDeque<usize>,
    bytes: usize,
}

impl<'a> Pack<'a> {
    /// Reads a pack: checks its checksum, and unpacks each object once to compute its name.
    pub fn read(bytes: &'a [u8], cx: &Cx) -> Result<Self, String> {
        let (body, sum) =
            bytes.len().checked_sub(20).map(|at| bytes.split_at(at)).ok_or("the pack is cut off")?;
        if Sha1::digest(body).as_slice() != sum {
            return Err("the pack is cut off or was changed".to_owned());
        }
        let count = match (body.get(..8), body.get(8..12)) {
            (Some(b"PACK\0\0\0\x02"), Some(count)) => {
                u32::from_be_bytes(count.try_into().unwrap_or_default())
            }
            _ => return Err("it is not a pack of version 2".to_owned()),
        };
        if count > MOST_OBJECTS {
            return Err(format!("the pack holds more than {MOST_OBJECTS} objects"));
        }
        let mut pack =
            Self { bytes: body, entries: Vec::new(), by_id: HashMap::new(), kept: RefCell::default() };
        pack.find_entries(count, cx)?;
        pack.name_deltas(cx)?;
        Ok(pack)
    }

    /// Finds the offsets of all entries, and computes the names of objects that are not deltas.
    fn find_entries(&mut self, count: u32, cx: &Cx) -> Result<(), String> {
        let mut by_offset = HashMap::new();
        let (mut at, mut total) = (12, 0_u64);
        for index in 0..count as usize {
            cx.check().map_err(|e| e.to_string())?;
            let begin = at;
            let (code, size) = self.head(&mut at)?;
            let size =
                usize::try_from(size).ok().filter(|s| *s <= MOST_OBJECT).ok_or("an object is too large")?;
            total += size as u64;
            if total > MOST_BYTES {
                return Err("the unpacked pack is too large".to_owned());
            }
            let form = match code {
                1 => Form::Whole(ObjectKind::Commit),
                2 => Form::Whole(ObjectKind::Tree),
                3 => Form::Whole(ObjectKind::Blob),
                4 => Form::Whole(ObjectKind::Tag),
                6 => {
                    let back = self.offset(&mut at)?;
                    let base = begin.checked_sub(back).and_then(|base| by_offset.get(&base));
                    Form::Delta(*base.ok_or("the base object of a delta is missing")?)
                }
                7 => {
                    let id = self.bytes.get(at..at + 20).and_then(|id| id.try_into().ok());
                    at += 20;
                    Form::DeltaTo(id.ok_or("the pack is cut off")?)
                }
                _ => return Err("the pack holds an object of no kind".to_owned()),
            };
            let entry = Entry { start: at, size, form };
            let (content, used) = self.inflate(&entry)?;
            at += used;
            by_offset.insert(begin, index);
            self.entries.push(entry);
            if let Form::Whole(kind) = form {
                self.by_id.insert(id_of(kind, &content), index);
            }
        }
        if at == self.bytes.len() { Ok(()) } else { Err("the pack is longer than its objects".to_owned()) }
    }

    /// Computes the names of objects that are deltas. If the base is given by its name, this name must be computed
    /// first, so that several passes may be needed.
    fn name_deltas(&mut self, cx: &Cx) -> Result<(), String> {
        let is_delta = |entry: &Entry| !matches!(entry.form, Form::Whole(_));
        let mut waiting: Vec<usize> =
            (0..self.entries.len()).filter(|at| is_delta(&self.entries[*at])).collect();
        while !waiting.is_empty() {
            let before = waiting.len();
            let mut still = Vec::new();
            for index in waiting {
                cx.check().map_err(|e| e.to_string())?;
                if self.stands_on_known(index) {
                    let (kind, content) = self.object(index)?;
                    self.by_id.insert(id_of(kind, &content), index);
                } else {
                    still.push(index);
                }
            }
            if still.len() == before {
                return Err("a delta stands on an object that is not in the pack".to_owned());
            }
            waiting = still;
        }
        Ok(())
    }

    fn stands_on_known(&self, index: usize) -> bool {
        let mut index = index;
        for _ in 0..MOST_DEPTH {
            match self.entries[index].form {
                Form::Whole(_) => return true,
                Form::Delta(base) => index = base,
                Form::DeltaTo(id) => match self.by_id.get(&id) {
                    Some(base) => index = *base,
                    None => return false,
                },
            }
        }
        // The chain is too long: the error comes when the object is unpacked.
        true
    }

    /// The object of this name.
    pub(super) fn get(&self, id: &Id) -> Result<(ObjectKind, Arc<Vec<u8>>), String> {
        let index = self
            .by_id
            .get(id)
            .ok_or_else(|| format!("the pack does not hold the object {}", crate::digest::to_hex(id)))?;
        self.object(*index)
    }

    /// The number of objects.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether the pack has no objects.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn object(&self, index: usize) -> Result<(ObjectKind, Arc<Vec<u8>>), String> {
        let mut chain = Vec::new();
        let mut at = index;
        let (kind, mut content) = loop {
            if let Some(kept) = self.kept.borrow().objects.get(&at) {
                break kept.clone();
            }
            if chain.len() > MOST_DEPTH {
                return Err("a chain of deltas is too long".to_owned());
            }
            let entry = &self.entries[at];
            let base = match entry.form {
                Form::Whole(kind) => break (kind, Arc::new(self.inflate(entry)?.0)),
                Form::Delta(base) => base,
                Form::DeltaTo(id) => *self.by_id.get(&id).ok_or("the base object of a delta is missing")?,
            };
            chain.push(at);
            at = base;
        };
        self.keep(at, kind, &content);
        while let Some(at) = chain.pop() {
            let (delta, _) = self.inflate(&self.entries[at])?;
            content = Arc::new(delta::apply(&content, &delta, MOST_OBJECT)?);
            self.keep(at, kind, &content);
        }
        Ok((kind, content))
    }

    fn keep(&self, index: usize, kind: ObjectKind, content: &Arc<Vec<u8>>) {
        let mut kept = self.kept.borrow_mut();
        if content.len() > KEPT_BYTES / 4 || kept.objects.contains_key(&index) {
            return;
        }
        kept.bytes += content.len();
        kept.objects.insert(index, (kind, Arc::clone(content)));
        kept.order.push_back(index);
        while kept.bytes > KEPT_BYTES {
            let Some(old) = kept.order.pop_front() else { break };
            if let Some((_, content)) = kept.objects.remove(&old) {
                kept.bytes -= content.len();
            }
        }
    }

    /// Unpacks an entry, which must have exactly the size that it claims. Returns also the number of its compressed
    /// bytes.
    fn inflate(&self, entry: &Entry) -> Result<(Vec<u8>, usize), String> {
        const BROKEN: &str = "an object is broken";
        let compressed = self.bytes.get(entry.start..).ok_or(BROKEN)?;
        // The size is only a claim: no more memory is allocated in advance than the compressed bytes may need.
        let mut content = Vec::with_capacity(entry.size.min(compressed.len().saturating_mul(8)) + 1);
        let mut inflater = Decompress::new(true);
        loop {
            let used = inflater.total_in() as usize;
            if content.len() == content.capacity() {
                content.reserve((entry.size + 1).saturating_sub(content.len()).clamp(1, 1 << 20));
            }
            let before = content.len();
            let status = inflater.decompress_vec(&compressed[used..], &mut content, FlushDecompress::None);
            let status = status.map_err(|_| BROKEN)?;
            if content.len() > entry.size {
                return Err(BROKEN.to_owned());
            }
            match status {
                Status::StreamEnd => break,
                _ if inflater.total_in() as usize == used && content.len() == before => {
                    return Err(BROKEN.to_owned());
                }
                _ => {}
            }
        }
        if content.len() == entry.size {
            Ok((content, inflater.total_in() as usize))
        } else {
            Err(BROKEN.to_owned())
        }
    }

    /// Reads the header of an entry: the code of its type, and its unpacked size.
    fn head(&self, at: &mut usize) -> Result<(u8, u64), &'static str> {
        let first = self.byte(at)?;
        let (mut size, mut shift, mut byte) = (u64::from(first & 15), 4, first);
        while byte & 0x80 != 0 {
            byte = self.byte(at)?;
            if shift > 53 {
                return Err("an object is too large");
            }
            size |= u64::from(byte & 0x7f) << shift;
            shift += 7;
        }
        Ok(((first >> 4) & 7, size))
    }

    /// Reads how many bytes before a delta its base begins.
    fn offset(&self, at: &mut usize) -> Result<usize, &'static str> {
        let mut byte = self.byte(at)?;
        let mut value = usize::from(byte & 0x7f);
        while byte & 0x80 != 0 {
            byte = self.byte(at)?;
            value = value
                .checked_add(1)
                .and_then(|v| v.checked_mul(128))
                .and_then(|v| v.checked_add(usize::from(byte & 0x7f)))
                .ok_or("the base object of a delta is missing")?;
        }
        Ok(value)
    }

    fn byte(&self, at: &mut usize) -> Result<u8, &'static str> {
        let byte = self.bytes.get(*at).ok_or("the pack is cut off")?;
        *at += 1;
        Ok(*byte)
    }
}

fn id_of(kind: ObjectKind, content: &[u8]) -> Id {
    let mut hash = Sha1::new();
    hash.update(format!("{} {}\0", kind.name(), content.len()).as_bytes());
    hash.update(content);
    hash.finalize().into()
}

#[cfg(test)]
#[path = "pack_tests.rs"]
mod tests;
