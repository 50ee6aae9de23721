//! The messages between the supervisor and its workers: orders go to a worker, reports come back. A secret is sent
//! in a type whose `Debug` does not show it.

use super::fetch_orders::{Found, NotFetched, Question};
use crate::app::App;
use crate::cli::render_args::RenderArgs;
use crate::fill::StoreKinds;
use crate::hydrated::FillWhen;
use crate::plugin::plan::Plan;
use crate::settings::SourceKind;
use bytes::Bytes;
use keyfill_diag::{Class, Report as _};
use keyfill_secrets::{Keys, KvVersion, SecretBytes, SecretData, SecretRef, SecretValue};
use keyfill_sops::{MasterKey, Refusal};
use keyfill_workers::{Frame, sandbox};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::collections::BTreeMap;
use std::fmt;
use zeroize::Zeroizing;

/// A message from the supervisor to a worker. A message may be followed by bytes, its tail, and by a file
/// descriptor.
#[derive(Debug, Serialize, Deserialize)]
pub enum Order {
    /// The first order: how the worker is set up. The worker answers with [`Report::Ready`].
    Start(Box<Start>),
    /// Render and fill. The archive or the earlier rendering is sent with the order, as [`Input`] says.
    Generate(Box<Generate>),
    /// Find out whether a folder is for this plugin. The archive is sent with the order, as [`Archive`] says.
    Matches(Box<Matches>),
    /// The answers to [`Report::Need`], in the order of its questions.
    Secrets(Vec<Answer>),
    /// Sent in place of the answers to [`Report::Need`] when reading the secrets takes long: the worker drops the
    /// request and is free for another one.
    Park,
    /// The answer to [`Report::Unlock`].
    Unlocked(Result<DataKey, Refusal>),
    /// The answer to [`Report::Fetch`]. The tail is a chart's archive, a file, or folders of a git tree; the tree
    /// itself is in a file, whose descriptor is sent.
    Fetched(Result<Found, NotFetched>),
}

/// How a worker is set up.
#[derive(Debug, Serialize, Deserialize)]
pub struct Start {
    /// The process ID of the supervisor: the worker ends when the supervisor does.
    pub parent: u32,
    /// The worker's limit of address space, in bytes. The kernel enforces it.
    pub memory: u64,
    /// Whether the worker may start the official binaries; then it runs outside of the sandbox, and may open files
    /// and start processes.
    pub may_start_programs: bool,
    /// The administrator's flags for rendering.
    pub render: RenderArgs,
    /// `discover` of plugin.yaml.
    pub discovery: Discovery,
    /// What the commands of plugin.yaml render; `None` if the worker discovers by itself what a folder is.
    pub plan: Option<Plan>,
    /// The administrator's environment variables that affect rendering. None of them is a credential.
    pub env: Vec<(String, String)>,
}

/// `discover` of plugin.yaml.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Discovery {
    /// Whether `discover` is set.
    pub configured: bool,
    /// Whether every kustomization, chart or folder of YAML matches, with placeholders or without.
    pub any: bool,
    /// Whether a folder with files encrypted by sops matches.
    pub decrypts: bool,
    /// `discover.fileName`
    pub file_name: String,
    /// `discover.find.glob`
    pub glob: String,
    /// What `discover.find.command` does, if it is not `keyfill discover`.
    pub asked: Option<Plan>,
}

/// What [`Generate`] and [`Matches`] have in common.
#[derive(Debug, Serialize, Deserialize)]
pub struct Task {
    /// The app's folder in the archive.
    pub path: String,
    /// Milliseconds from now until the worker must have answered.
    pub milliseconds: u64,
    /// Bytes of memory that the worker may hold.
    pub memory: u64,
}

/// The order to render and fill.
#[derive(Debug, Serialize, Deserialize)]
pub struct Generate {
    /// The folder, the deadline and the limit of memory.
    pub task: Task,
    /// The request's own variables.
    pub env: Vec<(String, String)>,
    /// `KEYFILL_ENGINE` of the request's settings.
    pub engine: Option<String>,
    /// `KEYFILL_HELM_COMPAT` of the request's settings.
    pub helm_compat: Option<String>,
    /// `KEYFILL_PREFER` of the request's settings: what a folder is rendered as that is, for example, both a
    /// kustomization and a chart.
    pub prefer: Option<String>,
    /// How placeholders are filled.
    pub fill: Fill,
    /// The archive to render, or an earlier rendering to fill.
    pub input: Input,
    /// Secrets that an earlier attempt of this request asked for, with the answers.
    pub secrets: Vec<(Wanted, Answer)>,
    /// The most bytes that the documents to fill may take for the worker to pack them, so that the supervisor can
    /// cache the rendering.
    pub pack_below: u64,
    /// Whether encrypted files are decrypted.
    pub decrypts: bool,
    /// Whether placeholders in values are filled before a chart is rendered: `true` for every app, `false` for apps
    /// that ask for it, `None` if the administrator forbids it.
    pub fills_values: Option<bool>,
    /// Whether the supervisor fetches charts, bases and files that the archive does not hold.
    pub fetches: bool,
    /// When placeholders are filled at all.
    pub filling: FillWhen,
}

