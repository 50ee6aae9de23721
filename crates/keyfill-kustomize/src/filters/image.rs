//! Images of containers: name, tag, digest.

use super::scalar::{is_null, set as set_scalar, wrong_kind};
use super::shared::Writes;
use crate::Gvk;
use crate::error::{Error, Result};
use crate::fieldspec::{Create, FieldSpec, visit_all};
use keyfill_go::regexp::Regexp;
use keyfill_yaml::{Map, Node, Tag, Text};
use std::cell::OnceCell;

/// An entry of `images`: which image is changed, and how. Empty parts change nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Image {
    /// Name of the images to change. It is a regular expression, as in kustomize.
    pub name: Text,
    /// The new name.
    pub new_name: Text,
    /// Text that is appended to the tag.
    pub tag_suffix: Text,
    /// The new tag. It removes the digest, unless there is a new digest, too.
    pub new_tag: Text,
    /// The new digest.
    pub digest: Text,
}

/// Changes images in the fields that the field specs lead to. Custom resource definitions are not changed.
pub fn set(object: &mut Node, gvk: &Gvk, image: &Change<'_>, specs: &[FieldSpec]) -> Result<()> {
    if gvk.kind == "CustomResourceDefinition" {
        return Ok(());
    }
    let mut writes = Writes::default();
    visit_all(object, gvk, specs, Create::Never, &mut |node| image.apply(node, &mut writes))?;
    writes.spread(object);
    Ok(())
}

/// Changes the images in all lists called `containers` or `initContainers`, wherever they are.
pub fn set_legacy(object: &mut Node, gvk: &Gvk, image: &Change<'_>) -> Result<()> {
    if gvk.kind == "CustomResourceDefinition" {
        return Ok(());
    }
    let mut writes = Writes::default();
    find_containers(object, image, &mut writes)?;
    writes.spread(object);
    Ok(())
}

fn find_containers(node: &mut Node, image: &Change<'_>, writes: &mut Writes) -> Result<()> {
    match node {
        Node::Scalar(_) => Ok(()),
        Node::Seq(seq) => seq.items.iter_mut().try_for_each(|item| find_containers(item, image, writes)),
        Node::Map(map) => fields(map, image, writes),
    }
}

fn fields(map: &mut Map, image: &Change<'_>, writes: &mut Writes) -> Result<()> {
    for entry in &mut map.entries {
        find_containers(&mut entry.value, image, writes)?;
        if !matches!(entry.key.text.as_str(), "containers" | "initContainers") {
            continue;
        }
        let Node::Seq(list) = &mut entry.value else { continue };
        for container in &mut list.items {
            match container {
                Node::Map(container) => {
                    if let Some(field) = container.get_mut("image") {
                        image.apply(field, writes)?;
                    }
                }
                node if is_null(node) => {}
                other => return Err(wrong_kind("a mapping as container", other)),
            }
        }
    }
    Ok(())
}

/// A change of images that is applied to many objects. The name is compiled once, when it is first compared.
#[derive(Debug)]
pub struct Change<'a> {
    image: &'a Image,
    pattern: OnceCell<Regexp>,
}

impl<'a> Change<'a> {
    /// The change that an entry of `images` asks for.
    pub fn new(image: &'a Image) -> Self {
        Self { image, pattern: OnceCell::new() }
    }

    fn apply(&self, node: &mut Node, writes: &mut Writes) -> Result<()> {
        let Node::Scalar(scalar) = &*node else { return Err(wrong_kind("a scalar as image", node)) };
        if !self.is_match(&scalar.text)? {
            return Ok(());
        }
        let changed = self.image.change(&scalar.text);
        set_scalar(node, changed, Tag::None, writes)
    }

    /// Whether an image has the name, when its tag and digest are ignored.
    fn is_match(&self, image: &str) -> Result<bool> {
        let name = &self.image.name;
        let is_literal =
            |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'-' | b'_' | b':' | b'@' | b'.');
        if image.is_ascii() && name.bytes().all(is_literal) {
            return Ok(is_literal_match(image.as_bytes(), name.as_bytes()));
        }
        let pattern = match self.pattern.get() {
            Some(pattern) => pattern,
            None => {
                let pattern = format!("^{name}(:[a-zA-Z0-9_.{{}}-]*)?(@sha256:[a-zA-Z0-9_.{{}}-]*)?$");
                let compiled = Regexp::compile(pattern.as_bytes()).map_err(|e| {
                    Error::new(format!("the image name {name} is not a regular expression: {e}"))
                })?;
                self.pattern.get_or_init(|| compiled)
            }
        };
        Ok(pattern.is_match(image.as_bytes()))
    }
}

