#![doc = include_str!("../README.md")]

pub mod attachments;
mod context;
mod envelope;
mod header;
mod links;
mod notice;
mod phrases;
pub mod sample;
mod send_error;
mod sender;
mod template;
#[cfg(feature = "testing")]
pub mod testing;
mod values;

pub use attachments::Attachment;
pub use context::{About, Show, VisitorContext};
pub use envelope::{Envelope, auto_submitted, headers, tags};
pub use notice::{Notice, notice};
pub use send_error::{OUTCOME_UNKNOWN, RefusalScope, SendError, SesRefusal};
pub use sender::{MIN_SEND_TIME, Sender};
pub use template::{Rendered, Template, TemplateError, TemplatePart, TemplateSource, check};
pub use values::Values;
