//! What supervisor and worker say to each other. A secret crosses in a type that does not print.

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

/// What the supervisor says.
#[derive(Debug, Serialize, Deserialize)]
pub enum Order {
    /// The first one: how the worker is set up. It is answered with [`Report::Ready`].
    Start(Box<Start>),
    /// Render and fill. What is worked on comes beside it, as [`Input`] says.
    Generate(Box<Generate>),
    /// Whether a folder is for this plugin. The archive comes beside it, as [`Archive`] says.
    Matches(Box<Matches>),
    /// The answers to [`Report::Need`], in its order.
    Secrets(Vec<Answer>),
    /// In place of answers: they take their time. The work is given up, and the worker is free.
    Park,
    /// The answer to [`Report::Unlock`].
    Unlocked(Result<DataKey, Refusal>),
    /// The answer to [`Report::Fetch`]. Its tail is a chart's archive, a file or folders of a
    /// tree; a tree's names come as a file descriptor.
    Fetched(Result<Found, NotFetched>),
}

/// How a worker is set up.
#[derive(Debug, Serialize, Deserialize)]
pub struct Start {
    /// The supervisor's process: the worker ends with it.
    pub parent: u32,
    /// The bound on memory that the worker cannot leave, in bytes.
    pub memory: u64,
    /// Whether it may start official binaries; then it keeps files, and processes.
    pub may_start_programs: bool,
    /// The administrator's flags of rendering.
    pub render: RenderArgs,
    /// plugin.yaml's discovery.
    pub discovery: Discovery,
    /// What plugin.yaml's commands render; without one the worker finds out by itself.
    pub plan: Option<Plan>,
    /// The administrator's variables that rendering knows: none of them is a credential.
    pub env: Vec<(String, String)>,
}

/// plugin.yaml's discovery.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Discovery {
    /// Whether there is any.
    pub configured: bool,
    /// Whether every root counts, with placeholders or without.
    pub any: bool,
    /// Whether encrypted files count.
    pub decrypts: bool,
    /// `discover.fileName`
    pub file_name: String,
    /// `discover.find.glob`
    pub glob: String,
    /// `discover.find.command`, where it is not `keyfill discover`.
    pub asked: Option<Plan>,
}

/// What both kinds of work need.
#[derive(Debug, Serialize, Deserialize)]
pub struct Task {
    /// The app's folder.
    pub path: String,
    /// Milliseconds from now until the worker must have answered.
    pub milliseconds: u64,
    /// Bytes that the worker may hold.
    pub memory: u64,
}

/// Render and fill.
#[derive(Debug, Serialize, Deserialize)]
pub struct Generate {
    /// Where, how long, how much.
    pub task: Task,
    /// The request's own variables.
    pub env: Vec<(String, String)>,
    /// The engine that the settings name.
    pub engine: Option<String>,
    /// Whose helm the settings name.
    pub helm_compat: Option<String>,
    /// What the settings prefer of a folder that is two things.
    pub prefer: Option<String>,
    /// How placeholders are filled.
    pub fill: Fill,
    /// What is rendered, or was before.
    pub input: Input,
    /// Secrets that the rendering was known to need.
    pub secrets: Vec<(Wanted, Answer)>,
    /// A rendering whose documents take less is packed, to be kept: bytes.
    pub pack_below: u64,
    /// Whether encrypted files are decrypted.
    pub decrypts: bool,
    /// Whether placeholders in values are filled before a chart is rendered: always, or where the app asks for it;
    /// nothing where the administrator forbids it.
    pub fills_values: Option<bool>,
    /// Whether the supervisor fetches what the archive does not hold.
    pub fetches: bool,
    /// Whether placeholders are filled at all.
    pub filling: FillWhen,
}

/// Whether a folder is for this plugin.
#[derive(Debug, Serialize, Deserialize)]
pub struct Matches {
    /// Where, how long, how much.
    pub task: Task,
    /// The request's own variables.
    pub env: Vec<(String, String)>,
    /// What is looked at.
    pub archive: Archive,
}

/// What is rendered, or was before.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub enum Input {
    /// An archive.
    Archive(Archive),
    /// The documents of an earlier rendering that are to be filled, packed, as the order's tail.
    Rendered,
}

/// Where a request's archive is.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub enum Archive {
    /// It is the order's tail.
    Tail,
    /// It comes as a file with the order.
    File,
}

