//! What `serve` is told: plugin.yaml, flags, the sidecar's environment, resolved before the first request.

use crate::cli::args::{self, Command, FillArgs, GenerateArgs, RunArgs, ServeArgs, SharedArgs};
use crate::cli::render_args::RenderArgs;
use crate::report::Problem;
use crate::settings::Env;
use crate::settings::{self, FromFiles, Given, Purpose, Settings, secret_name};
use anyhow::Result;
use keyfill_cmp::config::{self, PluginConfig};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The administrator's side of every request.
#[derive(Debug)]
pub struct Configuration {
    /// plugin.yaml.
    pub plugin: PluginConfig,
    /// The sidecar's environment.
    pub env: Env,
    /// Settings of the config file and of the administrator's `-s` Secret.
    pub files: FromFiles,
    /// AVP's flags.
    pub shared: SharedArgs,
    /// Flags of the fill stage.
    pub fill: FillArgs,
    /// Flags of rendering.
    pub render: RenderArgs,
    /// Flags of a run.
    pub run: RunArgs,
    /// How long a request may take when its client does not say.
    pub deadline: Duration,
}

impl Configuration {
    /// Reads plugin.yaml and resolves the administrator's settings. It fails when they cannot be followed,
    /// and without a rule for allowed paths: a server that serves every project must say who may read what.
    pub fn resolve(shared: &SharedArgs, args: &ServeArgs, env: Env) -> Result<Self> {
        let plugin = PluginConfig::read(&args.config_dir_path)?;
        let generate = own_generate(&plugin)?;
        check_other_commands(&plugin)?;
        // Flags of plugin.yaml's own command are the administrator's, as are those of serve, which win.
        let (shared, fill, render, run) = match generate {
            None => (shared.clone(), args.fill.clone(), args.render.clone(), args.run.clone()),
            Some((line_shared, line)) => (
                merged(shared, line_shared),
                if has_fill(&args.fill) { args.fill.clone() } else { line.fill },
                line.render,
                if args.run.deadline.is_some() { args.run.clone() } else { line.run },
            ),
        };
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
        Ok(Self { plugin, deadline: resolved.deadline, env, files, shared, fill, render, run })
    }

    /// Where the settings of one request come from.
    pub fn given<'a>(&'a self, env: &'a Env) -> Given<'a> {
        given(&self.shared, &self.fill, &self.run, env)
    }

    /// The settings of one request. A Secret that its author chose is read here.
    pub fn settings_of(&self, env: &Env) -> Result<Settings> {
        let mut files = self.files.clone();
        if let Some(secret) = secret_name::of_author(&self.shared, env)? {
            files.secret = secret_name::read(&secret, env)?;
        }
        settings::resolve(&self.given(env), &files)
    }

    /// The sockets: the plugin's own and those of its further names.
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
    Given { shared, fill, run, env, called_as_avp: false, purpose: Purpose::Generate }
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

/// Whether a command's program is keyfill, or AVP's name for it.
fn is_keyfill(program: &str) -> bool {
    matches!(Path::new(program).file_name().and_then(|n| n.to_str()), Some("keyfill" | "argocd-vault-plugin"))
}

/// The flags of `generate.command`, which must be `keyfill generate .`.
fn own_generate(plugin: &PluginConfig) -> Result<Option<(SharedArgs, GenerateArgs)>> {
    let line = plugin.spec.generate.as_ref().map(config::Command::line).unwrap_or_default();
    let Some(program) = line.first() else { return Ok(None) };
    let refused = |why: &str| {
        Problem::usage(format!(
            "plugin.yaml: generate.command is {:?}: {why}. serve renders by itself and runs no command; \
             it must be absent or keyfill's own, as in [keyfill, generate, .]",
            line.join(" ")
        ))
    };
    if !is_keyfill(program) {
        return Err(refused("it is not keyfill").into());
    }
    let cli = args::parse(line.iter().map(Into::into).collect())
        .map_err(|e| refused(e.to_string().lines().next().unwrap_or_default()))?;
    let Command::Generate(generate) = cli.command else { return Err(refused("it is not generate").into()) };
    if generate.paths.iter().any(|path| !matches!(path.as_str(), "." | "./")) {
        return Err(refused("its path is not the app's folder").into());
    }
    Ok(Some((cli.shared, *generate)))
}

fn check_other_commands(plugin: &PluginConfig) -> Result<()> {
    let refused = |what: &str, how: &str| {
        Problem::usage(format!("plugin.yaml: {what} is set, and serve runs no command; {how}"))
    };
    if plugin.spec.init.as_ref().is_some_and(|c| !c.line().is_empty()) {
        return Err(refused("init", "remove it: charts must be vendored in charts/").into());
    }
    if plugin.spec.parameters.dynamic.as_ref().is_some_and(|c| !c.line().is_empty()) {
        return Err(refused("parameters.dynamic", "announce parameters with parameters.static").into());
    }
    let find = &plugin.spec.discover.find;
    let line: Vec<&String> = find.command.iter().chain(&find.args).collect();
    let own = match &line[..] {
        [] => true,
        [program, verb, rest @ ..] => {
            is_keyfill(program)
                && *verb == "discover"
                && rest.iter().all(|a| matches!(a.as_str(), "." | "./" | "--any"))
        }
        [_] => false,
    };
    if own {
        Ok(())
    } else {
        Err(refused("discover.find.command", "it must be [keyfill, discover, .]").into())
    }
}

#[cfg(test)]
mod tests {
    use super::Configuration;
    use crate::cli::args::{Cli, Command, ServeArgs, SharedArgs};
    use clap::Parser as _;

    fn resolve(spec: &str, vars: &[(&str, &str)]) -> anyhow::Result<Configuration> {
        let dir = tempfile::tempdir()?;
        let text = format!("kind: ConfigManagementPlugin\nmetadata: {{name: keyfill}}\nspec: {spec}\n");
        std::fs::write(dir.path().join("plugin.yaml"), text)?;
        let folder = dir.path().to_string_lossy().into_owned();
        let cli = Cli::try_parse_from(["keyfill", "serve", "--config-dir-path", &folder])?;
        let Command::Serve(args) = cli.command else { anyhow::bail!("not serve") };
        let args: ServeArgs = *args;
        Configuration::resolve(&SharedArgs::default(), &args, vars.iter().copied().collect())
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
    }

    #[test]
    fn other_commands_are_refused() {
        for (spec, what) in [
            ("{generate: {command: [sh, -c, 'kustomize build .']}}", "not keyfill"),
            ("{generate: {command: [keyfill, generate, ../other]}}", "path"),
            ("{generate: {command: [keyfill, generate, ., --nope]}}", "--nope"),
            ("{init: {command: [helm, dependency, build]}}", "init"),
            ("{parameters: {dynamic: {command: [x]}}}", "parameters.dynamic"),
            ("{discover: {find: {command: [sh, -c, find]}}}", "discover.find.command"),
        ] {
            let error = resolve(spec, VAULT).unwrap_err().to_string();
            assert!(error.contains(what), "{error}");
        }
        assert!(resolve("{discover: {find: {command: [keyfill, discover, .]}}}", VAULT).is_ok());
    }

    #[test]
    fn it_does_not_start_without_a_rule_for_paths() {
        let error = resolve("{}", &VAULT[..2]).unwrap_err().to_string();
        assert!(error.contains("KEYFILL_ALLOWED_PATHS"), "{error}");
    }
}
