//! Messages that GnuPG signed or encrypted, unchanged and changed afterwards.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keyfill_pgp::{Keyring, SecretKeys, Undecrypted};
use keyfill_testkit::Gpg;

const TEXT: &str =
    "name: lib\n- a dash, and blanks behind  \nversion: 1.0.0\n\n...\nfiles:\n  lib-1.0.0.tgz: sha256:0\n";
/// The same text without the blanks at line ends, which a cleartext signature does not cover.
const SIGNED: &str =
    "name: lib\n- a dash, and blanks behind\nversion: 1.0.0\n\n...\nfiles:\n  lib-1.0.0.tgz: sha256:0";

fn ring(gpg: &Gpg, more: &[&str]) -> Keyring {
    let mut args = vec!["--export"];
    args.extend(more);
    Keyring::read(&gpg.print(&args)).expect("keys")
}

fn refused(ring: &Keyring, message: &[u8], says: &str) {
    let why = ring.signed_text(message).expect_err(says);
    assert!(why.contains(says), "{why:?} says {says:?}");
}

#[test]
fn only_signatures_by_a_key_of_the_keyring_are_valid() {
    let (Some(gpg), Some(others)) = (Gpg::new(), Gpg::new()) else { return };
    others.key("other", "ed25519", "sign", "");
    for kind in ["ed25519", "rsa2048", "nistp256"] {
        let key = gpg.key(kind, kind, "sign", "");
        let signed = gpg.sign(&key, TEXT, &[]);
        assert_eq!(ring(&gpg, &[]).signed_text(&signed).as_deref(), Ok(SIGNED), "{kind}");
        let armored = Keyring::read(&gpg.print(&["--armor", "--export"])).expect("keys");
        assert_eq!(armored.signed_text(&signed).as_deref(), Ok(SIGNED), "{kind}");
        refused(&ring(&others, &[]), &signed, "which is not in the keyring");
        refused(&ring(&others, &[]), &signed, &key);
        let text = String::from_utf8(signed).expect("text");
        refused(&ring(&gpg, &[]), text.replace("1.0.0", "1.0.1").as_bytes(), "not the one that was signed");
        refused(&ring(&gpg, &[]), &text.as_bytes()[..text.len() - 60], "broken");
        refused(&ring(&gpg, &[]), format!("{text}more").as_bytes(), "broken");
        refused(&ring(&gpg, &[]), TEXT.as_bytes(), "not a text with a signature");
    }
}

#[test]
fn a_signature_is_valid_only_if_its_key_may_sign() {
    let Some(gpg) = Gpg::new() else { return };
    let key = gpg.key("signer", "ed25519", "sign", "");
    let signed = gpg.sign(&key, TEXT, &[]);
    let weak = gpg.sign(&key, TEXT, &["--digest-algo", "SHA1", "--weak-digest", "MD5"]);
    refused(&ring(&gpg, &[]), &weak, "a hash that is not safe");
    let past = gpg.sign(&key, TEXT, &["--faked-system-time", "20400101T000000"]);
    refused(&ring(&gpg, &[]), &past, "date in the future");
    // A signature of two days, made long ago by a key that is older still.
    gpg.key_of("20200101T000000!", "old", "0");
    let short = ["--faked-system-time", "20200102T000000!", "--default-sig-expire", "2d"];
    refused(&ring(&gpg, &[]), &gpg.sign("old", TEXT, &short), "its signature has expired");
    gpg.key_of("20200101T000000!", "brief", "2d");
    let by_expired = gpg.sign("brief", TEXT, &["--faked-system-time", "20200102T000000!"]);
    refused(&ring(&gpg, &[]), &by_expired, "its key has expired");
    // A key that may not sign has a subkey that may.
    let second = gpg.key("second", "ed25519", "cert", "");
    gpg.print(&["--passphrase", "", "--quick-add-key", &second, "ed25519", "sign", "0"]);
    let by_subkey = gpg.sign(&second, TEXT, &[]);
    assert_eq!(ring(&gpg, &[]).signed_text(&by_subkey).as_deref(), Ok(SIGNED));
    assert_eq!(ring(&gpg, &[]).signed_text(&signed).as_deref(), Ok(SIGNED));
    // gpg writes a revocation beside each new key, with a colon that keeps it from being imported by accident.
    let revocation = gpg.home().join(format!("openpgp-revocs.d/{key}.rev"));
    let text = std::fs::read_to_string(revocation).expect("it is there").replace(":-----BEGIN", "-----BEGIN");
    let file = gpg.write("revocation", text);
    gpg.print(&["--import", &file.to_string_lossy()]);
    refused(&ring(&gpg, &[]), &signed, "its key was revoked");
}

