//! Charts in `.tgz` archives: the size is bounded and no path may leave the chart.

use super::{ChartFile, UNREADABLE};
use crate::error::{Error, Result};
use crate::request::HelmCompat;
use bytes::Bytes;
use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use keyfill_diag::Cx;
use std::io::Read as _;
use tar::EntryType;

/// The size in bytes of the largest file that helm 3 accepts, in a folder or an archive.
const MOST_FILE_BYTES: u64 = 5 << 20;
/// The most bytes that all files of one archive may unpack to. In helm 4 this is also the limit of one file, and
/// of all files of a folder.
const MOST_BYTES: u64 = 100 << 20;
/// The most files in an archive, more than any chart has. An archive of empty files costs memory too.
const MOST_FILES: usize = 100_000;

/// How large the files of a chart may be.
#[derive(Debug)]
pub(super) struct Budget {
    /// Bytes of one file.
    pub(super) of_file: u64,
    /// Bytes of all files of a folder.
    pub(super) of_folder: u64,
    /// Bytes that all further archives together may unpack to.
    unpack: u64,
}

impl Budget {
    /// The limits of helm. The limit of the run bounds what archives unpack to.
    pub(super) fn new(helm: HelmCompat, cx: &Cx) -> Self {
        let unpack = cx.limits.file_bytes;
        match helm {
            HelmCompat::V3 => Self { of_file: MOST_FILE_BYTES, of_folder: u64::MAX, unpack },
            HelmCompat::V4 => Self { of_file: MOST_BYTES, of_folder: MOST_BYTES, unpack },
        }
    }
}

/// Packs a chart's files into an archive. It is not compressed and has no timestamps, so the same files always
/// give the same archive.
pub(super) fn pack(name: &str, files: &[ChartFile]) -> Result<Vec<u8>> {
    let failed = |e: std::io::Error| Error::render(format!("the chart {name} cannot be packed: {e}"));
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::none()));
    let (first, others): (Vec<_>, Vec<_>) = files.iter().partition(|file| file.name == "Chart.yaml");
    for file in first.into_iter().chain(others) {
        let content = file.data.get().map_err(|e| Error::file(UNREADABLE, e))?;
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, format!("{name}/{}", file.name), &content[..]).map_err(failed)?;
    }
    tar.into_inner().and_then(GzEncoder::finish).map_err(failed)
}

/// The files of an archive, without its outermost folder. Their unpacked size is subtracted from `budget`.
pub(super) fn unpack(archive: &[u8], budget: &mut Budget, cx: &Cx) -> Result<Vec<ChartFile>> {
    if !archive.starts_with(b"\x1f\x8b") {
        return Err(Error::render("the archive is not gzipped: helm needs a .tgz file"));
    }
    // The limit of the reader covers headers and padding too.
    let most = MOST_BYTES.min(budget.unpack);
    let mut tar = tar::Archive::new(MultiGzDecoder::new(archive).take(most + (MOST_FILES as u64) * 1024));
    let mut files = Vec::new();
    let mut left = most;
    for entry in tar.entries().map_err(|e| broken(&e))? {
        let mut entry = entry.map_err(|e| broken(&e))?;
        cx.check().map_err(Error::stopped)?;
        let kind = entry.header().entry_type();
        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        if kind == EntryType::Directory || path.ends_with('/') || kind == EntryType::XGlobalHeader {
            continue;
        }
        let name = inner_name(&path)?;
        let size = entry.size();
        if size > left {
            return Err(too_large(&format!("all its files together unpack to more than {most} bytes")));
        }
        if size > budget.of_file {
            let message =
                format!("{name:?} is larger than {} bytes, the most that helm takes", budget.of_file);
            return Err(too_large(&message));
        }
        let mut data = Vec::with_capacity(size as usize);
        entry.read_to_end(&mut data).map_err(|e| broken(&e))?;
        left -= size;
        files.push(ChartFile { name, data: Bytes::from(data).into() });
        if files.len() > MOST_FILES {
            return Err(too_large(&format!("it holds more than {MOST_FILES} files")));
        }
    }
    budget.unpack = budget.unpack.saturating_sub(most - left);
    if files.is_empty() {
        return Err(Error::render("no files in chart archive"));
    }
    Ok(files)
}

/// The path inside the chart: without the first folder, and with `/` as separator. A path that leaves the chart is
/// an error.
fn inner_name(path: &str) -> Result<String> {
    let delimiter = if path.contains('\\') { '\\' } else { '/' };
    let (first, rest) = path.split_once(delimiter).unwrap_or((path, ""));
    let rest = rest.replace(delimiter, "/");
    let escape = |why: &str| {
        Error::render(format!("the archive holds {path:?}: {why}"))
            .hint("pack the chart again with `helm package`; do not trust this archive")
    };
    if rest.starts_with('/') {
        return Err(escape("chart illegally contains absolute paths"));
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in rest.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.pop().is_none() => {
                return Err(escape("chart illegally references parent directory"));
            }
            ".." => {}
            name => parts.push(name),
        }
    }
    let name = parts.join("/");
    if name.is_empty() {
        return Err(escape("chart illegally contains content outside the base directory"));
    }
    if name.starts_with("..") {
        return Err(escape("chart illegally references parent directory"));
    }
    if name.len() > 2 && name.as_bytes()[0].is_ascii_alphabetic() && &name.as_bytes()[1..3] == b":/" {
        return Err(escape("chart contains illegally named files"));
    }
    if first == "Chart.yaml" {
        return Err(escape("chart yaml not in base directory"));
    }
    Ok(name)
}

fn broken(error: &std::io::Error) -> Error {
    Error::render(format!("the archive is broken: {error}"))
        .hint("fetch it again with `helm dependency build`")
}

fn too_large(why: &str) -> Error {
    Error::render(format!("the archive is too large: {why}"))
}
