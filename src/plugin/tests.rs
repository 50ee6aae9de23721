//! Tests of the whole interpretation, from the text of plugin.yaml to what is rendered for an app.

use super::run::{self, Planned, Request};
use super::{Discover, Meaning, read};
use crate::discover::RootKind;
use crate::outside::Outside;
use crate::render::edits::Edited;
use crate::render::options::{self, Chosen, ValuesFile};
use crate::render::{self};
use crate::settings::Env;
use keyfill_cmp::config::PluginConfig;
use keyfill_diag::{Class, Cx};
use keyfill_files::{MemoryFiles, TreePath};

fn meaning(spec: &str) -> Meaning {
    try_meaning(spec).unwrap_or_else(|problems| panic!("{spec}: {problems:?}"))
}

fn try_meaning(spec: &str) -> Result<Meaning, Vec<String>> {
    let text = format!("kind: ConfigManagementPlugin\nmetadata: {{name: x}}\nspec: {spec}\n");
    let plugin = PluginConfig::parse(text.as_bytes()).unwrap();
    let sidecar = [("CLUSTER", "blue"), ("VAULT_TOKEN", "hush")].into_iter().collect();
    read(&plugin, text.as_bytes(), &sidecar)
        .map_err(|failure| failure.problems().iter().map(ToString::to_string).collect())
}

fn script(text: &str) -> String {
    format!("{{generate: {{command: [bash, -c, {}]}}}}", serde_json::to_string(text).unwrap())
}

const FILES: &[(&str, &str)] = &[
    ("app/Chart.yaml", "apiVersion: v2\nname: c\nversion: 0.1.0\n"),
    ("app/values.yaml", "a: 1\n"),
    (
        "app/templates/a.yaml",
        "kind: A\na: {{ .Values.a }}\nr: {{ .Release.Name }}.{{ .Release.Namespace }}\n",
    ),
    ("app/kustomization.yaml", "resources: [r.yaml]\n"),
    ("app/r.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: k}\nimage: web:1\n"),
    ("app/overlay/kustomization.yaml", "resources: [all.yaml]\nnamePrefix: p-\n"),
    ("app/prod.yaml", "a: 2\n"),
    ("secret.yaml", "a: outside of the app, inside of the repository\n"),
];

fn planned(commands: &str, vars: &[(&str, &str)]) -> anyhow::Result<Planned> {
    Ok(all_planned(commands, vars)?.expect("something is rendered"))
}

fn all_planned(commands: &str, vars: &[(&str, &str)]) -> anyhow::Result<Option<Planned>> {
    let plan = meaning(&script(commands)).generate.expect("a plan");
    let files: MemoryFiles = FILES.iter().copied().collect();
    let env: Env = vars.iter().copied().collect();
    let (folder, cx) = (TreePath::new("app").unwrap(), Cx::default());
    let base = options::resolve(&Default::default(), &Env::default(), &folder, true, Chosen::default())?;
    run::planned(
        &plan,
        Request { files: &files, folder: &folder, env: &env, outside: &Outside::default(), cx: &cx },
        &base,
    )
}

/// The manifests that the commands render.
fn rendered(commands: &str, vars: &[(&str, &str)]) -> String {
    let planned = planned(commands, vars).unwrap_or_else(|error| panic!("{commands}: {error:#}"));
    let files: MemoryFiles = FILES.iter().copied().collect();
    let files = Edited::with(&files, planned.written);
    let rendered =
        render::render(&files, &planned.root, &planned.options, &Outside::default(), &Cx::default());
    let rendered = rendered.unwrap_or_else(|error| panic!("{commands}: {error:#}"));
    String::from_utf8(crate::emit::Output::of(&rendered.documents, &Cx::default()).unwrap().to_bytes())
        .unwrap()
}

fn values(planned: &Planned) -> Vec<&str> {
    let name = |values: &'_ ValuesFile| match values {
        ValuesFile::InTree(path) => path.as_str().to_owned(),
        ValuesFile::Text { name, text } => format!("{name}={}", text.trim()),
    };
    planned.options.helm.values.iter().map(|values| &*name(values).leak()).collect()
}

const APP: &[(&str, &str)] = &[("ARGOCD_APP_NAME", "web"), ("ARGOCD_APP_NAMESPACE", "prod")];