/// How placeholders are filled: [`crate::fill::FillOptions`] before its texts are read.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Fill {
    /// With AVP's habits.
    pub compat_avp: bool,
    /// Kinds that are filled.
    pub kinds: Vec<String>,
    /// Name, namespace and project of the app.
    pub app: [Option<String>; 3],
    /// Whether `avp.kubernetes.io/remove-missing` works on every kind.
    pub remove_missing_any: bool,
    /// Variables that path templates may name.
    pub env: BTreeMap<String, String>,
    /// `KEYFILL_ALLOWED_PATHS`. The supervisor checks as well, and it is the one that counts: here the error gets
    /// its place.
    pub globs: Option<String>,
    /// `KEYFILL_APP_NAMESPACES`, which the supervisor checks too.
    pub namespaces: Option<String>,
    /// `AVP_PATH_VALIDATION`, which paths must match.
    pub expression: Option<String>,
    /// The author's own expression. It is checked here alone: it can only narrow.
    pub authors_expression: Option<String>,
    /// References of vals are filled.
    pub vals_refs: bool,
    /// The kind of the default store, where it is known.
    pub store: Option<String>,
    /// The stores that the administrator named, with their kinds.
    pub stores: BTreeMap<String, String>,
}

impl Fill {
    /// The app.
    pub fn app(&self) -> App {
        let [name, namespace, project] = self.app.clone();
        App { name, namespace, project }
    }

    /// The stores.
    pub fn stores(&self) -> StoreKinds {
        let kind = |name: &str| SourceKind::named("", name).ok();
        let named = self.stores.iter().filter_map(|(name, text)| Some((name.clone(), kind(text)?)));
        StoreKinds { default: self.store.as_deref().and_then(kind), named: named.collect(), any_name: false }
    }
}

/// What a worker says.
#[derive(Debug, Serialize, Deserialize)]
pub enum Report {
    /// It is set up, and this is what holds.
    Ready(Sandbox),
    /// What was rendered.
    Rendered(Rendered),
    /// It needs secrets.
    Need(Vec<Wanted>),
    /// The request is answered.
    Generated(Generated),
    /// Whether the folder is for this plugin.
    Matches(bool),
    /// The request cannot be answered.
    Failed(Failed),
    /// It needs the data key of an encrypted file, or a share of it: what a master key of the file holds.
    Unlock(Box<MasterKey>),
    /// It needs what the archive does not hold.
    Fetch(Box<Question>),
}

/// [`sandbox::Report`].
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Sandbox {
    /// Landlock holds.
    pub landlock: bool,
    /// seccomp holds.
    pub seccomp: bool,
    /// Opening a file was refused.
    pub no_files: bool,
    /// Making a socket was refused.
    pub no_network: bool,
    /// Starting a program was refused.
    pub no_processes: bool,
}

impl From<sandbox::Report> for Sandbox {
    fn from(report: sandbox::Report) -> Self {
        let sandbox::Report { landlock, seccomp, no_files, no_network, no_processes } = report;
        Self { landlock, seccomp, no_files, no_network, no_processes }
    }
}

impl Sandbox {
    /// What does not hold, in words.
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

/// One of the manifests that are a report's tail, one behind the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Its number in the stream.
    pub number: u32,
    /// Its bytes.
    pub length: u32,
}

/// Manifests with their numbers in the stream.
pub type Numbered = Vec<(u32, Bytes)>;

/// Cuts the manifests off the beginning of a tail; nothing where they do not fit, or are no text.
pub fn cut(parts: &[Part], tail: &mut Bytes) -> Option<Numbered> {
    let cut_one = |part: &Part| {
        let length = part.length as usize;
        (length <= tail.len()).then(|| tail.split_to(length)).map(|text| (part.number, text))
    };
    let all: Numbered = parts.iter().map(cut_one).collect::<Option<_>>()?;
    all.iter().all(|(_, text)| std::str::from_utf8(text).is_ok()).then_some(all)
}

/// What rendering gave. Its tail: the manifests that need no filling, and then the documents that are to be filled,
/// packed; nothing of those when they are too large to be kept.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Rendered {
    /// Manifests that need no filling.
    pub ready: Vec<Part>,
    /// How many documents are to be filled.
    pub to_fill: u32,
    /// What a person should know.
    pub warnings: Vec<String>,
    /// Who rendered.
    pub engine: String,
    /// Microseconds that it took.
    pub microseconds: u64,
}

/// An answered request. Its tail: the manifests that were filled.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Generated {
    /// The manifests that were filled.
    pub filled: Vec<Part>,
    /// What a person should know.
    pub warnings: Vec<String>,
    /// How many secrets it needed.
    pub secrets: usize,
    /// Microseconds that filling took.
    pub microseconds: u64,
}

