//! What kustomizations generate: config maps and secrets, charts, policies.

mod chart;
mod data;
mod policy;

pub use chart::{ChartError, ChartRequest, Charts, NoCharts, chart};
pub use data::{config_map, secret};
pub use policy::{Policy, policy};
