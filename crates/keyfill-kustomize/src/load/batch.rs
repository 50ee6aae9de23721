//! Files that are parsed together: in parallel if they are large enough. The results are in the order of the
//! files.

use super::objects_of;
use crate::error::Result;
use bytes::Bytes;
use keyfill_yaml::{Limits, Node, Text, TextPlace};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread;

/// Bytes of text. Below this size, starting threads takes longer than parsing.
const WORTH_THREADS: usize = 256 * 1024;

/// Bytes of text. A batch of this size is parsed before more files are read, so that not all texts are in memory
/// at once.
const FULL: usize = 8 * 1024 * 1024;

/// The most threads. More would be idle most of the time.
const MOST_THREADS: usize = 4;

/// Stack size of a thread in bytes: that of a program's main thread, since documents may be nested deeply.
const STACK: usize = 8 * 1024 * 1024;

/// A file that was read and not parsed yet.
#[derive(Clone)]
pub struct ReadFile {
    /// The folder of the kustomization that lists the file, and the path as it is listed.
    pub place: (Arc<str>, Text),
    /// Path of the file in the tree.
    pub file: Arc<str>,
    /// Where the locations of the nodes point.
    pub at: TextPlace,
    /// Content of the file.
    pub text: Bytes,
}

/// Files that will be parsed together.
#[derive(Default)]
pub struct Batch {
    files: Vec<ReadFile>,
    size: usize,
}

impl Batch {
    /// Adds a file.
    pub fn push(&mut self, file: ReadFile) {
        self.size += file.text.len();
        self.files.push(file);
    }

    /// Whether the batch should be parsed before more files are read.
    pub fn is_full(&self) -> bool {
        self.size >= FULL
    }

    /// Parses all files and returns each with its objects, in order.
    pub fn parsed(self, limits: &Limits) -> Vec<(ReadFile, Result<Vec<Node>>)> {
        let threads = if self.size < WORTH_THREADS || self.files.len() < 2 {
            1
        } else {
            thread::available_parallelism().map_or(1, NonZeroUsize::get).min(MOST_THREADS)
        };
        let parts = split(self.files, self.size / threads + 1);
        thread::scope(|scope| {
            let mut parts = parts.into_iter();
            let own = parts.next().unwrap_or_default();
            let workers: Vec<_> = parts
                .map(|part| {
                    // The part is kept here, too: if no thread can be started, this thread parses it.
                    let part = Arc::new(part);
                    let work = part.clone();
                    let worker = thread::Builder::new()
                        .stack_size(STACK)
                        .spawn_scoped(scope, move || parse(&work, limits));
                    (part, worker)
                })
                .collect();
            let mut all: Vec<_> = Vec::new();
            let results = parse(&own, limits);
            all.extend(own.into_iter().zip(results));
            for (part, worker) in workers {
                let results = match worker.map(thread::ScopedJoinHandle::join) {
                    Ok(Ok(results)) => results,
                    Ok(Err(panic)) => std::panic::resume_unwind(panic),
                    Err(_) => parse(&part, limits),
                };
                let part = Arc::unwrap_or_clone(part);
                all.extend(part.into_iter().zip(results));
            }
            all
        })
    }
}

fn parse(files: &[ReadFile], limits: &Limits) -> Vec<Result<Vec<Node>>> {
    files.iter().map(|f| objects_of(f.at, &f.text, limits)).collect()
}

/// Splits files into groups of at least `size` bytes of text each; the last group may be smaller.
fn split(files: Vec<ReadFile>, size: usize) -> Vec<Vec<ReadFile>> {
    let mut parts = vec![Vec::new()];
    let mut filled = 0;
    for file in files {
        if filled >= size {
            parts.push(Vec::new());
            filled = 0;
        }
        filled += file.text.len();
        if let Some(last) = parts.last_mut() {
            last.push(file);
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::{Batch, ReadFile, WORTH_THREADS};
    use keyfill_yaml::{Limits, TextPlace};

    fn file(n: usize, text: String) -> ReadFile {
        let name = format!("{n}.yaml");
        ReadFile {
            place: ("".into(), name.as_str().into()),
            file: name.as_str().into(),
            at: TextPlace::default(),
            text: text.into(),
        }
    }

    #[test]
    fn results_come_in_the_order_of_the_files() {
        let mut batch = Batch::default();
        let padding = "x".repeat(WORTH_THREADS / 50);
        for n in 0..100 {
            let text = match n {
                70 => "a: [".to_owned(),
                _ => format!("kind: A\nmetadata: {{name: n{n}}}\npadding: {padding}\n"),
            };
            batch.push(file(n, text));
        }
        let parsed = batch.parsed(&Limits::default());
        assert_eq!(parsed.len(), 100);
        for (n, (file, result)) in parsed.iter().enumerate() {
            assert_eq!(file.place.1, format!("{n}.yaml"));
            match result {
                Ok(nodes) => assert_eq!(
                    nodes[0].at(&["metadata", "name"]).and_then(keyfill_yaml::Node::text),
                    Some(format!("n{n}").as_str())
                ),
                Err(_) => assert_eq!(n, 70),
            }
        }
    }
}
