//! The types of secret stores. Their names are defined only here; `AVP_TYPE`, `--source` and the config file use
//! them.

use clap::ValueEnum;
use clap::builder::PossibleValue;

/// A type of secret store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SourceKind {
    /// HashiCorp Vault or OpenBao.
    Vault,
    /// A YAML file of paths and keys.
    File,
    /// AWS Secrets Manager.
    AwsSecretsManager,
    /// The Parameter Store of AWS Systems Manager.
    AwsSsm,
    /// Google Secret Manager.
    GcpSecretManager,
    /// Azure Key Vault.
    AzureKeyVault,
    /// 1Password Connect.
    OnePasswordConnect,
    /// Kubernetes Secrets of the cluster that keyfill runs in.
    KubernetesSecret,
    /// IBM Cloud Secrets Manager.
    IbmSecretsManager,
    /// Yandex Lockbox.
    YandexLockbox,
    /// Delinea Secret Server.
    DelineaSecretServer,
    /// Doppler.
    Doppler,
    /// Infisical.
    Infisical,
    /// GitLab's CI/CD variables.
    GitLab,
    /// CyberArk Conjur.
    Conjur,
    /// Bitwarden Secrets Manager.
    Bitwarden,
    /// Files of the tree that SOPS encrypted.
    Sops,
}

/// A group of settings that belong to a cloud or a product. Several types of stores may share it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// `AWS_*`
    Aws,
    /// `GOOGLE_*`
    Google,
    /// `AZURE_*`
    Azure,
    /// `OP_CONNECT_*`
    OnePassword,
    /// `AVP_IBM_*`
    Ibm,
    /// `AVP_YCL_*`
    Yandex,
    /// `AVP_DELINEA_*`
    Delinea,
    /// `DOPPLER_*`
    Doppler,
    /// `INFISICAL_*`
    Infisical,
    /// `GITLAB_*`
    GitLab,
    /// `CONJUR_*`
    Conjur,
    /// `BWS_*`
    Bitwarden,
}

/// Stores of argocd-vault-plugin that keyfill cannot read. Only Keeper's own library decrypts Keeper's records.
const NOT_THERE: [&str; 1] = ["keepersecretsmanager"];

impl SourceKind {
    /// All types.
    pub const ALL: [Self; 17] = [
        Self::Vault,
        Self::File,
        Self::AwsSecretsManager,
        Self::AwsSsm,
        Self::GcpSecretManager,
        Self::AzureKeyVault,
        Self::OnePasswordConnect,
        Self::KubernetesSecret,
        Self::IbmSecretsManager,
        Self::YandexLockbox,
        Self::DelineaSecretServer,
        Self::Doppler,
        Self::Infisical,
        Self::GitLab,
        Self::Conjur,
        Self::Bitwarden,
        Self::Sops,
    ];