#[test]
fn one_good_signature_is_enough_and_their_number_is_bounded() {
    let (Some(gpg), Some(others)) = (Gpg::new(), Gpg::new()) else { return };
    let (ours, theirs) = (gpg.key("ours", "ed25519", "sign", ""), gpg.key("theirs", "ed25519", "sign", ""));
    let signed = gpg.sign(&ours, TEXT, &["--local-user", &theirs]);
    for key in [&ours, &theirs] {
        assert_eq!(ring(&gpg, &[key]).signed_text(&signed).as_deref(), Ok(SIGNED));
    }
    others.key("other", "ed25519", "sign", "");
    refused(&ring(&others, &[]), &signed, "which is not in the keyring");
    refused(&ring(&others, &[]), &vec![b'-'; keyfill_pgp::MOST_BYTES], "larger than");
}

#[test]
fn the_error_says_why_a_file_holds_no_keys() {
    for (file, says) in [
        (&b""[..], "no key of OpenPGP"),
        (
            b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nbm8=\n-----END PGP PUBLIC KEY BLOCK-----\n",
            "no key of OpenPGP",
        ),
        (b"\0\0\0\x20\x01\x01\0\x02KBXf\0\0\0\0", "a keybox of GnuPG"),
        (&[b'x'; keyfill_pgp::MOST_BYTES], "larger than"),
    ] {
        assert!(Keyring::read(file).expect_err(says).contains(says));
        assert!(SecretKeys::default().add(file).expect_err(says).contains(says));
    }
}

