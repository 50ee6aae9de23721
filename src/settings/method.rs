//! The methods to log in to Vault, and which settings belong to each. The names of the methods are defined only
//! here.

/// A method to log in to Vault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// A Vault token, given or in a file.
    Token,
    /// A role id and a secret id.
    AppRole,
    /// The token of the pod's service account.
    Kubernetes,
    /// A user name and a password.
    Userpass,
    /// A GitHub token.
    Github,
    /// A JSON web token, given or in a file.
    Jwt,
    /// A client certificate.
    Cert,
}

impl Method {
    /// All methods. If `AVP_AUTH_TYPE` is not set, the first method wins whose credential is set.
    pub const ALL: [Self; 7] =
        [Self::Token, Self::AppRole, Self::Kubernetes, Self::Userpass, Self::Github, Self::Jwt, Self::Cert];

    /// The method that `AVP_AUTH_TYPE` names.
    pub fn named(name: &str) -> Option<Self> {
        let name = name.trim();
        Self::ALL.into_iter().find(|m| m.name() == name || m.alias() == Some(name))
    }

    /// The method's name in `AVP_AUTH_TYPE`, as in argocd-vault-plugin.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::AppRole => "approle",
            Self::Kubernetes => "k8s",
            Self::Userpass => "userpass",
            Self::Github => "github",
            Self::Jwt => "jwt",
            Self::Cert => "cert",
        }
    }

    /// A second name of the method that is accepted.
    const fn alias(self) -> Option<&'static str> {
        match self {
            Self::Kubernetes => Some("kubernetes"),
            _ => None,
        }
    }

    /// The path below `auth/` where Vault mounts the method by default.
    pub const fn default_mount(self) -> &'static str {
        match self {
            Self::Kubernetes => "kubernetes",
            other => other.name(),
        }
    }

    /// The settings by which an author may log in with their own credential. The credential is first; the others
    /// are used only with it, so that an author's user name is never sent with an administrator's password. Empty
    /// if the credential is the sidecar's own: a file, or the service account.
    pub const fn identity(self) -> &'static [&'static str] {
        match self {
            Self::Token => &["VAULT_TOKEN"],
            Self::AppRole => &["AVP_SECRET_ID", "AVP_ROLE_ID"],
            Self::Userpass => &["AVP_PASSWORD", "AVP_USERNAME"],
            Self::Github => &["AVP_GITHUB_TOKEN"],
            Self::Jwt => &["AVP_JWT", "AVP_JWT_ROLE"],
            Self::Kubernetes | Self::Cert => &[],
        }
    }

    /// The settings that make keyfill use the sidecar's own credentials: files, and the role of the service
    /// account.
    pub const fn ambient(self) -> &'static [&'static str] {
        match self {
            Self::Token => &["VAULT_TOKEN_FILE"],
            Self::Kubernetes => &["AVP_K8S_ROLE"],
            Self::Jwt => &["AVP_JWT_PATH"],
            Self::Cert => &["VAULT_CLIENT_CERT"],
            Self::AppRole | Self::Userpass | Self::Github => &[],
        }
    }

    /// The method that follows from the credentials that are set, if `AVP_AUTH_TYPE` is not.
    pub fn implied(is_set: impl Fn(&str) -> bool) -> Option<Self> {
        let credential = |m: &Self| m.identity().first().into_iter().chain(m.ambient()).any(|n| is_set(n));
        Self::ALL.into_iter().find(credential)
    }

    /// The names of all methods, for messages: `token, approle, ... or cert`.
    pub fn names() -> String {
        let names = Self::ALL.map(Self::name);
        let (last, others) = names.split_last().unwrap_or((&"", &[]));
        format!("{} or {last}", others.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::Method;
    use crate::settings::table::{Holds, setting};

    #[test]
    fn every_setting_of_a_method_is_in_the_table() {
        for method in Method::ALL {
            for name in method.identity().iter().chain(method.ambient()) {
                assert!(setting(name).is_some_and(|v| v.method == Some(method)), "{name}");
            }
            let credential = method.identity().first().map(|n| setting(n).map(|v| v.holds));
            assert!(credential.is_none_or(|holds| holds == Some(Holds::Secret)), "{method:?}");
        }
    }

    #[test]
    fn a_method_is_found_by_either_name_and_implied_by_its_credential() {
        assert_eq!(Method::named(" kubernetes "), Some(Method::Kubernetes));
        assert_eq!(Method::named("k8s"), Some(Method::Kubernetes));
        assert_eq!(Method::named("ldap"), None);
        assert_eq!(Method::implied(|n| n == "AVP_SECRET_ID"), Some(Method::AppRole));
        assert_eq!(Method::implied(|n| n == "AVP_ROLE_ID"), None, "a role id alone is no credential");
        assert_eq!(Method::implied(|n| n == "VAULT_CLIENT_CERT"), Some(Method::Cert));
    }
}
