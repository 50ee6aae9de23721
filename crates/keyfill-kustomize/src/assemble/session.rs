//! What holds for a whole build: the request, the schema in use, warnings.

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
    /// The folder of the kustomization.
    pub root: Option<TreePath>,
    /// Which files a kustomization may read.
    pub load_restrictor: LoadRestrictor,
    /// The order of the output, unless the kustomization says one.
    pub reorder: SortOrder,
    /// Whether charts may be rendered.
    pub enable_helm: bool,
    /// Whether plugins that are not builtin would be let in; charts are then, too.
    pub enable_alpha_plugins: bool,
    /// Whether all resources get the label `app.kubernetes.io/managed-by`.
    pub enable_managedby_label: bool,
    /// Whether charts that lie in the tree and name a repository are fetched all the same.
    pub fetch_charts_anew: bool,
    /// Version of the cluster for charts that say none.
    pub helm_kube_version: Text,
    /// API versions of the cluster for charts that say none.
    pub helm_api_versions: Vec<Text>,
}

/// What came out.
#[derive(Debug, Default)]
pub struct Built {
    /// The resources in order, as trees.
    pub documents: Vec<Document>,
    /// What the author should know, though the build succeeded.
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

/// One build.
pub struct Session<'a> {
    request: &'a BuildRequest,
    outside: Outside<'a>,
    schema: RefCell<Arc<Schema>>,
    /// Whether a kustomization has chosen the schema: the first one that does wins.
    schema_is_chosen: Cell<bool>,
    warnings: RefCell<Vec<Diagnostic>>,
    ahead: Ahead,
    /// How many kustomizations were built.
    kustomizations: Cell<usize>,
}

/// Components may list each other many times; the largest real trees build some hundred.
const MOST_KUSTOMIZATIONS: usize = 20_000;

impl<'a> Session<'a> {
    /// A build that begins.
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

    /// Counts a kustomization that is to be built.
    pub fn count(&self) -> Result<()> {
        self.kustomizations.set(self.kustomizations.get() + 1);
        if self.kustomizations.get() > MOST_KUSTOMIZATIONS {
            return Err(Error::new(format!("more than {MOST_KUSTOMIZATIONS} kustomizations are built"))
                .hint("bases or components list each other many times over"));
        }
        Ok(())
    }

    /// What was asked for.
    pub fn request(&self) -> &'a BuildRequest {
        self.request
    }

    /// What was read before it was asked for.
    pub fn ahead(&self) -> &Ahead {
        &self.ahead
    }

    /// Whom to ask for what the tree does not hold.
    pub fn outside(&self) -> Outside<'a> {
        self.outside
    }

    /// The schema in use.
    pub fn schema(&self) -> Arc<Schema> {
        self.schema.borrow().clone()
    }

    /// Takes up the schema that a kustomization asks for, unless one is chosen already.
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

    /// Whether plugins that are not builtin would be let in.
    pub fn allows_plugins(&self) -> bool {
        self.request.enable_alpha_plugins
    }

    /// Charts are rendered only when that is asked for.
    pub fn require_helm(&self) -> Result<()> {
        if self.request.enable_helm || self.request.enable_alpha_plugins {
            return Ok(());
        }
        Err(Error::new("rendering a chart must be allowed").hint("pass --enable-helm"))
    }

    /// Fills in what the request says for all charts.
    pub fn complete(&self, entry: &mut ChartEntry) {
        entry.anew = self.request.fetch_charts_anew;
        if entry.kube_version.is_empty() {
            entry.kube_version = self.request.helm_kube_version.clone();
        }
        if entry.api_versions.is_empty() {
            entry.api_versions.clone_from(&self.request.helm_api_versions);
        }
    }

    /// Warns of deprecated fields.
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