/// The order to find out whether a folder is for this plugin.
#[derive(Debug, Serialize, Deserialize)]
pub struct Matches {
    /// The folder, the deadline and the limit of memory.
    pub task: Task,
    /// The request's own variables.
    pub env: Vec<(String, String)>,
    /// Where the archive with the folder is.
    pub archive: Archive,
}

/// What [`Generate`] works on.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub enum Input {
    /// An archive, which is rendered and then filled.
    Archive(Archive),
    /// The packed documents of an earlier rendering, which are filled. They are the order's tail.
    Rendered,
}

/// Where a request's archive is.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub enum Archive {
    /// The archive is the order's tail.
    Tail,
    /// The archive is a file, whose descriptor is sent with the order.
    File,
}

/// How placeholders are filled: [`crate::fill::FillOptions`] with policies and stores as unparsed strings.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Fill {
    /// Whether argocd-vault-plugin's behaviour is reproduced (`--compat avp`).
    pub compat_avp: bool,
    /// Kinds of Kubernetes objects that are filled.
    pub kinds: Vec<String>,
    /// Name, namespace and project of the app.
    pub app: [Option<String>; 3],
    /// Whether `avp.kubernetes.io/remove-missing` works on every kind.
    pub remove_missing_any: bool,
    /// Variables that path templates may name.
    pub env: BTreeMap<String, String>,
    /// `KEYFILL_ALLOWED_PATHS`. The supervisor enforces it. The worker checks too, so that the error names a file
    /// and line.
    pub globs: Option<String>,
    /// `KEYFILL_APP_NAMESPACES`, which the supervisor enforces too.
    pub namespaces: Option<String>,
    /// `AVP_PATH_VALIDATION`, a regular expression that paths must match.
    pub expression: Option<String>,
    /// The author's own `AVP_PATH_VALIDATION`. Only the worker checks it: it can only forbid more paths.
    pub authors_expression: Option<String>,
    /// Whether references in the syntax of vals (`ref+vault://...`) are filled.
    pub vals_refs: bool,
    /// The type of the default store, if it is known.
    pub store: Option<String>,
    /// The types of the stores in the config file, by the stores' names.
    pub stores: BTreeMap<String, String>,
}

impl Fill {
    /// The app that is filled.
    pub fn app(&self) -> App {
        let [name, namespace, project] = self.app.clone();
        App { name, namespace, project }
    }

    /// The types of the stores.
    pub fn stores(&self) -> StoreKinds {
        let kind = |name: &str| SourceKind::named("", name).ok();
        let named = self.stores.iter().filter_map(|(name, text)| Some((name.clone(), kind(text)?)));
        StoreKinds { default: self.store.as_deref().and_then(kind), named: named.collect(), any_name: false }
    }
}

/// A message from a worker to the supervisor.
#[derive(Debug, Serialize, Deserialize)]
pub enum Report {
    /// The worker is set up; these parts of its sandbox hold.
    Ready(Sandbox),
    /// The rendering is done; filling goes on.
    Rendered(Rendered),
    /// The worker needs these secrets. It waits for [`Order::Secrets`] or [`Order::Park`].
    Need(Vec<Wanted>),
    /// The answer to [`Order::Generate`].
    Generated(Generated),
    /// The answer to [`Order::Matches`]: whether the folder is for this plugin.
    Matches(bool),
    /// The request cannot be answered.
    Failed(Failed),
    /// The worker needs the data key of an encrypted file, or a share of it, decrypted with this master key. It
    /// waits for [`Order::Unlocked`].
    Unlock(Box<MasterKey>),
    /// The worker needs a chart, base or file that the archive does not hold. It waits for [`Order::Fetched`].
    Fetch(Box<Question>),
}