#[test]
fn flags_of_helm_become_options_of_the_rendering() {
    let line = "helm template $ARGOCD_APP_NAME -n $ARGOCD_APP_NAMESPACE ${ARGOCD_ENV_HELM_ARGS} \
                -f <(echo \"$ARGOCD_ENV_HELM_VALUES\") . | argocd-vault-plugin generate -";
    let vars = [
        APP,
        &[
            ("ARGOCD_ENV_HELM_ARGS", "-f prod.yaml --set b=c"),
            ("ARGOCD_ENV_HELM_VALUES", "a: 'x y'\nb: \"$HOME $(id)\""),
            ("ARGOCD_ENV_IMAGE_TAG", "not read"),
        ],
    ]
    .concat();
    let planned = planned(line, &vars).unwrap();
    let helm = &planned.options.helm;
    assert_eq!((planned.root.kind, planned.root.dir.as_str()), (RootKind::Chart, "app"));
    assert_eq!((helm.release_name.as_str(), helm.namespace.as_str()), ("web", "prod"));
    assert_eq!(helm.set, ["b=c"]);
    assert!(!helm.include_crds && helm.kube_version.is_none());
    let text = "<ARGOCD_ENV_HELM_VALUES>=a: 'x y'\nb: \"$HOME $(id)\"";
    assert_eq!(values(&planned), ["app/prod.yaml", text]);
}

#[test]
fn options_that_no_flag_sets_are_those_of_helm() {
    let planned = planned(
        "helm template . | argocd-vault-plugin generate -",
        &[APP, &[("KUBE_VERSION", "1.20")]].concat(),
    );
    let helm = planned.unwrap().options.helm;
    assert_eq!((helm.release_name.as_str(), helm.namespace.as_str()), ("release-name", "default"));
    assert!(helm.kube_version.is_none());
}

