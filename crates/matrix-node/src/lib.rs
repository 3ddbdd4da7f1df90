//! The napi boundary.
use napi_derive::napi;
/// v
#[napi]
pub fn version() -> String {
    let _ = matrix_core::matrix_sdk::Client::builder();
    "x".into()
}
