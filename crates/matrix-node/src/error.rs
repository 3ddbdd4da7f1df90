//! Errors on their way out.
//!
//! `napi::Error` carries a status of Node-API and a text; its status cannot be
//! one of our codes in a rejected promise. So the JavaScript error object is made
//! here, on the JavaScript thread, with the envelope as its own properties, and
//! napi is handed that object to throw or reject with.

use matrix_core::Error;
use napi::{Env, JsValue, Status, bindgen_prelude::Object};

/// The error as a JavaScript `Error` with `code`, and where they are known
/// `errcode`, `status` and `retryAfterMs`. Call it on the JavaScript thread.
pub(crate) fn to_js(env: &Env, error: Error) -> napi::Error {
    match envelope(env, &error) {
        Ok(object) => napi::Error::from(object.to_unknown()),
        // Only while the environment is going down; nobody will read it.
        Err(_) => napi::Error::new(Status::GenericFailure, error.message),
    }
}

fn envelope<'env>(env: &'env Env, error: &Error) -> napi::Result<Object<'env>> {
    let Error {
        code,
        message,
        errcode,
        status,
        retry_after,
        // Tells the core how to log in again; it is done before anybody sees it.
        soft_logout: _,
        // The outbox alone asks.
        never_left: _,
    } = error;
    let mut object = env.create_error(napi::Error::new(Status::GenericFailure, message))?;
    object.set("code", code.as_str())?;
    if let Some(errcode) = errcode {
        object.set("errcode", errcode)?;
    }
    if let Some(status) = status {
        object.set("status", *status)?;
    }
    if let Some(pause) = retry_after {
        object.set("retryAfterMs", pause.as_millis() as f64)?;
    }
    Ok(object)
}
