#![doc = include_str!("../README.md")]

pub mod address_hash;
pub mod analysis;
pub mod email_address;
pub mod event;
pub mod id;
pub mod integration;
pub mod locale;
pub mod message;
pub mod number;
pub mod ses_tag;
pub mod session;
pub mod settings;
pub mod step;
pub mod time_zone;
pub mod transcript;
pub mod unsubscribe;
