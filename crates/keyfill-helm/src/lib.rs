//! helm template in process, with the bytes of helm v4.3.2 or v3.22.0.
//!
//! [`template`] loads a chart from a [`Files`] tree, merges the values, runs the templates and gives the
//! documents as helm prints them. Nothing is read but that tree: no cluster, no repository, no environment.
//!
//! - `chart/`: the chart and its subcharts as they lie in folders and archives.
//! - `values/`: user values, subcharts switched on and off, values merged, schemas checked.
//! - `capabilities/`, `objects/`: what templates see besides values.
//! - `render/`: the templates are run.
//! - `order/`: documents are split, sorted and framed.

#![warn(clippy::disallowed_methods)]

mod capabilities;
mod chart;
mod error;
mod glob;
mod objects;
mod order;
mod render;
mod request;
mod schema;
mod values;
mod versions;

pub use error::Error;
pub use request::{HelmCompat, TemplateRequest, ValuesSource};

use keyfill_diag::{Class, Cx, Diagnostic};
use keyfill_files::Files;
use keyfill_yaml::{Body, Document};

/// A rendered chart.
#[derive(Debug)]
pub struct Templated {
    /// The documents. `before` and `body` of all, one behind the other, are what helm prints; a chart that
    /// renders to nothing has none, where helm prints an empty line.
    pub documents: Vec<Document>,
    /// What helm logs while it goes on.
    pub warnings: Vec<Diagnostic>,
}

impl Templated {
    /// What `helm template` prints, byte for byte.
    pub fn text(&self) -> Vec<u8> {
        if self.documents.is_empty() {
            return b"\n".to_vec();
        }
        let mut text = Vec::new();
        for document in &self.documents {
            text.extend_from_slice(&document.before);
            if let Body::Raw(body) = &document.body {
                text.extend_from_slice(body);
            }
        }
        text
    }
}

/// The release's name that `helm template --name-template TEXT` makes: a template without values.
pub fn release_name(text: &str, cx: &Cx) -> Result<String, Error> {
    render::release_name(text, cx)
}

/// Renders a chart as `helm template` does.
///
/// The run takes a thread with a deep stack of its own: templates include each other as deep as helm lets
/// them.
pub fn template(files: &dyn Files, request: &TemplateRequest, cx: &Cx) -> Result<Templated, Error> {
    let (pieces, warnings) = render::run(files, request, cx)?;
    let warning = |text: String| Diagnostic::warning(Class::Render, text);
    Ok(Templated {
        documents: order::documents(pieces),
        warnings: warnings.into_iter().map(warning).collect(),
    })
}
