//! Against a real homeserver: `MATRIX_TEST_HOMESERVER` is the base URL of one with open
//! registration and without rate limits. Without it every test says that it was skipped.
#![allow(clippy::unwrap_used, reason = "what a test unwraps is what it shows")]

mod auth;
mod backup;
mod bootstrap;
#[path = "../crossing/mod.rs"]
mod crossing;
mod devices;
mod direct;
mod encryption;
mod failpoints;
mod forced;
mod half_done;
mod loss;
mod other_client;
mod past;
mod plain;
mod profile;
mod recovery;
mod renewal;
mod rooms;
mod second_client;
mod server_state;
mod support;
mod trust;
