//! Writes YAML trees whose scalars are given as source text.

/// A node.
#[derive(Clone, Debug)]
pub enum Y {
    /// A scalar as source text.
    Raw(String),
    /// A list.
    List(Vec<Y>),
    /// A mapping.
    Map(Vec<(String, Y)>),
}

impl Y {
    /// A mapping.
    pub fn map<const N: usize>(fields: [(&str, Y); N]) -> Self {
        Self::Map(fields.into_iter().map(|(k, v)| (k.to_owned(), v)).collect())
    }

    /// A list.
    pub fn list(items: impl IntoIterator<Item = Y>) -> Self {
        Self::List(items.into_iter().collect())
    }

    /// Adds a field to a mapping.
    pub fn with(mut self, key: &str, value: impl Into<Y>) -> Self {
        if let Self::Map(fields) = &mut self {
            fields.push((key.to_owned(), value.into()));
        }
        self
    }

    /// The tree as a YAML document.
    pub fn text(&self) -> String {
        let mut out = String::new();
        self.write(&mut out, 0, false);
        out
    }

    fn write(&self, out: &mut String, indent: usize, inline_first: bool) {
        let pad = |out: &mut String, first: bool| {
            if !(first && inline_first) {
                out.extend(std::iter::repeat_n(' ', indent));
            }
        };
        match self {
            Self::Raw(text) => {
                out.push_str(text);
                out.push('\n');
            }
            Self::List(items) => {
                for (n, item) in items.iter().enumerate() {
                    pad(out, n == 0);
                    out.push_str("- ");
                    item.value(out, indent + 2, true);
                }
            }
            Self::Map(fields) => {
                for (n, (key, value)) in fields.iter().enumerate() {
                    pad(out, n == 0);
                    out.push_str(key);
                    out.push_str(": ");
                    value.value(out, indent, false);
                }
            }
        }
    }

    fn value(&self, out: &mut String, indent: usize, in_list: bool) {
        match self {
            Self::Raw(text) if text.contains('\n') => {
                // The lines of a block scalar are indented to its depth.
                let mut lines = text.lines();
                out.push_str(lines.next().unwrap_or(""));
                out.push('\n');
                for line in lines {
                    if !line.is_empty() {
                        out.extend(std::iter::repeat_n(' ', indent + 2));
                        out.push_str(line);
                    }
                    out.push('\n');
                }
            }
            Self::Raw(_) => self.write(out, indent, false),
            Self::List(items) if items.is_empty() => out.push_str("[]\n"),
            Self::Map(fields) if fields.is_empty() => out.push_str("{}\n"),
            collection if in_list => collection.write(out, indent, true),
            collection => {
                out.pop();
                out.push('\n');
                let inner = if matches!(collection, Self::List(_)) { indent } else { indent + 2 };
                collection.write(out, inner, false);
            }
        }
    }
}

impl From<&str> for Y {
    fn from(text: &str) -> Self {
        Self::Raw(text.to_owned())
    }
}

impl From<String> for Y {
    fn from(text: String) -> Self {
        Self::Raw(text)
    }
}

/// A block scalar of several lines. `mark` is its header, such as `|-`.
pub fn block(mark: &str, text: &str) -> Y {
    Y::Raw(format!("{mark}\n{text}"))
}
