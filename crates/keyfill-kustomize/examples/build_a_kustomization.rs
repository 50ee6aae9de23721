//! Builds a kustomization as `kustomize build` does: `cargo run --example build_a_kustomization -- ROOT [FOLDER]`.
//! No file outside of ROOT is read; FOLDER is the kustomization's folder in it.
#![allow(clippy::print_stderr, reason = "it is a program")]

use keyfill_diag::{Cx, Report as _};
use keyfill_files::{DiskFiles, TreePath};
use keyfill_kustomize::{BuildRequest, LoadRestrictor, Outside, build};
use std::error::Error;
use std::io::Write as _;
use std::path::Path;

/// The most bytes that one file of the tree may have.
const LARGEST_FILE: u64 = 64 << 20;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let root = arguments.next().ok_or("which tree? Give its folder")?;
    let folder = arguments.next().unwrap_or_default();

    let files = DiskFiles::open(Path::new(&root), LARGEST_FILE)?;
    let folder = TreePath::new(&folder).ok_or("the folder must lie in the tree")?;
    // A kustomization may read every file of the tree, and nothing else.
    let request =
        BuildRequest { root: Some(folder), load_restrictor: LoadRestrictor::None, ..BuildRequest::default() };
    match build(&files, &request, Outside::default(), &Cx::default()) {
        Ok(built) => {
            built.warnings.iter().for_each(|warning| eprintln!("{warning}"));
            std::io::stdout().write_all(&built.text())?;
            Ok(())
        }
        Err(error) => {
            error.diagnostics().iter().for_each(|diagnostic| eprintln!("{diagnostic}"));
            Err("the kustomization cannot be built".into())
        }
    }
}
