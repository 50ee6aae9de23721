//! The configuration of `serve`: plugin.yaml, flags, the sidecar's environment, resolved before the first request.

use crate::cli::args::{FillArgs, RunArgs, ServeArgs, SharedArgs};
use crate::cli::render_args::RenderArgs;
use crate::fetch::{NO_FLAGS, Plan};
use crate::plugin::{self, Filling, Meaning};
use crate::report::Problem;
use crate::settings::Env;
use crate::settings::{self, FromFiles, Given, Purpose, Settings, secret_name};
use anyhow::Result;
use keyfill_cmp::AppRequest;
use keyfill_cmp::config::{self, PluginConfig};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The administrator's configuration, which all requests share.
#[derive(Debug)]
pub struct Configuration {
    /// plugin.yaml.
    pub plugin: PluginConfig,
    /// What the commands of plugin.yaml mean.
    pub meaning: Meaning,
    /// The sidecar's environment.
    pub env: Env,
    /// Settings of the config file and of the administrator's `-s` Secret.
    pub files: FromFiles,
    /// The flags that argocd-vault-plugin has too.
    pub shared: SharedArgs,
    /// Flags of the fill stage.
    pub fill: FillArgs,
    /// Flags of rendering.
    pub render: RenderArgs,
    /// Flags of the tree, the deadline and the limits of a run.
    pub run: RunArgs,
    /// How long a request may take when its client does not say.
    pub deadline: Duration,
    /// Whether encrypted files are decrypted.
    pub decrypts: bool,
}

impl Configuration {
    /// Reads plugin.yaml and resolves the administrator's settings. It is an error if they are not valid, or if
    /// `KEYFILL_ALLOWED_PATHS` is not set: a server for all projects needs a rule for which paths an app may read.
    pub fn resolve(shared: &SharedArgs, args: &ServeArgs, env: &Env) -> Result<Self> {
        let (plugin, mut meaning) = meaning(args, env)?;
        let settings = meaning.settings.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let env: Env = env.iter().chain(settings).collect();
        // Flags of plugin.yaml's own command are the administrator's, as are those of serve, which win.
        let (mut shared, fill, render, run) = match meaning.filling.take() {
            None => (shared.clone(), args.fill.clone(), args.render.clone(), args.run.clone()),
            Some(Filling { shared: line_shared, generate: line, secret }) => {
                meaning.secret = secret;
                (
                    merged(shared, line_shared),
                    if has_fill(&args.fill) { args.fill.clone() } else { line.fill },
                    // The rendering flags of serve replace those of the command as a whole.
                    if meaning.generate.is_some() || args.render != RenderArgs::default() {
                        args.render.clone()
                    } else {
                        line.render
                    },
                    if args.run.deadline.is_some() { args.run.clone() } else { line.run },
                )
            }
        };
        if let Some(name) = meaning.sidecars_secret() {
            shared.secret_name = shared.secret_name.or(name);
        }
        let given = given(&shared, &fill, &run, &env);
        let files = given.read_files()?;
        let resolved = settings::resolve(&given, &files)?;
        resolved.source()?;
        if resolved.effective.get("KEYFILL_ALLOWED_PATHS").is_none() {
            return Err(Problem::usage(
                "KEYFILL_ALLOWED_PATHS must say which paths apps may read, as in \
                 secret/data/{{ app.project }}/*; a lone * allows all"
                    .to_owned(),
            )
            .into());
        }
        Plan::of_request(&given, &resolved)?;
        let (deadline, decrypts) = (resolved.deadline, resolved.decrypts());
        Ok(Self { plugin, meaning, deadline, decrypts, env, files, shared, fill, render, run })
    }

    /// Where the settings of one request come from.
    pub fn given<'a>(&'a self, env: &'a Env) -> Given<'a> {
        given(&self.shared, &self.fill, &self.run, env)
    }

    /// Whether the settings of a request are read from a Secret of its own.
    pub fn has_own_secret(&self, request: &AppRequest) -> bool {
        self.meaning.secret.is_some() || request.var("ARGOCD_ENV_AVP_SECRET").is_some()
    }

    /// The settings of one request. If its author chose a Secret, it is read from the cluster.
    pub fn settings_of(&self, env: &Env) -> Result<Settings> {
        let mut files = self.files.clone();
        if let Some(secret) = secret_name::of_author(&self.shared, env)? {
            files.secret = secret_name::read(&secret, env)?;
        }
        settings::resolve(&self.given(env), &files)
    }

    /// The paths of the sockets: one for the plugin's name, and one for each alias.
    pub fn sockets(&self, aliases: &[String]) -> Result<Vec<PathBuf>> {
        let folder = self.env.get("ARGOCD_PLUGINSOCKFILEPATH").unwrap_or(config::SOCKET_FOLDER);
        let folder = Path::new(folder);
        let mut sockets = vec![self.plugin.socket(folder)];
        for alias in aliases {
            sockets.push(PluginConfig::alias_socket(folder, alias)?);
        }
        Ok(sockets)
    }
}