#[test]
fn commands_render_what_they_say() {
    for (commands, vars, want) in [
        ("helm template x .", &[][..], "a: 1\nr: x.default"),
        ("helm template ${ARGOCD_ENV_NAME:-$ARGOCD_APP_NAME} -n y .", APP, "r: web.y"),
        ("helm template ${ARGOCD_ENV_NAME:-$ARGOCD_APP_NAME} -n y .", &[("ARGOCD_ENV_NAME", "z")], "r: z.y"),
        ("R=${ARGOCD_APP_NAME#*_}; helm template \"$R\" .", &[("ARGOCD_APP_NAME", "ns_web-a")], "r: web-a."),
        ("R=${ARGOCD_APP_NAME##*_}; helm template \"$R\" .", &[("ARGOCD_APP_NAME", "ns_web_a")], "r: a."),
        ("helm template x . --set a=$CLUSTER", &[], "a: blue"),
        (
            "printf '%s' \"$ARGOCD_ENV_V\" > /tmp/v && helm template x . -f /tmp/v",
            &[("ARGOCD_ENV_V", "a: 5")],
            "a: 5",
        ),
        ("echo \"$ARGOCD_ENV_V\" > values.yaml; helm template x .", &[("ARGOCD_ENV_V", "a: 6")], "a: 6"),
        (
            "echo \"$ARGOCD_ENV_V\" | base64 -d > m.yaml; helm template x . -f m.yaml",
            &[("ARGOCD_ENV_V", "YTogNw==")],
            "a: 7",
        ),
        ("echo \"$ARGOCD_ENV_V\" | helm template x . -f -", &[("ARGOCD_ENV_V", "a: 8")], "a: 8"),
        ("helm template --release-name x . -s templates/a.yaml", &[], "r: x.default"),
        ("cat r.yaml | argocd-vault-plugin generate -", &[], "name: k"),
        ("argocd-vault-plugin generate r.yaml", &[], "name: k"),
        ("argocd-vault-plugin generate - < r.yaml", &[], "name: k"),
        ("kustomize build | argocd-vault-plugin generate -", &[], "name: k"),
        ("kustomize build . > /tmp/all.yaml && argocd-vault-plugin generate /tmp/all.yaml", &[], "name: k"),
        ("kustomize build . > overlay/all.yaml; kustomize build overlay", &[], "name: p-k"),
        ("cd overlay; kustomize build .. > all.yaml; kustomize build", &[], "name: p-k"),
        ("kustomize edit set namespace $ARGOCD_APP_NAMESPACE; kustomize build", APP, "namespace: prod"),
        (
            "kustomize edit set nameprefix -- -x; kustomize edit set annotation a:b:c d:e,f; kustomize build",
            &[],
            "a: b:c\n    d: e,f",
        ),
        ("[ -f Chart.yaml ] && helm template x . || kustomize build", &[], "r: x"),
        ("[ -f chart.yaml ] && helm template x . || kustomize build", &[], "name: k"),
        (
            "if ls *.nothing; then exit 1; elif [[ -n \"$ARGOCD_ENV_K\" ]]; then kustomize build; else helm template x .; fi",
            &[("ARGOCD_ENV_K", "1")],
            "name: k",
        ),
        (
            "(if grep -q '^name: c' Chart.yaml; then helm template x .; else kustomize build; fi) | argocd-vault-plugin generate -",
            &[],
            "r: x",
        ),
        ("bash -ec 'helm template x .'", &[], "r: x"),
        ("A=\"--set a=3 --set b=4\"; helm template x . $A", &[], "a: 3"),
        ("helm template x . ${ARGOCD_ENV_V:+--set a=$ARGOCD_ENV_V}", &[("ARGOCD_ENV_V", "9")], "a: 9"),
        ("helm template x . ${ARGOCD_ENV_V:+--set a=$ARGOCD_ENV_V}", &[], "a: 1"),
        ("M=$(kustomize build .); echo \"$M\" | argocd-vault-plugin generate -", &[], "name: k"),
        ("M=\"$(kustomize build .)\"; [ -n \"$M\" ] || exit 1; echo \"$M\"", &[], "name: k"),
        ("A=1 M=$(helm template x . --set a=4)\nprintf '%s\\n' \"${M}\"", &[], "a: 4"),
        (
            "M=$(echo \"a: 3\" | helm template x . -f -); argocd-vault-plugin generate - <<< \"$M\"",
            &[],
            "a: 3",
        ),
        (
            "if [ -f nothing ]; then M=$(kustomize build); else M=$(helm template y .); fi; echo \"$M\"",
            &[],
            "r: y",
        ),
        ("helm template x . -f - <<< $ARGOCD_ENV_V", &[("ARGOCD_ENV_V", "a: {b:   c}")], "a: map[b:c]"),
        (
            "for f in prod.yaml none.yaml; do [ -f $f ] && A=\"$A -f $f\"; done; helm template x . $A",
            &[],
            "a: 2",
        ),
        ("for f in p*.yaml; do A=\"$A -f $f\"; done\nhelm template x . $A", &[], "a: 2"),
        (
            "for kv in ${ARGOCD_ENV_V//,/ }; do A=\"$A --set $kv\"; done; helm template x . $A",
            &[("ARGOCD_ENV_V", "b=1,a=7")],
            "a: 7",
        ),
        ("for d in nothing overlay; do [ -d $d ] && cd $d; done; kustomize build ..", &[], "name: k"),
        ("helm template ${ARGOCD_APP_NAME%-*} .", &[("ARGOCD_APP_NAME", "web-eu-1")], "r: web-eu."),
        ("helm template ${ARGOCD_APP_NAME%%-*} .", &[("ARGOCD_APP_NAME", "web-eu-1")], "r: web."),
        ("helm template ${ARGOCD_APP_NAME%-1} .", &[("ARGOCD_APP_NAME", "web-eu-1")], "r: web-eu."),
        ("helm template ${ARGOCD_APP_NAME#web-} .", &[("ARGOCD_APP_NAME", "web-eu-1")], "r: eu-1."),
        ("helm template ${ARGOCD_APP_NAME/-/.} .", &[("ARGOCD_APP_NAME", "web-eu-1")], "r: web.eu-1."),
        ("helm template ${ARGOCD_APP_NAME//-} .", &[("ARGOCD_APP_NAME", "web-eu-1")], "r: webeu1."),
        ("helm template ${ARGOCD_APP_NAME:0:6} .", &[("ARGOCD_APP_NAME", "web-eu-1")], "r: web-eu."),
    ] {
        // Tests print nothing.
        let commands = commands.replace("ls *.nothing;", "ls *.nothing > /dev/null 2>&1;");
        let got = rendered(&commands, vars);
        assert!(got.contains(want), "{commands}: {got}");
    }
}

