//! `.Capabilities`: Go structs and their methods.

use crate::capabilities::{Capabilities, GO_VERSION, HELM_VERSION, KubeVersion};
use keyfill_template::Ctx;
use keyfill_template::funcs::{FuncError, Function, list, text};
use keyfill_template::value::{Encoded, Kind, List, ListType, Object, Str, Type, Value};
use std::borrow::Cow;
use std::rc::Rc;

/// `*chartutil.Capabilities`
pub(super) struct CapabilitiesObject {
    kube_version: Value,
    api_versions: Value,
    helm_version: Value,
}

impl CapabilitiesObject {
    pub(super) fn new(capabilities: Capabilities) -> Self {
        let api_versions = capabilities.api_versions.into_iter().map(Value::from).collect();
        Self {
            kube_version: Value::Object(Rc::new(KubeVersionObject(capabilities.kube_version))),
            api_versions: Value::List(List::typed(api_versions, &VERSION_SET)),
            helm_version: Value::object(HelmVersionObject),
        }
    }
}

impl Object for CapabilitiesObject {
    fn type_name(&self) -> Cow<'static, str> {
        "*chartutil.Capabilities".into()
    }

    fn kind(&self) -> Kind {
        Kind::Ptr
    }

    fn fields(&self) -> Vec<(&'static str, Value)> {
        vec![
            ("KubeVersion", self.kube_version.clone()),
            ("APIVersions", self.api_versions.clone()),
            ("HelmVersion", self.helm_version.clone()),
        ]
    }

    fn field(&self, name: &str) -> Option<Value> {
        Some(match name {
            "KubeVersion" => self.kube_version.clone(),
            "APIVersions" => self.api_versions.clone(),
            "HelmVersion" => self.helm_version.clone(),
            _ => return None,
        })
    }
}

/// `chartutil.VersionSet`
static VERSION_SET: ListType =
    ListType { name: "chartutil.VersionSet", elem: Type::String, methods: version_set_methods };

fn version_set_methods(name: &str) -> Option<&'static Function> {
    static HAS: Function = Function::fixed("Has", &[Type::String], has);
    (name == "Has").then_some(&HAS)
}

fn has(_: &mut Ctx, args: &[Value]) -> Result<Value, FuncError> {
    let wanted = text(args, 1);
    Ok(list(args, 0).iter().any(|version| version.as_bytes() == Some(wanted)).into())
}

/// `chartutil.KubeVersion`. Its methods belong to the pointer: a template that prints it directly gets
/// the version, a function that it is handed to sees the plain struct.
struct KubeVersionObject(KubeVersion);

impl Object for KubeVersionObject {
    fn type_name(&self) -> Cow<'static, str> {
        "chartutil.KubeVersion".into()
    }

    fn kind(&self) -> Kind {
        Kind::Struct
    }

    fn fields(&self) -> Vec<(&'static str, Value)> {
        vec![
            ("Version", self.0.version.as_str().into()),
            ("Major", self.0.major.as_str().into()),
            ("Minor", self.0.minor.as_str().into()),
        ]
    }

    fn field(&self, name: &str) -> Option<Value> {
        self.fields().into_iter().find(|(field, _)| *field == name).map(|(_, value)| value)
    }

    fn method(&self, name: &str) -> Option<&'static Function> {
        static STRING: Function = Function::fixed("String", &[], version);
        static GIT_VERSION: Function = Function::fixed("GitVersion", &[], version);
        match name {
            "String" => Some(&STRING),
            "GitVersion" => Some(&GIT_VERSION),
            _ => None,
        }
    }

    fn shown(&self) -> Option<Str> {
        Some(self.0.version.as_str().into())
    }

    fn equals(&self, other: &dyn Object) -> bool {
        other.downcast_ref::<Self>().is_some_and(|other| self.0 == other.0)
    }
}

fn version(_: &mut Ctx, args: &[Value]) -> Result<Value, FuncError> {
    let this = args.first().and_then(Value::as_object::<KubeVersionObject>);
    Ok(Value::Str(this.map_or(Str::EMPTY, |this| this.0.version.as_str().into())))
}

/// `version.BuildInfo`
struct HelmVersionObject;

impl Object for HelmVersionObject {
    fn type_name(&self) -> Cow<'static, str> {
        "version.BuildInfo".into()
    }

    fn kind(&self) -> Kind {
        Kind::Struct
    }

    fn fields(&self) -> Vec<(&'static str, Value)> {
        vec![
            ("Version", HELM_VERSION.into()),
            ("GitCommit", "".into()),
            ("GitTreeState", "".into()),
            ("GoVersion", GO_VERSION.into()),
        ]
    }

    fn field(&self, name: &str) -> Option<Value> {
        self.fields().into_iter().find(|(field, _)| *field == name).map(|(_, value)| value)
    }

    fn equals(&self, other: &dyn Object) -> bool {
        other.downcast_ref::<Self>().is_some()
    }

    fn encode(&self) -> Encoded {
        Encoded::Struct(vec![("version", HELM_VERSION.into()), ("go_version", GO_VERSION.into())])
    }
}
