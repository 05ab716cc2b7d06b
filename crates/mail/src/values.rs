//! What a template is filled with.

use std::borrow::Cow;
use std::sync::Arc;

use minijinja::value::{Enumerator, Object, ObjectRepr, Value};
use minijinja::{Error, ErrorKind};

/// Named values of a template. To ask for a name that is not among them is an error, wherever a template does it.
#[derive(Debug, Clone, Default)]
pub struct Values(Vec<(Cow<'static, str>, Value)>);

impl Values {
    pub fn new() -> Self {
        Self::default()
    }

    #[must_use]
    pub fn text(self, name: impl Into<Cow<'static, str>>, text: impl Into<Value>) -> Self {
        self.with(name, text)
    }

    /// `None` is there and false: a template can ask for it, but not show it.
    #[must_use]
    pub fn optional(self, name: impl Into<Cow<'static, str>>, text: Option<impl Into<Value>>) -> Self {
        self.with(name, text.map(Into::into))
    }

    #[must_use]
    pub fn number(self, name: impl Into<Cow<'static, str>>, number: i64) -> Self {
        self.with(name, number)
    }

    #[must_use]
    pub fn list(self, name: impl Into<Cow<'static, str>>, items: impl IntoIterator<Item = Self>) -> Self {
        self.with(name, items.into_iter().map(Value::from).collect::<Vec<_>>())
    }

    pub(crate) fn with(mut self, name: impl Into<Cow<'static, str>>, value: impl Into<Value>) -> Self {
        self.0.push((name.into(), value.into()));
        self
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_ref())
    }
}

impl From<Values> for Value {
    fn from(values: Values) -> Self {
        Self::from_object(values)
    }
}

impl Object for Values {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str().unwrap_or_default())
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        let known = self.0.iter().find(|(name, _)| name == key);
        Some(known.map_or_else(|| unknown(key, self), |(_, value)| value.clone()))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.0.iter().map(|(name, _)| Value::from(name.as_ref())).collect())
    }
}

/// The one kind of value that may stand where HTML has a link: one that we made.
#[derive(Debug)]
pub(crate) struct Link(pub(crate) String);

impl Link {
    /// Without the entities for `/` that the engine would write: not every program that looks for links knows them.
    pub(crate) fn written(&self, is_html: bool) -> String {
        let Self(url) = self;
        if is_html {
            url.replace('&', "&amp;").replace('"', "&quot;").replace('\'', "&#x27;").replace('<', "&lt;")
        } else {
            url.clone()
        }
    }
}

impl Object for Link {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }
}

/// A value that ends the rendering when it is used.
fn unknown(key: &str, values: &Values) -> Value {
    let names = values.names().collect::<Vec<_>>().join(", ");
    Error::new(ErrorKind::UndefinedError, format!("there is no `{key}`; there is {names}")).into()
}
