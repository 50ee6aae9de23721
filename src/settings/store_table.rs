//! The settings of stores other than Vault: one row for each, in the order of their names. Only an administrator
//! may set them; `KEYFILL_APP_MAY_SET` has no effect on them.

use super::source_kind::Family;
use super::table::{Author, Holds, Var};

const fn of(family: Family, name: &'static str, meaning: &'static str) -> Var {
    Var {
        name,
        author: Author::Never,
        holds: Holds::Plain,
        method: None,
        store: Some(family),
        decides: true,
        meaning,
    }
}

const fn aws(name: &'static str, meaning: &'static str) -> Var {
    of(Family::Aws, name, meaning)
}

const fn azure(name: &'static str, meaning: &'static str) -> Var {
    of(Family::Azure, name, meaning)
}

const fn google(name: &'static str, meaning: &'static str) -> Var {
    of(Family::Google, name, meaning)
}

/// The rows of the table, sorted by name.
pub const STORE_SETTINGS: &[Var] = &[
    of(Family::Delinea, "AVP_DELINEA_DOMAIN", "the domain of AVP_DELINEA_USER"),
    of(Family::Delinea, "AVP_DELINEA_PASSWORD", "the password of AVP_DELINEA_USER").holds(Holds::Secret),
    of(Family::Delinea, "AVP_DELINEA_URL", "the address of Delinea Secret Server"),
    of(Family::Delinea, "AVP_DELINEA_USER", "the user of Delinea Secret Server").holds(Holds::Identity),
    of(Family::Ibm, "AVP_IBM_API_KEY", "an API key of IBM Cloud").holds(Holds::Secret),
    of(
        Family::Ibm,
        "AVP_IBM_INSTANCE_URL",
        "the address of the instance of IBM Secrets Manager [VAULT_ADDR]",
    ),
    of(Family::Yandex, "AVP_YCL_KEY_ID", "the id of an authorized key of Yandex Cloud")
        .holds(Holds::Identity),
    of(Family::Yandex, "AVP_YCL_PRIVATE_KEY", "the private key of AVP_YCL_KEY_ID, in PEM")
        .holds(Holds::Secret),
    of(Family::Yandex, "AVP_YCL_SERVICE_ACCOUNT_ID", "the service account that AVP_YCL_KEY_ID belongs to")
        .holds(Holds::Identity),
    aws("AWS_ACCESS_KEY_ID", "the id of an access key").holds(Holds::Identity),
    aws("AWS_CONFIG_FILE", "the file of shared profiles [~/.aws/config]").holds(Holds::CredentialFile),
    aws("AWS_CONTAINER_AUTHORIZATION_TOKEN", "the token for the container's credentials")
        .holds(Holds::Secret),
    aws("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "a file with that token (EKS Pod Identity)")
        .holds(Holds::CredentialFile),
    aws("AWS_CONTAINER_CREDENTIALS_FULL_URI", "where the container's credentials are").holds(Holds::Identity),
    aws(
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "the path of the container's credentials at the address of ECS",
    )
    .holds(Holds::Identity),
    aws("AWS_EC2_METADATA_DISABLED", "true: the machine's role is not asked for"),
    aws("AWS_EC2_METADATA_SERVICE_ENDPOINT", "where the machine's metadata are"),
    aws("AWS_ENDPOINT_URL", "an address in place of those of all services"),
    aws("AWS_ENDPOINT_URL_KMS", "an address in place of the Key Management Service's"),
    aws("AWS_ENDPOINT_URL_SECRETS_MANAGER", "an address in place of Secrets Manager's"),
    aws("AWS_ENDPOINT_URL_SSM", "an address in place of the Parameter Store's"),
    aws("AWS_ENDPOINT_URL_STS", "an address in place of the token service's"),
    aws("AWS_PROFILE", "the profile of the shared files").holds(Holds::Identity),
    aws("AWS_REGION", "the region of secrets whose path names none [us-east-2]"),
    aws("AWS_ROLE_ARN", "the role of a web identity (IRSA)").holds(Holds::Identity),
    aws("AWS_ROLE_SESSION_NAME", "how the role's session is called"),
    aws("AWS_SECRET_ACCESS_KEY", "the access key").holds(Holds::Secret),
    aws("AWS_SESSION_TOKEN", "the token of a temporary access key").holds(Holds::Secret),
    aws("AWS_SHARED_CREDENTIALS_FILE", "the file of shared keys [~/.aws/credentials]")
        .holds(Holds::CredentialFile),
    aws("AWS_WEB_IDENTITY_TOKEN_FILE", "the token of a web identity (IRSA)").holds(Holds::CredentialFile),
    azure("AZURE_AUTHORITY_HOST", "the login service, where it is not the one that the vault names"),
    azure("AZURE_CLIENT_ID", "the application, or the managed identity").holds(Holds::Identity),
    azure("AZURE_CLIENT_SECRET", "the application's secret").holds(Holds::Secret),
    azure("AZURE_FEDERATED_TOKEN_FILE", "the token of workload identity").holds(Holds::CredentialFile),
    azure("AZURE_POD_IDENTITY_AUTHORITY_HOST", "where the machine's metadata are"),
    azure("AZURE_TENANT_ID", "the tenant [the one that the vault names]").holds(Holds::Identity),
    of(Family::Bitwarden, "BWS_ACCESS_TOKEN", "an access token of a machine account of Bitwarden")
        .holds(Holds::Secret),
    of(
        Family::Bitwarden,
        "BWS_SERVER_URL",
        "the address of a Bitwarden of one's own [https://bitwarden.com]",
    ),
    google("CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDKMS", "an address in place of Google Cloud KMS'"),
    google("CLOUDSDK_API_ENDPOINT_OVERRIDES_SECRETMANAGER", "an address in place of Google Secret Manager's"),
    of(Family::Conjur, "CONJUR_ACCOUNT", "the account of Conjur"),
    of(Family::Conjur, "CONJUR_APPLIANCE_URL", "the address of Conjur"),
    of(Family::Conjur, "CONJUR_AUTHN_API_KEY", "the API key of CONJUR_AUTHN_LOGIN").holds(Holds::Secret),
    of(Family::Conjur, "CONJUR_AUTHN_JWT_SERVICE_ID", "the JWT authenticator, in place of an API key")
        .holds(Holds::Identity),
    of(Family::Conjur, "CONJUR_AUTHN_JWT_TOKEN_PATH", "the token for it [the service account's]")
        .holds(Holds::CredentialFile),
    of(Family::Conjur, "CONJUR_AUTHN_LOGIN", "who keyfill is, as in host/keyfill").holds(Holds::Identity),
    of(Family::Doppler, "DOPPLER_API_HOST", "the address of Doppler [https://api.doppler.com]"),
    of(Family::Doppler, "DOPPLER_TOKEN", "a service token of Doppler").holds(Holds::Secret),
    google("GCE_METADATA_HOST", "where the machine's metadata are"),
    of(Family::GitLab, "GITLAB_TOKEN", "an access token of GitLab that may read variables")
        .holds(Holds::Secret),
    of(Family::GitLab, "GITLAB_URL", "the address of GitLab [https://gitlab.com]"),
    google("GOOGLE_APPLICATION_CREDENTIALS", "a credentials file [gcloud's own, else the machine's account]")
        .holds(Holds::CredentialFile),
    azure("IDENTITY_ENDPOINT", "where App Service hands out tokens").holds(Holds::Identity),
    azure("IDENTITY_HEADER", "the secret that App Service asks for").holds(Holds::Secret),
    of(Family::Infisical, "INFISICAL_TOKEN", "an access token of Infisical").holds(Holds::Secret),
    of(Family::Infisical, "INFISICAL_UNIVERSAL_AUTH_CLIENT_ID", "a machine identity, in place of a token")
        .holds(Holds::Identity),
    of(Family::Infisical, "INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET", "the machine identity's secret")
        .holds(Holds::Secret),
    of(Family::Infisical, "INFISICAL_URL", "the address of Infisical [https://app.infisical.com]"),
    azure("KEYFILL_AZURE_ENDPOINT", "an address in place of those of all vaults of Azure"),
    of(Family::Ibm, "KEYFILL_IBM_IAM_ENDPOINT", "an address in place of the token service's"),
    of(Family::Yandex, "KEYFILL_YANDEX_ENDPOINT", "an address in place of those of Yandex Cloud"),
    of(Family::OnePassword, "OP_CONNECT_HOST", "the address of 1Password Connect"),
    of(Family::OnePassword, "OP_CONNECT_TOKEN", "an access token of 1Password Connect").holds(Holds::Secret),
];
