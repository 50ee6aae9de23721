//! State of a whole build: the request, the schema in use, warnings.

use crate::error::{Error, Result};
use crate::load::{Ahead, ChartEntry, Deprecated, Kustomization, LoadRestrictor, Loader, SortOrder, Spotted};
use crate::outside::Outside;
use crate::schema::Schema;
use keyfill_diag::{Class, Diagnostic, Place};
use keyfill_files::TreePath;
use keyfill_yaml::{Body, Document, Limits, Text, append_yaml};
use std::cell::{Cell, RefCell};
use std::sync::Arc;

/// What to build, and how: the flags of `kustomize build`.
///
/// ```
/// use keyfill_files::TreePath;
/// use keyfill_kustomize::{BuildRequest, LoadRestrictor};
///
/// let request = BuildRequest {
///     root: TreePath::new("overlays/prod"),
///     load_restrictor: LoadRestrictor::None,
///     ..BuildRequest::default()
/// };
/// # let _ = request;
/// ```
#[derive(Clone, Debug, Default)]
pub struct BuildRequest {
    /// The folder of the kustomization; `None` is the root of the tree.
    pub root: Option<TreePath>,
    /// Which files a kustomization may read.
    pub load_restrictor: LoadRestrictor,
    /// The order of the output, unless the kustomization has `sortOptions`.
    pub reorder: SortOrder,
    /// Whether charts may be rendered (`--enable-helm`).
    pub enable_helm: bool,
    /// `--enable-alpha-plugins`. External plugins are not supported all the same; charts may be rendered then.
    pub enable_alpha_plugins: bool,
    /// Whether all resources get the label `app.kubernetes.io/managed-by`.
    pub enable_managedby_label: bool,
    /// Whether a chart that names a repository is fetched even if the tree holds it.
    pub fetch_charts_anew: bool,
    /// Kubernetes version for charts whose entry sets none; empty for the default.
    pub helm_kube_version: Text,
    /// API versions for charts whose entry sets none.
    pub helm_api_versions: Vec<Text>,
}

/// The result of a build.
#[derive(Debug, Default)]
pub struct Built {
    /// The resources in their order, as YAML trees.
    pub documents: Vec<Document>,
    /// Problems that did not make the build fail.
    pub warnings: Vec<Diagnostic>,
}

impl Built {
    /// What `kustomize build` prints, byte for byte.
    pub fn text(&self) -> Vec<u8> {
        let mut text = Vec::new();
        for document in &self.documents {
            text.extend_from_slice(&document.before);
            match &document.body {
                Body::Raw(body) => text.extend_from_slice(body),
                Body::Tree(node) => append_yaml(&mut text, &**node),
            }
        }
        text
    }
}

/// The state of one build.
pub struct Session<'a> {
    request: &'a BuildRequest,
    outside: Outside<'a>,
    schema: RefCell<Arc<Schema>>,
    /// Whether a kustomization has chosen the schema with `openapi`: the first one that does so wins.
    schema_is_chosen: Cell<bool>,
    warnings: RefCell<Vec<Diagnostic>>,
    ahead: Ahead,
    /// How many kustomizations were built so far.
    kustomizations: Cell<usize>,
}

/// The most kustomizations that one build may contain. Components may list each other many times; the largest
/// real trees build some hundred.
const MOST_KUSTOMIZATIONS: usize = 20_000;

impl<'a> Session<'a> {
    /// The state at the start of a build.
    pub fn new(request: &'a BuildRequest, outside: Outside<'a>) -> Self {
        Self {
            request,
            outside,
            schema: RefCell::new(Arc::new(Schema::builtin())),
            schema_is_chosen: Cell::new(false),
            warnings: RefCell::default(),
            ahead: Ahead::default(),
            kustomizations: Cell::new(0),
        }
    }