/// A request that cannot be answered.
#[derive(Debug, Serialize, Deserialize)]
pub struct Failed {
    /// The exit code of its class.
    pub class: u8,
    /// What a person reads.
    pub message: String,
    /// An engine lacks something that the official binary has.
    pub unsupported: bool,
    /// The bound on memory was met.
    pub memory: bool,
}

impl Failed {
    /// What may not be.
    pub fn forbidden(message: String) -> Self {
        Self { class: Class::Forbidden.exit_code(), message, unsupported: false, memory: false }
    }

    /// Its class.
    pub fn class(&self) -> Class {
        class_of(self.class)
    }
}

/// The class with this exit code.
pub fn class_of(exit_code: u8) -> Class {
    const ALL: [Class; 5] = [Class::Usage, Class::Render, Class::Missing, Class::Store, Class::Forbidden];
    ALL.into_iter().find(|class| class.exit_code() == exit_code).unwrap_or(Class::Other)
}

/// A [`SecretRef`] and the keys that are wanted of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Wanted {
    store: Option<String>,
    path: String,
    version: Option<String>,
    /// Version 1 or 2 of the engine.
    kv: Option<u8>,
    /// Nothing for all keys.
    keys: Option<Vec<String>>,
    namespace: Option<String>,
}

impl Wanted {
    /// For the way to the supervisor.
    pub fn of((secret, keys): &(SecretRef, Keys)) -> Self {
        let kv = secret.kv.map(|kv| if kv == KvVersion::V1 { 1 } else { 2 });
        let keys = match keys {
            Keys::All => None,
            Keys::These(names) => Some(names.iter().cloned().collect()),
        };
        let SecretRef { store, path, version, namespace, .. } = secret.clone();
        Self { store, path, version, kv, keys, namespace }
    }

    /// What it says.
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

/// The data key of an encrypted file, or a share of it: its memory is wiped when it goes, and it does not print.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DataKey(Zeroizing<Vec<u8>>);

impl DataKey {
    /// A key.
    pub fn new(bytes: &[u8]) -> Self {
        Self(Zeroizing::new(bytes.to_vec()))
    }

    /// It.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// What reading a secret gave.
#[derive(Clone, Serialize, Deserialize)]
pub enum Answer {
    /// Its keys and values.
    Data(Vec<(String, Value)>),
    /// Why it could not be read.
    Error {
        /// The exit code of its class.
        class: u8,
        /// What went wrong.
        message: String,
        /// What to do.
        hint: Option<String>,
        /// The store answered, and has no such secret.
        absent: bool,
    },
}

/// [`SecretValue`].
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

/// A text that may hold a secret: its memory is wiped when it goes, and it does not print.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Text(Zeroizing<String>);

impl Text {
    /// Takes a text over.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// Gives the text away, into another type that does not print.
    pub fn take(mut self) -> String {
        std::mem::take(&mut *self.0)
    }

    /// Its bytes, to be sent.
    pub fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl Answer {
    /// From what a source gave.
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

    /// For the fill stage.
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

/// A frame that says this.
pub fn frame<T: Serialize>(message: &T) -> Result<Frame, postcard::Error> {
    Frame::build(|bytes| postcard::to_extend(message, bytes))
}

/// What a frame's content says.
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
    fn secrets_cross_as_they_are_and_print_nothing() {
        let json = r#"{"k": "hush", "n": 1.10, "l": [null, true, {"m": "hidden"}]}"#;
        let data = Arc::new(SecretData::from_json(json, "it").unwrap());
        let order = Order::Secrets(vec![Answer::of(&Ok(Arc::clone(&data)))]);
        assert!(!format!("{order:?}").contains("hush"), "{order:?}");
        let Order::Secrets(mut answers) = back(&order) else { panic!("another order") };
        assert!(answers.remove(0).into_result().unwrap() == data);
        assert!(!format!("{:?}", frame(&order).unwrap()).contains("hush"));
    }

    #[test]
    fn errors_cross_with_class_and_advice() {
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
    fn references_cross_whole() {
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
        assert!(cut(&parts[..1], &mut Bytes::from_static(b"\xff\xfe")).is_none(), "it is no text");
    }

    #[test]
    fn what_was_not_written_here_is_an_error() {
        for bytes in [&b""[..], b"\xff", b"\x01\x02", &[2; 100]] {
            assert!(read::<Report>(bytes).is_err(), "{bytes:?}");
        }
    }
}
