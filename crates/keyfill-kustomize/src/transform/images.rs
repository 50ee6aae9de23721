//! `images`: names, tags and digests of images.

use crate::error::Result;
use crate::fieldspec::FieldSpec;
use crate::filters::image::{self, Change, Image};
use crate::resmap::ResMap;
use keyfill_diag::Cx;

/// Changes one image in all lists of containers, and in the fields of the field specs.
pub fn apply(map: &mut ResMap, image: &Image, specs: &[FieldSpec], cx: &Cx) -> Result<()> {
    let change = Change::new(image);
    for resource in map.nodes_mut() {
        cx.check()?;
        let gvk = resource.gvk().clone();
        image::set_legacy(&mut resource.node, &gvk, &change).map_err(|e| resource.blame(e))?;
        image::set(&mut resource.node, &gvk, &change, specs).map_err(|e| resource.blame(e))?;
    }
    Ok(())
}