fn given<'a>(shared: &'a SharedArgs, fill: &'a FillArgs, run: &'a RunArgs, env: &'a Env) -> Given<'a> {
    Given { shared, fill, run, fetch: &NO_FLAGS, env, called_as_avp: false, purpose: Purpose::Generate }
}

/// plugin.yaml and what its commands mean.
pub fn meaning(args: &ServeArgs, env: &Env) -> Result<(PluginConfig, Meaning)> {
    let (plugin, text) = PluginConfig::read(&args.config_dir_path)?;
    check_other_commands(&plugin)?;
    let meaning = plugin::read(&plugin, &text, env)?;
    Ok((plugin, meaning))
}

fn merged(given: &SharedArgs, line: SharedArgs) -> SharedArgs {
    SharedArgs {
        config_path: given.config_path.clone().or(line.config_path),
        secret_name: given.secret_name.clone().or(line.secret_name),
        verbose_sensitive_output: given.verbose_sensitive_output || line.verbose_sensitive_output,
        disable_token_cache: given.disable_token_cache || line.disable_token_cache,
        compat: given.compat.or(line.compat),
    }
}

fn has_fill(fill: &FillArgs) -> bool {
    fill.source.is_some() || fill.secrets_file.is_some() || !fill.kinds.is_empty()
}

/// Refuses a plugin.yaml with commands that serve cannot replace.
fn check_other_commands(plugin: &PluginConfig) -> Result<()> {
    if plugin.spec.parameters.dynamic.as_ref().is_some_and(|c| !c.line().is_empty()) {
        let message = "plugin.yaml: parameters.dynamic is set, and serve runs no command; announce parameters with \
                       parameters.static";
        return Err(Problem::usage(message).into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::Configuration;
    use crate::cli::args::{Command, ServeArgs, SharedArgs, parse};
    use crate::cli::render_args::EngineChoice;

    fn resolve(spec: &str, vars: &[(&str, &str)]) -> anyhow::Result<Configuration> {
        let dir = tempfile::tempdir()?;
        let text = format!("kind: ConfigManagementPlugin\nmetadata: {{name: keyfill}}\nspec: {spec}\n");
        std::fs::write(dir.path().join("plugin.yaml"), text)?;
        let folder = dir.path().to_string_lossy().into_owned();
        let cli = parse(["keyfill", "serve", "--config-dir-path", &folder].map(Into::into).into())?;
        let Command::Serve(args) = cli.command else { anyhow::bail!("not serve") };
        let args: ServeArgs = args.into_inner();
        Configuration::resolve(&SharedArgs::default(), &args, &vars.iter().copied().collect())
    }

    const VAULT: &[(&str, &str)] = &[
        ("VAULT_ADDR", "http://v"),
        ("VAULT_TOKEN", "t"),
        ("KEYFILL_ALLOWED_PATHS", "secret/data/{{app.project}}/*"),
    ];

    #[test]
    fn flags_of_the_plugins_own_command_are_the_administrators() {
        let c = resolve("{generate: {command: [keyfill, generate, ., --kinds, Secret]}}", VAULT).unwrap();
        assert_eq!(c.fill.kinds, ["Secret"]);
        let c = resolve("{generate: {command: [keyfill, generate, ., --engine, native]}}", VAULT).unwrap();
        assert_eq!(c.render.engine, Some(EngineChoice::Native));
    }

    #[test]
    fn commands_that_serve_cannot_replace_are_refused() {
        for (spec, what) in [
            ("{generate: {command: [sh, -c, 'kustomize build . | sed s/a/b/']}}", "sed"),
            ("{generate: {command: [keyfill, generate, ../other]}}", "path"),
            ("{generate: {command: [keyfill, generate, ., --nope]}}", "--nope"),
            ("{init: {command: [git, pull]}}", "init: \"git pull\""),
            ("{parameters: {dynamic: {command: [x]}}}", "parameters.dynamic"),
            ("{discover: {find: {command: [sh, -c, python x]}}}", "discover: \"python x\""),
        ] {
            let error = resolve(spec, VAULT).unwrap_err().to_string();
            assert!(error.contains(what), "{error}");
        }
        assert!(resolve("{discover: {find: {command: [keyfill, discover, .]}}}", VAULT).is_ok());
    }

    #[test]
    fn a_missing_rule_for_paths_is_refused() {
        let error = resolve("{}", &VAULT[..2]).unwrap_err().to_string();
        assert!(error.contains("KEYFILL_ALLOWED_PATHS"), "{error}");
    }
}