#[test]
fn a_variable_of_the_app_is_only_an_argument_of_a_command() {
    for (commands, value, class) in [
        ("helm template x . -f $ARGOCD_ENV_X", "/etc/passwd", Class::Forbidden),
        ("helm template x . -f $ARGOCD_ENV_X", "../../secret.yaml", Class::Forbidden),
        ("helm template x . -f $ARGOCD_ENV_X", "https://example.org/v", Class::Forbidden),
        ("helm template x $ARGOCD_ENV_X", "../../../etc", Class::Forbidden),
        ("helm template x . $ARGOCD_ENV_X", "--post-renderer ./x", Class::Usage),
        ("helm template x . $ARGOCD_ENV_X", "; id", Class::Usage),
        ("helm template x . $ARGOCD_ENV_X", "| sh", Class::Usage),
        ("helm template x . --set-file a=$ARGOCD_ENV_X", "/etc/passwd", Class::Forbidden),
        ("kustomize build $ARGOCD_ENV_X", "--enable-exec .", Class::Forbidden),
        ("kustomize build $ARGOCD_ENV_X", "--helm-command=./x .", Class::Forbidden),
        ("kustomize build $ARGOCD_ENV_X", "https://example.org/repo", Class::Forbidden),
        ("cd $ARGOCD_ENV_X && kustomize build", "/", Class::Forbidden),
        ("cd \"$ARGOCD_ENV_X\" && kustomize build", "../..", Class::Forbidden),
        ("echo a > $ARGOCD_ENV_X; kustomize build", "../../x", Class::Forbidden),
        ("kustomize edit set image $ARGOCD_ENV_X; kustomize build", "x", Class::Usage),
        ("echo \"$ARGOCD_ENV_X\" | base64 -d > v; helm template x . -f v", "!", Class::Render),
        ("argocd-vault-plugin generate $ARGOCD_ENV_X", "/etc", Class::Forbidden),
    ] {
        let error = planned(commands, &[("ARGOCD_ENV_X", value)])
            .err()
            .unwrap_or_else(|| panic!("{commands} {value}"));
        assert_eq!(crate::report::class(&error), class, "{commands} {value}: {error:#}");
    }
    let quoted =
        planned("helm template \"$ARGOCD_ENV_X\" .", &[("ARGOCD_ENV_X", "a $(id) `id` ; b")]).unwrap();
    assert_eq!(quoted.options.helm.release_name, "a $(id) `id` ; b");
}

#[test]
fn commands_that_print_nothing_or_too_much_fail() {
    assert!(all_planned("if [ -f nothing ]; then kustomize build; fi", &[]).unwrap().is_none());
    for (commands, what) in [
        ("[ -f nothing ] && kustomize build", "failure"),
        ("[ -f Chart.yaml ] && kustomize build; kustomize build overlay", "twice"),
        ("cd nothing; kustomize build", "no such folder"),
        (
            &*format!("for a in {}; do for b in {}; do A=$b; done; done", "x ".repeat(40), "y ".repeat(40)),
            "1,000",
        ),
        (&*format!("A=0123456789; for a in {}; do A=$A$A; done", "x ".repeat(40)), "1 MiB"),
    ] {
        let error = planned(commands, &[]).err().unwrap_or_else(|| panic!("{commands}")).to_string();
        assert!(error.contains(what), "{commands}: {error}");
    }
}

