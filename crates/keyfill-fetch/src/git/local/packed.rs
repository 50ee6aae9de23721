//! A pack on disk with its index: an object is found and unpacked without reading the rest of the pack.

use super::super::object::{Id, ObjectKind};
use flate2::read::ZlibDecoder;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek as _, SeekFrom};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// The largest object that is unpacked, in bytes.
pub(super) const MOST_OBJECT: u64 = 256 << 20;
/// The size of the header of an index of version 2, in bytes.
const INDEX_HEAD: u64 = 8;
/// The offset of the object names in an index: after the header and a table of 256 counts.
const NAMES: u64 = INDEX_HEAD + 256 * 4;

/// A pack and its index.
pub(super) struct PackFile {
    index: Mutex<File>,
    pack: Mutex<File>,
    /// For each value of a name's first byte, the number of names whose first byte is not larger.
    counts: Vec<u32>,
}

/// An entry of a pack, unpacked: an object, or a delta to one.
pub(super) enum Packed {
    Whole(ObjectKind, Vec<u8>),
    /// A delta to the object at this offset of the same pack.
    DeltaAt(u64, Vec<u8>),
    /// A delta to the object of this name.
    DeltaTo(Id, Vec<u8>),
}

impl PackFile {
    /// Opens a pack by its index; `None` if that is not an index of version 2.
    pub(super) fn open(index_path: &Path) -> Option<Self> {
        let mut index = File::open(index_path).ok()?;
        let mut head = vec![0; NAMES as usize];
        index.read_exact(&mut head).ok()?;
        if !head.starts_with(b"\xfftOc\0\0\0\x02") {
            return None;
        }
        let counts: Vec<u32> = head[INDEX_HEAD as usize..].chunks_exact(4).map(number).collect();
        if counts.windows(2).any(|pair| pair[0] > pair[1]) {
            return None;
        }
        let pack = File::open(index_path.with_extension("pack")).ok()?;
        Some(Self { index: Mutex::new(index), pack: Mutex::new(pack), counts })
    }

    /// The offset of an object in the pack.
    pub(super) fn find(&self, id: &Id) -> Option<u64> {
        let (from, names) = self.names(id[0]).ok()?;
        let names: Vec<&[u8]> = names.chunks_exact(20).collect();
        let at = names.binary_search(&&id[..]).ok()?;
        self.offset(from + at as u64).ok()
    }

    /// Adds the names that begin with these bytes. For an odd number of digits, `half` is the upper half of the next
    /// byte.
    pub(super) fn starting(&self, first: &[u8], half: Option<u8>, found: &mut Vec<Id>) {
        let Some((_, names)) = first.first().and_then(|byte| self.names(*byte).ok()) else { return };
        let fits = |name: &&[u8]| {
            name.starts_with(first)
                && half.is_none_or(|half| name.get(first.len()).is_some_and(|b| b >> 4 == half))
        };
        found.extend(names.chunks_exact(20).filter(fits).filter_map(|name| Id::try_from(name).ok()));
    }

    /// The names that begin with a byte, and the number of names before them.
    fn names(&self, first: u8) -> io::Result<(u64, Vec<u8>)> {
        let first = usize::from(first);
        let from = if first == 0 { 0 } else { u64::from(self.counts[first - 1]) };
        let until = u64::from(self.counts[first]);
        let mut names = vec![0; ((until - from) * 20) as usize];
        read_at(&self.index, NAMES + from * 20, &mut names)?;
        Ok((from, names))
    }

    fn offset(&self, at: u64) -> io::Result<u64> {
        let count = u64::from(self.counts[255]);
        let offsets = NAMES + count * 24;
        let mut short = [0; 4];
        read_at(&self.index, offsets + at * 4, &mut short)?;
        let short = u32::from_be_bytes(short);
        if short & 0x8000_0000 == 0 {
            return Ok(u64::from(short));
        }
        let mut long = [0; 8];
        read_at(&self.index, offsets + count * 4 + u64::from(short & 0x7fff_ffff) * 8, &mut long)?;
        Ok(u64::from_be_bytes(long))
    }

    /// Reads the entry at an offset.
    pub(super) fn object(&self, offset: u64) -> Result<Packed, String> {
        let mut from = BufReader::new(At { file: &self.pack, offset });
        let byte = |from: &mut BufReader<At<'_>>| -> Result<u8, String> {
            let mut byte = [0];
            from.read_exact(&mut byte).map_err(|e| cannot(&e))?;
            Ok(byte[0])
        };
        let first = byte(&mut from)?;
        let (mut size, mut shift, mut last) = (u64::from(first & 15), 4, first);
        while last & 0x80 != 0 {
            last = byte(&mut from)?;
            size |= u64::from(last & 0x7f).checked_shl(shift).filter(|_| shift < 57).ok_or(TOO_LARGE)?;
            shift += 7;
        }
        let kind = match (first >> 4) & 7 {
            1 => ObjectKind::Commit,
            2 => ObjectKind::Tree,
            3 => ObjectKind::Blob,
            4 => ObjectKind::Tag,
            6 => {
                let mut last = byte(&mut from)?;
                let mut back = u64::from(last & 0x7f);
                while last & 0x80 != 0 {
                    last = byte(&mut from)?;
                    back = (back + 1).checked_mul(128).ok_or(BROKEN)? + u64::from(last & 0x7f);
                }
                let base = offset.checked_sub(back).filter(|_| back > 0).ok_or(BROKEN)?;
                return Ok(Packed::DeltaAt(base, inflate(from, size)?));
            }
            7 => {
                let mut id = [0; 20];
                from.read_exact(&mut id).map_err(|e| cannot(&e))?;
                return Ok(Packed::DeltaTo(id, inflate(from, size)?));
            }
            _ => return Err(BROKEN.to_owned()),
        };
        Ok(Packed::Whole(kind, inflate(from, size)?))
    }
}

const BROKEN: &str = "the pack is broken";
const TOO_LARGE: &str = "it is larger than 256 MiB";

/// Unpacks an object, which must have exactly `size` bytes.
fn inflate(compressed: impl Read, size: u64) -> Result<Vec<u8>, String> {
    if size > MOST_OBJECT {
        return Err(TOO_LARGE.to_owned());
    }
    let mut content = Vec::with_capacity(size.min(1 << 20) as usize);
    ZlibDecoder::new(compressed).take(size + 1).read_to_end(&mut content).map_err(|e| cannot(&e))?;
    if content.len() as u64 == size { Ok(content) } else { Err(BROKEN.to_owned()) }
}

fn cannot(error: &io::Error) -> String {
    format!("it cannot be unpacked: {error}")
}

fn number(bytes: &[u8]) -> u32 {
    u32::from_be_bytes(bytes.try_into().unwrap_or_default())
}

fn read_at(file: &Mutex<File>, offset: u64, into: &mut [u8]) -> io::Result<()> {
    let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
    file.seek(SeekFrom::Start(offset))?;
    file.read_exact(into)
}

/// Reads a file that several threads share, from an offset.
struct At<'a> {
    file: &'a Mutex<File>,
    offset: u64,
}

impl Read for At<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(self.offset))?;
        let read = file.read(into)?;
        self.offset += read as u64;
        Ok(read)
    }
}
