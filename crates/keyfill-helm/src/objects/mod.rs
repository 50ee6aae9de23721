//! What a template's dot holds: Release, Chart, Values, Files, Capabilities, Template, Subcharts.

mod capabilities;
mod chart;
mod files;

pub(crate) use chart::ChartObject;
pub(crate) use files::FilesObject;

use crate::capabilities::Capabilities;
use crate::request::TemplateRequest;
use keyfill_template::value::{ANY_MAP, Map, MapType, Type, Value, no_methods};

/// `chartutil.Values`: the named map type of values and of the dot itself.
static VALUES: MapType = MapType { name: "chartutil.Values", elem: Type::Any, methods: no_methods };

/// A `chartutil.Values` with these entries.
pub(crate) fn values(entries: Vec<(&str, Value)>) -> Map {
    Map::typed(entries.into_iter().map(|(k, v)| (k.into(), v)).collect(), &VALUES)
}

/// `.Values` of the root chart: the merged values under their named type.
pub(crate) fn as_values(merged: &Map) -> Map {
    Map::typed(merged.snapshot().into_iter().collect(), &VALUES)
}

/// `.Release`
pub(crate) fn release(request: &TemplateRequest) -> Map {
    let entries: [(&str, Value); 6] = [
        ("Name", request.release_name.as_str().into()),
        ("Namespace", request.namespace.as_str().into()),
        ("IsUpgrade", request.is_upgrade.into()),
        ("IsInstall", (!request.is_upgrade).into()),
        ("Revision", Value::Int(1)),
        ("Service", "Helm".into()),
    ];
    Map::typed(entries.into_iter().map(|(k, v)| (k.into(), v)).collect(), &ANY_MAP)
}

/// `.Capabilities`
pub(crate) fn capabilities(capabilities: Capabilities) -> Value {
    Value::object(capabilities::CapabilitiesObject::new(capabilities))
}