#[test]
fn an_error_names_what_is_not_supported() {
    for (commands, words) in [
        ("kustomize build . | sed s/a/b/", "sed s/a/b/"),
        ("helm template $(cat name) .", "$(cat name)"),
        ("A=$(cat name); helm template $A .", "A=$(cat name)"),
        ("M=$(kustomize build | sed s/a/b/); echo $M", "M=$(kustomize build | sed s/a/b/)"),
        ("M=$(kustomize build); kustomize build $M", "kustomize build $M"),
        ("M=$(kustomize build); echo \"x$M\" | argocd-vault-plugin generate -", "echo \"x$M\""),
        ("M=$(kustomize build); echo \"$M\" > all.yaml", "echo \"$M\" > all.yaml"),
        ("for f in *.yaml; do cat $f | argocd-vault-plugin generate -; done", "for f in *.yaml; do cat $f"),
        ("for f in $(ls); do A=$f; done", "$(ls)"),
        ("for f; do A=$f; done", ";"),
        ("helm template `cat name` .", "`cat name` ."),
        ("while true; do kustomize build; done", "while true; do kustomize build; done"),
        ("kustomize build &", "&"),
        ("kustomize build \"x", "\"x"),
        ("kustomize build ${A:?missing}", "${A:?missing}"),
        ("kustomize build ${A//[a-z]/x}", "${A//[a-z]/x}"),
        ("kustomize build $1", "$1"),
        ("kustomize build --no-such", "kustomize build --no-such"),
        ("helm template x . -f values-*.yaml", "helm template x . -f values-*.yaml"),
        ("helm pull x", "helm pull x"),
        ("kustomize build . <<EOF\nx\nEOF", "<<"),
        ("find . -delete", "find . -delete"),
        ("find . -name x", "find . -name x"),
        ("find . -exec rm {} \\;", "find . -exec rm {} \\;"),
        ("f() { kustomize build; }; f", "("),
        (
            "VAULT_ADDR=$ARGOCD_ENV_X argocd-vault-plugin generate .",
            "VAULT_ADDR=$ARGOCD_ENV_X argocd-vault-plugin",
        ),
        (
            "argocd-vault-plugin generate -c $ARGOCD_ENV_X .",
            "argocd-vault-plugin generate -c $ARGOCD_ENV_X .",
        ),
        ("if true; then kustomize build", "build"),
        ("for f in *.yaml; do echo ---; cat $f; done", "for f in *.yaml; do echo ---"),
    ] {
        let problems = try_meaning(&script(commands)).err().unwrap_or_else(|| panic!("{commands}"));
        let quoted = format!("generate: {words:?}");
        assert!(problems[0].contains(quoted.trim_end_matches('"')), "{commands}: {problems:?}");
    }
    for twice in [
        "kustomize build; kustomize build overlay",
        "(helm template x . && argocd-vault-plugin generate more) | argocd-vault-plugin generate -",
        "if [ -f a ]; then kustomize build; else helm template x .; fi; kustomize build overlay",
    ] {
        let problem = try_meaning(&script(twice)).unwrap_err().remove(0);
        assert!(problem.contains("more than once"), "{twice}: {problem}");
    }
    let deep = format!("{}kustomize build{}", "( ".repeat(50), " )".repeat(50));
    assert!(try_meaning(&script(&deep)).unwrap_err()[0].contains("deep"));
    let nested = format!("echo {}x{}", "${A:-".repeat(50), "}".repeat(50));
    assert!(try_meaning(&script(&nested)).is_err());
    assert!(try_meaning(&script(&"true;".repeat(4_000))).unwrap_err()[0].contains("16 KiB"));
    let problem = try_meaning(&script("helm template x . --set a=$VAULT_TOKEN")).unwrap_err().remove(0);
    assert!(problem.contains("VAULT_TOKEN") && !problem.contains("hush"), "{problem}");
}

#[test]
fn settings_in_commands_are_the_administrators() {
    let line = "export AVP_TYPE=vault; argocd-vault-plugin -s \"$CLUSTER\":conf -c /etc/c.yaml generate .";
    let mut meaning = meaning(&script(line));
    assert_eq!(meaning.settings.get("AVP_TYPE").map(String::as_str), Some("vault"));
    let filling = meaning.filling.take().unwrap();
    assert_eq!(filling.shared.config_path.as_deref(), Some("/etc/c.yaml".as_ref()));
    meaning.secret = filling.secret;
    assert_eq!(meaning.sidecars_secret(), Some(Some("blue:conf".to_owned())));
}

#[test]
fn a_secret_named_by_a_variable_of_the_app_counts_as_named_by_the_author() {
    let mut meaning = meaning(&script("argocd-vault-plugin generate -s ns:$ARGOCD_ENV_S ."));
    meaning.secret = meaning.filling.take().unwrap().secret;
    assert_eq!(meaning.sidecars_secret(), None);
    let env = [("ARGOCD_ENV_S", "team"), ("ARGOCD_ENV_AVP_SECRET", "other")].into_iter().collect();
    let env = meaning.secret_of(&env).unwrap();
    assert_eq!(env.authors("AVP_SECRET"), Some("ns:team"));
}

