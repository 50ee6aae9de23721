//! Packs that the tests build byte by byte: valid ones, and invalid ones.

use super::super::object::ObjectKind;
use super::{Pack, id_of};
use flate2::Compression;
use flate2::write::ZlibEncoder;
use keyfill_diag::Cx;
use sha1::{Digest as _, Sha1};
use std::io::Write as _;

/// A pack that is being written.
struct Maker {
    bytes: Vec<u8>,
    count: u32,
}

impl Maker {
    fn new() -> Self {
        Self { bytes: b"PACK\0\0\0\x02\0\0\0\0".to_vec(), count: 0 }
    }

    /// Adds an entry and returns its offset. `base` is written between its header and its compressed bytes.
    fn entry(&mut self, code: u8, size: usize, base: &[u8], content: &[u8]) -> usize {
        let at = self.bytes.len();
        let (mut first, mut rest) = (code << 4 | (size & 15) as u8, size >> 4);
        while rest > 0 {
            self.bytes.push(first | 0x80);
            (first, rest) = ((rest & 0x7f) as u8, rest >> 7);
        }
        self.bytes.push(first);
        self.bytes.extend_from_slice(base);
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
        zlib.write_all(content).expect("compressed");
        self.bytes.extend(zlib.finish().expect("compressed"));
        self.count += 1;
        at
    }

    fn blob(&mut self, content: &[u8]) -> usize {
        self.entry(3, content.len(), &[], content)
    }

    /// Adds a delta to the entry at the offset `base`, which is less than 128 bytes back.
    fn delta(&mut self, base: usize, delta: &[u8]) -> usize {
        let back = u8::try_from(self.bytes.len() - base).expect("near");
        self.entry(6, delta.len(), &[back], delta)
    }

    fn finish(mut self) -> Vec<u8> {
        self.bytes[8..12].copy_from_slice(&self.count.to_be_bytes());
        let sum = Sha1::digest(&self.bytes);
        self.bytes.extend_from_slice(&sum);
        self.bytes
    }
}

fn why(pack: &[u8]) -> String {
    Pack::read(pack, &Cx::default()).err().expect("it is refused")
}

/// A delta for a base of five bytes: it copies all of them and adds `!`.
const APPEND: [u8; 6] = [5, 6, 0x90, 5, 1, b'!'];

#[test]
fn whole_objects_and_deltas_by_offset_and_by_name_are_found() {
    let mut maker = Maker::new();
    // A delta that names its base may come before it.
    let base_id = id_of(ObjectKind::Blob, b"01234");
    maker.entry(7, APPEND.len(), &base_id, &APPEND);
    let base = maker.blob(b"01234");
    let more = maker.delta(base, &APPEND);
    maker.delta(more, &[6, 2, 0x90, 2]);
    let bytes = maker.finish();
    let pack = Pack::read(&bytes, &Cx::default()).expect("a pack");
    assert_eq!(pack.len(), 4);
    for content in [&b"01234"[..], b"01234!", b"01"] {
        let (kind, found) = pack.get(&id_of(ObjectKind::Blob, content)).expect("found");
        assert_eq!((kind, found.as_slice()), (ObjectKind::Blob, content));
    }
    assert!(pack.get(&[0; 20]).is_err());
}

#[test]
fn a_pack_that_was_cut_off_or_changed_is_refused() {
    let mut maker = Maker::new();
    maker.blob(b"content");
    let bytes = maker.finish();
    for end in 0..bytes.len() {
        assert!(Pack::read(&bytes[..end], &Cx::default()).is_err(), "{end}");
    }
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        assert!(why(&changed).contains("changed"), "{at}");
    }
}

#[test]
fn broken_deltas_are_refused() {
    for delta in [&[5, 6, 0x90, 9, 1, b'!'][..], &[4, 4, 0x90, 4], &[5, 99, 0x90, 5], &[5], &[5, 1, 0]] {
        let mut maker = Maker::new();
        let base = maker.blob(b"01234");
        maker.delta(base, delta);
        assert!(why(&maker.finish()).contains("delta"), "{delta:?}");
    }
    let mut no_base = Maker::new();
    no_base.blob(b"01234");
    no_base.entry(6, APPEND.len(), &[3], &APPEND);
    assert!(why(&no_base.finish()).contains("base object of a delta is missing"));
    let mut unknown = Maker::new();
    unknown.entry(7, APPEND.len(), &[9; 20], &APPEND);
    assert!(why(&unknown.finish()).contains("not in the pack"));
}

#[test]
fn wrong_sizes_are_refused() {
    let mut small = Maker::new();
    small.entry(3, 3, &[], b"more than three");
    assert!(why(&small.finish()).contains("broken"));
    let mut large = Maker::new();
    large.entry(3, 1000, &[], b"less");
    assert!(why(&large.finish()).contains("broken"));
    let mut huge = Maker::new();
    huge.entry(3, 1 << 40, &[], b"x");
    assert!(why(&huge.finish()).contains("too large"));
}

#[test]
fn objects_that_unpack_to_too_much_are_refused_before_they_are_kept() {
    let mut maker = Maker::new();
    let zeros = vec![0; 64 << 20];
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
    zlib.write_all(&zeros).expect("compressed");
    let packed = zlib.finish().expect("compressed");
    for _ in 0..33 {
        // Adds the same compressed bytes several times.
        let size = zeros.len();
        let (mut first, mut rest) = (3 << 4 | (size & 15) as u8, size >> 4);
        while rest > 0 {
            maker.bytes.push(first | 0x80);
            (first, rest) = ((rest & 0x7f) as u8, rest >> 7);
        }
        maker.bytes.push(first);
        maker.bytes.extend_from_slice(&packed);
        maker.count += 1;
    }
    assert!(why(&maker.finish()).contains("unpacked pack is too large"));
}

#[test]
fn a_pack_that_claims_more_objects_than_it_has_is_refused() {
    let mut maker = Maker::new();
    maker.blob(b"x");
    maker.count = 2;
    assert!(Pack::read(&maker.finish(), &Cx::default()).is_err());
    let mut maker = Maker::new();
    maker.count = u32::MAX;
    assert!(why(&maker.finish()).contains("more than"));
}

#[test]
fn reading_a_pack_stops_at_the_deadline() {
    let mut maker = Maker::new();
    maker.blob(b"x");
    let over = Cx::with_time(std::time::Duration::ZERO);
    assert!(Pack::read(&maker.finish(), &over).err().expect("stopped").contains("deadline"));
}
