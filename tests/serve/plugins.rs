//! plugin.yaml as teams write it: its commands are interpreted, and apps are rendered as they say.

use crate::{SECRETS, Server, TEAM};
use keyfill_testkit::{Vault, oracle};
use serde_json::{Value, json};
use std::process::{Command, Stdio};

/// A server with a plugin.yaml of this spec, over a secrets file; `None` if the client is not installed.
fn server(spec: &str) -> Option<(Server, tempfile::TempDir)> {
    oracle("cmp-client")?;
    let dir = tempfile::tempdir().expect("a folder");
    let secrets = dir.path().join("secrets.yaml");
    std::fs::write(&secrets, SECRETS).expect("a file");
    let plugin = format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: ConfigManagementPlugin\nmetadata: {{name: keyfill}}\nspec:\n  \
         allowConcurrency: true\n  lockRepo: false\n{spec}"
    );
    Some((Server::with_plugin(&plugin, &secrets), dir))
}

/// A repository with an app that is a chart and a kustomization, and a folder beside it.
fn repository() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    for (name, text) in [
        ("app/Chart.yaml", "apiVersion: v2\nname: c\nversion: 0.1.0\n"),
        (
            "app/templates/a.yaml",
            "apiVersion: v1\nkind: Secret\nmetadata: {name: '{{ .Release.Name }}'}\nstringData: {k: '<path:secret/data/team/app#user>', \
             v: '{{ .Values.v }}'}\n",
        ),
        ("app/values.yaml", "v: default\n"),
        ("app/prod.yaml", "v: prod\n"),
        ("app/kustomization.yaml", "resources: [r.yaml]\n"),
        (
            "app/r.yaml",
            "apiVersion: v1\nkind: Secret\nmetadata: {name: k}\nstringData: {k: <path:secret/data/team/app#user>}\n",
        ),
        ("other/x.txt", "none\n"),
    ] {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    }
    dir
}

fn secret(name: &str, value: Option<&str>) -> Value {
    let value = value.map(|value| format!(",\"v\":\"{value}\"")).unwrap_or_default();
    json!([format!(
        "{{\"apiVersion\":\"v1\",\"kind\":\"Secret\",\"metadata\":{{\"name\":\"{name}\"}},\"stringData\":{{\"k\":\"alice-value\"{value}}}}}"
    )])
}

#[test]
fn a_pipe_of_helm_renders_the_chart_with_the_apps_variables() {
    let spec = "  discover:\n    find:\n      command: [sh, -c, \"find . -name 'Chart.yaml' && find . -name 'values.yaml'\"]\n  \
                generate:\n    command:\n    - bash\n    - -c\n    - |\n      helm template $ARGOCD_ENV_RELEASE $ARGOCD_ENV_HELM_ARGS \
                -f <(echo \"$ARGOCD_ENV_HELM_VALUES\") . |\n      argocd-vault-plugin generate -\n";
    let Some((server, _secrets)) = server(spec) else { return };
    let app = repository();
    let call = |more: &[&str]| {
        let vars = [TEAM, &["ARGOCD_ENV_RELEASE=r"], more].concat();
        server.call(app.path(), &["-path", "app"], &vars)
    };
    let answer = call(&[]);
    assert_eq!(answer["one"], secret("r", Some("default")), "{answer}");
    assert_eq!(call(&["ARGOCD_ENV_HELM_ARGS=-f prod.yaml"])["one"], secret("r", Some("prod")));
    let both = ["ARGOCD_ENV_HELM_ARGS=-f prod.yaml", "ARGOCD_ENV_HELM_VALUES=v: app"];
    assert_eq!(call(&both)["one"], secret("r", Some("app")));
    for bad in ["-f /etc/passwd", "-f ../../x", "--post-renderer ./x", "; id"] {
        let answer = call(&[&format!("ARGOCD_ENV_HELM_ARGS={bad}")]);
        assert!(answer["one"].is_null() && answer["message"].is_string(), "{bad}: {answer}");
    }
    let looks = |path: &str| {
        server.call(app.path(), &["-path", path, "-call", "MatchRepository"], &[])["one"].clone()
    };
    assert_eq!((looks("app"), looks("other")), (json!(["1"]), json!([])));
}