/// Which parts of a worker's sandbox hold: [`sandbox::Report`] as it is sent.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Sandbox {
    /// Landlock is in force.
    pub landlock: bool,
    /// The seccomp filter is in force.
    pub seccomp: bool,
    /// An attempt to open a file was refused.
    pub no_files: bool,
    /// An attempt to make a socket was refused.
    pub no_network: bool,
    /// An attempt to start a program was refused.
    pub no_processes: bool,
}

impl From<sandbox::Report> for Sandbox {
    fn from(report: sandbox::Report) -> Self {
        let sandbox::Report { landlock, seccomp, no_files, no_network, no_processes } = report;
        Self { landlock, seccomp, no_files, no_network, no_processes }
    }
}

impl Sandbox {
    /// The parts of the sandbox that do not hold, for a message.
    pub fn missing(self) -> Vec<&'static str> {
        let parts = [
            (self.landlock, "Landlock"),
            (self.seccomp, "seccomp"),
            (self.no_files, "files are open"),
            (self.no_network, "the network is open"),
            (self.no_processes, "processes can be started"),
        ];
        parts.into_iter().filter(|(holds, _)| !holds).map(|(_, name)| name).collect()
    }
}

/// One manifest in a report's tail, where manifests stand one after another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// The manifest's number in the rendered stream.
    pub number: u32,
    /// The manifest's length in bytes.
    pub length: u32,
}

/// Manifests with their numbers in the rendered stream.
pub type Numbered = Vec<(u32, Bytes)>;

/// Cuts the manifests off the beginning of a tail; `None` if the tail is too short or a manifest is not UTF-8.
pub fn cut(parts: &[Part], tail: &mut Bytes) -> Option<Numbered> {
    let cut_one = |part: &Part| {
        let length = part.length as usize;
        (length <= tail.len()).then(|| tail.split_to(length)).map(|text| (part.number, text))
    };
    let all: Numbered = parts.iter().map(cut_one).collect::<Option<_>>()?;
    all.iter().all(|(_, text)| std::str::from_utf8(text).is_ok()).then_some(all)
}

/// The result of rendering. The report's tail holds the manifests that need no filling, then the packed documents
/// that are to be filled. Those are left out if they are too large for the cache.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Rendered {
    /// Manifests that need no filling.
    pub ready: Vec<Part>,
    /// How many documents are to be filled.
    pub to_fill: u32,
    /// Warnings for the app's author or the administrator.
    pub warnings: Vec<String>,
    /// The engine that rendered.
    pub engine: String,
    /// How long rendering took, in microseconds.
    pub microseconds: u64,
}

/// The end of an [`Order::Generate`] that succeeded. The report's tail holds the manifests that were filled.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Generated {
    /// The manifests that were filled.
    pub filled: Vec<Part>,
    /// Warnings for the app's author or the administrator.
    pub warnings: Vec<String>,
    /// How many secrets the app needed.
    pub secrets: usize,
    /// How long filling took, in microseconds.
    pub microseconds: u64,
}

/// A request that cannot be answered.
#[derive(Debug, Serialize, Deserialize)]
pub struct Failed {
    /// The exit code of the error's class.
    pub class: u8,
    /// The message for the app's author.
    pub message: String,
    /// Whether an engine lacks something that the official binary has.
    pub unsupported: bool,
    /// Whether the limit of memory was reached.
    pub memory: bool,
}

impl Failed {
    /// A request that is refused because something is not allowed.
    pub fn forbidden(message: String) -> Self {
        Self { class: Class::Forbidden.exit_code(), message, unsupported: false, memory: false }
    }

    /// The error's class.
    pub fn class(&self) -> Class {
        class_of(self.class)
    }
}

/// The class of errors with this exit code.
pub fn class_of(exit_code: u8) -> Class {
    const ALL: [Class; 5] = [Class::Usage, Class::Render, Class::Missing, Class::Store, Class::Forbidden];
    ALL.into_iter().find(|class| class.exit_code() == exit_code).unwrap_or(Class::Other)
}

/// A question for a secret: a [`SecretRef`] and the keys that are needed of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Wanted {
    store: Option<String>,
    path: String,
    version: Option<String>,
    /// Version of Vault's key-value engine, 1 or 2.
    kv: Option<u8>,
    /// `None` for all keys.
    keys: Option<Vec<String>>,
    namespace: Option<String>,
}

