//! Docker's credential helpers: programs that the administrator allowed, started without a shell.
//!
//! `docker-credential-NAME get` reads the name of a registry and prints a user and a password as JSON. Its time and
//! the size of its output are limited, and its output is never shown.

use crate::login::{Asked, Login, LoginSource};
use serde::Deserialize;
use std::collections::HashMap;
use std::fmt;
use std::io::{Read as _, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// The longest that a helper may run.
const TIME: Duration = Duration::from_secs(15);
/// How long a login is used before the helper is started again. The tokens of cloud providers are valid for hours.
const HOLDS: Duration = Duration::from_secs(300);
/// The interval between two checks whether a helper has ended.
const TICK: Duration = Duration::from_millis(5);
/// The most bytes that a helper may print.
const MOST_PRINTED: u64 = 64 << 10;

/// The login that a helper gave, and when. It is locked while the helper runs, so that it runs once.
type Answer = Arc<tokio::sync::Mutex<Option<(Instant, Option<Login>)>>>;
/// The logins, by the name of the helper and the server.
type Answers = Arc<Mutex<HashMap<(String, String), Answer>>>;

/// Which helpers may be started, and with which environment variables.
#[derive(Clone, Default)]
pub struct Helpers {
    allowed: Vec<String>,
    environment: Arc<Vec<(String, String)>>,
    answers: Answers,
}

impl Helpers {
    /// The helpers that may be started, by their names without `docker-credential-`, and all environment variables
    /// that they get.
    pub fn new(allowed: Vec<String>, environment: Vec<(String, String)>) -> Self {
        Self { allowed, environment: Arc::new(environment), answers: Answers::default() }
    }

    /// The login that a helper gives for a server; `None` if the helper must not be started. It is started when the
    /// login is needed.
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

/// Whether a name is safe as that of a helper: it becomes a part of the name of a program.
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
    /// Runs the helper and returns its output, which is empty if it knows no login.
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
        // Killing fails if the helper has ended by itself.
        let _ = child.kill();
        let _ = child.wait();
        answer
    }

    fn converse(&self, child: &mut Child, until: Instant) -> Result<Zeroizing<Vec<u8>>, &'static str> {
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let (Some(mut stdin), Some(stdout)) = (stdin, stdout) else { return Err("it has no pipes") };
        // The name fits into the pipe's buffer, so that this does not block. It fails if the helper has ended without
        // reading: its output and status are checked below.
        let _ = stdin.write_all(self.server.as_bytes());
        drop(stdin);
        let (sender, printed) = mpsc::channel();
        std::thread::spawn(move || {
            let mut bytes = Zeroizing::new(Vec::new());
            let read = stdout.take(MOST_PRINTED + 1).read_to_end(&mut bytes);
            // Sending fails if the helper took too long and the receiver was dropped.
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

/// Parses the output of a helper: `Some(None)` if it knows no login, `None` if the output is not a login.
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
    fn only_helpers_that_are_allowed_give_a_login() {
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