#[test]
fn an_app_sets_only_what_the_commands_read() {
    let reads = meaning(&script("helm template $ARGOCD_ENV_NAME $ARGOCD_ENV_helm_args . --set a=$CLUSTER"))
        .reads
        .unwrap();
    assert_eq!(reads.into_iter().collect::<Vec<_>>(), ["ARGOCD_ENV_NAME", "ARGOCD_ENV_helm_args"]);
    assert!(meaning("{generate: {command: [keyfill, generate, .]}}").reads.is_none());
}

fn matches(commands: &str, files: &[(&str, &'static str)]) -> bool {
    let spec = format!(
        "{{discover: {{find: {{command: [sh, -c, {}]}}}}}}",
        serde_json::to_string(commands).unwrap()
    );
    let Discover::Asked(plan) = meaning(&spec).discover else { panic!("{commands}") };
    let files: MemoryFiles = files.iter().copied().collect();
    let (folder, cx, env) = (TreePath::new("app").unwrap(), Cx::default(), Env::default());
    run::matches(
        &plan,
        Request { files: &files, folder: &folder, env: &env, outside: &Outside::default(), cx: &cx },
    )
    .unwrap()
}

#[test]
fn discovery_gives_the_answer_of_the_commands() {
    const PLACEHOLDERS: &str =
        r#"find . -name '*.yaml' | xargs -I {} grep "<path\|avp\.kubernetes\.io" {} | grep ."#;
    let chart: &[_] = &[("app/Chart.yaml", ""), ("app/sub/values.yaml", ""), ("other/k.yaml", "<path:x#y>")];
    let filled: &[_] = &[("app/a.yaml", "a: 1\n"), ("app/sub/b.yaml", "a: <path:x#y>\n")];
    for (commands, files, want) in [
        ("find . -name 'Chart.yaml' && find . -name 'values.yaml'", chart, true),
        ("find . -name nothing", chart, false),
        ("find . -name CHART.yaml", chart, false),
        ("find . -iname chart.y?ml -type f", chart, true),
        ("find . -type d -name sub", chart, true),
        ("find . -type d -name values.yaml", chart, false),
        ("find . -maxdepth 1 -name values.yaml", chart, false),
        ("find . -mindepth 2 -name values.yaml", chart, true),
        ("find . -path './sub/*'", chart, true),
        ("find . ! -name '*.yaml' -type f", chart, false),
        ("find . \\( -name a -o -name Chart.yaml \\) -print", chart, true),
        ("find nothing -name Chart.yaml", chart, false),
        ("find $NOTHING -name Chart.yaml", chart, true),
        ("find . -name Chart.yaml -quit", chart, false),
        ("find . -name Chart.yaml -print -quit", chart, true),
        ("find . -name Chart.yaml -o -name nothing -print", chart, false),
        ("find . -name nothing -o -name Chart.yaml -print", chart, true),
        ("find .. -name k.yaml", chart, true),
        ("find / -name k.yaml", chart, false),
        ("find . -name Chart.yaml | grep -q .", chart, false),
        ("find . -name Chart.yaml | grep -q . && echo yes", chart, true),
        ("find . -name x | grep . || echo none", chart, true),
        ("find . -name x | wc -l", chart, true),
        ("find . -name x | wc -l | grep -v '^0$'", chart, false),
        ("ls Chart.yaml", chart, true),
        ("ls *.yml", chart, false),
        ("ls Chart.yaml kustomization.yaml", chart, false),
        ("test -f Chart.yaml", chart, false),
        ("test -f Chart.yaml && echo", chart, false),
        ("[ -f Chart.yaml ] && [ ! -f kustomization.yaml ] && echo chart", chart, true),
        ("cat sub/values.yaml", chart, false),
        ("ls", chart, true),
        ("ls | grep -i CHART", chart, true),
        ("ls sub | grep Chart", chart, false),
        ("ls sub", chart, true),
        ("[[ -d sub && -f Chart.yaml ]] && echo both", chart, true),
        ("[[ -f sub || -f nothing ]] && echo one", chart, false),
        ("test -f Chart.yaml -a ! -f nothing && echo y", chart, true),
        ("[ -f nothing -o -d sub ] && echo y", chart, true),
        ("cat sub/b.yaml nothing", filled, false),
        ("find . -type f -exec grep -q '<path' {} \\; -print", filled, true),
        ("find . -type f -exec grep -q '<path' {} \\; -print", chart, false),
        ("grep -rn '<path' | cut -d: -f1", filled, true),
        ("echo x; false", chart, false),
        ("exit 0; echo x", chart, false),
        (PLACEHOLDERS, filled, true),
        (PLACEHOLDERS, chart, false),
        // `grep` runs once for each file, and one of the runs fails.
        ("find . -name '*.yaml' | xargs -I {} grep '<path' {}", filled, false),
        ("find . -name '*.yaml' | xargs grep -l '<path'", filled, true),
        ("find . -name '*.yaml' -exec grep -l '<path' {} \\;", filled, true),
        ("find . -name '*.yaml' -print0 | xargs -0 grep -l '<path' | grep sub", filled, true),
        ("find . -name '*.yaml' -print0 | xargs -0 grep -l '<path' | grep other", filled, false),
        ("grep -rl '<path:' .", filled, true),
        ("grep -rl '<path:' . --include=a.yaml", filled, false),
        ("grep -rE '<(path|x):' | head -n 1", filled, true),
        ("grep -Rlq '<path:' .", filled, false),
        ("grep -Rlq '<path:' . && echo found", filled, true),
        ("grep -rqs nothing . && echo found", filled, false),
        ("grep '<path' *.yaml", filled, false),
        ("grep -h '<path' */*.yaml", filled, true),
        ("grep '<path' sub/b.yaml c.yaml", filled, false),
        ("grep -c '<path' sub/b.yaml", filled, true),
        ("grep -c '<path' a.yaml", filled, false),
        ("grep -c '<path' a.yaml | grep -v '^0$'", filled, false),
        ("find . -name a.yaml -o -name b.yaml -exec grep -l a: {} \\;", &[("app/a.yaml", "a: 1\n")], false),
        ("cat sub/b.yaml | grep '<path'", filled, true),
        ("if grep -q a: a.yaml; then echo yes; fi", filled, true),
        ("for f in *.yaml */*.yaml; do grep -l '<path' $f; done", filled, true),
        ("for f in *.yaml; do grep -l '<path' $f; done", filled, false),
        ("for f in *.none; do [ -f $f ] && echo $f; done", filled, false),
    ] {
        assert_eq!(matches(commands, files), want, "{commands}");
    }
}

#[test]
fn the_working_directory_gives_a_name_and_paths() {
    let commands =
        "helm template \"$(basename \"$PWD\")\" . -f \"$PWD/prod.yaml\" | argocd-vault-plugin generate -";
    assert!(rendered(commands, &[]).contains("a: 2\nr: app.default\n"));
    let below = "cd overlay && kustomize build $PWD | argocd-vault-plugin generate -";
    assert_eq!(planned(below, &[]).unwrap().root.dir.as_str(), "app/overlay");
    for bad in ["helm template --set a=$PWD . ", "helm template $(hostname) .", "helm template x$PWD ."] {
        let refused = try_meaning(&script(&format!("{bad} | argocd-vault-plugin generate -")));
        assert!(refused.is_err(), "{bad}");
    }
}

#[test]
fn find_supports_regular_expressions_and_empty_files() {
    let files: Vec<(&str, &'static str)> = FILES.iter().copied().chain([("app/empty.txt", "")]).collect();
    for (command, want) in [
        (r"find . -regex '.*/\(Chart\|nope\)\.ya?ml'", true),
        (r"find . -regex '.*/(Chart|nope)\.ya?ml'", false),
        (r"find . -regextype posix-extended -regex '.*/(Chart|nope)\.ya?ml'", true),
        (r"find . -iregex '.*/chart\.yaml'", true),
        ("find . -type f -empty", true),
        ("find . -name Chart.yaml -empty", false),
        ("find . -ipath './CHART*'", true),
    ] {
        assert_eq!(matches(command, &files), want, "{command}");
    }
}
