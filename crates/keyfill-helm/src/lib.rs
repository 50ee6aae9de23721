//! helm template in process, with the bytes of helm v4.3.2 or v3.22.0.
//!
//! [`template`] loads a chart from a [`Files`] tree, merges the values, executes the templates and returns the
//! documents as helm prints them. Nothing is read but that tree: no cluster, no environment. Charts that it
//! does not hold are asked for through [`Fetch`].
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
//! An [`Error`] says which file and line of the chart it is about, through which templates it came there, and
//! what may have been meant:
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
//! - `chart/`: the chart and its subcharts as they lie in folders and archives.
//! - `values/`: user values, subcharts switched on and off, values merged, schemas checked.
//! - `capabilities/`, `objects/`: what templates see besides values.
//! - `render/`: the templates are executed.
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
pub use request::{FillValues, Filler, HelmCompat, TemplateRequest, ValuesSource};

use keyfill_diag::{Class, Cx, Diagnostic};
use keyfill_files::{Fetch, Files, MemoryFiles};
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

/// Asks for the charts that a chart depends on, without rendering it, and gives the warnings. With
/// `anew`, archives that lie in `charts/` count as missing where they have a repository.
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

/// The release's name that `helm template --name-template TEXT` makes: a template without values.
///
/// ```
/// let name = keyfill_helm::release_name("web-{{ lower `A1` }}", &keyfill_diag::Cx::default())?;
/// assert_eq!(name, "web-a1");
/// # Ok::<(), keyfill_helm::Error>(())
/// ```
pub fn release_name(text: &str, cx: &Cx) -> Result<String, Error> {
    render::release_name(text, cx)
}

/// Renders a chart as `helm template` does. Charts that it depends on and that do not lie in `charts/` come
/// through `fetch`.
///
/// The run takes a thread with a deep stack of its own: templates include each other as deep as helm lets
/// them.
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
