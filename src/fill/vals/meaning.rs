//! Translates a reference of vals to a store of this run, and a path and a key in it.

use super::Reference;
use crate::fill::placeholder::{Call, Placeholder, Target};
use crate::fill::stores::StoreKinds;
use crate::settings::SourceKind;
use crate::settings::stores::DEFAULT_STORE;

/// The supported schemes, with the kind of store that each refers to.
const SCHEMES: [(&str, SourceKind); 13] = [
    ("vault", SourceKind::Vault),
    ("openbao", SourceKind::Vault),
    ("awssecrets", SourceKind::AwsSecretsManager),
    ("awsssm", SourceKind::AwsSsm),
    ("gcpsecrets", SourceKind::GcpSecretManager),
    ("azurekeyvault", SourceKind::AzureKeyVault),
    ("k8s", SourceKind::KubernetesSecret),
    ("onepasswordconnect", SourceKind::OnePasswordConnect),
    ("yclockbox", SourceKind::YandexLockbox),
    ("tss", SourceKind::DelineaSecretServer),
    ("doppler", SourceKind::Doppler),
    ("infisical", SourceKind::Infisical),
    ("conjur", SourceKind::Conjur),
];

/// Why a reference is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The error message.
    pub message: String,
    /// The reference is forbidden for security, not merely malformed.
    pub forbidden: bool,
}

fn wrong<T>(message: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal { message: message.into(), forbidden: false })
}

fn forbidden<T>(message: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal { message: message.into(), forbidden: true })
}

/// The placeholder for the same value.
pub fn placeholder(reference: &Reference<'_>, stores: &StoreKinds) -> Result<Placeholder, Refusal> {
    let scheme = reference.scheme;
    let Some((_, kind)) = SCHEMES.iter().find(|(name, _)| *name == scheme) else {
        let names = SCHEMES.map(|(name, _)| name).join(", ");
        return forbidden(format!("the scheme {scheme} of vals is not read; there are {names}"));
    };
    let store = store_of(*kind, scheme, stores)?;
    let mut wanted = Wanted::of(*kind, reference)?;
    let path = std::mem::take(&mut wanted.path);
    let path = store.map_or_else(|| path.clone(), |store| format!("{store}::{path}"));
    let calls = match wanted.inside.as_slice() {
        [] => Vec::new(),
        inside => {
            let fits =
                |part: &&str| part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
            if !inside.iter().all(fits) {
                return wrong(
                    "the fragment holds a name that keyfill cannot follow; use a placeholder with jsonPath",
                );
            }
            let argument = format!("{{.{}}}", inside.join("."));
            vec![Call { name: "jsonPath".to_owned(), argument, words: Vec::new() }]
        }
    };
    Ok(Placeholder { target: Target::Path { path, key: wanted.key, version: wanted.version }, calls })
}

/// The name of the store of a kind: the default store if it is of this kind, else the only named store that is.
fn store_of(kind: SourceKind, scheme: &str, stores: &StoreKinds) -> Result<Option<String>, Refusal> {
    // A file source replaces Vault.
    let fits = |known: SourceKind| known == kind || kind == SourceKind::Vault && known == SourceKind::File;
    let none_is_named = stores.named.is_empty();
    if stores.default.is_some_and(fits) || (none_is_named && (stores.default.is_none() || stores.any_name)) {
        // With an explicit name the manifest's annotation cannot choose another store.
        return Ok((!none_is_named).then(|| DEFAULT_STORE.to_owned()));
    }
    let mut named = stores.named.iter().filter(|(_, known)| fits(**known)).map(|(name, _)| name);
    match (named.next(), named.next()) {
        (Some(name), None) => Ok(Some(name.clone())),
        (None, _) => wrong(format!("no store of the type {} is set, which {scheme} is about", kind.name())),
        (Some(first), Some(second)) => wrong(format!(
            "{first}, {second} and perhaps more stores are of the type {}; name one in a placeholder: <path:{first}::...>",
            kind.name()
        )),
    }
}

/// The value that a reference refers to.
#[derive(Default)]
struct Wanted<'t> {
    path: String,
    key: String,
    version: Option<String>,
    /// Names of nested fields inside the value.
    inside: Vec<&'t str>,
}

