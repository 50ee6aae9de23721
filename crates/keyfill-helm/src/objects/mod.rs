//! The fields of a template's dot: Release, Chart, Values, Files, Capabilities, Template, Subcharts.

mod capabilities;
mod chart;
mod files;
mod values;

pub(crate) use chart::ChartObject;
pub(crate) use files::FilesObject;
pub(crate) use values::{as_values, values};

use crate::capabilities::Capabilities;
use crate::request::TemplateRequest;
use keyfill_template::value::{ANY_MAP, Map, Value};

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
