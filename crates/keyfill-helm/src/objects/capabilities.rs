//! `.Capabilities`: Go structs and their methods.

use crate::capabilities::{Capabilities, KUBE_CLIENT_VERSION, KubeVersion};
use crate::request::HelmCompat;
use keyfill_template::Run;
use keyfill_template::function::{FuncError, Function, list, text};
use keyfill_template::value::{Encoded, Kind, List, ListType, Object, Str, Type, Value};
use std::borrow::Cow;

/// `*chartutil.Capabilities`, in helm 4 `*common.Capabilities`.
pub(super) struct CapabilitiesObject {
    helm: HelmCompat,
    kube_version: Value,
    api_versions: Value,
    helm_version: Value,
}

impl CapabilitiesObject {
    pub(super) fn new(capabilities: Capabilities) -> Self {
        let helm = capabilities.helm;
        let api_versions = capabilities.api_versions.into_iter().map(Value::from).collect();
        let version_set = match helm {
            HelmCompat::V3 => &VERSION_SET_3,
            HelmCompat::V4 => &VERSION_SET_4,
        };
        Self {
            helm,
            kube_version: Value::object(KubeVersionObject { version: capabilities.kube_version, helm }),
            api_versions: Value::List(List::typed(api_versions, version_set)),
            helm_version: Value::object(HelmVersionObject(helm)),
        }
    }
}

impl Object for CapabilitiesObject {
    fn type_name(&self) -> Cow<'static, str> {
        match self.helm {
            HelmCompat::V3 => "*chartutil.Capabilities".into(),
            HelmCompat::V4 => "*common.Capabilities".into(),
        }
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

static VERSION_SET_3: ListType =
    ListType { name: "chartutil.VersionSet", elem: Type::String, methods: version_set_methods };
static VERSION_SET_4: ListType =
    ListType { name: "common.VersionSet", elem: Type::String, methods: version_set_methods };

fn version_set_methods(name: &str) -> Option<&'static Function> {
    static HAS: Function = Function::fixed("Has", &[Type::String], has);
    (name == "Has").then_some(&HAS)
}

fn has(_: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    let wanted = text(args, 1);
    Ok(list(args, 0).iter().any(|version| version.as_bytes() == Some(wanted)).into())
}

/// `chartutil.KubeVersion`, in helm 4 `common.KubeVersion`. Its methods have a pointer as receiver in Go: a
/// template that prints it directly gets the version, a function that it is passed to gets the plain struct.
struct KubeVersionObject {
    version: KubeVersion,
    helm: HelmCompat,
}

impl KubeVersionObject {
    fn exported(&self) -> [(&'static str, Value); 3] {
        [
            ("Version", self.version.version.as_str().into()),
            ("Major", self.version.major.as_str().into()),
            ("Minor", self.version.minor.as_str().into()),
        ]
    }
}

impl Object for KubeVersionObject {
    fn type_name(&self) -> Cow<'static, str> {
        match self.helm {
            HelmCompat::V3 => "chartutil.KubeVersion".into(),
            HelmCompat::V4 => "common.KubeVersion".into(),
        }
    }

    fn kind(&self) -> Kind {
        Kind::Struct
    }

    fn fields(&self) -> Vec<(&'static str, Value)> {
        let mut fields = self.exported().to_vec();
        if self.helm == HelmCompat::V4 {
            // Go prints unexported fields too.
            fields.insert(1, ("normalizedVersion", self.version.numbers.as_str().into()));
        }
        fields
    }

    fn field(&self, name: &str) -> Option<Value> {
        self.exported().into_iter().find(|(field, _)| *field == name).map(|(_, value)| value)
    }

    fn method(&self, name: &str) -> Option<&'static Function> {
        static STRING: Function = Function::fixed("String", &[], |_, args| Ok(part(args, |v| &v.numbers)));
        static GIT_VERSION: Function =
            Function::fixed("GitVersion", &[], |_, args| Ok(part(args, |v| &v.version)));
        match name {
            "String" => Some(&STRING),
            "GitVersion" => Some(&GIT_VERSION),
            _ => None,
        }
    }

    fn shown(&self) -> Option<Str> {
        Some(self.version.numbers.as_str().into())
    }

    fn equals(&self, other: &dyn Object) -> bool {
        other.downcast_ref::<Self>().is_some_and(|other| self.version == other.version)
    }

    fn encode(&self) -> Encoded {
        Encoded::Struct(self.exported().to_vec())
    }
}

fn part(args: &[Value], part: fn(&KubeVersion) -> &String) -> Value {
    let this = args.first().and_then(Value::as_object::<KubeVersionObject>);
    Value::Str(this.map_or(Str::EMPTY, |this| part(&this.version).as_str().into()))
}

/// `version.BuildInfo`
struct HelmVersionObject(HelmCompat);

impl Object for HelmVersionObject {
    fn type_name(&self) -> Cow<'static, str> {
        "version.BuildInfo".into()
    }

    fn kind(&self) -> Kind {
        Kind::Struct
    }

    fn fields(&self) -> Vec<(&'static str, Value)> {
        let mut fields = vec![
            ("Version", self.0.version().into()),
            ("GitCommit", "".into()),
            ("GitTreeState", "".into()),
            ("GoVersion", self.0.go_version().into()),
        ];
        if self.0 == HelmCompat::V4 {
            fields.push(("KubeClientVersion", KUBE_CLIENT_VERSION.into()));
        }
        fields
    }

    fn field(&self, name: &str) -> Option<Value> {
        self.fields().into_iter().find(|(field, _)| *field == name).map(|(_, value)| value)
    }

    fn equals(&self, other: &dyn Object) -> bool {
        other.downcast_ref::<Self>().is_some()
    }

    fn encode(&self) -> Encoded {
        let mut fields =
            vec![("version", self.0.version().into()), ("go_version", self.0.go_version().into())];
        if self.0 == HelmCompat::V4 {
            fields.push(("kube_client_version", KUBE_CLIENT_VERSION.into()));
        }
        Encoded::Struct(fields)
    }
}