impl<'t> Wanted<'t> {
    fn of(kind: SourceKind, reference: &Reference<'t>) -> Result<Self, Refusal> {
        let parameters = Parameters::of(kind, reference)?;
        let mut names = reference.fragment.split('/').filter(|name| !name.is_empty());
        let path = reference.path;
        let mut wanted = Self { path: path.to_owned(), version: parameters.version, ..Self::default() };
        let shape = |shape: &str| {
            wrong(format!("the reference is not of the form ref+{}://{shape}", reference.scheme))
        };
        match kind {
            SourceKind::AwsSecretsManager => {
                wanted.key = names.next().unwrap_or("SecretString").to_owned();
            }
            SourceKind::AwsSsm if parameters.single => {
                wanted.key = names.next().unwrap_or("Value").to_owned();
            }
            SourceKind::AwsSsm => {
                // The fragment is the rest of the parameter's name.
                for name in names.by_ref() {
                    wanted.path.push('/');
                    wanted.path.push_str(name);
                }
                wanted.key = "Value".to_owned();
            }
            SourceKind::GcpSecretManager => {
                let Some((project, secret)) = path.split_once('/') else { return shape("PROJECT/SECRET") };
                wanted.path = format!("projects/{project}/secrets/{secret}");
                wanted.key = names.next().unwrap_or(secret).to_owned();
            }
            SourceKind::AzureKeyVault => {
                let mut parts = path.split('/');
                let (Some(vault), Some(name), version, None) =
                    (parts.next(), parts.next(), parts.next(), parts.next())
                else {
                    return shape("VAULT/NAME[/VERSION]");
                };
                (wanted.path, wanted.key) = (vault.to_owned(), name.to_owned());
                wanted.version = version.map(str::to_owned);
            }
            SourceKind::KubernetesSecret => {
                let parts: Vec<&str> = path.split('/').collect();
                let ["v1", "Secret", namespace, name, key] = parts[..] else {
                    return shape("v1/Secret/NAMESPACE/NAME/KEY");
                };
                (wanted.path, wanted.key) = (format!("{namespace}:{name}"), key.to_owned());
            }
            SourceKind::OnePasswordConnect => {
                let (Some((vault, item)), Some(field)) = (path.split_once('/'), names.next()) else {
                    return shape("VAULT/ITEM#/FIELD");
                };
                wanted.path = format!("vaults/{vault}/items/{item}");
                // The section of a field is ignored.
                wanted.key = field.rsplit('.').next().unwrap_or(field).to_owned();
            }
            SourceKind::Infisical => {
                let [Some(project), Some(environment)] = [parameters.project, parameters.environment] else {
                    return shape("NAME?project_id=ID&environment=ENVIRONMENT");
                };
                let folder = parameters.folder.unwrap_or_default().trim_matches('/');
                wanted.path = format!("{project}/{environment}/{folder}").trim_end_matches('/').to_owned();
                wanted.key = path.to_owned();
            }
            _ => match (names.next(), path.rsplit_once('/')) {
                (Some(name), _) => name.clone_into(&mut wanted.key),
                (None, Some((before, last))) => {
                    (wanted.path, wanted.key) = (before.to_owned(), last.to_owned());
                }
                (None, None) => return shape("PATH#/KEY"),
            },
        }
        wanted.inside = names.collect();
        if wanted.key.is_empty() { shape("PATH#/KEY") } else { Ok(wanted) }
    }
}

/// The parameters that select a secret.
#[derive(Default)]
struct Parameters<'t> {
    version: Option<String>,
    /// `mode=singleparam`: the path is one SSM parameter, and the fragment is a key of its value.
    single: bool,
    project: Option<&'t str>,
    environment: Option<&'t str>,
    folder: Option<&'t str>,
}

