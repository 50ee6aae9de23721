//! The secrets of one request: each path is checked against the policy, and then read.

use super::orders::{Answer, Wanted};
use super::refresh::{Given, Marks};
use super::traces::Stage;
use crate::fill::{MOST_SECRETS, PathPolicy, StoreKinds, paths, too_many_secrets};
use keyfill_diag::{Class, Cx, Diagnostic};
use keyfill_secrets::{Error, Keys, Reads, SecretData, SecretRef, Source};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// The most secrets that one request may ask for. Workers enforce the limit too.
pub const MOST: usize = MOST_SECRETS;

/// How many paths are checked before other tasks get a chance to run.
const AT_ONCE: usize = 500;

/// Reads the secrets that the workers of one request ask for.
pub struct Reader {
    reads: Reads,
    policy: PathPolicy,
    stores: StoreKinds,
    stages: Mutex<Vec<Stage>>,
    noted: Option<Noted>,
}

/// The secrets that a request was given, with marks in place of values.
struct Noted {
    marks: Arc<Marks>,
    given: Mutex<BTreeMap<SecretRef, Given>>,
}

impl Reader {
    /// A reader for a request with this source, policy and stores.
    pub fn new(source: Arc<dyn Source>, policy: PathPolicy, stores: StoreKinds) -> Self {
        Self { reads: Reads::new(source), policy, stores, stages: Mutex::default(), noted: None }
    }

    /// Makes the reader note what is read: marks, never values.
    pub fn noting(mut self, marks: Option<Arc<Marks>>) -> Self {
        self.noted = marks.map(|marks| Noted { marks, given: Mutex::default() });
        self
    }

    /// Checks and reads secrets. The answers have the order of `wanted`.
    pub async fn read(&self, wanted: &[Wanted], cx: &Cx) -> Vec<Answer> {
        let secrets: Vec<(SecretRef, Keys)> =
            wanted.iter().take(MOST).map(|wanted| wanted.clone().read()).collect();
        let mut checked: Vec<Result<(), Answer>> = Vec::with_capacity(secrets.len());
        for some in secrets.chunks(AT_ONCE) {
            checked.extend(some.iter().map(|(secret, _)| self.check(secret)));
            tokio::task::yield_now().await;
        }
        let allowed: Vec<(SecretRef, Keys)> = secrets
            .iter()
            .zip(&checked)
            .filter(|(_, c)| c.is_ok())
            .map(|(wanted, _)| wanted.clone())
            .collect();
        let start = Instant::now();
        let read = self.reads.read_all_keys(&allowed, cx).await;
        let stage = Stage::read(start.elapsed(), allowed.len());
        self.stages.lock().unwrap_or_else(PoisonError::into_inner).push(stage);
        if let Some(noted) = &self.noted {
            noted.add(&allowed, &read);
        }
        let mut read = read.into_iter();
        let answer = |checked: Result<(), Answer>| match checked {
            Ok(()) => read.next().map_or_else(too_many, |answer| Answer::of(&answer)),
            Err(refused) => refused,
        };
        let mut answers: Vec<Answer> = checked.into_iter().map(answer).collect();
        answers.resize_with(wanted.len(), too_many);
        answers
    }

    /// Checks that a path is canonical, as workers send them, and may be read.
    fn check(&self, secret: &SecretRef) -> Result<(), Answer> {
        let refused = |message: String| Answer::Error {
            class: Class::Forbidden.exit_code(),
            message,
            hint: None,
            absent: false,
        };
        let store = secret.store.as_deref();
        if store.is_some_and(|store| !self.stores.named.contains_key(store)) {
            return Err(refused("there is no store of that name".to_owned()));
        }
        let path = paths::canonical(&secret.path).and_then(|path| self.stores.canonical(store, path));
        let namespace = secret.namespace.as_deref();
        let is_canonical = path.is_ok_and(|path| path == secret.path)
            && namespace.is_none_or(|name| paths::canonical(name).is_ok_and(|known| known == name));
        if !is_canonical {
            return Err(refused("a path is not in its canonical form".to_owned()));
        }
        self.policy.check_in(&self.stores, store, namespace, &secret.path).map_err(refused)
    }

    /// Takes the notes of what the request was given; they are empty unless [`Reader::noting`] was called.
    pub fn take_given(&self) -> Vec<Given> {
        let Some(noted) = &self.noted else { return Vec::new() };
        std::mem::take(&mut *noted.given.lock().unwrap_or_else(PoisonError::into_inner))
            .into_values()
            .collect()
    }

