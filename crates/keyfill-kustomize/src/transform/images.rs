//! Images: names, tags and digests.

use crate::error::Result;
use crate::fieldspec::FieldSpec;
use crate::filters::image::{self, Image};
use crate::resmap::ResMap;

/// Changes one image wherever it is used: in all lists of containers, and in the fields of the specs.
pub fn apply(map: &mut ResMap, image: &Image, specs: &[FieldSpec]) -> Result<()> {
    for resource in map.nodes_mut() {
        let gvk = resource.gvk().clone();
        image::set_legacy(&mut resource.node, &gvk, image).map_err(|e| resource.blame(e))?;
        image::set(&mut resource.node, &gvk, image, specs).map_err(|e| resource.blame(e))?;
    }
    Ok(())
}
