//! Shared profiles: `~/.aws/credentials` and `~/.aws/config`.

use super::{CredentialSettings, Credentials};
use crate::{Error, Secret};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// The credentials that a profile describes.
pub(super) enum Profile {
    /// An access key.
    Static(Credentials),
    /// A role that is assumed with the token in a file.
    WebIdentity { role: String, session: Option<String>, token_file: PathBuf },
    /// A role that is assumed with the access key of another profile.
    Role { role: String, session: Option<String>, external_id: Option<String>, source: String },
}

type Fields = HashMap<String, String>;

/// Whether there is a profile with this name that describes credentials, even if keyfill does not support that kind.
pub(super) fn exists(settings: &CredentialSettings, name: &str) -> Result<bool, Error> {
    let fields = fields(settings, name)?;
    let tells = ["aws_access_key_id", "role_arn", "credential_process", "sso_session", "sso_start_url"];
    Ok(fields.is_some_and(|fields| tells.iter().any(|field| fields.contains_key(*field))))
}

/// Reads the profile with this name.
pub(super) fn read(settings: &CredentialSettings, name: &str) -> Result<Profile, Error> {
    let mut fields = fields(settings, name)?.ok_or_else(|| {
        Error::usage(format!("there is no AWS profile {name}"))
            .hint("check AWS_PROFILE, AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE")
    })?;
    let mut take = |field: &str| fields.remove(field).filter(|value| !value.is_empty());
    let session = take("role_session_name");
    if let Some(role) = take("role_arn") {
        if let Some(file) = take("web_identity_token_file") {
            return Ok(Profile::WebIdentity { role, session, token_file: file.into() });
        }
        let external_id = take("external_id");
        return match take("source_profile") {
            Some(source) => Ok(Profile::Role { role, session, external_id, source }),
            None => Err(Error::usage(format!("the AWS profile {name} has a role and no source_profile"))),
        };
    }
    if let (Some(access_key), Some(secret_key)) = (take("aws_access_key_id"), take("aws_secret_access_key")) {
        let session_token = take("aws_session_token").map(Secret::new);
        let secret_key = Secret::new(secret_key);
        return Ok(Profile::Static(Credentials { access_key, secret_key, session_token, expires: None }));
    }
    for (field, why) in [
        ("credential_process", "keyfill starts no programs"),
        ("sso_session", "single sign-on needs a person"),
        ("sso_start_url", "single sign-on needs a person"),
    ] {
        if take(field).is_some() {
            return Err(Error::usage(format!(
                "the AWS profile {name} has {field}, which is not followed: {why}"
            ))
            .hint("use a role of the service account, or a profile with keys"));
        }
    }
    Err(Error::usage(format!("the AWS profile {name} holds no keys and no role")))
}

/// The fields of a profile from both files. A field of the credentials file replaces one of the config file.
fn fields(settings: &CredentialSettings, name: &str) -> Result<Option<Fields>, Error> {
    let in_config = if name == "default" { name.to_owned() } else { format!("profile {name}") };
    let config = section(settings.config_file.as_deref(), &in_config)?;
    let credentials = section(settings.credentials_file.as_deref(), name)?;
    Ok(match (config, credentials) {
        (Some(mut all), Some(more)) => {
            all.extend(more);
            Some(all)
        }
        (config, credentials) => config.or(credentials),
    })
}

/// The fields of a section of a file. `None` if there is no such file or section.
fn section(file: Option<&Path>, name: &str) -> Result<Option<Fields>, Error> {
    let Some(file) = file else { return Ok(None) };
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::usage(format!("{} cannot be read: {error}", file.display()))),
    };
    Ok(find(&text, name))
}

fn find(text: &str, name: &str) -> Option<Fields> {
    let mut found: Option<Fields> = None;
    let mut is_inside = false;
    for line in text.lines() {
        // An indented line belongs to the field above it. No field that is read here has such lines.
        if line.trim().is_empty() || line.starts_with(['#', ';', ' ', '\t']) {
            continue;
        }
        if let Some(head) = line.trim().strip_prefix('[') {
            let head = head.split_once(']').map_or(head, |(head, _)| head);
            is_inside = head.split_whitespace().eq(name.split_whitespace());
            if is_inside {
                found.get_or_insert_default();
            }
        } else if is_inside && let (Some(fields), Some((key, value))) = (&mut found, line.split_once('=')) {
            let value = value.split_once(" #").map_or(value, |(value, _)| value);
            fields.insert(key.trim().to_ascii_lowercase(), value.trim().to_owned());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{Profile, exists, read};
    use crate::aws::CredentialSettings;

    #[test]
    fn profiles_are_read_from_the_config_and_the_credentials_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let (config, credentials) = (folder.path().join("config"), folder.path().join("credentials"));
        std::fs::write(
            &config,
            "[default]\nregion = x\n[profile  app]\nrole_arn = arn:r\nsource_profile=base # note\n\
             [profile irsa]\nrole_arn=arn:i\nweb_identity_token_file=/t\n[profile run]\ncredential_process = hush\n",
        )
        .expect("it can be written");
        std::fs::write(&credentials, "[base]\naws_access_key_id=AK\naws_secret_access_key = hush\n")
            .expect("written");
        let settings = CredentialSettings {
            config_file: Some(config),
            credentials_file: Some(credentials),
            ..CredentialSettings::default()
        };
        assert!(matches!(read(&settings, "base"), Ok(Profile::Static(c)) if c.access_key == "AK"));
        assert!(matches!(read(&settings, "app"), Ok(Profile::Role { source, .. }) if source == "base"));
        assert!(matches!(read(&settings, "irsa"), Ok(Profile::WebIdentity { .. })));
        assert!(!exists(&settings, "default").expect("the files can be read"));
        for name in ["run", "none", "default"] {
            let error = read(&settings, name).err().expect(name);
            assert!(!error.to_string().contains("hush"), "{error}");
        }
    }
}
