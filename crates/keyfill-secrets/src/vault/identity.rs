//! A hash of all settings that decide what a client may read, and where from.

use super::settings::{Auth, CacheNames, Jwt, Proxy, Tls, TokenCache, VaultSettings};
use crate::Secret;
use sha2::{Digest, Sha256};
use std::path::Path;

/// A hash of all settings of a client. Only settings that are equal in every respect have the same identity.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Identity([u8; 32]);

impl Identity {
    pub(crate) fn of(settings: &VaultSettings) -> Self {
        // All fields are named, without `..`, so that a new setting that is missing here does not compile.
        let VaultSettings {
            address,
            namespace,
            auth,
            kv,
            find_data_paths,
            tls,
            proxy,
            max_retries,
            patience,
            request_timeout,
            token_cache,
            addresses,
            follow_redirects,
        } = settings;
        let mut hash = Parts::default();
        hash.text(address).optional(namespace.as_deref());
        hash.number(kv.map_or(0, |kv| kv as u64 + 1)).number(u64::from(*find_data_paths));
        hash.number(max_retries.map_or(0, |n| u64::from(n) + 1));
        hash.number(patience.map_or(0, |time| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)));
        hash.number(u64::try_from(request_timeout.as_nanos()).unwrap_or(u64::MAX));
        hash.text(&format!("{addresses:?}")).number(u64::from(*follow_redirects));
        add_auth(&mut hash, auth);
        add_tls(&mut hash, tls);
        let Proxy { http, https, no_proxy } = proxy;
        hash.optional(http.as_ref().map(Secret::expose)).optional(https.as_ref().map(Secret::expose));
        hash.optional(no_proxy.as_deref());
        if let Some(TokenCache { folder, names }) = token_cache {
            hash.path(folder).number(u64::from(*names == CacheNames::Avp));
        }
        Self(hash.0.finalize().into())
    }
}

fn add_auth(hash: &mut Parts, auth: &Auth) {
    hash.text(auth.method()).text(&auth.login_path());
    match auth {
        Auth::Token(token) => hash.text("text").text(token.expose()),
        Auth::TokenFile(path) => hash.text("file").path(path),
        Auth::AppRole { mount: _, role_id, secret_id } => {
            hash.text(role_id.expose()).text(secret_id.expose())
        }
        Auth::Kubernetes { mount: _, role, jwt } => hash.text(role).path(jwt),
        Auth::Userpass { mount: _, username, password } => hash.text(username).text(password.expose()),
        Auth::Github { mount: _, token } => hash.text(token.expose()),
        Auth::Jwt { mount: _, role, jwt } => {
            hash.optional(role.as_deref());
            match jwt {
                Jwt::Text(text) => hash.text("text").text(text.expose()),
                Jwt::File(path) => hash.text("file").path(path),
            }
        }
        Auth::Cert { mount: _, role } => hash.optional(role.as_deref()),
    };
}

fn add_tls(hash: &mut Parts, tls: &Tls) {
    let Tls { ca_bytes, ca_file, ca_dir, client_cert, client_key, skip_verify, server_name } = tls;
    hash.optional(ca_bytes.as_deref()).optional(server_name.as_deref()).number(u64::from(*skip_verify));
    for path in [ca_file, ca_dir, client_cert, client_key] {
        hash.number(u64::from(path.is_some()));
        if let Some(path) = path {
            hash.path(path);
        }
    }
}

/// A hash of parts, each preceded by its length, so that different lists of parts never give the same input.
#[derive(Default)]
struct Parts(Sha256);

impl Parts {
    fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
        self
    }

    fn text(&mut self, text: &str) -> &mut Self {
        self.bytes(text.as_bytes())
    }

    fn path(&mut self, path: &Path) -> &mut Self {
        self.bytes(path.as_os_str().as_encoded_bytes())
    }

    fn number(&mut self, number: u64) -> &mut Self {
        self.bytes(&number.to_le_bytes())
    }

    fn optional(&mut self, text: Option<&str>) -> &mut Self {
        self.number(u64::from(text.is_some())).text(text.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::Identity;
    use crate::KvVersion;
    use crate::vault::{Auth, Jwt, Proxy, Tls, VaultSettings};
    use std::collections::HashSet;

    #[test]
    fn settings_that_differ_in_one_field_have_different_identities() {
        let base = || VaultSettings::new("http://v:8200", Auth::Token("t".into()));
        let approle = |role: &str, secret: &str| {
            let auth = Auth::AppRole { mount: "m".into(), role_id: role.into(), secret_id: secret.into() };
            VaultSettings { auth, ..base() }
        };
        let all = [
            base(),
            VaultSettings { address: "http://w:8200".into(), ..base() },
            VaultSettings { namespace: Some(String::new()), ..base() },
            VaultSettings { namespace: Some("a".into()), ..base() },
            VaultSettings { kv: Some(KvVersion::V1), ..base() },
            VaultSettings { kv: Some(KvVersion::V2), ..base() },
            VaultSettings { find_data_paths: false, ..base() },
            VaultSettings { max_retries: Some(0), ..base() },
            VaultSettings { addresses: keyfill_http::Addresses::Public, ..base() },
            VaultSettings { follow_redirects: false, ..base() },
            VaultSettings { auth: Auth::Token("u".into()), ..base() },
            VaultSettings { auth: Auth::TokenFile("t".into()), ..base() },
            VaultSettings { auth: Auth::Github { mount: "m".into(), token: "t".into() }, ..base() },
            VaultSettings {
                auth: Auth::Jwt { mount: "m".into(), role: None, jwt: Jwt::Text("t".into()) },
                ..base()
            },
            VaultSettings {
                auth: Auth::Jwt { mount: "m".into(), role: None, jwt: Jwt::File("t".into()) },
                ..base()
            },
            approle("ab", "c"),
            approle("a", "bc"),
            VaultSettings { tls: Tls { skip_verify: true, ..Tls::default() }, ..base() },
            VaultSettings { tls: Tls { ca_file: Some("x".into()), ..Tls::default() }, ..base() },
            VaultSettings { tls: Tls { ca_dir: Some("x".into()), ..Tls::default() }, ..base() },
            VaultSettings { proxy: Proxy { https: Some("x".into()), ..Proxy::default() }, ..base() },
        ];
        let different: HashSet<Identity> = all.iter().map(Identity::of).collect();
        assert_eq!(different.len(), all.len());
        assert!(Identity::of(&base()) == Identity::of(&base()));
    }
}