impl Image {
    /// The new reference for a matching image.
    fn change(&self, image: &str) -> Text {
        let (mut name, tag, mut digest) = split(image);
        let mut tag = tag.to_owned();
        if !self.new_name.is_empty() {
            name = &self.new_name;
        }
        match (self.new_tag.is_empty(), self.digest.is_empty()) {
            (false, false) => (tag, digest) = (self.new_tag.to_string(), &self.digest),
            (false, true) => (tag, digest) = (self.new_tag.to_string(), ""),
            (true, false) => (tag, digest) = (String::new(), &self.digest),
            (true, true) if !self.tag_suffix.is_empty() => {
                tag.push_str(&self.tag_suffix);
                digest = "";
            }
            (true, true) => {}
        }
        let mut text = name.to_owned();
        for (mark, part) in [(":", tag.as_str()), ("@", digest)] {
            if !part.is_empty() {
                text.push_str(mark);
                text.push_str(part);
            }
        }
        text.into()
    }
}

/// As the regular expression, for names in which only the dot is special: it matches any character.
fn is_literal_match(image: &[u8], name: &[u8]) -> bool {
    let Some((head, rest)) = image.split_at_checked(name.len()) else { return false };
    let is_name = head.iter().zip(name).all(|(have, want)| have == want || *want == b'.' && *have != b'\n');
    is_name && is_tag_and_digest(rest)
}

fn is_tag_and_digest(rest: &[u8]) -> bool {
    let is_word = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'{' | b'}' | b'-');
    let after_tag = match rest.strip_prefix(b":") {
        Some(tag) => &tag[tag.iter().take_while(|b| is_word(b)).count()..],
        None => rest,
    };
    after_tag.is_empty()
        || after_tag.strip_prefix(b"@sha256:").is_some_and(|digest| digest.iter().all(is_word))
}

/// Splits an image into name, tag and digest. The port of a registry is part of the name.
pub fn split(image: &str) -> (&str, &str, &str) {
    let start = image.find('/').unwrap_or(0);
    let rest = &image[start..];
    match (rest.find(':').map(|at| at + start), rest.find('@').map(|at| at + start)) {
        (None, None) => (image, "", ""),
        (Some(colon), None) => (&image[..colon], &image[colon + 1..], ""),
        (Some(colon), Some(at)) if colon < at => (&image[..colon], &image[colon + 1..at], &image[at + 1..]),
        (_, Some(at)) => (&image[..at], "", &image[at + 1..]),
    }
}

#[cfg(test)]
mod tests {
    use super::{Change, Image, split};
    use crate::error::Result;

    fn is_match(image: &str, name: &str) -> Result<bool> {
        let named = Image { name: name.into(), ..Image::default() };
        Change::new(&named).is_match(image)
    }

    #[test]
    fn an_image_is_split_into_name_tag_and_digest() {
        assert_eq!(split("registry:5000/a/b:1@sha256:x"), ("registry:5000/a/b", "1", "sha256:x"));
        assert_eq!(split("nginx@sha256:x"), ("nginx", "", "sha256:x"));
        assert_eq!(split("nginx:1"), ("nginx", "1", ""));
    }

    #[test]
    fn a_pattern_must_match_the_whole_name() {
        for (image, name, expected) in [
            ("nginx", "nginx", true),
            ("nginx:1.2@sha256:ab", "nginx", true),
            ("nginx2", "nginx", false),
            ("my/nginx", "nginx", false),
            ("ghcr-io/a", "ghcr.io/a", true),
            ("nginx@md5:ab", "nginx", false),
            ("a/b/nginx:1", "a/.*nginx", true),
        ] {
            assert_eq!(is_match(image, name).expect("it compiles"), expected, "{image} {name}");
        }
        assert!(is_match("a", "[").is_err());
    }

    #[test]
    fn a_new_tag_removes_the_digest() {
        let image = Image { new_tag: "2".into(), ..Image::default() };
        assert_eq!(image.change("a:1@sha256:x"), "a:2");
        let image = Image { tag_suffix: "-dev".into(), ..Image::default() };
        assert_eq!(image.change("a:1@sha256:x"), "a:1-dev");
    }
}
