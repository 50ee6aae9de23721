//! Logs on stderr: `key=value` text or JSON, one line for each event, with the field names that argocd-cmp-server
//! uses. No secret value is ever logged.

use crate::report::Problem;
use anyhow::{Context as _, Result};
use std::borrow::Cow;
use std::fmt;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime as _, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, MakeWriter};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;

/// Starts to write the events of this process to stderr. Called once, at the start.
pub fn start(level: &str, format: &str) -> Result<()> {
    let events = events(level, format, std::io::stderr)?;
    tracing::subscriber::set_global_default(events).context("the log is open already")
}

/// A subscriber that writes events. `level` and `format` have the names that argocd-cmp-server has for them.
fn events<W>(level: &str, format: &str, writer: W) -> Result<impl Subscriber + Send + Sync>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let least = match level.to_ascii_lowercase().as_str() {
        "debug" | "trace" => LevelFilter::DEBUG,
        "info" => LevelFilter::INFO,
        "warn" | "warning" => LevelFilter::WARN,
        "error" | "fatal" | "panic" => LevelFilter::ERROR,
        _ => {
            let message = format!("--loglevel {level}: it must be debug, info, warn or error");
            return Err(Problem::usage(message).into());
        }
    };
    let json = match format {
        "json" => true,
        "text" => false,
        _ => return Err(Problem::usage(format!("--logformat {format}: it must be text or json")).into()),
    };
    // Events of libraries are left out: they may quote what a peer sent.
    let own = Targets::new().with_target(env!("CARGO_CRATE_NAME"), least);
    let lines = tracing_subscriber::fmt::layer().with_ansi(false).event_format(Lines { json });
    Ok(tracing_subscriber::registry().with(lines.with_writer(writer).with_filter(own)))
}

/// Formats an event as a line.
struct Lines {
    json: bool,
}

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut to: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut time = String::new();
        SystemTime.format_time(&mut Writer::new(&mut time))?;
        let mut line = Line { json: self.json, text: String::new() };
        line.add("time", &time);
        line.add("level", name(*event.metadata().level()));
        event.record(&mut Message(&mut line));
        event.record(&mut Others(&mut line));
        if self.json { writeln!(to, "{{{}}}", line.text) } else { writeln!(to, "{}", line.text) }
    }
}

fn name(level: Level) -> &'static str {
    match level {
        Level::ERROR => "error",
        Level::WARN => "warning",
        Level::INFO => "info",
        Level::DEBUG | Level::TRACE => "debug",
    }
}

/// A line to which fields are added.
struct Line {
    json: bool,
    text: String,
}

impl Line {
    /// Adds a string, which is cut if it is too long.
    fn add(&mut self, name: &str, value: &str) {
        let value = bounded(value);
        let plain = |c: char| c.is_ascii_alphanumeric() || "-._/:@+".contains(c);
        let bare = !self.json && !value.is_empty() && value.chars().all(plain);
        if bare { self.pair(name, &value) } else { self.pair(name, &quoted(&value)) }
    }

    /// Adds a number or a boolean, which stands without quotes in JSON too.
    fn add_bare(&mut self, name: &str, value: &impl fmt::Display) {
        self.pair(name, &value.to_string());
    }

    fn pair(&mut self, name: &str, value: &str) {
        let (begin, between, end) = if self.json { ("\"", ",", "\":") } else { ("", " ", "=") };
        if !self.text.is_empty() {
            self.text.push_str(between);
        }
        for part in [begin, name, end, value] {
            self.text.push_str(part);
        }
    }
}

/// The name that `tracing` gives the field with the message of an event.
const MESSAGE: &str = "message";

/// Adds the message of an event.
struct Message<'a>(&'a mut Line);

impl Visit for Message<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == MESSAGE {
            self.0.add("msg", &format!("{value:?}"));
        }
    }
}

/// Adds the other fields. Numbers and booleans keep their type.
struct Others<'a>(&'a mut Line);

impl Visit for Others<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.add(field.name(), value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.add_bare(field.name(), &value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.add_bare(field.name(), &value);
    }

    /// Floating-point numbers are durations in milliseconds: three digits after the point are enough.
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.0.add_bare(field.name(), &format_args!("{value:.3}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() != MESSAGE {
            self.0.add(field.name(), &format!("{value:?}"));
        }
    }
}

/// The most bytes of one value: what an author wrote may have any length.
const MOST_IN_VALUE: usize = 1 << 10;

fn bounded(text: &str) -> Cow<'_, str> {
    if text.len() <= MOST_IN_VALUE {
        return text.into();
    }
    let kept = &text[..text.floor_char_boundary(MOST_IN_VALUE)];
    format!("{kept}... ({} bytes)", text.len()).into()
}

fn quoted(text: &str) -> String {
    crate::escape::json(&serde_json::Value::from(text).to_string()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::events;
    use std::io::Write;
    use std::sync::{Arc, Mutex};
    use tracing::{debug, error, info};

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// What is logged while `say` runs.
    fn written(level: &str, format: &str, say: impl FnOnce()) -> String {
        let kept = Kept::default();
        let to = kept.clone();
        tracing::subscriber::with_default(events(level, format, move || to.clone()).unwrap(), say);
        let bytes = kept.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn lines_are_structured() {
        let line = written("info", "text", || {
            info!(app = "a b", ms = 1.5, project = "", n = 3_u64, none = None::<&str>, "request");
        });
        let (time, rest) = line.split_once(' ').unwrap();
        assert!(time.starts_with("time=20") && time.ends_with('Z'), "{time}");
        assert_eq!(rest, "level=info msg=request app=\"a b\" ms=1.500 project=\"\" n=3\n");
        let line = written("WARN", "json", || {
            info!("not this");
            error!(k = "\"", cached = true, n = 3_u64, "x\n{}", 'y');
        });
        let parsed: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!((parsed["msg"].as_str(), parsed["k"].as_str()), (Some("x\ny"), Some("\"")));
        assert_eq!((parsed["cached"].as_bool(), parsed["n"].as_u64()), (Some(true), Some(3)));
        assert!(events("loud", "text", std::io::stderr).is_err());
        assert!(events("info", "xml", std::io::stderr).is_err());
    }

    #[test]
    fn values_are_bounded() {
        let line = written("info", "text", || error!(error = "é".repeat(1 << 20), "x"));
        assert!(line.len() < 2_000 && line.contains("(2097152 bytes)"), "{}", line.len());
    }

    #[test]
    fn text_that_moves_a_cursor_is_escaped() {
        for format in ["text", "json"] {
            let line = written("info", format, || info!(app = "a\u{1b}[2J\u{202e}", "x\ny"));
            assert!(!line.contains('\u{1b}') && !line.contains('\u{202e}'), "{line:?}");
            assert_eq!(line.lines().count(), 1);
        }
    }

    #[test]
    fn events_of_libraries_are_left_out() {
        let line = written("debug", "text", || {
            debug!(target: "h2", "a header");
            debug!("own");
        });
        assert_eq!(line.lines().count(), 1, "{line}");
    }
}
