//! Flags of OpenTelemetry, with the names and formats of argocd-cmp-server, so that a sidecar that is switched to
//! keyfill keeps its command line.

use super::pflag::parse_bool;
use clap::{ArgAction, Args};
use std::fmt;

/// Where traces go.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Traces (as in argocd-cmp-server)")]
pub struct TracesArgs {
    /// Send traces to this OpenTelemetry collector (OTLP over gRPC), as in collector:4317
    #[arg(long, value_name = "ADDR", env = "ARGOCD_CMP_SERVER_OTLP_ADDRESS")]
    pub otlp_address: Option<String>,
    /// Whether the collector is spoken to without TLS; with TLS the system's certificates decide, or SSL_CERT_FILE's
    #[arg(long, value_name = "BOOL", env = "ARGOCD_CMP_SERVER_OTLP_INSECURE", default_value = "true",
          action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = boolean)]
    pub otlp_insecure: bool,
    /// Headers for the collector, as key1=value1,key2=value2
    #[arg(long, value_name = "KEY=VALUE,...", env = "ARGOCD_CMP_SERVER_OTLP_HEADERS", hide_env_values = true,
          value_parser = headers)]
    pub otlp_headers: Option<Headers>,
    /// Attributes of each trace, as key1:value1,key2:value2
    #[arg(long, value_name = "KEY:VALUE,...", env = "ARGOCD_CMP_SERVER_OTLP_ATTRS", value_delimiter = ',')]
    pub otlp_attrs: Vec<String>,
}

/// Headers for the collector, as typed. They may hold a credential, so `Debug` does not show them.
#[derive(Clone)]
pub struct Headers(String);

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Headers(hidden)")
    }
}

impl Headers {
    /// The names and values of the headers; `None` for an entry that is no pair.
    pub fn pairs(&self) -> impl Iterator<Item = Option<(&str, &str)>> {
        self.0.split(',').filter(|pair| !pair.is_empty()).map(|pair| pair.split_once('='))
    }
}

fn boolean(text: &str) -> Result<bool, String> {
    parse_bool(text).ok_or_else(|| "it is no boolean: write true or false".to_owned())
}

/// Accepts any text, since an error of the command line would print it.
#[allow(clippy::unnecessary_wraps)] // clap asks for a result
fn headers(text: &str) -> Result<Headers, String> {
    Ok(Headers(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::TracesArgs;
    use crate::cli::args::{Command, parse};

    fn traces(flags: &[&str]) -> TracesArgs {
        let words = ["keyfill", "serve"].iter().chain(flags).map(Into::into).collect();
        let Command::Serve(args) = parse(words).expect("the command line is good").command else {
            panic!("it is serve");
        };
        assert!(!format!("{args:?}").contains("canary"), "{args:?}");
        args.into_inner().traces
    }

    #[test]
    fn flags_of_open_telemetry_are_taken_as_argocd_cmp_server_takes_them() {
        let none = traces(&[]);
        assert!(none.otlp_address.is_none() && none.otlp_insecure && none.otlp_attrs.is_empty());
        let all = traces(&[
            "--otlp-address",
            "collector:4317",
            "--otlp-insecure=false",
            "--otlp-headers",
            "authorization=canary=,b=c",
            "--otlp-attrs=team:a,stage:b",
        ]);
        assert_eq!(all.otlp_address.as_deref(), Some("collector:4317"));
        assert!(!all.otlp_insecure);
        assert_eq!(all.otlp_attrs, ["team:a", "stage:b"]);
        let headers = all.otlp_headers.expect("they are there");
        let pairs: Vec<_> = headers.pairs().collect();
        assert_eq!(pairs, [Some(("authorization", "canary=")), Some(("b", "c"))]);
        assert!(traces(&["--otlp-insecure"]).otlp_insecure);
    }

    #[test]
    fn a_switch_that_is_no_boolean_is_refused() {
        let words = ["keyfill", "serve", "--otlp-insecure=perhaps"].map(Into::into).to_vec();
        let refused = parse(words).expect_err("it is no boolean").to_string();
        assert!(refused.contains("--otlp-insecure") && refused.contains("write true or false"), "{refused}");
    }
}
