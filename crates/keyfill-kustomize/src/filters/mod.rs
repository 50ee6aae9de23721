//! Changes to one object along field specs.
//!
//! Each takes the object's type, which its caller knows, so that it is not looked up again.

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
