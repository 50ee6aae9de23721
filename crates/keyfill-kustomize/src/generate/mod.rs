//! Generators: ConfigMaps and Secrets, charts, service accounts with cloud identities, decrypted files.

mod chart;
mod data;
mod env_text;
mod ksops;
mod policy;

pub use chart::{ChartError, ChartRequest, ChartValues, Charts, NoCharts, chart};
use data::base_name;
pub use data::{config_map, secret};
pub use ksops::{is_ksops, ksops};
pub use policy::{Policy, policy};