#[test]
fn a_pipe_of_kustomize_renders_the_kustomization_whatever_the_app_sets() {
    let spec = "  discover:\n    find:\n      command: [find, ., -name, kustomization.yaml]\n  \
                generate:\n    command: [sh, -c, \"kustomize build . | argocd-vault-plugin generate -\"]\n";
    let Some((server, _secrets)) = server(spec) else { return };
    let app = repository();
    let vars = [TEAM, &["ARGOCD_ENV_HELM_ARGS=-f prod.yaml"]].concat();
    let answer = server.call(app.path(), &["-path", "app"], &vars);
    assert_eq!(answer["one"], secret("k", None), "{answer}");
    let answer = server.call(app.path(), &["-path", "other"], TEAM);
    assert!(answer["message"].as_str().is_some_and(|m| m.contains("kustomization")), "{answer}");
    let log = server.log();
    assert!(log.contains("ARGOCD_ENV_HELM_ARGS is set by the app, and nothing reads it"), "{log}");
    assert!(!log.contains("prod.yaml"), "the value is not logged: {log}");
}

#[test]
fn a_secret_with_settings_that_the_app_names_by_a_variable_must_be_allowed() {
    let spec = "  generate:\n    command: [sh, -c, \"argocd-vault-plugin generate -s ${ARGOCD_ENV_TEAM_SECRET} .\"]\n";
    let Some((server, _secrets)) = server(spec) else { return };
    let app = repository();
    let vars = [TEAM, &["ARGOCD_ENV_TEAM_SECRET=kube-system:admin"]].concat();
    let answer = server.call(app.path(), &["-path", "app"], &vars);
    assert!(answer["message"].as_str().is_some_and(|m| m.contains("kube-system:admin")), "{answer}");
    assert!(answer["one"].is_null());
}

#[test]
fn what_the_folder_does_not_read_is_named_in_the_log() {
    let Some((server, _secrets)) = server("  generate:\n    command: [keyfill, generate, .]\n") else {
        return;
    };
    let app = crate::app("secret/data/team/app");
    let vars = [
        TEAM,
        &[
            "ARGOCD_ENV_HELM_VALUES=a: hidden-value",
            "ARGOCD_ENV_NO_SUCH=x",
            r#"ARGOCD_APP_PARAMETERS=[{"name":"helm-set","map":{"a":"b"}},{"name":"other","string":"c"}]"#,
        ],
    ]
    .concat();
    let answer = server.call(app.path(), &["-path", "app"], &vars);
    assert_eq!(answer["one"], crate::manifest("alice-value"), "{answer}");
    let log = server.log();
    for name in
        ["ARGOCD_ENV_NO_SUCH is set", "ARGOCD_ENV_HELM_VALUES, the parameter helm-set, the parameter other"]
    {
        assert!(log.contains(name), "{name}: {log}");
    }
    assert!(!log.contains("hidden-value"), "{log}");
}

/// An argocd-cmp-server with the same plugin.yaml, whose shell runs the official tools; `None` if one of them is
/// not installed.
fn official(plugin: &str, vault: &[(&str, &str)]) -> Option<(Server, tempfile::TempDir)> {
    let (client, program) = (oracle("cmp-client")?, oracle("cmp-server")?);
    let tools = tempfile::tempdir().expect("a folder");
    for (name, built) in
        [("kustomize", "kustomize"), ("helm", "helm4"), ("argocd-vault-plugin", "argocd-vault-plugin")]
    {
        std::os::unix::fs::symlink(oracle(built)?, tools.path().join(name)).expect("a link");
    }
    let dir = tempfile::tempdir().expect("a folder");
    std::fs::write(dir.path().join("plugin.yaml"), plugin).expect("a file");
    let child = Command::new(program)
        .arg("--config-dir-path")
        .arg(dir.path())
        .env_clear()
        .env("ARGOCD_PLUGINSOCKFILEPATH", dir.path())
        .envs(["TMPDIR", "HOME"].map(|name| (name, dir.path())))
        .env("PATH", format!("{}:/usr/bin:/bin", tools.path().display()))
        .envs(vault.iter().copied())
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(dir.path().join("log")).expect("a file"))
        .spawn()
        .expect("argocd-cmp-server starts");
    let server = Server { child, dir, client };
    server.wait_for_socket();
    Some((server, tools))
}

