//! Docker's credential helpers: programs that the administrator named, started without a shell.
//!
//! `docker-credential-NAME get` reads the name of a registry and prints a user and a password as JSON. What it prints
//! is bounded and never shown; how long it takes, too.

use crate::login::{Asked, Login, LoginSource};
use serde::Deserialize;
use std::collections::HashMap;
use std::fmt;
use std::io::{Read as _, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// How long a helper may take.
const TIME: Duration = Duration::from_secs(15);
/// How long an answer is used before the helper is asked again; the tokens of clouds last for hours.
const HOLDS: Duration = Duration::from_secs(300);
/// How often it is asked whether a helper has ended.
const TICK: Duration = Duration::from_millis(5);
/// More bytes than any helper prints.
const MOST_PRINTED: u64 = 64 << 10;

/// What a helper answered, and when; held while it is asked.
type Answer = Arc<tokio::sync::Mutex<Option<(Instant, Option<Login>)>>>;
/// By helper and server.
type Answers = Arc<Mutex<HashMap<(String, String), Answer>>>;

/// Which helpers may be started, and with which variables.
#[derive(Clone, Default)]
pub struct Helpers {
    allowed: Vec<String>,
    environment: Arc<Vec<(String, String)>>,
    answers: Answers,
}

impl Helpers {
    /// Helpers by their names, without `docker-credential-`, and all variables that they get.
    pub fn new(allowed: Vec<String>, environment: Vec<(String, String)>) -> Self {
        Self { allowed, environment: Arc::new(environment), answers: Answers::default() }
    }

    /// The login that a helper gives for a server, where the helper may be started.
    pub(crate) fn login(&self, name: &str, server: &str) -> Option<Login> {
        let is_allowed = self.allowed.iter().any(|allowed| allowed == name) && is_plain(name);
        is_allowed.then(|| {
            let (name, server, helpers) = (name.to_owned(), server.to_owned(), self.clone());
            Login::from_source(Arc::new(Helper { name, server, helpers }))
        })
    }
}

impl PartialEq for Helpers {
    fn eq(&self, other: &Self) -> bool {
        self.allowed == other.allowed && self.environment == other.environment
    }
}

impl fmt::Debug for Helpers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Helpers").field(&self.allowed).finish()
    }
}

/// Whether a name can be that of a helper: it becomes a part of the name of a program.
pub fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}

#[derive(Clone)]
struct Helper {
    name: String,
    server: String,
    helpers: Helpers,
}

impl LoginSource for Helper {
    fn id(&self) -> String {
        format!("helper {} {}", self.name, self.server)
    }

    fn ask(&self, until: Instant) -> Asked<'_> {
        Box::pin(async move {
            let key = (self.name.clone(), self.server.clone());
            let answer = {
                let mut answers = self.helpers.answers.lock().unwrap_or_else(PoisonError::into_inner);
                Arc::clone(answers.entry(key).or_default())
            };
            let mut answer = answer.lock().await;
            if let Some((at, login)) = &*answer
                && at.elapsed() < HOLDS
            {
                return Ok(login.clone());
            }
            let (helper, until) = (self.clone(), until.min(Instant::now() + TIME));
            let ran = tokio::task::spawn_blocking(move || helper.run(until)).await;
            let printed = ran.unwrap_or(Err("it was lost"));
            let login = printed.and_then(|printed| read(&printed).ok_or("it printed no login"));
            let login = login.map_err(|why| format!("docker-credential-{}: {why}", self.name))?;
            *answer = Some((Instant::now(), login.clone()));
            Ok(login)
        })
    }
}

impl Helper {
    /// What the helper prints; nothing where it knows no login.
    fn run(&self, until: Instant) -> Result<Zeroizing<Vec<u8>>, &'static str> {
        let mut child = Command::new(format!("docker-credential-{}", self.name))
            .arg("get")
            .env_clear()
            .envs(self.helpers.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|_| "it cannot be started; is it on PATH?")?;
        let answer = self.converse(&mut child, until);
        // A helper that has ended is not there to be killed.
        let _ = child.kill();
        let _ = child.wait();
        answer
    }

    fn converse(&self, child: &mut Child, until: Instant) -> Result<Zeroizing<Vec<u8>>, &'static str> {
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let (Some(mut stdin), Some(stdout)) = (stdin, stdout) else { return Err("it has no pipes") };
        // A name fits into a pipe. A helper that reads nothing may have ended by then; what it printed says more.
        let _ = stdin.write_all(self.server.as_bytes());
        drop(stdin);
        let (sender, printed) = mpsc::channel();
        std::thread::spawn(move || {
            let mut bytes = Zeroizing::new(Vec::new());
            let read = stdout.take(MOST_PRINTED + 1).read_to_end(&mut bytes);
            // Nobody waits any more where it took too long.
            let _ = sender.send(read.map(|_| bytes));
        });
        let left = || until.saturating_duration_since(Instant::now());
        let printed = printed.recv_timeout(left()).map_err(|_| "it took too long")?;
        let printed = printed.ok().filter(|printed| printed.len() as u64 <= MOST_PRINTED);
        let printed = printed.ok_or("it prints more than a login")?;
        let status = loop {
            match child.try_wait() {
                Ok(Some(status)) => break status,
                Ok(None) if left().is_zero() => return Err("it took too long"),
                Ok(None) => std::thread::sleep(TICK),
                Err(_) => return Err("it was lost"),
            }
        };
        match (status.success(), printed.starts_with(b"credentials not found")) {
            (true, _) => Ok(printed),
            (false, true) => Ok(Zeroizing::default()),
            (false, false) => Err("it failed"),
        }
    }
}

#[derive(Deserialize)]
struct Printed {
    #[serde(rename = "Username", default)]
    user: String,
    #[serde(rename = "Secret", default)]
    secret: Zeroizing<String>,
}

/// The login in what a helper printed: none where that is empty, `None` where it is not a login.
fn read(printed: &[u8]) -> Option<Option<Login>> {
    if printed.is_empty() {
        return Some(None);
    }
    let Printed { user, secret } = serde_json::from_slice(printed).ok()?;
    if secret.is_empty() {
        return Some(None);
    }
    Some(Some(match user.as_str() {
        "<token>" => Login::identity("", "", &secret),
        _ => Login::basic(&user, &secret),
    }))
}

#[cfg(test)]
mod tests {
    use super::{Helpers, is_plain, read};
    use crate::login::Login;

    #[test]
    fn a_helper_is_started_only_where_it_is_named() {
        let helpers = Helpers::new(vec!["ecr-login".into(), "../x".into()], Vec::new());
        assert!(helpers.login("ecr-login", "r.example").is_some());
        for other in ["desktop", "../x", "", "a b"] {
            assert!(helpers.login(other, "r.example").is_none(), "{other}");
        }
        assert!(is_plain("gcr") && !is_plain("a/b"));
    }

    #[test]
    fn what_a_helper_prints_is_a_login_a_token_or_nothing() {
        let id = |text: &str| read(text.as_bytes()).map(|login| login.map(|login| login.id()));
        let basic = Some(Some(Login::basic("u", "p").id()));
        assert_eq!(id(r#"{"ServerURL":"r","Username":"u","Secret":"p"}"#), basic);
        let token = read(br#"{"Username":"<token>","Secret":"t"}"#).flatten().expect("a login");
        assert_eq!(token.identity_token(), Some("t"));
        assert_eq!((id(""), id("{}"), id("[1]")), (Some(None), Some(None), None));
    }
}
