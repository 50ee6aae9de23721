//! All settings: what keyfill reads from flags, environment, config file and Secrets, who may set it, and what it
//! means.
//!
//! [`table`] has a row for each variable. [`Env`] is an environment as a value. [`files`] and [`secret_name`]
//! read the config file and the `-s` Secret. [`authority`] puts the administrator's and the author's settings
//! together; it is the security core. [`resolve()`] turns the result into [`Settings`].

pub mod address;
pub mod authority;
mod cluster;
mod env;
pub mod files;
pub mod method;
mod resolve;
pub mod secret_name;
pub mod source_kind;
mod store_table;
pub mod stores;
pub mod table;
mod unknown;
pub mod unread;

pub use cluster::cluster;
pub use env::{Env, known_name};
pub use resolve::{FillsValues, Given, Purpose, Settings, app, resolve};
pub use source_kind::SourceKind;

use std::collections::BTreeMap;

/// Settings from files and Secrets, by name: those of the administrator, and those of a Secret that the author
/// chose.
#[derive(Clone, Default)]
pub struct FromFiles {
    /// The config file's settings with those of the administrator's `-s` Secret, which win.
    pub administrator: BTreeMap<String, String>,
    /// The settings of a Secret that the app's author chose; empty when they chose none.
    pub secret: BTreeMap<String, String>,
    /// The entries of the config file's `stores`.
    pub stores: BTreeMap<String, BTreeMap<String, String>>,
}

impl std::fmt::Debug for FromFiles {
    /// Shows names only: values may be credentials.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.administrator.keys().chain(self.secret.keys())).finish()
    }
}
