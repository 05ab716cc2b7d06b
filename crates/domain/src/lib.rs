#![doc = include_str!("../README.md")]

pub mod address_hash;
pub mod analysis;
pub mod email_address;
pub mod event;
pub mod header;
pub mod id;
pub mod integration;
mod label;
pub mod locale;
pub mod message;
pub mod number;
pub mod ses_tag;
pub mod session;
pub mod settings;
pub mod standard_webhooks;
pub mod step;
mod text_enum;
mod text_type;
pub mod time_zone;
pub mod transcript;
pub mod unsubscribe;
