//! Renders a chart as `helm template` does: `cargo run --example render_a_chart -- CHART [KEY=VALUE ...]`.
#![allow(clippy::print_stderr, reason = "it is a program")]

use keyfill_diag::{Cx, Report as _};
use keyfill_files::{DiskFiles, NoFetch, TreePath};
use keyfill_helm::{TemplateRequest, ValuesSource, template};
use std::error::Error;
use std::io::Write as _;
use std::path::Path;

/// The most bytes that one file of the chart may have.
const LARGEST_FILE: u64 = 64 << 20;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let chart = arguments.next().ok_or("which chart? Give its folder")?;

    let files = DiskFiles::open(Path::new(&chart), LARGEST_FILE)?;
    let request = TemplateRequest {
        release_name: "example".into(),
        values: arguments.map(ValuesSource::Set).collect(),
        ..TemplateRequest::new(TreePath::root())
    };
    match template(&files, &request, &NoFetch, &Cx::default()) {
        Ok(rendered) => {
            rendered.warnings.iter().for_each(|warning| eprintln!("{warning}"));
            std::io::stdout().write_all(&rendered.text())?;
            Ok(())
        }
        Err(error) => {
            error.diagnostics().iter().for_each(|diagnostic| eprintln!("{diagnostic}"));
            Err("the chart cannot be rendered".into())
        }
    }
}
