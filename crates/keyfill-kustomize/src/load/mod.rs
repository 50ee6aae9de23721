//! From files to kustomizations and objects.

mod ahead;
mod batch;
mod decode;
mod deprecated;
mod fields;
mod helm;
mod kustomization;
mod loader;
mod objects;
mod remote;

pub use ahead::{Ahead, Listed};
pub use decode::{Item, Object, Source};
pub use fields::{
    Generator, GeneratorOptions, Label, Patch, PatchOptions, Replacement, ReplacementSource,
    ReplacementTarget, Replica, Selector, SortOptions, SortOrder, Variable, decode_field_specs,
    decode_generator_fields, decode_image, decode_patch, decode_replacement, decode_replacement_entry,
    decode_replica, decode_selector,
};
pub use helm::{ChartEntry, HelmGlobals, decode_chart_fields, decode_global_fields};
pub use kustomization::{FILE_NAMES, Kind, Kustomization};
pub use loader::{LoadRestrictor, Loader};
pub use objects::objects_of;
