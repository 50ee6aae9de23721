//! The token in use: from the settings, a file, the token cache, or a login.

use super::answers::Granted;
use super::cache::Kept;
use super::settings::{Auth, Jwt, VaultSettings};
use crate::{Error, Secret};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

/// A token is not used any more when less than this remains of its time to live, or less than a tenth of it, whichever
/// is shorter.
const MARGIN: Duration = Duration::from_secs(30);

/// If Vault refuses a request this soon after a login, the reason is the policy and not the token, unless Vault says
/// that the token is invalid.
const SETTLED: Duration = Duration::from_secs(30);

/// Where a token came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The settings.
    Given,
    /// A file that another program renews.
    File,
    /// The token cache, from an earlier run. It may be revoked meanwhile.
    Cache,
    /// A login of this process.
    Login,
}

/// A token in use.
#[derive(Clone)]
pub(crate) struct Session {
    pub(crate) kept: Kept,
    pub(crate) origin: Origin,
    /// The number of the token: each further token of a client has the next one.
    pub(crate) generation: u64,
    /// When this process got the token.
    pub(crate) since: Instant,
}

impl Session {
    pub(crate) fn new(kept: Kept, origin: Origin, generation: u64) -> Self {
        Self { kept, origin, generation, since: Instant::now() }
    }

    /// Whether the token is valid long enough for one more request.
    pub(crate) fn lives(&self, now: SystemTime) -> bool {
        let margin = MARGIN.min(self.kept.lease / 10);
        self.kept.ends.is_none_or(|ends| now + margin < ends)
    }

    /// Whether the last third of its time to live has begun and Vault permits a renewal.
    pub(crate) fn wants_renewal(&self, now: SystemTime) -> bool {
        let own = matches!(self.origin, Origin::Login | Origin::Cache);
        own && self.kept.renewable && self.kept.ends.is_some_and(|ends| now + self.kept.lease / 3 > ends)
    }

    /// Whether the token may be the reason of a refusal, so that a new token may help. `says_invalid` is whether Vault
    /// says that the token is invalid.
    pub(crate) fn may_be_dead(&self, says_invalid: bool) -> bool {
        match self.origin {
            Origin::Given => false,
            Origin::File | Origin::Cache => true,
            Origin::Login => says_invalid || self.since.elapsed() >= SETTLED,
        }
    }
}

/// A token from the settings or from a file. Its time to live is not known.
pub(crate) fn lasting(token: Secret) -> Kept {
    Kept { token, ends: None, lease: Duration::ZERO, renewable: false }
}

/// A token that Vault has just granted.
pub(crate) fn granted(granted: Granted) -> Kept {
    // A token without a lease does not expire. A lease that is too long for the clock counts as none.
    let ends = if granted.lease.is_zero() { None } else { SystemTime::now().checked_add(granted.lease) };
    Kept { token: granted.token, ends, lease: granted.lease, renewable: granted.renewable }
}

/// The JWT or the service account's token that a login sends; empty for methods without one.
pub(crate) fn jwt(auth: &Auth) -> Result<Secret, Error> {
    match auth {
        Auth::Kubernetes { jwt, .. } => read_file(jwt, "the service account's token"),
        Auth::Jwt { jwt: Jwt::File(path), .. } => read_file(path, "the JWT"),
        Auth::Jwt { jwt: Jwt::Text(text), .. } => Ok(text.clone()),
        _ => Ok(Secret::default()),
    }
}

/// The text of a file, without white space at its start and end. `what` names the file in errors.
pub(crate) fn read_file(path: &Path, what: &str) -> Result<Secret, Error> {
    let name = path.display();
    let text = std::fs::read_to_string(path).map(zeroize::Zeroizing::new).map_err(|e| {
        Error::usage(format!("{what} cannot be read from {name}: {e}"))
            .hint("check that the file is mounted and that this user may read it")
    })?;
    let text = text.trim();
    if text.is_empty() {
        return Err(Error::usage(format!("{what} cannot be read from {name}: the file is empty")));
    }
    Ok(Secret::new(text))
}

/// The credential of a login. Its hash is a part of the key in the token cache.
pub(crate) fn credential(settings: &VaultSettings, jwt: &Secret, certificate: &[u8]) -> Vec<u8> {
    match &settings.auth {
        Auth::Token(_) | Auth::TokenFile(_) => Vec::new(),
        Auth::AppRole { secret_id, .. } => secret_id.expose().as_bytes().to_vec(),
        Auth::Kubernetes { .. } | Auth::Jwt { .. } => jwt.expose().as_bytes().to_vec(),
        Auth::Userpass { password, .. } => password.expose().as_bytes().to_vec(),
        Auth::Github { token, .. } => token.expose().as_bytes().to_vec(),
        Auth::Cert { .. } => certificate.to_vec(),
    }
}

/// The credentials in the settings, which are removed from Vault's messages.
pub(crate) fn hidden(auth: &Auth) -> Vec<&Secret> {
    match auth {
        Auth::Token(token) | Auth::Github { token, .. } => vec![token],
        // The role id stays: it names the role that a message is about.
        Auth::AppRole { secret_id, .. } => vec![secret_id],
        Auth::Userpass { password, .. } => vec![password],
        Auth::Jwt { jwt: Jwt::Text(text), .. } => vec![text],
        Auth::TokenFile(_) | Auth::Kubernetes { .. } | Auth::Jwt { .. } | Auth::Cert { .. } => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Origin, Session};
    use crate::vault::cache::Kept;
    use std::time::{Duration, SystemTime};

    fn session(left: u64, lease: u64, origin: Origin) -> Session {
        let ends = Some(SystemTime::now() + Duration::from_secs(left));
        let kept = Kept { token: "t".into(), ends, lease: Duration::from_secs(lease), renewable: true };
        Session::new(kept, origin, 1)
    }

    #[test]
    fn a_token_is_renewed_in_its_last_third_and_not_used_just_before_it_expires() {
        let now = SystemTime::now();
        let state = |left| {
            let s = session(left, 600, Origin::Login);
            (s.lives(now), s.wants_renewal(now))
        };
        assert_eq!(state(500), (true, false));
        assert_eq!(state(150), (true, true));
        assert_eq!(state(20), (false, true));
        let short = session(3, 4, Origin::Login);
        assert!(short.lives(now) && !short.wants_renewal(now));
    }

    #[test]
    fn only_a_token_that_can_be_replaced_is_replaced_after_a_refusal() {
        let dead = |origin, says| session(500, 600, origin).may_be_dead(says);
        assert!(!dead(Origin::Given, true));
        assert!(dead(Origin::Cache, false) && dead(Origin::File, false));
        assert!(dead(Origin::Login, true) && !dead(Origin::Login, false));
    }
}