    /// Counts one more kustomization, and fails above the limit.
    pub fn count(&self) -> Result<()> {
        self.kustomizations.set(self.kustomizations.get() + 1);
        if self.kustomizations.get() > MOST_KUSTOMIZATIONS {
            return Err(Error::new(format!("more than {MOST_KUSTOMIZATIONS} kustomizations are built"))
                .hint("bases or components list each other many times over"));
        }
        Ok(())
    }

    /// The request that started the build.
    pub fn request(&self) -> &'a BuildRequest {
        self.request
    }

    /// The files that were read ahead of their turn.
    pub fn ahead(&self) -> &Ahead {
        &self.ahead
    }

    /// The means to render charts, to fetch and to decrypt.
    pub fn outside(&self) -> Outside<'a> {
        self.outside
    }

    /// The schema in use.
    pub fn schema(&self) -> Arc<Schema> {
        self.schema.borrow().clone()
    }

    /// Uses the schema that a kustomization names in `openapi`, unless an earlier one has chosen the schema.
    pub fn set_schema(
        &self,
        loader: &Loader,
        openapi: &Spotted<Vec<(Text, Text)>>,
        is_outermost: bool,
    ) -> Result<()> {
        self.choose_schema(loader, openapi, is_outermost).map_err(|e| e.at_spot(&openapi.spot))
    }

    fn choose_schema(
        &self,
        loader: &Loader,
        openapi: &Spotted<Vec<(Text, Text)>>,
        is_outermost: bool,
    ) -> Result<()> {
        let field = |name: &str| openapi.iter().find(|(key, _)| key == name).map(|(_, value)| value);
        let text = field("path").map(|path| loader.load_manifest(path)).transpose();
        let text = text.map_err(|e| e.at_spot(&openapi.spot.field("path")))?;
        if self.schema_is_chosen.get() && !is_outermost {
            return Ok(());
        }
        let schema = match (field("version"), text) {
            (Some(_), Some(_)) => {
                return Err(Error::new("openapi takes a version or a path, not both"));
            }
            (_, Some((file, text, _))) => self
                .schema()
                .followed_by(&text, &Limits::from(loader.cx()))
                .map_err(|e| e.in_file(file.as_str()))?,
            (Some(version), None) if !version.is_empty() => {
                Schema::for_version(version).map_err(|e| e.at_spot(&openapi.spot.field("version")))?
            }
            _ => return Ok(()),
        };
        self.schema_is_chosen.set(true);
        *self.schema.borrow_mut() = Arc::new(schema);
        Ok(())
    }

    /// Whether the request has `--enable-alpha-plugins`.
    pub fn allows_plugins(&self) -> bool {
        self.request.enable_alpha_plugins
    }

    /// Fails unless the request allows charts to be rendered.
    pub fn require_helm(&self) -> Result<()> {
        if self.request.enable_helm || self.request.enable_alpha_plugins {
            return Ok(());
        }
        Err(Error::new("rendering a chart must be allowed").hint("pass --enable-helm"))
    }

    /// Fills in the settings of the request that hold for all charts.
    pub fn complete(&self, entry: &mut ChartEntry) {
        entry.anew = self.request.fetch_charts_anew;
        if entry.kube_version.is_empty() {
            entry.kube_version = self.request.helm_kube_version.clone();
        }
        if entry.api_versions.is_empty() {
            entry.api_versions.clone_from(&self.request.helm_api_versions);
        }
    }

    /// Warns of the deprecated fields of a kustomization.
    pub fn warn_of_deprecated(&self, kustomization: &Kustomization, file: &TreePath) {
        for Deprecated { field, instead, spot } in &kustomization.deprecated {
            let message = format!("'{field}' is deprecated, please use '{instead}' instead");
            let place = spot.place().unwrap_or_else(|| Place::file(file.as_str(), None));
            self.warn(Diagnostic::warning(Class::Render, message).at(place));
        }
    }

    /// Adds a warning.
    pub fn warn(&self, warning: Diagnostic) {
        self.warnings.borrow_mut().push(warning);
    }

    /// The warnings so far.
    pub fn into_warnings(self) -> Vec<Diagnostic> {
        self.warnings.into_inner()
    }
}