    /// Takes the stages: how many secrets were read at a time, and how long that took.
    pub fn take_stages(&self) -> Vec<Stage> {
        std::mem::take(&mut self.stages.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes the warnings of the stores.
    pub fn take_warnings(&self) -> Vec<Diagnostic> {
        self.reads.take_warnings()
    }
}

impl Noted {
    fn add(&self, wanted: &[(SecretRef, Keys)], read: &[Result<Arc<SecretData>, Error>]) {
        let mut given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        for ((secret, keys), answer) in wanted.iter().zip(read) {
            let Some(mark) = self.marks.of(keys, answer) else { continue };
            let new = || Given { secret: secret.clone(), keys: keys.clone(), mark };
            given.entry(secret.clone()).or_insert_with(new);
        }
    }
}

fn too_many() -> Answer {
    Answer::Error {
        class: Class::Forbidden.exit_code(),
        message: too_many_secrets(),
        hint: None,
        absent: false,
    }
}

#[cfg(test)]
mod tests {
    use super::{Answer, Reader, Wanted};
    use crate::app::App;
    use crate::fill::{PathPolicy, StoreKinds};
    use crate::settings::SourceKind;
    use keyfill_diag::Cx;
    use keyfill_secrets::{BoxFuture, Error, Keys, SecretData, SecretRef, Source};
    use std::sync::{Arc, Mutex};

    /// A source that notes the secrets it is asked for.
    #[derive(Default)]
    struct Noted(Mutex<Vec<String>>);

    impl Source for Noted {
        fn has_namespaces(&self, _: &SecretRef) -> bool {
            true
        }

        fn read_keys<'a>(
            &'a self,
            secret: &'a SecretRef,
            _: &'a Keys,
            _: &'a Cx,
        ) -> BoxFuture<'a, Result<Arc<SecretData>, Error>> {
            self.0.lock().unwrap().push(secret.to_string());
            Box::pin(async { Ok(Arc::default()) })
        }
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_worker_gets_only_what_the_policy_allows() {
        let source = Arc::new(Noted::default());
        let app = App { project: Some("blue".into()), ..App::default() };
        let globs = "secret/data/{{ app.project }}/*,prod::{{ app.project }}/*";
        let policy = PathPolicy::default().allow_checked(globs, &app);
        let stores = StoreKinds {
            default: Some(SourceKind::Vault),
            named: [("prod".to_owned(), SourceKind::AwsSsm)].into(),
            any_name: false,
        };
        let reader = Reader::new(Arc::clone(&source) as Arc<dyn Source>, policy, stores);
        let paths = [
            "secret/data/blue/db",
            "secret/data/red/db",
            "secret/data/blue/../red/db",
            "/secret/data/blue/x",
            "secret/data/blue/x/",
            "secret/data/blue/%2e%2e/red",
            "",
            "secret/data/blue/other",
        ];
        let wanted = |store: Option<&str>, path: &str| {
            let secret = SecretRef { store: store.map(str::to_owned), ..SecretRef::latest(path) };
            Wanted::of(&(secret, Keys::All))
        };
        let wanted: Vec<Wanted> = paths
            .iter()
            .map(|path| wanted(None, path))
            .chain(
                [("prod", "blue/x"), ("prod", "red/x"), ("other", "blue/x"), ("default", "blue/x")]
                    .map(|(store, path)| wanted(Some(store), path)),
            )
            .collect();
        let answers = reader.read(&wanted, &Cx::default()).await;
        let allowed: Vec<bool> = answers.iter().map(|answer| matches!(answer, Answer::Data(_))).collect();
        let of_stores = [true, false, false, false];
        assert_eq!(allowed[..8], [true, false, false, false, false, false, false, true]);
        assert_eq!(allowed[8..], of_stores);
        let read = ["secret/data/blue/db", "secret/data/blue/other", "prod::blue/x"];
        assert_eq!(*source.0.lock().unwrap(), read);
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_worker_gets_no_namespace_that_the_policy_does_not_allow() {
        let source = Arc::new(Noted::default());
        let app = App::default();
        let policy = PathPolicy::default().allow_checked("*", &app).allow_namespaces("team/*", &app);
        let stores = StoreKinds { default: Some(SourceKind::Vault), ..StoreKinds::default() };
        let reader = Reader::new(Arc::clone(&source) as Arc<dyn Source>, policy, stores);
        let wanted: Vec<Wanted> = ["team/a", "other", "team/../other", "team/a/", ""]
            .iter()
            .map(|name| SecretRef { namespace: Some((*name).to_owned()), ..SecretRef::latest("kv/x") })
            .map(|secret| Wanted::of(&(secret, Keys::All)))
            .collect();
        let answers = reader.read(&wanted, &Cx::default()).await;
        let allowed: Vec<bool> = answers.iter().map(|answer| matches!(answer, Answer::Data(_))).collect();
        assert_eq!(allowed, [true, false, false, false, false]);
    }
}
