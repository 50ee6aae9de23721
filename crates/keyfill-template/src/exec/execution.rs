//! The executor of templates: its state, besides that of the [`Run`].

use super::tpl::Parsed;
use crate::compiler::NodeId;
use crate::error::Error;
use crate::function::Registry;
use crate::run::Run;
use crate::templates::Templates;
use crate::value::{Str, Value};
use keyfill_diag::Cx;
use serde::Serialize;
use std::any::Any;
use std::collections::HashMap;
use std::sync::Arc;

/// Executes templates under one deadline and one set of limits.
///
/// Several templates may be executed one after the other. They share the state of functions, and the limits apply
/// to all of them together.
///
/// ```
/// use keyfill_diag::Cx;
/// use keyfill_template::{Execution, Templates, funcs, function::Registry, value::Value};
/// use std::sync::Arc;
///
/// let mut templates = Templates::new("set", Registry::new(&[funcs::GO]));
/// templates.parse("double", "{{ . }}{{ . }}")?;
/// let templates = Arc::new(templates);
///
/// let mut execution = Execution::new(&Cx::default());
/// assert_eq!(execution.render(&templates, "double", &Value::from("ab"))?, b"abab");
/// assert_eq!(execution.render(&templates, "double", &Value::Int(7))?, b"77");
/// # Ok::<(), keyfill_template::Error>(())
/// ```
pub struct Execution {
    pub(super) run: Run,
    pub(super) templates: Arc<Templates>,
    pub(super) out: Vec<u8>,
    /// The variables of all templates that are being executed; those of the innermost begin at `frame`.
    pub(super) variables: Vec<Variable>,
    pub(super) frame: usize,
    /// The node that is being executed, for errors.
    pub(super) at: NodeId,
    /// How deeply calls of templates are nested.
    pub(super) depth: u32,
    /// How often each template is included at the same time, by nested calls.
    pub(super) included: HashMap<Str, u32>,
    /// The cache of texts that `tpl` parsed.
    pub(super) parsed: HashMap<Str, Parsed>,
    /// The total length of the texts in `parsed`, in bytes.
    pub(super) parsed_bytes: usize,
    /// Steps that may still be executed.
    pub(super) steps: u64,
}

/// A variable on the stack.
pub(super) struct Variable {
    /// Index in `Tree::variables`.
    pub name: u32,
    /// Whether the value is held in an `interface {}`: an element of a list.
    pub interface: bool,
    pub value: Value,
}

impl Execution {
    /// An execution with the deadline and the limits of `cx`.
    pub fn new(cx: &Cx) -> Self {
        Self {
            run: Run::new(cx),
            templates: Arc::new(Templates::new("", Registry::default())),
            out: Vec::new(),
            variables: Vec::new(),
            frame: 0,
            at: NodeId(0),
            depth: 0,
            included: HashMap::new(),
            parsed: HashMap::new(),
            parsed_bytes: 0,
            steps: cx.limits.steps,
        }
    }

    /// The deadline and limits of the execution.
    pub fn cx(&self) -> &Cx {
        self.run.cx()
    }

    /// Sets the state that functions find under a Rust type: see [`Run::provide`].
    pub fn provide<T: Any>(&mut self, value: T) {
        self.run.provide(value);
    }

    /// Executes a template of a set and returns what it prints.
    pub fn render(&mut self, templates: &Arc<Templates>, name: &str, data: &Value) -> Result<Vec<u8>, Error> {
        self.templates = Arc::clone(templates);
        self.out.clear();
        self.variables.clear();
        self.included.clear();
        self.depth = 0;
        let result = self.execute(name.as_bytes(), data);
        // The copy has no spare capacity, and the buffer keeps its capacity for the next template.
        result.map(|()| self.out.clone())
    }
}

impl Templates {
    /// Executes a template with data that serde can serialize, and returns the text that it prints.
    ///
    /// It runs with the limits and the deadline of [`Cx::default`]. An [`Execution`] can have others, and accepts
    /// a [`Value`], which may have Go's own types, functions and objects.
    ///
    /// ```
    /// use keyfill_template::{Templates, funcs, function::Registry};
    ///
    /// #[derive(serde::Serialize)]
    /// struct App {
    ///     name: &'static str,
    ///     ports: Vec<u16>,
    /// }
    ///
    /// let mut templates = Templates::new("set", Registry::new(funcs::FAMILIES));
    /// templates.parse("ports", "{{ range .ports }}{{ $.name | upper }}:{{ . }} {{ end }}")?;
    /// assert_eq!(templates.render("ports", &App { name: "web", ports: vec![80, 443] })?, "WEB:80 WEB:443 ");
    /// # Ok::<(), keyfill_template::Error>(())
    /// ```
    ///
    /// # Errors
    /// When the template fails, when the data is refused by [`Value::from_serialize`], and when the output is
    /// not UTF-8.
    pub fn render<T: Serialize + ?Sized>(&self, name: &str, data: &T) -> Result<String, Error> {
        let data = Value::from_serialize(data)?;
        let printed = Execution::new(&Cx::default()).render(&Arc::new(self.clone()), name, &data)?;
        String::from_utf8(printed)
            .map_err(|_| Error::plain(format!("template {name:?} printed bytes that are not UTF-8"), false))
    }
}
