//! The crate as its users see it, against a scripted homeserver.
#![allow(clippy::unwrap_used, reason = "what a test unwraps is what it shows")]

mod contract;
#[path = "../crossing/mod.rs"]
mod crossing;
mod devices;
mod disk;
mod failpoints;
mod lost;
mod malformed;
mod nonsense;
mod oauth;
mod olm_peer;
mod rollback;
mod session;
mod storage;
mod support;
mod sync;
