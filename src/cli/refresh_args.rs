//! Flags about what `serve` does when a secret changes.

use crate::values;
use clap::Args;
use std::time::Duration;

/// Whether Applications are refreshed, and what is shown of the secrets that they use.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Changed secrets")]
pub struct RefreshArgs {
    /// Refresh an Application when a secret that it was given has changed (needs the rights in deploy/refresh)
    #[arg(long, env = "KEYFILL_REFRESH")]
    pub refresh: bool,
    /// How often stores are asked for the versions of the secrets in use
    #[arg(long, value_name = "TIME", env = "KEYFILL_REFRESH_INTERVAL", default_value = "1m",
          value_parser = values::duration)]
    pub refresh_interval: Duration,
    /// Spread refreshes that are due at the same time over this time
    #[arg(long, value_name = "TIME", env = "KEYFILL_REFRESH_SPREAD", default_value = "1m",
          value_parser = values::duration)]
    pub refresh_spread: Duration,
    /// After a start, refresh the apps that this process has not served yet, spread over this time: which secrets
    /// they were given is not known [default: it is known again once Argo CD asks for their manifests]
    #[arg(long, value_name = "TIME", env = "KEYFILL_REFRESH_UNKNOWN", value_parser = values::duration)]
    pub refresh_unknown: Option<Duration>,
    /// Serve which app was given which secret, paths only, as /refs on the address of --metrics
    #[arg(long, env = "KEYFILL_REFS", requires = "metrics")]
    pub refs: bool,
}
