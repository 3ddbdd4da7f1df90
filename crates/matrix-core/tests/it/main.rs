//! The crate as its users see it, against a scripted homeserver.

mod contract;
mod session;
mod support;
mod sync;