impl Wanted {
    /// A reference and its keys as they are sent to the supervisor.
    pub fn of((secret, keys): &(SecretRef, Keys)) -> Self {
        let kv = secret.kv.map(|kv| if kv == KvVersion::V1 { 1 } else { 2 });
        let keys = match keys {
            Keys::All => None,
            Keys::These(names) => Some(names.iter().cloned().collect()),
        };
        let SecretRef { store, path, version, namespace, .. } = secret.clone();
        Self { store, path, version, kv, keys, namespace }
    }

    /// The reference and the keys that were sent.
    pub fn read(self) -> (SecretRef, Keys) {
        let kv = self.kv.map(|kv| if kv == 1 { KvVersion::V1 } else { KvVersion::V2 });
        let secret = SecretRef {
            store: self.store,
            path: self.path,
            version: self.version,
            kv,
            namespace: self.namespace,
        };
        (secret, self.keys.map_or(Keys::All, Keys::from_iter))
    }
}

/// The data key of an encrypted file, or a share of it. Its memory is wiped on drop, and `Debug` does not show it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DataKey(Zeroizing<Vec<u8>>);

impl DataKey {
    /// A copy of these bytes of a key.
    pub fn new(bytes: &[u8]) -> Self {
        Self(Zeroizing::new(bytes.to_vec()))
    }

    /// The bytes of the key.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// The result of reading a secret.
#[derive(Clone, Serialize, Deserialize)]
pub enum Answer {
    /// The secret's keys and values.
    Data(Vec<(String, Value)>),
    /// Why the secret could not be read.
    Error {
        /// The exit code of the error's class.
        class: u8,
        /// What went wrong.
        message: String,
        /// What to do.
        hint: Option<String>,
        /// Whether the store answered that it has no such secret.
        absent: bool,
    },
}

/// A value of a secret: [`SecretValue`] as it is sent.
#[derive(Clone, Serialize, Deserialize)]
pub enum Value {
    /// `null`
    Null,
    /// `true`, `false`
    Bool(bool),
    /// A number as the store wrote it.
    Number(Text),
    /// A string.
    Str(Text),
    /// A list.
    List(Vec<Value>),
    /// A map, in the store's order.
    Map(Vec<(String, Value)>),
    /// Bytes, where a store distinguishes them from text.
    Bytes(Zeroizing<Vec<u8>>),
}

/// A string that may hold a secret. Its memory is wiped on drop, and `Debug` does not show it.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Text(Zeroizing<String>);

impl Text {
    /// Takes over a string without copying it.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The string, for another type whose `Debug` does not show it.
    pub fn take(mut self) -> String {
        std::mem::take(&mut *self.0)
    }

    /// The bytes of the string, to be sent.
    pub fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl Answer {
    /// The answer that a source of secrets gave, as it is sent to a worker.
    pub fn of(answer: &Result<std::sync::Arc<SecretData>, keyfill_secrets::Error>) -> Self {
        match answer {
            Ok(data) => Self::Data(data.iter().map(|(key, value)| (key.to_owned(), value.into())).collect()),
            Err(error) => Self::Error {
                class: error.class().exit_code(),
                message: error.to_string(),
                hint: error.advice().map(str::to_owned),
                absent: error.is_absent(),
            },
        }
    }

    /// The answer as the fill stage takes it.
    pub fn into_result(self) -> Result<std::sync::Arc<SecretData>, keyfill_secrets::Error> {
        match self {
            Self::Data(entries) => {
                let data: SecretData = entries.into_iter().map(|(key, value)| (key, value.into())).collect();
                Ok(data.into())
            }
            Self::Error { class, message, hint, absent } => {
                let failed = Failed { class, message: String::new(), unsupported: false, memory: false };
                Err(keyfill_secrets::Error::relayed(failed.class(), message, hint, absent))
            }
        }
    }
}

impl From<&SecretValue> for Value {
    fn from(value: &SecretValue) -> Self {
        let text = |secret: &keyfill_secrets::Secret| Text::new(secret.expose().to_owned());
        match value {
            SecretValue::Null => Self::Null,
            SecretValue::Bool(b) => Self::Bool(*b),
            SecretValue::Number(n) => Self::Number(text(n)),
            SecretValue::Str(s) => Self::Str(text(s)),
            SecretValue::List(items) => Self::List(items.iter().map(Self::from).collect()),
            SecretValue::Map(entries) => {
                Self::Map(entries.iter().map(|(key, value)| (key.clone(), value.into())).collect())
            }
            SecretValue::Bytes(bytes) => Self::Bytes(Zeroizing::new(bytes.expose().to_vec())),
        }
    }
}

impl From<Value> for SecretValue {
    fn from(value: Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(b) => Self::Bool(b),
            Value::Number(n) => Self::Number(n.take().into()),
            Value::Str(s) => Self::Str(s.take().into()),
            Value::List(items) => Self::List(items.into_iter().map(Self::from).collect()),
            Value::Map(entries) => Self::Map(entries.into_iter().map(|(k, v)| (k, v.into())).collect()),
            Value::Bytes(bytes) => Self::Bytes(SecretBytes::new(bytes.as_slice())),
        }
    }
}

/// Encodes a message as a frame.
pub fn frame<T: Serialize>(message: &T) -> Result<Frame, postcard::Error> {
    Frame::build(|bytes| postcard::to_extend(message, bytes))
}

/// Decodes a message from a frame's content.
pub fn read<T: DeserializeOwned>(content: &[u8]) -> Result<T, postcard::Error> {
    postcard::from_bytes(content)
}

macro_rules! shows_its_name_only {
    ($($kind:ident),*) => {$(
        impl fmt::Debug for $kind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($kind), "(..)"))
            }
        }
    )*};
}

