//! The fakes as their clients meet them: over TCP.

#[cfg(test)]
mod bedrock;
#[cfg(test)]
mod bridge;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod front;
#[cfg(test)]
mod hubspot;
#[cfg(test)]
mod salesforce;
#[cfg(test)]
mod webhook;
