//! Decrypts every file of `data/encrypted` and compares it with the file of the same name in `data/expected`, which
//! `sops` wrote.

use crate::{data, decrypt, keys, read};
use keyfill_sops::{Format, Value};

#[test]
fn kept_files_are_decrypted_to_the_bytes_of_sops() {
    let keys = keys();
    let mut count = 0;
    for entry in std::fs::read_dir(data().join("encrypted")).expect("the folder is there").flatten() {
        let name = entry.file_name().into_string().expect("names are UTF-8");
        let encrypted = read(&format!("encrypted/{name}"));
        assert!(keyfill_sops::is_encrypted(&encrypted, Format::of_path(&name)), "{name}");
        let decrypted = decrypt(&encrypted, &name, &keys).unwrap_or_else(|e| panic!("{name}: {e}"));
        let text = decrypted.text().unwrap_or_else(|e| panic!("{name}: {e}"));
        let expected = read(&format!("expected/{name}"));
        assert_eq!(String::from_utf8_lossy(text.bytes()), String::from_utf8_lossy(&expected), "{name}");
        assert!(!keyfill_sops::is_encrypted(&expected, Format::of_path(&name)), "{name}");
        count += 1;
    }
    assert!(count >= 16, "{count} files");
}

#[test]
fn values_are_found_by_their_keys() {
    let decrypted = decrypt(&read("encrypted/all.yaml"), "all.yaml", &keys()).expect("it can be decrypted");
    let [first, second] = decrypted.documents() else { panic!("there are two documents") };
    assert!(first.get("number") == Some(&Value::Int(42)));
    assert!(first.get("yes") == Some(&Value::Bool(true)));
    assert!(first.get("nothing") == Some(&Value::Null));
    assert!(second.get("second") == Some(&Value::text("document")));
    assert!(first.get("sops").is_none() && second.get("sops").is_none());
}