shows_its_name_only!(Answer, DataKey, Value, Text);

#[cfg(test)]
mod tests {
    use super::{Answer, Order, Part, Report, Wanted, cut, frame, read};
    use bytes::Bytes;
    use keyfill_diag::Report as _;
    use keyfill_secrets::{Keys, KvVersion, SecretData, SecretRef};
    use std::sync::Arc;

    fn back<T: serde::Serialize + serde::de::DeserializeOwned>(message: &T) -> T {
        let content = postcard::to_allocvec(message).unwrap();
        read(&content).unwrap()
    }

    #[test]
    fn secrets_arrive_unchanged_and_debug_does_not_show_them() {
        let json = r#"{"k": "hush", "n": 1.10, "l": [null, true, {"m": "hidden"}]}"#;
        let data = Arc::new(SecretData::from_json(json, "it").unwrap());
        let order = Order::Secrets(vec![Answer::of(&Ok(Arc::clone(&data)))]);
        assert!(!format!("{order:?}").contains("hush"), "{order:?}");
        let Order::Secrets(mut answers) = back(&order) else { panic!("another order") };
        assert!(answers.remove(0).into_result().unwrap() == data);
        assert!(!format!("{:?}", frame(&order).unwrap()).contains("hush"));
    }

    #[test]
    fn errors_arrive_with_class_and_advice() {
        let error = keyfill_secrets::Error::relayed(
            keyfill_diag::Class::Missing,
            "cannot read a: none".to_owned(),
            Some("look".to_owned()),
            true,
        );
        let answer = back(&Answer::of(&Err(error)));
        let error = answer.into_result().unwrap_err();
        assert_eq!((error.to_string().as_str(), error.advice()), ("cannot read a: none", Some("look")));
        assert!(error.class() == keyfill_diag::Class::Missing && error.is_absent());
    }

    #[test]
    fn references_arrive_unchanged() {
        let secret = SecretRef {
            store: Some("prod".into()),
            path: "a".into(),
            version: Some("3".into()),
            kv: Some(KvVersion::V1),
            namespace: Some("team".into()),
        };
        for keys in [Keys::All, Keys::none(), Keys::from_iter(["k", "l"])] {
            let wanted = (secret.clone(), keys);
            let Report::Need(mut back) = back(&Report::Need(vec![Wanted::of(&wanted)])) else {
                panic!("another report")
            };
            assert_eq!(back.remove(0).read(), wanted);
        }
    }

    #[test]
    fn manifests_are_cut_off_a_tail() {
        let parts = [(3, 2), (5, 0), (9, 4)].map(|(number, length)| Part { number, length });
        let mut tail = Bytes::from_static(b"{}abcdrest");
        let cut_off = cut(&parts, &mut tail).unwrap();
        let shown: Vec<(u32, &[u8])> = cut_off.iter().map(|(number, text)| (*number, &text[..])).collect();
        assert_eq!(shown, [(3, &b"{}"[..]), (5, b""), (9, b"abcd")]);
        assert_eq!(&tail[..], b"rest");
        assert!(cut(&parts, &mut tail).is_none(), "it is too short");
        assert!(cut(&parts[..1], &mut Bytes::from_static(b"\xff\xfe")).is_none(), "it is not text");
    }

    #[test]
    fn bytes_that_are_no_message_are_an_error() {
        for bytes in [&b""[..], b"\xff", b"\x01\x02", &[2; 100]] {
            assert!(read::<Report>(bytes).is_err(), "{bytes:?}");
        }
    }
}
