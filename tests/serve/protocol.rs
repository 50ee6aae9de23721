//! The plugin protocol: valid calls, calls that violate it, and large messages.

use crate::{TEAM, app, manifest, over_file, over_file_with};
use serde_json::{Value, json};

#[test]
fn calls_of_repo_server_are_answered() {
    let Some((server, _secrets)) = over_file() else { return };
    let app = app("secret/data/team/app");
    let answer = server.call(app.path(), &["-path", "app"], TEAM);
    assert_eq!(answer["one"], manifest("alice-value"), "{answer}");
    let matched = server.call(app.path(), &["-path", "app", "-call", "MatchRepository"], &[]);
    assert_eq!((&matched["one"], &matched["two"]), (&json!(["1"]), &json!(["1"])));
    let announced = server.call(app.path(), &["-path", "app", "-call", "GetParametersAnnouncement"], &[]);
    assert_eq!(announced["one"].as_array().map(Vec::len), Some(3), "{announced}");
    assert_eq!(server.call(app.path(), &["-call", "CheckPluginConfiguration"], &[])["one"], json!(["1"]));
    assert_eq!(server.call(app.path(), &["-call", "Health"], &[])["one"], json!(["1"]));
    let log = server.log();
    assert!(log.contains("app=web project=team root=app") && !log.contains("alice-value"), "{log}");
}

#[test]
fn apps_that_name_the_plugin_need_no_placeholders_and_aliases_have_no_discovery() {
    let Some((server, _secrets)) = over_file_with(&["--alias", "avp"]) else { return };
    let app = app("secret/data/team/app");
    std::fs::create_dir(app.path().join("plain")).expect("a folder");
    std::fs::write(app.path().join("plain/a.yaml"), "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n")
        .expect("a file");
    // The folder does not match, and discovery does not decide about apps that name the plugin.
    let matched = server.call(app.path(), &["-path", "plain", "-call", "MatchRepository"], &[]);
    assert_eq!((&matched["one"], &matched["two"]), (&json!([]), &json!([])), "{matched}");
    let alias = server.socket("avp");
    let configured = |more: &[&str]| {
        let words = [&["-call", "CheckPluginConfiguration"], more].concat();
        server.call(app.path(), &words, &[])["one"].clone()
    };
    assert_eq!(configured(&[]), json!(["1"]));
    assert_eq!(configured(&["-socket", &alias.to_string_lossy()]), json!([]));
    let words = ["-path", "app", "-socket", &alias.to_string_lossy()];
    assert_eq!(server.call(app.path(), &words, TEAM)["one"], manifest("alice-value"));
}

#[test]
fn requests_that_violate_the_protocol_are_refused() {
    let Some((server, _secrets)) = over_file() else { return };
    let app = app("secret/data/team/app");
    for (bad, why) in [
        ("no-metadata", "metadata"),
        ("checksum", "checksum"),
        ("truncate", "checksum"),
        ("broken", "the archive is broken"),
        ("bomb", "expands to more"),
        ("garbage", "checksum"),
        ("late-chunk", "checksum"),
        ("twice", "twice"),
        ("escape", "leaves the repository"),
    ] {
        let answer = server.call(app.path(), &["-path", "app", "-bad", bad], TEAM);
        assert!(answer["message"].as_str().is_some_and(|m| m.contains(why)), "{bad}: {answer}");
    }
    for path in ["../app", "nowhere", "app/s.yaml"] {
        let answer = server.call(app.path(), &["-path", path], TEAM);
        assert_eq!(answer["code"], "InvalidArgument", "{path}: {answer}");
    }
    // The server still works after all of these.
    assert_eq!(server.call(app.path(), &["-path", "app"], TEAM)["one"], manifest("alice-value"));
}

#[test]
fn an_error_shows_its_line_even_if_the_rendering_was_cached() {
    let Some((server, _secrets)) = over_file() else { return };
    let app = app("secret/data/team/app");
    let overlay = app.path().join("overlay");
    std::fs::create_dir(&overlay).expect("a folder");
    std::fs::write(overlay.join("kustomization.yaml"), "resources: [s.yaml]\n").expect("a file");
    let text = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData:\n  k: <path:secret/data/team/app#usr>\n";
    std::fs::write(overlay.join("s.yaml"), text).expect("a file");
    for _ in 0..2 {
        let answer = server.call(app.path(), &["-path", "overlay"], TEAM);
        let said = answer["message"].as_str().unwrap_or_default();
        assert_eq!(answer["code"], "NotFound", "{answer}");
        assert!(
            said.contains("--> overlay/s.yaml:5:") && said.contains("<path:secret/data/team/app#usr>"),
            "{said}"
        );
        assert!(said.contains("^^^"), "{said}");
    }
}

#[test]
fn messages_of_100_mb_are_received_and_sent() {
    let Some((server, _secrets)) = over_file() else { return };
    let app = app("secret/data/team/app");
    // Random bytes are not made smaller by compression.
    let mut random = 7_u64;
    let noise = std::iter::repeat_with(|| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        random.to_be_bytes()
    });
    let noise: Vec<u8> = noise.take((99 << 20) / 8).flatten().collect();
    std::fs::write(app.path().join("noise"), noise).expect("a file");
    let call = |piece: &str| {
        server.call(app.path(), &["-path", "app", "-piece", piece, "-level", "0", "-timeout", "55s"], TEAM)
    };
    let answer = call("200000000");
    assert_eq!(answer["one"], manifest("alice-value"), "one message of 99 MB: {}", answer["message"]);
    std::fs::write(app.path().join("more"), std::fs::read(app.path().join("noise")).expect("a file"))
        .expect("a file");
    let answer = call("200000000");
    assert_eq!(answer["code"], "OutOfRange", "one message of 198 MB: {}", answer["message"]);
    std::fs::remove_file(app.path().join("noise")).expect("it is there");
    std::fs::remove_file(app.path().join("more")).expect("it is there");
    let long = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: long}}\ndata: {{k: {}}}\n",
        "x".repeat(60 << 20)
    );
    std::fs::write(app.path().join("app/long.yaml"), &long).expect("a file");
    let answer = call("1024");
    let sizes = answer["one"].as_array().map(|all| all.iter().filter_map(Value::as_str).map(str::len).max());
    assert!(sizes.flatten().is_some_and(|size| size > 60 << 20), "{}", answer["message"]);
}
