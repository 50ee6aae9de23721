//! Structured logs on stderr: `key=value` text or JSON, one line for each event. Never a secret value.

use crate::report::Problem;
use anyhow::Result;
use std::fmt::Write as _;
use std::io::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Debug,
    Info,
    Warn,
    Error,
}

impl Level {
    fn name(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warning",
            Self::Error => "error",
        }
    }
}

/// Where events go.
#[derive(Debug)]
pub struct Log {
    least: Level,
    json: bool,
}

impl Log {
    /// With argocd-cmp-server's names for levels and formats.
    pub fn new(level: &str, format: &str) -> Result<Self> {
        let least = match level.to_ascii_lowercase().as_str() {
            "debug" | "trace" => Level::Debug,
            "info" => Level::Info,
            "warn" | "warning" => Level::Warn,
            "error" | "fatal" | "panic" => Level::Error,
            _ => {
                return Err(Problem::usage(format!(
                    "--loglevel {level}: it must be debug, info, warn or error"
                ))
                .into());
            }
        };
        let json = match format {
            "json" => true,
            "text" => false,
            _ => return Err(Problem::usage(format!("--logformat {format}: it must be text or json")).into()),
        };
        Ok(Self { least, json })
    }

    /// An event of the ordinary course.
    pub fn info(&self, message: &str, fields: &[(&str, &str)]) {
        self.event(Level::Info, message, fields);
    }

    /// Something that an administrator should know though all goes on.
    pub fn warn(&self, message: &str, fields: &[(&str, &str)]) {
        self.event(Level::Warn, message, fields);
    }

    /// Something failed.
    pub fn error(&self, message: &str, fields: &[(&str, &str)]) {
        self.event(Level::Error, message, fields);
    }

    fn event(&self, level: Level, message: &str, fields: &[(&str, &str)]) {
        if level < self.least {
            return;
        }
        let time = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis());
        let line = self.line(time, level, message, fields);
        // Where stderr is closed there is nobody to tell.
        let _ = std::io::stderr().lock().write_all(line.as_bytes());
    }

    fn line(&self, time: u128, level: Level, message: &str, fields: &[(&str, &str)]) -> String {
        let time = timestamp(time);
        let first = [("time", time.as_str()), ("level", level.name()), ("msg", message)];
        let all = first.iter().chain(fields).map(|(name, value)| (*name, bounded(value)));
        let mut line = String::new();
        if self.json {
            let pairs: Vec<String> = all.map(|(k, v)| format!("{}:{}", quoted(k), quoted(&v))).collect();
            let _ = writeln!(line, "{{{}}}", pairs.join(","));
        } else {
            let plain = |v: &str| {
                !v.is_empty() && v.chars().all(|c| c.is_ascii_alphanumeric() || "-._/:@+".contains(c))
            };
            let pairs: Vec<String> = all
                .map(|(k, v)| if plain(&v) { format!("{k}={v}") } else { format!("{k}={}", quoted(&v)) })
                .collect();
            let _ = writeln!(line, "{}", pairs.join(" "));
        }
        line
    }
}

/// Bytes of one value: a line is for people, and what an author wrote may be of any length.
const MOST_IN_VALUE: usize = 1 << 10;

fn bounded(text: &str) -> std::borrow::Cow<'_, str> {
    if text.len() <= MOST_IN_VALUE {
        return text.into();
    }
    let kept = &text[..text.floor_char_boundary(MOST_IN_VALUE)];
    format!("{kept}... ({} bytes)", text.len()).into()
}

fn quoted(text: &str) -> String {
    crate::escape::json(&serde_json::Value::from(text).to_string()).into_owned()
}

/// RFC 3339 in UTC, with milliseconds (days to date by Howard Hinnant's formula for the civil calendar).
fn timestamp(milliseconds: u128) -> String {
    let seconds = (milliseconds / 1000) as i64;
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_index = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_index + 2) / 5 + 1;
    let month = if month_index < 10 { month_index + 3 } else { month_index - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (h, m, s) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{h:02}:{m:02}:{s:02}.{:03}Z", milliseconds % 1000)
}

#[cfg(test)]
mod tests {
    use super::{Level, Log, timestamp};

    #[test]
    fn lines_are_structured() {
        let text = Log::new("info", "text").unwrap();
        let line = text.line(0, Level::Info, "request", &[("app", "a b"), ("ms", "1.5"), ("project", "")]);
        assert_eq!(
            line,
            "time=1970-01-01T00:00:00.000Z level=info msg=request app=\"a b\" ms=1.5 project=\"\"\n"
        );
        let json = Log::new("WARN", "json").unwrap();
        let line = json.line(0, Level::Error, "x\ny", &[("k", "\"")]);
        let parsed: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!((parsed["msg"].as_str(), parsed["k"].as_str()), (Some("x\ny"), Some("\"")));
        assert!(Log::new("loud", "text").is_err() && Log::new("info", "xml").is_err());
    }

    #[test]
    fn values_are_bounded() {
        let log = Log::new("info", "text").unwrap();
        let line = log.line(0, Level::Error, "x", &[("error", &"é".repeat(1 << 20))]);
        assert!(line.len() < 2_000 && line.contains("(2097152 bytes)"), "{}", line.len());
    }

    #[test]
    fn times_are_dates() {
        assert_eq!(timestamp(1_709_210_096_789), "2024-02-29T12:34:56.789Z");
        assert_eq!(timestamp(1_735_689_599_000), "2024-12-31T23:59:59.000Z");
    }
}
