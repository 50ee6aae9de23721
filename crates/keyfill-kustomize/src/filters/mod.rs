//! Changes to one object in the fields that field specs lead to.
//!
//! Each function takes the object's type as a parameter: the caller knows it, so it is not looked up again.

pub mod affix;
pub mod annotations;
pub mod image;
pub mod labels;
pub mod namespace;
pub mod refvar;
pub mod replicas;
pub(crate) mod scalar;
pub(crate) mod shared;
pub mod value_add;
