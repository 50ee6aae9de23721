//! The objects of a repository: loose ones, those in packs, and those of the repositories that its `alternates` name.

use super::super::delta;
use super::super::object::{Id, ObjectKind};
use super::packed::{MOST_OBJECT, PackFile, Packed};
use super::text;
use crate::digest::to_hex;
use flate2::read::ZlibDecoder;
use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// The objects of a repository, which are found by their name.
pub(super) struct Objects {
    /// The folders with objects, that of the repository first, then those of its alternates.
    folders: Vec<PathBuf>,
    packs: OnceLock<Vec<PackFile>>,
    kept: Mutex<Kept>,
}

/// An object's kind and content.
type Content = (ObjectKind, Arc<Vec<u8>>);

/// A cache of unpacked objects that may be the base of deltas, by pack and offset. It is emptied when it is full.
#[derive(Default)]
struct Kept {
    objects: HashMap<(usize, u64), Content>,
    bytes: usize,
}

/// The most bytes of unpacked objects in the cache.
const KEPT_BYTES: usize = 64 << 20;
/// The longest chain of deltas that is followed. git makes chains of 50 by default.
const MOST_DEPTH: usize = 5_000;
/// The most alternates that are followed.
const MOST_FOLDERS: usize = 16;
/// The fewest digits with which an object can be named, as in git.
const FEWEST_DIGITS: usize = 4;

impl Objects {
    /// The objects in a folder, and in those that its `info/alternates` names.
    pub(super) fn open(folder: &Path) -> Self {
        let mut folders = vec![folder.to_owned()];
        let mut at = 0;
        while let Some(folder) = folders.get(at).cloned().filter(|_| at < MOST_FOLDERS) {
            let alternates = text(&folder.join("info/alternates")).unwrap_or_default();
            for line in alternates.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
                let next = folder.join(line);
                if !folders.contains(&next) {
                    folders.push(next);
                }
            }
            at += 1;
        }
        Self { folders, packs: OnceLock::new(), kept: Mutex::default() }
    }

    /// An object by its name.
    pub(super) fn get(&self, id: &Id) -> Result<Content, String> {
        for (number, pack) in self.packs().iter().enumerate() {
            if let Some(offset) = pack.find(id) {
                return self.packed(number, offset);
            }
        }
        let loose = self.folders.iter().find_map(|folder| File::open(loose_path(folder, id)).ok());
        let (kind, content) = read_loose(loose.ok_or("it is not in the repository")?)?;
        Ok((kind, Arc::new(content)))
    }

    /// The objects whose names begin with these digits.
    pub(super) fn starting(&self, digits: &str) -> Vec<Id> {
        let digits = digits.to_ascii_lowercase();
        if digits.len() < FEWEST_DIGITS || digits.len() > 40 || !digits.bytes().all(|b| b.is_ascii_hexdigit())
        {
            return Vec::new();
        }
        let mut first = vec![0; digits.len() / 2];
        crate::digest::from_hex(&digits[..first.len() * 2], &mut first);
        let half = (digits.len() % 2 == 1)
            .then(|| digits.chars().last().and_then(|c| c.to_digit(16)))
            .flatten()
            .map(|half| half as u8);
        let mut found = Vec::new();
        for pack in self.packs() {
            pack.starting(&first, half, &mut found);
        }
        let (above, below) = digits.split_at(2);
        for folder in &self.folders {
            for entry in std::fs::read_dir(folder.join(above)).into_iter().flatten().flatten() {
                let name = entry.file_name().to_string_lossy().into_owned();
                if name.starts_with(below) {
                    found.extend(super::references::id(&format!("{above}{name}")));
                }
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    fn packs(&self) -> &[PackFile] {
        self.packs.get_or_init(|| {
            let mut paths: Vec<PathBuf> = Vec::new();
            for folder in &self.folders {
                let entries = std::fs::read_dir(folder.join("pack")).into_iter().flatten().flatten();
                paths.extend(entries.map(|e| e.path()).filter(|p| p.extension().is_some_and(|e| e == "idx")));
            }
            paths.iter().filter_map(|path| PackFile::open(path)).collect()
        })
    }

    fn packed(&self, number: usize, offset: u64) -> Result<Content, String> {
        let pack = &self.packs()[number];
        let (mut deltas, mut at) = (Vec::new(), offset);
        let (kind, mut content) = loop {
            if let Some(kept) = self.lock().objects.get(&(number, at)) {
                break kept.clone();
            }
            if deltas.len() > MOST_DEPTH {
                return Err("a chain of deltas is too long".to_owned());
            }
            match pack.object(at)? {
                Packed::Whole(kind, content) => {
                    let content = Arc::new(content);
                    self.keep((number, at), kind, &content);
                    break (kind, content);
                }
                Packed::DeltaAt(base, delta) => {
                    deltas.push((at, delta));
                    at = base;
                }
                Packed::DeltaTo(base, delta) => {
                    deltas.push((at, delta));
                    // The base may be missing only in packs that are sent; on disk it is in the same pack.
                    at = pack.find(&base).ok_or("the base object of a delta is missing")?;
                }
            }
        };
        while let Some((at, delta)) = deltas.pop() {
            content = Arc::new(delta::apply(&content, &delta, MOST_OBJECT as usize)?);
            self.keep((number, at), kind, &content);
        }
        Ok((kind, content))
    }

    fn keep(&self, at: (usize, u64), kind: ObjectKind, content: &Arc<Vec<u8>>) {
        if content.len() > KEPT_BYTES / 8 {
            return;
        }
        let mut kept = self.lock();
        if kept.bytes + content.len() > KEPT_BYTES {
            *kept = Kept::default();
        }
        if kept.objects.insert(at, (kind, Arc::clone(content))).is_none() {
            kept.bytes += content.len();
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn loose_path(folder: &Path, id: &Id) -> PathBuf {
    let name = to_hex(id);
    folder.join(&name[..2]).join(&name[2..])
}

/// Reads a loose object: kind and size, a NUL byte, then the content, all compressed together.
fn read_loose(file: File) -> Result<(ObjectKind, Vec<u8>), String> {
    const BROKEN: &str = "its file is broken";
    let mut bytes = ZlibDecoder::new(BufReader::new(file));
    let mut head = Vec::new();
    loop {
        let mut byte = [0];
        bytes.read_exact(&mut byte).map_err(|_| BROKEN)?;
        match byte[0] {
            0 => break,
            _ if head.len() > 32 => return Err(BROKEN.to_owned()),
            byte => head.push(byte),
        }
    }
    let head = String::from_utf8(head).map_err(|_| BROKEN)?;
    let (kind, size) = head.split_once(' ').ok_or(BROKEN)?;
    let kinds = [ObjectKind::Commit, ObjectKind::Tree, ObjectKind::Blob, ObjectKind::Tag];
    let kind = kinds.into_iter().find(|known| known.name() == kind).ok_or(BROKEN)?;
    let size: u64 = size.parse().map_err(|_| BROKEN)?;
    if size > MOST_OBJECT {
        return Err("it is larger than 256 MiB".to_owned());
    }
    let mut content = Vec::with_capacity(size.min(1 << 20) as usize);
    bytes.take(size + 1).read_to_end(&mut content).map_err(|_| BROKEN)?;
    if content.len() as u64 == size { Ok((kind, content)) } else { Err(BROKEN.to_owned()) }
}
