//! x
pub use matrix_sdk;