/// Scripts for `generate`, which render the chart or the kustomization of the app.
const SCRIPTS: [&str; 13] = [
    "kustomize build . | argocd-vault-plugin generate -",
    "kustomize build > all.yaml && argocd-vault-plugin generate all.yaml",
    "kustomize edit set namespace $ARGOCD_APP_NAMESPACE; kustomize edit set annotation a/b:${ARGOCD_ENV_OWNER:-none}\n\
     kustomize edit set label env:prod; kustomize edit set nameprefix -- p-; kustomize build | argocd-vault-plugin generate -",
    "helm template ${ARGOCD_APP_NAME#*_} -n $ARGOCD_APP_NAMESPACE $ARGOCD_ENV_HELM_ARGS . | argocd-vault-plugin generate -",
    "helm template web -f prod.yaml -f <(echo \"$ARGOCD_ENV_HELM_VALUES\") . --include-crds | argocd-vault-plugin generate -",
    "echo \"$ARGOCD_ENV_HELM_VALUES\" | helm template . --name-template web $ARGOCD_ENV_HELM_ARGS -f - | argocd-vault-plugin generate -",
    "if [ -f nothing ] || grep -q '^name: d' Chart.yaml; then kustomize build .\nelse helm template web .; fi | argocd-vault-plugin generate -",
    "helm template ${ARGOCD_ENV_RELEASE} . > r.yaml && kustomize build . | argocd-vault-plugin generate -",
    "M=$(kustomize build .)\nif [ -z \"$M\" ]; then echo empty >&2; exit 1; fi\necho \"$M\" | argocd-vault-plugin generate -",
    "set -e\nif [ \"$ARGOCD_ENV_RELEASE\" ]; then M=$(helm template \"$ARGOCD_ENV_RELEASE\" .);else M=$(kustomize build); fi\n\
     argocd-vault-plugin generate - <<<\"$M\"",
    "for f in pro*.yaml no-such.yaml ${ARGOCD_ENV_FILES//,/ }; do [ -f $f ] && A=\"$A -f $f\"; done\n\
     helm template web . $A | argocd-vault-plugin generate -",
    "helm template ${ARGOCD_APP_NAME%%_*}-${ARGOCD_APP_NAME:0:2} -n ${ARGOCD_APP_NAMESPACE/arg/-} . -f - <<< \"$ARGOCD_ENV_HELM_VALUES\" \
     | argocd-vault-plugin generate -",
    "helm template ${ARGOCD_APP_NAME#ns_} -n ${ARGOCD_APP_NAMESPACE%get} . --set v=${ARGOCD_ENV_RELEASE:=none}${ARGOCD_APP_NAME//_/.} \
     | argocd-vault-plugin generate -",
];

#[test]
fn commands_of_plugin_yaml_give_what_the_official_tools_give() {
    let Some(vault) = Vault::start() else { return };
    vault.put("secret/data/team/app", &json!({"user": "alice-value"}));
    let (address, token) = (vault.address(), vault.token("root"));
    let vars = [
        ("VAULT_ADDR", address.as_str()),
        ("VAULT_TOKEN", token.as_str()),
        ("AVP_TYPE", "vault"),
        ("AVP_AUTH_TYPE", "token"),
    ];
    let app = repository();
    for script in SCRIPTS {
        let plugin = format!(
            "kind: ConfigManagementPlugin\nmetadata: {{name: keyfill}}\nspec: {{generate: {{command: [bash, -o, pipefail, -c, {}]}}, \
             discover: {{find: {{command: [sh, -c, \"grep -rl '<path:' . --include='*.yaml' | head -n 1\"]}}}}}}\n",
            Value::from(script)
        );
        let Some((official, _tools)) = official(&plugin, &vars) else { return };
        let dir = tempfile::tempdir().expect("a folder");
        std::fs::write(dir.path().join("plugin.yaml"), &plugin).expect("a file");
        let client = oracle("cmp-client").expect("it was asked for before");
        let ours = Server { child: crate::spawn(dir.path(), &vars, &[]), dir, client };
        ours.wait_for_socket();
        for more in [
            &[][..],
            &[
                "ARGOCD_ENV_HELM_ARGS=--set v=x,w=y -f prod.yaml",
                "ARGOCD_ENV_HELM_VALUES=v: 'a \"b\"'",
                "ARGOCD_ENV_RELEASE=r",
            ],
            &["ARGOCD_ENV_HELM_ARGS=--no-such-flag", "ARGOCD_ENV_RELEASE=no name", "ARGOCD_ENV_OWNER=me:you"],
        ] {
            let vars = [TEAM, &["ARGOCD_APP_NAME=ns_web", "ARGOCD_APP_NAMESPACE=target"], more].concat();
            for (path, call) in
                [("app", "GenerateManifest"), ("other", "GenerateManifest"), ("app", "MatchRepository")]
            {
                let answer =
                    |server: &Server| server.call(app.path(), &["-path", path, "-call", call], &vars);
                let (theirs, own) = (answer(&official), answer(&ours));
                assert_eq!(own["one"], theirs["one"], "{script} {path} {more:?}: {own} {theirs}");
            }
        }
    }
}
