//! Files: fetched and decrypted while they arrive, looked at, kept for sending, uploaded.

mod blurhash;
mod download;
mod looks;
mod mp4;
mod ogg;
mod picture;
mod pieces;
mod source;
mod spool;
#[cfg(test)]
mod tests;
mod upload;
mod wave;

pub use download::Downloaded;
pub(crate) use download::{clear, download};
#[cfg(test)]
pub(crate) use looks::Thumbnail;
pub(crate) use looks::{Looks, look};
pub(crate) use source::Source;
pub(crate) use spool::{Spool, Spooled};
pub(crate) use upload::upload;

/// The folder of an account that files are fetched into.
pub(crate) const INCOMING: &str = "incoming";
