//! Values that fill a template.

use std::borrow::Cow;
use std::sync::Arc;

use minijinja::value::{Enumerator, Object, ObjectRepr, Value};
use minijinja::{Error, ErrorKind};

/// Named values of a template; the use of any other name is an error.
#[derive(Debug, Clone, Default)]
pub struct Values(Vec<(Cow<'static, str>, Value)>);

impl Values {
    pub fn new() -> Self {
        Self::default()
    }

    #[must_use]
    pub fn with(mut self, name: impl Into<Cow<'static, str>>, value: impl Into<Value>) -> Self {
        self.0.push((name.into(), value.into()));
        self
    }

    /// Adds a value that may be missing: a template can test `None`, but not show it.
    #[must_use]
    pub fn optional(self, name: impl Into<Cow<'static, str>>, text: Option<impl Into<Value>>) -> Self {
        self.with(name, text.map(Into::into))
    }

    #[must_use]
    pub fn list(self, name: impl Into<Cow<'static, str>>, items: impl IntoIterator<Item = Self>) -> Self {
        self.with(name, items.into_iter().map(Value::from).collect::<Vec<_>>())
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

/// A link that we made: the only value that may stand in `href`.
#[derive(Debug)]
pub(crate) struct Link(pub(crate) String);

impl Link {
    /// Escapes the link for its part, but not `/` as the engine would: some programs that look for links do not read it.
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

/// Makes a value whose use ends the rendering.
fn unknown(key: &str, values: &Values) -> Value {
    let names = values.names().collect::<Vec<_>>().join(", ");
    Error::new(ErrorKind::UndefinedError, format!("unknown name `{key}`; known are {names}")).into()
}
