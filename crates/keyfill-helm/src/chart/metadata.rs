//! The content of `Chart.yaml` and `requirements.yaml`.

use super::decode::Fields;
use super::{Charts, DependencyId};
use crate::error::{Error, Result};
use keyfill_go::quote::is_print;
use keyfill_yaml::Value;
use std::collections::HashSet;

/// `Chart.yaml`, as templates see it in `.Chart`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Metadata {
    pub(crate) name: String,
    pub(crate) home: String,
    pub(crate) sources: Vec<String>,
    pub(crate) version: String,
    pub(crate) description: String,
    pub(crate) keywords: Vec<String>,
    pub(crate) maintainers: Vec<Maintainer>,
    pub(crate) icon: String,
    pub(crate) api_version: String,
    pub(crate) condition: String,
    pub(crate) tags: String,
    pub(crate) app_version: String,
    pub(crate) deprecated: bool,
    pub(crate) annotations: Vec<(String, String)>,
    pub(crate) kube_version: String,
    /// None if the chart lists no dependencies. helm then uses all its subcharts, unchanged.
    pub(crate) dependencies: Option<Vec<DependencyId>>,
    /// Whether `requirements.yaml` lists the dependencies.
    pub(crate) in_requirements: bool,
    pub(crate) kind: String,
}

/// A maintainer of a chart.
#[derive(Clone, Debug, Default)]
pub(crate) struct Maintainer {
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) url: String,
}

/// A requirement: a chart that another one needs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) repository: String,
    pub(crate) condition: String,
    pub(crate) tags: Vec<String>,
    pub(crate) enabled: bool,
    pub(crate) import_values: Vec<ImportValues>,
    pub(crate) alias: String,
}

/// An entry of `import-values`.
#[derive(Clone, Debug)]
pub(crate) enum ImportValues {
    /// As written: a name below `exports`, or a mapping of child and parent.
    Written(Value),
    /// Imported already. Aliases of one chart share their requirements, and helm imports for the first alias only.
    Taken { child: String, parent: String },
}

impl Metadata {
    /// Sets the fields that a `Chart.yaml` or `requirements.yaml` has. Other fields keep their values.
    pub(crate) fn read(&mut self, document: &Value, file: &str, charts: &mut Charts) -> Result<()> {
        let fields = Fields::of(document, file).map_err(|e| e.at(1, Some(1)))?;
        fields.text("name", &mut self.name)?;
        fields.text("home", &mut self.home)?;
        fields.texts("sources", &mut self.sources)?;
        fields.text("version", &mut self.version)?;
        fields.text("description", &mut self.description)?;
        fields.texts("keywords", &mut self.keywords)?;
        if let Some(items) = fields.list("maintainers")? {
            let read =
                |(at, item)| Maintainer::read(item).map_err(|e| e.at_path(&format!("maintainers[{at}]")));
            self.maintainers = items.iter().enumerate().map(read).collect::<Result<_>>()?;
        }
        fields.text("icon", &mut self.icon)?;
        fields.text("apiVersion", &mut self.api_version)?;
        fields.text("condition", &mut self.condition)?;
        fields.text("tags", &mut self.tags)?;
        fields.text("appVersion", &mut self.app_version)?;
        fields.bool("deprecated", &mut self.deprecated)?;
        fields.text_map("annotations", &mut self.annotations)?;
        fields.text("kubeVersion", &mut self.kube_version)?;
        if let Some(items) = fields.list("dependencies")? {
            self.read_dependencies(items, charts)?;
        }
        fields.text("type", &mut self.kind)
    }