    /// The type's name, which is the one of argocd-vault-plugin if it knows the store.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Vault => "vault",
            Self::File => "file",
            Self::AwsSecretsManager => "awssecretsmanager",
            Self::AwsSsm => "awsssm",
            Self::GcpSecretManager => "gcpsecretmanager",
            Self::AzureKeyVault => "azurekeyvault",
            Self::OnePasswordConnect => "1passwordconnect",
            Self::KubernetesSecret => "kubernetessecret",
            Self::IbmSecretsManager => "ibmsecretsmanager",
            Self::YandexLockbox => "yandexcloudlockbox",
            Self::DelineaSecretServer => "delineasecretserver",
            Self::Doppler => "doppler",
            Self::Infisical => "infisical",
            Self::GitLab => "gitlab",
            Self::Conjur => "conjur",
            Self::Bitwarden => "bitwardensecretsmanager",
            Self::Sops => "sops",
        }
    }

    /// The store's product, for `--help`.
    const fn about(self) -> &'static str {
        match self {
            Self::Vault => "HashiCorp Vault or OpenBao",
            Self::File => "A YAML file of paths and keys",
            Self::AwsSecretsManager => "AWS Secrets Manager",
            Self::AwsSsm => "AWS Systems Manager Parameter Store",
            Self::GcpSecretManager => "Google Secret Manager",
            Self::AzureKeyVault => "Azure Key Vault",
            Self::OnePasswordConnect => "1Password Connect",
            Self::KubernetesSecret => "Secrets of the cluster that keyfill runs in",
            Self::IbmSecretsManager => "IBM Cloud Secrets Manager",
            Self::YandexLockbox => "Yandex Lockbox",
            Self::DelineaSecretServer => "Delinea Secret Server",
            Self::Doppler => "Doppler",
            Self::Infisical => "Infisical",
            Self::GitLab => "GitLab's CI/CD variables",
            Self::Conjur => "CyberArk Conjur",
            Self::Bitwarden => "Bitwarden Secrets Manager",
            Self::Sops => "Files of the tree that SOPS encrypted",
        }
    }

    /// The type with this name, or an error message. `setting` is the name of the setting that holds the name.
    pub fn named(setting: &str, name: &str) -> Result<Self, String> {
        let name = name.trim();
        if let Some(kind) = Self::ALL.into_iter().find(|kind| kind.name() == name) {
            return Ok(kind);
        }
        if NOT_THERE.contains(&name) {
            return Err(format!(
                "{setting} is {name:?}, a store of argocd-vault-plugin that keyfill cannot read: its records are only opened by Keeper's own \
                 library, which brings cryptography that keyfill does not use; it must be {}",
                Self::names()
            ));
        }
        Err(format!(
            "{setting} is {name:?}, which is no source that keyfill knows; it must be {}",
            Self::names()
        ))
    }

    /// The names of all types, for messages: `vault, file, ... or sops`.
    pub fn names() -> String {
        let names = Self::ALL.map(Self::name);
        let (last, others) = names.split_last().unwrap_or((&"", &[]));
        format!("{} or {last}", others.join(", "))
    }

    /// The group of settings that the type uses; `None` for types that have no group.
    pub const fn family(self) -> Option<Family> {
        match self {
            Self::Vault | Self::File | Self::KubernetesSecret | Self::Sops => None,
            Self::AwsSecretsManager | Self::AwsSsm => Some(Family::Aws),
            Self::GcpSecretManager => Some(Family::Google),
            Self::AzureKeyVault => Some(Family::Azure),
            Self::OnePasswordConnect => Some(Family::OnePassword),
            Self::IbmSecretsManager => Some(Family::Ibm),
            Self::YandexLockbox => Some(Family::Yandex),
            Self::DelineaSecretServer => Some(Family::Delinea),
            Self::Doppler => Some(Family::Doppler),
            Self::Infisical => Some(Family::Infisical),
            Self::GitLab => Some(Family::GitLab),
            Self::Conjur => Some(Family::Conjur),
            Self::Bitwarden => Some(Family::Bitwarden),
        }
    }

    /// The prefixes that an entry of `stores` may leave out of the names of settings, so that `region` is
    /// `AWS_REGION`.
    pub const fn prefixes(self) -> &'static [&'static str] {
        match self {
            Self::Vault => &["VAULT_", "AVP_"],
            Self::File => &["KEYFILL_"],
            Self::AwsSecretsManager | Self::AwsSsm => &["AWS_"],
            Self::GcpSecretManager => &["GOOGLE_"],
            Self::AzureKeyVault => &["AZURE_"],
            Self::OnePasswordConnect => &["OP_CONNECT_"],
            Self::KubernetesSecret | Self::Sops => &[],
            Self::IbmSecretsManager => &["AVP_IBM_"],
            Self::YandexLockbox => &["AVP_YCL_"],
            Self::DelineaSecretServer => &["AVP_DELINEA_"],
            Self::Doppler => &["DOPPLER_"],
            Self::Infisical => &["INFISICAL_"],
            Self::GitLab => &["GITLAB_"],
            Self::Conjur => &["CONJUR_"],
            Self::Bitwarden => &["BWS_"],
        }
    }
}

impl ValueEnum for SourceKind {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.name()).help(self.about()))
    }
}

#[cfg(test)]
mod tests {
    use super::SourceKind;

    #[test]
    fn every_kind_is_found_by_its_name_and_others_are_named() {
        for kind in SourceKind::ALL {
            assert_eq!(SourceKind::named("AVP_TYPE", &format!(" {} ", kind.name())), Ok(kind));
        }
        let why = |name| SourceKind::named("AVP_TYPE", name).expect_err("no kind");
        assert!(why("keepersecretsmanager").contains("keyfill cannot read"));
        assert!(why("valut").contains("which is no source") && why("valut").contains("awssecretsmanager"));
    }
}
