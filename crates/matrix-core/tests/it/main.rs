//! The crate as its users see it, against a scripted homeserver.
#![allow(clippy::unwrap_used, reason = "what a test unwraps is what it shows")]

mod contract;
mod session;
mod support;
mod sync;