impl<'t> Parameters<'t> {
    /// Parses the parameters. Those for a store's address or login are refused, since only the administrator sets
    /// them.
    fn of(kind: SourceKind, reference: &Reference<'t>) -> Result<Self, Refusal> {
        let mut read = Self::default();
        for pair in reference.parameters.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            match (kind, name) {
                (
                    SourceKind::Vault
                    | SourceKind::AwsSsm
                    | SourceKind::GcpSecretManager
                    | SourceKind::Conjur,
                    "version",
                )
                | (SourceKind::AwsSecretsManager, "version_stage" | "version_id")
                | (SourceKind::YandexLockbox, "version_id") => read.version = Some(value.to_owned()),
                (SourceKind::AwsSsm, "mode") if value == "singleparam" => read.single = true,
                (SourceKind::Infisical, "project_id") => read.project = Some(value),
                (SourceKind::Infisical, "environment") => read.environment = Some(value),
                (SourceKind::Infisical, "path") => read.folder = Some(value),
                _ => {
                    return forbidden(format!(
                        "the parameter {name} is not followed: where a store is and who keyfill is there are the \
                         administrator's"
                    ));
                }
            }
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::placeholder;
    use crate::fill::placeholder::Target;
    use crate::fill::stores::StoreKinds;
    use crate::fill::vals::find;
    use crate::settings::SourceKind;

    fn meant(text: &str, stores: &StoreKinds) -> Result<String, String> {
        let found = find(text.as_bytes());
        let placeholder = placeholder(&found[0], stores).map_err(|refusal| refusal.message)?;
        let Target::Path { path, key, version } = &placeholder.target else { return Err("no path".into()) };
        let version = version.as_deref().map(|v| format!("#{v}")).unwrap_or_default();
        let calls: Vec<&str> = placeholder.calls.iter().map(|call| call.argument.as_str()).collect();
        Ok(format!("{path}#{key}{version}{}", calls.concat()))
    }

    #[test]
    fn each_scheme_has_its_own_grammar() {
        for (kind, text, want) in [
            (SourceKind::Vault, "ref+vault://secret/app?version=2#/user", "secret/app#user#2"),
            (SourceKind::Vault, "ref+vault://secret/app/user", "secret/app#user"),
            (SourceKind::Vault, "ref+openbao://kv/app#/a/b/c", "kv/app#a{.b.c}"),
            (SourceKind::AwsSecretsManager, "ref+awssecrets://team/app", "team/app#SecretString"),
            (
                SourceKind::AwsSecretsManager,
                "ref+awssecrets://a?version_stage=AWSPREVIOUS#/k",
                "a#k#AWSPREVIOUS",
            ),
            (SourceKind::AwsSsm, "ref+awsssm://team/app", "team/app#Value"),
            (SourceKind::AwsSsm, "ref+awsssm://team#/app/user", "team/app/user#Value"),
            (SourceKind::AwsSsm, "ref+awsssm://team/app?mode=singleparam#/k", "team/app#k"),
            (
                SourceKind::GcpSecretManager,
                "ref+gcpsecrets://p/app?version=3",
                "projects/p/secrets/app#app#3",
            ),
            (SourceKind::GcpSecretManager, "ref+gcpsecrets://p/app#/k", "projects/p/secrets/app#k"),
            (SourceKind::AzureKeyVault, "ref+azurekeyvault://team/user/abc#/k", "team#user#abc{.k}"),
            (SourceKind::KubernetesSecret, "ref+k8s://v1/Secret/ns/app/user", "ns:app#user"),
            (
                SourceKind::OnePasswordConnect,
                "ref+onepasswordconnect://v/i#/login.user",
                "vaults/v/items/i#user",
            ),
            (SourceKind::YandexLockbox, "ref+yclockbox://e6q?version_id=v#user", "e6q#user#v"),
            (SourceKind::DelineaSecretServer, "ref+tss://42/user-name", "42#user-name"),
            (SourceKind::Doppler, "ref+doppler://team/prd/USER", "team/prd#USER"),
            (SourceKind::Infisical, "ref+infisical://USER?project_id=p&environment=e&path=/f", "p/e/f#USER"),
            (SourceKind::Conjur, "ref+conjur://prod/db/password", "prod/db#password"),
        ] {
            let stores = StoreKinds { default: Some(kind), ..StoreKinds::default() };
            assert_eq!(meant(text, &stores).as_deref(), Ok(want), "{text}");
        }
    }

    #[test]
    fn what_is_the_administrators_is_refused() {
        let stores = StoreKinds { default: Some(SourceKind::Vault), ..StoreKinds::default() };
        for parameter in
            ["address=http://evil", "token_file=/etc/passwd", "role_id=x", "namespace=other", "proto=http"]
        {
            let why = meant(&format!("ref+vault://a?{parameter}#/k"), &stores).unwrap_err();
            assert!(why.contains("the administrator's"), "{why}");
        }
        for scheme in [
            "exec",
            "file",
            "envsubst",
            "echo",
            "httpjson",
            "tfstate",
            "tfstates3",
            "googlesheets",
            "keychain",
            "gitlab",
        ] {
            let why = meant(&format!("ref+{scheme}://a#/k"), &stores).unwrap_err();
            assert!(why.contains(&format!("the scheme {scheme} of vals is not read")), "{why}");
        }
    }

    #[test]
    fn the_store_is_the_one_of_the_schemes_kind() {
        let mut stores = StoreKinds {
            default: Some(SourceKind::Vault),
            named: [("prod".to_owned(), SourceKind::AwsSsm)].into(),
            any_name: false,
        };
        assert_eq!(meant("ref+awsssm://a", &stores).as_deref(), Ok("prod::a#Value"));
        assert_eq!(meant("ref+vault://a#/k", &stores).as_deref(), Ok("default::a#k"));
        assert!(
            meant("ref+doppler://a/b/K", &stores)
                .is_err_and(|why| why.contains("no store of the type doppler"))
        );
        stores.named.insert("test".to_owned(), SourceKind::AwsSsm);
        assert!(meant("ref+awsssm://a", &stores).is_err_and(|why| why.contains("prod, test")));
    }
}
