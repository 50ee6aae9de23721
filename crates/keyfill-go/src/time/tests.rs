use super::{Duration, Time, Zone};

fn shown(time: &Time, layout: &str) -> String {
    String::from_utf8_lossy(&time.format(layout.as_bytes())).into_owned()
}

fn read(layout: &str, text: &str) -> Result<String, String> {
    let time = Time::parse(layout.as_bytes(), text.as_bytes(), &Zone::Utc);
    time.map(|t| shown(&t, "2006-01-02T15:04:05.999999999Z07:00 MST")).map_err(|e| e.to_string())
}

#[test]
fn times_are_formatted_by_layouts_as_in_go() {
    let time = Time::unix(1_136_239_445, 123_456_000, Zone::Utc);
    for (layout, text) in [
        ("Mon Jan _2 15:04:05 2006", "Mon Jan  2 22:04:05 2006"),
        ("Monday, 02-Jan-06 03:04:05 PM MST", "Monday, 02-Jan-06 10:04:05 PM UTC"),
        ("2006-01-02T15:04:05.000Z07:00", "2006-01-02T22:04:05.123Z"),
        ("15:04:05,999999999 -0700 _2006 002 __2", "22:04:05,123456 +0000 _2006 002   2"),
        ("Janet 1 2 3 4 5 pm", "Janet 1 2 10 4 5 pm"),
        ("", ""),
    ] {
        assert_eq!(shown(&time, layout), text);
    }
}

#[test]
fn years_far_away_are_formatted() {
    assert_eq!(shown(&Time::zero(), "2006-01-02 15:04:05 Mon"), "0001-01-01 00:00:00 Mon");
    assert_eq!(shown(&Time::unix(i64::MAX, 0, Zone::Utc), "2006-01-02"), "292277026596-12-04");
    assert_eq!(shown(&Time::unix(-99_999_999_999, 0, Zone::Utc), "2006-01-02 002"), "-1199-02-15 046");
}

#[test]
fn zones_have_their_offsets_and_names() {
    let zone = Zone::load(b"Europe/Berlin").expect("a zone");
    assert_eq!(shown(&Time::unix(1_700_000_000, 0, zone), "15:04 -07:00 MST"), "23:13 +01:00 CET");
    assert!(Zone::load(b"europe/berlin").is_none() && Zone::load(b"../etc").is_none());
}

#[test]
fn times_are_parsed_by_layouts_as_in_go() {
    assert_eq!(read("2006-01-02", "2024-02-29").as_deref(), Ok("2024-02-29T00:00:00Z UTC"));
    assert_eq!(read("2006 002", "2024 060").as_deref(), Ok("2024-02-29T00:00:00Z UTC"));
    assert_eq!(read("15:04:05", "10:11:12.5").as_deref(), Ok("0000-01-01T10:11:12.5Z UTC"));
    assert_eq!(read("-07:00 3PM", "+02:30 12AM").as_deref(), Ok("0000-01-01T00:00:00+02:30 +0230"));
    assert_eq!(
        read("2006-01-02", "2023-02-29"),
        Err(r#"parsing time "2023-02-29": day out of range"#.into())
    );
    assert_eq!(
        read("2006-01-02", "x"),
        Err(r#"parsing time "x" as "2006-01-02": cannot parse "x" as "2006""#.into())
    );
    assert_eq!(read("15", "24"), Err(r#"parsing time "24": hour out of range"#.into()));
}

#[test]
fn durations_are_parsed_and_printed_as_in_go() {
    for (text, shown) in [
        ("1h15m30.918s", "1h15m30.918s"),
        ("-1.5h", "-1h30m0s"),
        ("300ms", "300ms"),
        ("1us", "1µs"),
        ("0", "0s"),
        (".5s", "500ms"),
        ("-9223372036854775808ns", "-2562047h47m16.854775808s"),
    ] {
        assert_eq!(Duration::parse(text.as_bytes()).map(|d| d.to_string()).as_deref(), Some(shown));
    }
    for bad in ["", "1", "s", "1x", "9223372036854775808ns", ".s"] {
        assert_eq!(Duration::parse(bad.as_bytes()), None, "{bad}");
    }
    assert_eq!(Duration(1_500_000_000).round(Duration(1_000_000_000)), Duration(2_000_000_000));
}
