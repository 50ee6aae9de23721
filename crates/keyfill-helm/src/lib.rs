//! `helm template` in process. The output is that of helm v4.3.2 or v3.22.0, byte for byte.
//!
//! [`template`] loads a chart from a [`Files`] tree, merges the values, executes the templates and returns the
//! documents as helm prints them. Only that tree is read: no cluster, no environment. Charts that are not in the
//! tree are requested through [`Fetch`].
//!
//! ```
//! use keyfill_diag::Cx;
//! use keyfill_files::{MemoryFiles, NoFetch, TreePath};
//! use keyfill_helm::{TemplateRequest, ValuesSource, template};
//!
//! let chart: MemoryFiles = [
//!     ("Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n"),
//!     ("values.yaml", "replicas: 1\n"),
//!     ("templates/app.yaml", "kind: App\nname: {{ .Release.Name }}\nreplicas: {{ .Values.replicas }}\n"),
//! ]
//! .into_iter()
//! .collect();
//!
//! let request = TemplateRequest {
//!     release_name: "prod".into(),
//!     values: vec![ValuesSource::Set("replicas=3".into())],
//!     ..TemplateRequest::new(TreePath::root())
//! };
//! let rendered = template(&chart, &request, &NoFetch, &Cx::default())?;
//! assert_eq!(
//!     String::from_utf8_lossy(&rendered.text()),
//!     "---\n# Source: web/templates/app.yaml\nkind: App\nname: prod\nreplicas: 3\n"
//! );
//! # Ok::<(), keyfill_helm::Error>(())
//! ```
//!
//! An [`Error`] reports the file and line of the chart that it is about, the chain of templates that led there,
//! and what may have been meant:
//!
//! ```
//! # use keyfill_diag::Cx;
//! use keyfill_diag::Report;
//! # use keyfill_files::{MemoryFiles, NoFetch, TreePath};
//! # use keyfill_helm::{TemplateRequest, template};
//! let chart: MemoryFiles = [
//!     ("Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n"),
//!     ("values.yaml", "image: {name: web}\n"),
//!     ("templates/app.yaml", "kind: App\nimage: {{ .Values.imgae.name }}\n"),
//! ]
//! .into_iter()
//! .collect();
//! let error = template(&chart, &TemplateRequest::new(TreePath::root()), &NoFetch, &Cx::default()).unwrap_err();
//! let diagnostic = &error.diagnostics()[0];
//! assert_eq!((diagnostic.place.file.as_deref(), diagnostic.place.line), (Some("templates/app.yaml"), Some(2)));
//! ```
//!
//! # Where things are
//! - `chart/`: loads a chart and its subcharts from folders and archives.
//! - `values/`: the user's values, which subcharts are enabled, how values are merged, schemas.
//! - `capabilities/`, `objects/`: what templates see besides values.
//! - `render/`: executes the templates.
//! - `order/`: splits the output into documents, sorts and prints them.

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
pub use request::{FillValues, Filler, HelmCompat, TemplateRequest, ValuesSource};

use keyfill_diag::{Class, Cx, Diagnostic};
use keyfill_files::{Fetch, Files, MemoryFiles};
use keyfill_yaml::{Body, Document};

/// A rendered chart.
#[derive(Debug)]
pub struct Templated {
    /// The documents. Their `before` and `body`, concatenated, are what helm prints. A chart that renders to
    /// nothing has no documents; helm prints an empty line for it.
    pub documents: Vec<Document>,
    /// Warnings that helm logs without failing.
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

/// Requests the charts that a chart depends on, without rendering it, and returns the warnings. With `anew`, a
/// dependency that has a repository is requested even if `charts/` has an archive of it.
pub fn resolve(
    files: &dyn Files,
    request: &TemplateRequest,
    fetch: &dyn Fetch,
    anew: bool,
    cx: &Cx,
) -> Result<Vec<Diagnostic>, Error> {
    let warnings = render::resolve(files, request, fetch, anew, cx)?;
    Ok(warnings.into_iter().map(|text| Diagnostic::warning(Class::Render, text)).collect())
}

/// The files of a chart's archive, as `helm pull --untar` writes them into the chart's folder.
pub fn unpack(archive: &[u8], helm: HelmCompat, cx: &Cx) -> Result<MemoryFiles, Error> {
    chart::unpack(archive, helm, cx)
}

/// The release name that `helm template --name-template TEXT` sets: the output of a template without values.
///
/// ```
/// let name = keyfill_helm::release_name("web-{{ lower `A1` }}", &keyfill_diag::Cx::default())?;
/// assert_eq!(name, "web-a1");
/// # Ok::<(), keyfill_helm::Error>(())
/// ```
pub fn release_name(text: &str, cx: &Cx) -> Result<String, Error> {
    render::release_name(text, cx)
}

/// Renders a chart as `helm template` does. Dependencies that are not in `charts/` are requested through `fetch`.
///
/// Templates may include each other as deep as helm allows. The stack grows as needed, so any thread can call this.
pub fn template(
    files: &dyn Files,
    request: &TemplateRequest,
    fetch: &dyn Fetch,
    cx: &Cx,
) -> Result<Templated, Error> {
    let (pieces, warnings) = render::run(files, request, fetch, cx).map_err(|error| error.located(files))?;
    let warning = |text: String| Diagnostic::warning(Class::Render, text);
    Ok(Templated {
        documents: order::documents(pieces),
        warnings: warnings.into_iter().map(warning).collect(),
    })
}

/// The examples of the README are run with the tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