    /// Go decodes a second list into the elements of the first: fields that the second list does not set keep
    /// their values.
    fn read_dependencies(&mut self, items: &[Value], charts: &mut Charts) -> Result<()> {
        let known = self.dependencies.take().unwrap_or_default();
        let mut ids = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let here = |error: Error| error.at_path(&format!("dependencies[{index}]"));
            if matches!(item, Value::Null) {
                return Err(here(Error::render("dependencies must not contain empty or null nodes")));
            }
            let id = match known.get(index) {
                Some(id) => *id,
                None => charts.add_dependency(Dependency::default()),
            };
            charts.dependency_mut(id).read(item).map_err(here)?;
            ids.push(id);
        }
        self.dependencies = Some(ids);
        Ok(())
    }

    /// The name of the file that lists the dependencies.
    pub(crate) fn dependencies_file(&self) -> &'static str {
        if self.in_requirements { "requirements.yaml" } else { "Chart.yaml" }
    }

    /// Whether the chart is a library, which only defines templates for other charts.
    pub(crate) fn is_library(&self) -> bool {
        self.kind.eq_ignore_ascii_case("library")
    }

    /// Validates the metadata and sanitizes its texts, both as helm does.
    pub(crate) fn validate(&mut self, charts: &mut Charts) -> Result<()> {
        for text in [
            &mut self.name,
            &mut self.description,
            &mut self.home,
            &mut self.icon,
            &mut self.condition,
            &mut self.tags,
            &mut self.app_version,
            &mut self.kube_version,
        ] {
            sanitize(text);
        }
        self.sources.iter_mut().chain(&mut self.keywords).for_each(sanitize);
        self.check_identity()?;
        for maintainer in &mut self.maintainers {
            for text in [&mut maintainer.name, &mut maintainer.email, &mut maintainer.url] {
                sanitize(text);
            }
        }
        let mut names: HashSet<String> = HashSet::new();
        for (index, id) in self.dependencies.iter().flatten().enumerate() {
            let dependency = charts.dependency_mut(*id);
            let here =
                |e: Error| e.at_path(&format!("dependencies[{index}]")).in_file(self.dependencies_file());
            dependency.validate().map_err(here)?;
            let name = dependency.known_as();
            if !names.insert(name.to_owned()) {
                let message = format!("more than one dependency with name or alias {name:?}");
                let error = Error::render(message).hint("give one of them another `alias`");
                return Err(here(error));
            }
        }
        Ok(())
    }

    fn check_identity(&self) -> Result<()> {
        let name = &self.name;
        let (field, wrong) = if self.api_version.is_empty() {
            ("apiVersion", "chart.metadata.apiVersion is required".to_owned())
        } else if name.is_empty() {
            ("name", "chart.metadata.name is required".to_owned())
        } else if name == "." || name == ".." {
            ("name", format!("chart.metadata.name {name:?} is not allowed"))
        } else if name.contains('/') {
            ("name", format!("chart.metadata.name {name:?} is invalid"))
        } else if self.version.is_empty() {
            ("version", "chart.metadata.version is required".to_owned())
        } else if !crate::versions::is_version(&self.version) {
            ("version", format!("chart.metadata.version {:?} is invalid", self.version))
        } else if !matches!(self.kind.as_str(), "" | "application" | "library") {
            ("type", "chart.metadata.type must be application or library".to_owned())
        } else {
            return Ok(());
        };
        Err(Error::render(wrong).at_path(field).hint("correct Chart.yaml: helm refuses the chart as well"))
    }
}

impl Maintainer {
    fn read(item: &Value) -> Result<Self> {
        if matches!(item, Value::Null) {
            return Err(Error::render("maintainers must not contain empty or null nodes"));
        }
        let fields = Fields::of(item, "maintainers")?;
        let mut maintainer = Self::default();
        fields.text("name", &mut maintainer.name)?;
        fields.text("email", &mut maintainer.email)?;
        fields.text("url", &mut maintainer.url)?;
        Ok(maintainer)
    }
}

impl Dependency {
    /// The dependency's alias, or its name if it has no alias.
    pub(crate) fn known_as(&self) -> &str {
        if self.alias.is_empty() { &self.name } else { &self.alias }
    }

    pub(super) fn read(&mut self, item: &Value) -> Result<()> {
        let fields = Fields::of(item, "dependencies")?;
        fields.text("name", &mut self.name)?;
        fields.text("version", &mut self.version)?;
        fields.text("repository", &mut self.repository)?;
        fields.text("condition", &mut self.condition)?;
        fields.texts("tags", &mut self.tags)?;
        fields.bool("enabled", &mut self.enabled)?;
        if let Some(items) = fields.list("import-values")? {
            self.import_values = items.iter().cloned().map(ImportValues::Written).collect();
        }
        fields.text("alias", &mut self.alias)
    }

    fn validate(&mut self) -> Result<()> {
        let texts = [&mut self.name, &mut self.version, &mut self.repository, &mut self.condition];
        texts.into_iter().chain(&mut self.tags).for_each(sanitize);
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if self.alias.chars().all(fits) {
            return Ok(());
        }
        Err(Error::render(format!("dependency {:?} has disallowed characters in the alias", self.name))
            .at_path("alias")
            .hint("an alias holds letters, digits, `-` and `_` only"))
    }
}

/// Replaces each white space character by a space, and drops characters that are not printable.
fn sanitize(text: &mut String) {
    if text.bytes().all(|b| (b' '..=b'~').contains(&b)) {
        return;
    }
    let clean = |c: char| match c {
        c if c.is_whitespace() => Some(' '),
        c => is_print(c).then_some(c),
    };
    *text = text.chars().filter_map(clean).collect();
}

#[cfg(test)]
mod tests {
    use super::sanitize;

    #[test]
    fn texts_are_cleaned_as_helm_does() {
        for (text, clean) in [
            ("plain \\ \"quoted\"", "plain \\ \"quoted\""),
            ("a\tb\nc", "a b c"),
            ("bell\u{7}", "bell"),
            ("caf\u{e9} e\u{301} \u{1f600}", "caf\u{e9} e\u{301} \u{1f600}"),
            ("zero\u{200b}width", "zerowidth"),
            ("no\u{a0}break", "no break"),
        ] {
            let mut text = text.to_owned();
            sanitize(&mut text);
            assert_eq!(text, clean);
        }
    }
}
