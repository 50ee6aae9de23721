//! `.Chart`: a Go struct with the fields of `Chart.yaml` and `IsRoot`.

use crate::chart::{Charts, Dependency, ImportValues, Maintainer, Metadata};
use keyfill_template::value::{
    ANYS, Encoded, Kind, List, ListType, Map, Object, STRING_MAP, STRINGS, Type, Value, no_methods,
};
use std::borrow::Cow;

/// `.Chart`, and the `chart.Metadata` that it embeds.
pub(crate) struct ChartObject {
    fields: Vec<(&'static str, Value)>,
    /// The fields under their JSON names, without those that are empty.
    json: Vec<(&'static str, Value)>,
    /// Whether it is `.Chart` itself or the embedded `.Chart.Metadata`.
    is_root: Option<bool>,
}

static MAINTAINERS: ListType = ListType {
    name: "[]*chart.Maintainer",
    elem: Type::Named("*chart.Maintainer", Kind::Ptr),
    methods: no_methods,
};
static DEPENDENCIES: ListType = ListType {
    name: "[]*chart.Dependency",
    elem: Type::Named("*chart.Dependency", Kind::Ptr),
    methods: no_methods,
};

impl ChartObject {
    /// `.Chart` of a chart.
    pub(crate) fn of(metadata: &Metadata, charts: &Charts, is_root: bool) -> Value {
        let fields = metadata_fields(metadata, charts);
        let json = fields.iter().filter(|(_, v)| v.truth()).map(|(k, v)| (json_name(k), v.clone())).collect();
        Value::object(Self { fields, json, is_root: Some(is_root) })
    }

    /// The embedded struct by itself.
    fn metadata(&self) -> Value {
        Value::object(Self { fields: self.fields.clone(), json: self.json.clone(), is_root: None })
    }
}

impl Object for ChartObject {
    fn type_name(&self) -> Cow<'static, str> {
        match self.is_root {
            Some(_) => "struct { chart.Metadata; IsRoot bool }".into(),
            None => "chart.Metadata".into(),
        }
    }

    fn kind(&self) -> Kind {
        Kind::Struct
    }

    fn field(&self, name: &str) -> Option<Value> {
        match (name, self.is_root) {
            ("Metadata", Some(_)) => Some(self.metadata()),
            ("IsRoot", Some(is_root)) => Some(is_root.into()),
            _ => self.fields.iter().find(|(field, _)| *field == name).map(|(_, value)| value.clone()),
        }
    }

    fn fields(&self) -> Vec<(&'static str, Value)> {
        match self.is_root {
            Some(is_root) => vec![("Metadata", self.metadata()), ("IsRoot", is_root.into())],
            None => self.fields.clone(),
        }
    }

    fn encode(&self) -> Encoded {
        let is_root = self.is_root.map(|is_root| ("IsRoot", is_root.into()));
        Encoded::Struct(self.json.iter().cloned().chain(is_root).collect())
    }
}

/// The fields in the order of the Go struct, which is the order in which they print.
fn metadata_fields(m: &Metadata, charts: &Charts) -> Vec<(&'static str, Value)> {
    let dependencies = m.dependencies.iter().flatten().map(|id| DependencyObject::of(charts.dependency(*id)));
    let maintainers = m.maintainers.iter().map(|m| Value::object(MaintainerObject(m.clone())));
    let annotations: Map = Map::typed(
        m.annotations.iter().map(|(k, v)| (k.as_str().into(), v.as_str().into())).collect(),
        &STRING_MAP,
    );
    vec![
        ("Name", text(&m.name)),
        ("Home", text(&m.home)),
        ("Sources", texts(&m.sources)),
        ("Version", text(&m.version)),
        ("Description", text(&m.description)),
        ("Keywords", texts(&m.keywords)),
        ("Maintainers", list(maintainers.collect(), &MAINTAINERS)),
        ("Icon", text(&m.icon)),
        ("APIVersion", text(&m.api_version)),
        ("Condition", text(&m.condition)),
        ("Tags", text(&m.tags)),
        ("AppVersion", text(&m.app_version)),
        ("Deprecated", m.deprecated.into()),
        (
            "Annotations",
            if m.annotations.is_empty() { Map::nil(&STRING_MAP).into() } else { annotations.into() },
        ),
        ("KubeVersion", text(&m.kube_version)),
        ("Dependencies", list(dependencies.collect(), &DEPENDENCIES)),
        ("Type", text(&m.kind)),
    ]
}

/// A field's name in JSON: `apiVersion` for `APIVersion`, else with a small first letter.
fn json_name(field: &'static str) -> &'static str {
    match field {
        "Name" => "name",
        "Home" => "home",
        "Sources" => "sources",
        "Version" => "version",
        "Description" => "description",
        "Keywords" => "keywords",
        "Maintainers" => "maintainers",
        "Icon" => "icon",
        "APIVersion" => "apiVersion",
        "Condition" => "condition",
        "Tags" => "tags",
        "AppVersion" => "appVersion",
        "Deprecated" => "deprecated",
        "Annotations" => "annotations",
        "KubeVersion" => "kubeVersion",
        "Dependencies" => "dependencies",
        "Type" => "type",
        other => other,
    }
}

/// `*chart.Maintainer`
struct MaintainerObject(Maintainer);

impl Object for MaintainerObject {
    fn type_name(&self) -> Cow<'static, str> {
        "*chart.Maintainer".into()
    }

    fn kind(&self) -> Kind {
        Kind::Ptr
    }

    fn field(&self, name: &str) -> Option<Value> {
        self.fields().into_iter().find(|(field, _)| *field == name).map(|(_, value)| value)
    }

    fn fields(&self) -> Vec<(&'static str, Value)> {
        vec![("Name", text(&self.0.name)), ("Email", text(&self.0.email)), ("URL", text(&self.0.url))]
    }

    fn encode(&self) -> Encoded {
        let json = [("name", text(&self.0.name)), ("email", text(&self.0.email)), ("url", text(&self.0.url))];
        Encoded::Struct(json.into_iter().filter(|(_, value)| value.truth()).collect())
    }
}

/// `*chart.Dependency`
struct DependencyObject(Vec<(&'static str, Value)>);

impl DependencyObject {
    fn of(d: &Dependency) -> Value {
        Value::object(Self(vec![
            ("Name", text(&d.name)),
            ("Version", text(&d.version)),
            ("Repository", text(&d.repository)),
            ("Condition", text(&d.condition)),
            ("Tags", texts(&d.tags)),
            ("Enabled", d.enabled.into()),
            ("ImportValues", list(d.import_values.iter().map(import_value).collect(), &ANYS)),
            ("Alias", text(&d.alias)),
        ]))
    }
}

impl Object for DependencyObject {
    fn type_name(&self) -> Cow<'static, str> {
        "*chart.Dependency".into()
    }

    fn kind(&self) -> Kind {
        Kind::Ptr
    }

    fn field(&self, name: &str) -> Option<Value> {
        self.0.iter().find(|(field, _)| *field == name).map(|(_, value)| value.clone())
    }

    fn fields(&self) -> Vec<(&'static str, Value)> {
        self.0.clone()
    }

    fn encode(&self) -> Encoded {
        const JSON: [(&str, bool); 8] = [
            ("name", true),
            ("version", false),
            ("repository", true),
            ("condition", false),
            ("tags", false),
            ("enabled", false),
            ("import-values", false),
            ("alias", false),
        ];
        let named = self.0.iter().zip(JSON).filter(|((_, value), (_, always))| *always || value.truth());
        Encoded::Struct(named.map(|((_, value), (name, _))| (name, value.clone())).collect())
    }
}

fn import_value(entry: &ImportValues) -> Value {
    match entry {
        ImportValues::Written(value) => value.into(),
        ImportValues::Taken { child, parent } => {
            let entries = [("child", child), ("parent", parent)];
            Map::typed(entries.into_iter().map(|(k, v)| (k.into(), text(v))).collect(), &STRING_MAP).into()
        }
    }
}

fn text(text: &str) -> Value {
    Value::str(text)
}

fn texts(texts: &[String]) -> Value {
    list(texts.iter().map(|t| text(t)).collect(), &STRINGS)
}

/// A slice; Go leaves it nil where nothing was named.
fn list(items: Vec<Value>, ty: &'static ListType) -> Value {
    if items.is_empty() { Value::List(List::nil(ty)) } else { Value::List(List::typed(items, ty)) }
}