#[test]
fn a_message_is_decrypted_with_its_key_or_the_error_says_why_not() {
    let Some(gpg) = Gpg::new() else { return };
    let secret = |key: &str, passphrase: &str, what: &str| {
        let mut keys = SecretKeys::default();
        let file = gpg.print(&["--passphrase", passphrase, "--armor", what, key]);
        keys.add(&file).map(|()| keys)
    };
    let ours = gpg.key("ours", "default", "default", "");
    let content = [7; 32];
    let message = gpg.encrypt(&ours, &content, &[]);
    let keys = secret(&ours, "", "--export-secret-keys").expect("keys");
    assert_eq!(keys.decrypt(&message, 32).as_deref().map(Vec::as_slice), Ok(&content[..]));
    for more in [&["--compress-algo", "none"][..], &["--compress-algo", "zip"], &["--throw-keyids"]] {
        let message = gpg.encrypt(&ours, &content, more);
        assert_eq!(keys.decrypt(&message, 32).as_deref().map(Vec::as_slice), Ok(&content[..]), "{more:?}");
    }
    // A file may hold several keys, and a subkey without the secret part of its primary key.
    let mut several = SecretKeys::default();
    let other = gpg.key("other", "default", "default", "");
    let mut file = gpg.print(&["--armor", "--export-secret-keys", &other]);
    file.extend(gpg.print(&["--armor", "--export-secret-subkeys", &ours]));
    several.add(&file).expect("keys");
    assert!(several.decrypt(&message, 32).is_ok());

    let others = secret(&other, "", "--export-secret-keys").expect("keys");
    let Err(Undecrypted::OtherKeys { ids }) = others.decrypt(&message, 32) else {
        panic!("it is for others")
    };
    assert!(ids.len() == 1 && ids[0].len() == 16, "{ids:?}");
    let locked = gpg.key("locked", "default", "default", "word");
    let message_of_locked = gpg.encrypt(&locked, &content, &[]);
    let keys_of_locked = secret(&locked, "word", "--export-secret-keys").expect("keys");
    let why = keys_of_locked.decrypt(&message_of_locked, 32).expect_err("it is locked");
    assert!(matches!(why, Undecrypted::Passphrase { .. }), "{why:?}");
    assert!(secret(&ours, "", "--export").is_err_and(|why| why.contains("public keys only")));
    // The message is encrypted for the primary key, whose secret part was not exported.
    let for_primary = gpg.key("rsa", "rsa2048", "encrypt,sign,cert", "");
    gpg.print(&["--passphrase", "", "--quick-add-key", &for_primary, "rsa2048", "sign", "0"]);
    let message_for_primary = gpg.encrypt(&format!("{for_primary}!"), &content, &[]);
    let without = secret(&for_primary, "", "--export-secret-subkeys").expect("keys");
    let why = without.decrypt(&message_for_primary, 32).expect_err("its secret part is missing");
    assert!(matches!(why, Undecrypted::NoSecret { .. }), "{why:?}");

    for broken in [
        String::new(),
        message.replace("MESSAGE", "SIGNATURE"),
        message[..message.len() / 2].to_owned(),
        changed(&message),
        gpg.encrypt(&ours, &[7; 33], &[]),
        // A decompression bomb: a million bytes compressed to a thousand.
        gpg.encrypt(&ours, &vec![0; 1 << 20], &["--compress-algo", "zlib", "-z", "9"]),
    ] {
        let why = keys.decrypt(&broken, 32).expect_err("it is broken");
        assert!(matches!(why, Undecrypted::Broken(_)), "{why:?}");
    }
    assert!(keys.decrypt(&"x".repeat(keyfill_pgp::MOST_BYTES), 32).is_err());
}

#[test]
fn a_message_for_many_unnamed_keys_is_refused_before_a_key_is_tried() {
    let Some(gpg) = Gpg::new() else { return };
    let key = gpg.key("ours", "rsa2048", "encrypt", "");
    let mut keys = SecretKeys::default();
    keys.add(&gpg.print(&["--export-secret-keys", &key])).expect("keys");
    let message = gpg.encrypt(&key, &[7; 32], &["--throw-keyids"]);
    assert!(keys.decrypt(&for_recipients(&message, 32), 32).is_ok());
    let why = keys.decrypt(&for_recipients(&message, 33), 32).expect_err("there are too many");
    assert_eq!(why, Undecrypted::Broken("the message is encrypted for too many keys"));
}

/// The message with its first packet, that of its only recipient, repeated.
fn for_recipients(message: &str, times: usize) -> String {
    let lines = message.lines().skip_while(|line| !line.is_empty());
    let base64: String = lines.take_while(|line| !line.starts_with(['=', '-'])).collect();
    let bytes = STANDARD.decode(base64).expect("base64");
    assert_eq!(bytes[0], 0x85, "a packet of the old form, with a length of two bytes");
    let (packet, rest) = bytes.split_at(3 + usize::from(u16::from_be_bytes([bytes[1], bytes[2]])));
    let many = STANDARD.encode([&packet.repeat(times), rest].concat());
    let lines: Vec<_> = many.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
    format!("-----BEGIN PGP MESSAGE-----\n\n{}\n-----END PGP MESSAGE-----\n", lines.join("\n"))
}

/// The message with one letter changed in the middle of its last full line.
fn changed(message: &str) -> String {
    let lines: Vec<&str> = message.lines().collect();
    let at = lines.iter().rposition(|line| line.len() == 64).expect("a full line");
    let mut lines: Vec<String> = lines.into_iter().map(str::to_owned).collect();
    let letter = if lines[at].as_bytes()[30] == b'A' { "B" } else { "A" };
    lines[at].replace_range(30..31, letter);
    lines.join("\n")
}
