//! `.Chart`: a Go struct with the fields of `Chart.yaml` and `IsRoot`, in helm 4 a map with the same names.

use crate::chart::{Charts, Dependency, ImportValues, Maintainer, Metadata};
use crate::request::HelmCompat;
use keyfill_template::value::{
    ANYS, Encoded, Kind, List, ListType, Map, Object, STRING_MAP, STRINGS, Type, Value, no_methods,
};
use std::borrow::Cow;

/// A field of a Go struct.
#[derive(Clone)]
struct Field {
    /// The field's name in templates.
    name: &'static str,
    /// The field's name in JSON.
    json: &'static str,
    value: Value,
}

impl Field {
    fn new(name: &'static str, json: &'static str, value: Value) -> Self {
        Self { name, json, value }
    }
}

/// `.Chart`, and the `chart.Metadata` that it embeds.
pub(crate) struct ChartObject {
    fields: Vec<Field>,
    /// Whether the chart is the root; none for the embedded `.Chart.Metadata`.
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
    pub(crate) fn of(metadata: &Metadata, charts: &Charts, is_root: bool, helm: HelmCompat) -> Value {
        if helm == HelmCompat::V4 {
            return as_map(metadata, charts, is_root).into();
        }
        Value::object(Self { fields: metadata_fields(metadata, charts), is_root: Some(is_root) })
    }

    /// `.Chart.Metadata`: the embedded struct alone.
    fn metadata(&self) -> Value {
        Value::object(Self { fields: self.fields.clone(), is_root: None })
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
            _ => self.fields.iter().find(|field| field.name == name).map(|field| field.value.clone()),
        }
    }

    fn fields(&self) -> Vec<(&'static str, Value)> {
        match self.is_root {
            Some(is_root) => vec![("Metadata", self.metadata()), ("IsRoot", is_root.into())],
            None => self.fields.iter().map(|field| (field.name, field.value.clone())).collect(),
        }
    }

    fn encode(&self) -> Encoded {
        let is_root = self.is_root.map(|is_root| ("IsRoot", is_root.into()));
        let named = self.fields.iter().filter(|field| field.value.truth());
        Encoded::Struct(named.map(|field| (field.json, field.value.clone())).chain(is_root).collect())
    }
}

/// `.Chart` of helm 4: plain maps and lists throughout, except the map of annotations.
fn as_map(metadata: &Metadata, charts: &Charts, is_root: bool) -> Map {
    let map: Map = metadata_fields(metadata, charts).into_iter().map(|f| (f.name, plain(f.value))).collect();
    map.set("IsRoot", is_root);
    map
}

/// Lists of any type become `[]interface {}`, structs behind pointers become maps.
fn plain(value: Value) -> Value {
    match value {
        Value::List(list) => Value::list(list.iter().cloned().map(plain).collect()),
        Value::Object(object) => match object.downcast_ref::<Pointer>() {
            Some(pointer) => {
                let fields = pointer.fields.iter().cloned().map(|field| (field.name, plain(field.value)));
                fields.collect::<Map>().into()
            }
            None => Value::Object(object),
        },
        other => other,
    }
}

/// The fields in the order of the Go struct, which is the order in which they print.
fn metadata_fields(m: &Metadata, charts: &Charts) -> Vec<Field> {
    let dependencies = m.dependencies.iter().flatten().map(|id| dependency(charts.dependency(*id)));
    let maintainers = m.maintainers.iter().map(maintainer);
    let field = Field::new;
    vec![
        field("Name", "name", text(&m.name)),
        field("Home", "home", text(&m.home)),
        field("Sources", "sources", texts(&m.sources)),
        field("Version", "version", text(&m.version)),
        field("Description", "description", text(&m.description)),
        field("Keywords", "keywords", texts(&m.keywords)),
        field("Maintainers", "maintainers", list(maintainers.collect(), &MAINTAINERS)),
        field("Icon", "icon", text(&m.icon)),
        field("APIVersion", "apiVersion", text(&m.api_version)),
        field("Condition", "condition", text(&m.condition)),
        field("Tags", "tags", text(&m.tags)),
        field("AppVersion", "appVersion", text(&m.app_version)),
        field("Deprecated", "deprecated", m.deprecated.into()),
        field("Annotations", "annotations", text_map(&m.annotations)),
        field("KubeVersion", "kubeVersion", text(&m.kube_version)),
        field("Dependencies", "dependencies", list(dependencies.collect(), &DEPENDENCIES)),
        field("Type", "type", text(&m.kind)),
    ]
}

/// A map of texts. Like in Go it is nil if it has no entries.
fn text_map(entries: &[(String, String)]) -> Value {
    if entries.is_empty() {
        return Map::nil(&STRING_MAP).into();
    }
    let entries = entries.iter().map(|(k, v)| (k.as_str().into(), text(v))).collect();
    Map::typed(entries, &STRING_MAP).into()
}

/// A pointer to a struct of plain fields: `*chart.Maintainer`, `*chart.Dependency`.
struct Pointer {
    type_name: &'static str,
    fields: Vec<Field>,
    /// JSON names of the fields that are written even when they are empty.
    always: &'static [&'static str],
}

fn maintainer(m: &Maintainer) -> Value {
    let fields = vec![
        Field::new("Name", "name", text(&m.name)),
        Field::new("Email", "email", text(&m.email)),
        Field::new("URL", "url", text(&m.url)),
    ];
    Value::object(Pointer { type_name: "*chart.Maintainer", fields, always: &[] })
}

fn dependency(d: &Dependency) -> Value {
    let imports = d.import_values.iter().map(import_value).collect();
    let fields = vec![
        Field::new("Name", "name", text(&d.name)),
        Field::new("Version", "version", text(&d.version)),
        Field::new("Repository", "repository", text(&d.repository)),
        Field::new("Condition", "condition", text(&d.condition)),
        Field::new("Tags", "tags", texts(&d.tags)),
        Field::new("Enabled", "enabled", d.enabled.into()),
        Field::new("ImportValues", "import-values", list(imports, &ANYS)),
        Field::new("Alias", "alias", text(&d.alias)),
    ];
    Value::object(Pointer { type_name: "*chart.Dependency", fields, always: &["name", "repository"] })
}

impl Object for Pointer {
    fn type_name(&self) -> Cow<'static, str> {
        self.type_name.into()
    }

    fn kind(&self) -> Kind {
        Kind::Ptr
    }

    fn field(&self, name: &str) -> Option<Value> {
        self.fields.iter().find(|field| field.name == name).map(|field| field.value.clone())
    }

    fn fields(&self) -> Vec<(&'static str, Value)> {
        self.fields.iter().map(|field| (field.name, field.value.clone())).collect()
    }

    fn encode(&self) -> Encoded {
        let written = |f: &&Field| f.value.truth() || self.always.contains(&f.json);
        Encoded::Struct(self.fields.iter().filter(written).map(|f| (f.json, f.value.clone())).collect())
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

/// A slice. Like in Go it is nil if it has no items.
fn list(items: Vec<Value>, ty: &'static ListType) -> Value {
    if items.is_empty() { Value::List(List::nil(ty)) } else { Value::List(List::typed(items, ty)) }
}
