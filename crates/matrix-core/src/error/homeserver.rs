//! From what a homeserver answered, or what happened on the way there, to [`Error`].
//! The only place that knows the errors of reqwest, ruma and matrix-sdk.

use std::{error::Error as StdError, time::Duration};

use matrix_sdk::{HttpError, reqwest};
use ruma::api::{
    client::uiaa::UiaaResponse,
    error::{Error as ApiError, ErrorBody, FromHttpResponseError, RetryAfter},
};
use serde::Deserialize;

use super::{Error, ErrorCode, recipients, store};
use crate::http::Blocked;

/// A homeserver's words are quoted up to here.
const QUOTE_CHARS: usize = 300;

/// `Standard error response` of the client-server API.
#[derive(Debug, Default, Deserialize)]
struct Answer {
    errcode: Option<String>,
    error: Option<String>,
    #[serde(default)]
    soft_logout: bool,
    retry_after_ms: Option<f64>,
    /// Of `M_CONSENT_NOT_GIVEN`: where the terms are accepted.
    consent_uri: Option<String>,
    /// Of `M_RESOURCE_LIMIT_EXCEEDED`: whom to ask.
    admin_contact: Option<String>,
}

impl Answer {
    /// Where the person has to turn to, if the homeserver says so.
    fn way_out(&self) -> Option<&str> {
        self.consent_uri
            .as_deref()
            .or(self.admin_contact.as_deref())
    }
}

/// An answer with an error status. `retry_after` is the header's value in seconds.
pub(crate) fn from_answer(status: u16, body: &[u8], retry_after: Option<u64>) -> Error {
    let answer: Answer = serde_json::from_slice(body).unwrap_or_default();
    let way_out = answer.way_out().map(quote);
    build(
        status,
        answer.errcode,
        answer.error,
        way_out,
        answer.soft_logout,
        retry_after.map(Duration::from_secs).or_else(|| {
            answer
                .retry_after_ms
                .filter(|ms| ms.is_finite() && *ms >= 0.0)
                .map(|ms| Duration::from_millis(ms as u64))
        }),
    )
}

/// An answer whose status says success and whose body is not what the specification says.
pub(crate) fn from_deserialization(what: &str, cause: impl std::fmt::Display) -> Error {
    Error::new(
        ErrorCode::Network,
        format!(
            "the answer to {what} is not Matrix: {}; is `homeserver` the base URL of a homeserver?",
            quote(&cause.to_string())
        ),
    )
}

/// No answer, or half of one.
pub(crate) fn from_reqwest(error: &reqwest::Error) -> Error {
    if let Some(blocked) = find::<Blocked>(error) {
        return Error::new(ErrorCode::AddressBlocked, blocked.to_string());
    }
    let host = error
        .url()
        .and_then(|url| url.host_str())
        .unwrap_or("the homeserver")
        .to_owned();
    if error.is_timeout() {
        return Error {
            never_left: error.is_connect(),
            ..Error::new(ErrorCode::Timeout, format!("{host} did not answer in time"))
        };
    }
    Error {
        never_left: error.is_connect(),
        ..Error::new(
            ErrorCode::Network,
            format!("cannot reach {host}: {}", quote(&root_cause(error))),
        )
    }
}

impl From<&HttpError> for Error {
    fn from(error: &HttpError) -> Self {
        match error {
            HttpError::Reqwest(error) => from_reqwest(error),
            HttpError::Api(error) => match error.as_ref() {
                FromHttpResponseError::Server(UiaaResponse::MatrixError(error)) => from_api(error),
                FromHttpResponseError::Server(UiaaResponse::AuthResponse(_)) => Error {
                    status: Some(401),
                    ..Error::new(
                        ErrorCode::Forbidden,
                        "the homeserver wants the password for this (user-interactive authentication)",
                    )
                },
                FromHttpResponseError::Deserialization(error) => {
                    from_deserialization("a request", error)
                }
                other => Error::new(ErrorCode::Network, quote(&format!("{other:?}"))),
            },
            HttpError::IntoHttp(error) => {
                Error::internal(format!("the request cannot be built: {error}"))
            }
            HttpError::RefreshToken(error) => Error::new(
                ErrorCode::AuthExpired,
                format!("the session ended: {error}"),
            ),
            HttpError::Cached(error) => Self::from(error.as_ref()),
            #[allow(unreachable_patterns, reason = "a variant more on Android")]
            other => Error::new(ErrorCode::Network, quote(&other.to_string())),
        }
    }
}

impl From<HttpError> for Error {
    fn from(error: HttpError) -> Self {
        Self::from(&error)
    }
}

impl From<matrix_sdk::Error> for Error {
    fn from(error: matrix_sdk::Error) -> Self {
        Self::from(&error)
    }
}

impl From<&matrix_sdk::Error> for Error {
    fn from(error: &matrix_sdk::Error) -> Self {
        use matrix_sdk::Error as Sdk;
        match error {
            Sdk::Http(error) => Self::from(error.as_ref()),
            Sdk::Timeout => Error::new(ErrorCode::Timeout, "no answer in time"),
            Sdk::ConcurrentRequestFailed => Error::new(
                ErrorCode::Network,
                "a request this one depends on failed; it is tried again",
            ),
            Sdk::WrongRoomState(error) => Error::new(ErrorCode::Forbidden, error.to_string()),
            Sdk::CryptoStoreError(error) => store("encryption", error.as_ref()),
            Sdk::StateStore(error) => store("state", error.as_ref()),
            // The SDK hides HTTP errors inside its encryption errors.
            other => match (recipients::refused(other), find::<HttpError>(other)) {
                (Some(refused), _) => refused,
                (None, Some(http)) => Self::from(http),
                (None, None) => Error::internal(quote(&other.to_string())),
            },
        }
    }
}

fn from_api(error: &ApiError) -> Error {
    let status = error.status_code.as_u16();
    match &error.body {
        ErrorBody::Standard(body) => {
            use ruma::api::error::ErrorKind;
            let kind = &body.kind;
            let way_out = match kind {
                ErrorKind::ResourceLimitExceeded(data) => Some(data.admin_contact.as_str()),
                _ => None,
            };
            let (soft_logout, retry_after) = match kind {
                ErrorKind::UnknownToken(data) => (data.soft_logout, None),
                ErrorKind::LimitExceeded(data) => (
                    false,
                    match data.retry_after {
                        Some(RetryAfter::Delay(delay)) => Some(delay),
                        Some(RetryAfter::DateTime(when)) => {
                            when.duration_since(std::time::SystemTime::now()).ok()
                        }
                        None => None,
                    },
                ),
                _ => (false, None),
            };
            build(
                status,
                Some(kind.errcode().to_string()),
                Some(body.message.clone()),
                way_out.map(quote),
                soft_logout,
                retry_after,
            )
        }
        ErrorBody::Json(json) => from_answer(status, json.to_string().as_bytes(), None),
        ErrorBody::NotJson { bytes, .. } => from_answer(status, bytes, None),
    }
}

fn build(
    status: u16,
    errcode: Option<String>,
    text: Option<String>,
    way_out: Option<String>,
    soft_logout: bool,
    retry_after: Option<Duration>,
) -> Error {
    let code = code_of(status, errcode.as_deref());
    let said = match (errcode.as_deref(), text.as_deref()) {
        (Some(errcode), Some(text)) => format!("{errcode}: {}", quote(text)),
        (Some(errcode), None) => errcode.to_owned(),
        (None, _) => format!("HTTP status {status}"),
    };
    let message = match code {
        ErrorCode::AccountRestricted => restricted(errcode.as_deref(), way_out.as_deref(), &said),
        ErrorCode::AuthExpired if errcode.as_deref() == Some("M_USER_DEACTIVATED") => {
            format!("the homeserver has deactivated the user ({said}); use another `userId`")
        }
        ErrorCode::AuthExpired => format!("the homeserver no longer accepts the session ({said})"),
        ErrorCode::RateLimited => format!("the homeserver asks to slow down ({said})"),
        ErrorCode::Forbidden => format!("the homeserver does not allow it ({said})"),
        ErrorCode::Network => format!("the homeserver has trouble ({said})"),
        ErrorCode::NotFound => format!("the homeserver does not know it ({said})"),
        _ => format!("the homeserver refused the request ({said})"),
    };
    Error {
        code,
        message,
        errcode,
        status: Some(status),
        retry_after,
        soft_logout,
        never_left: false,
    }
}

/// The person, or the homeserver's administrator, has to do something there; nothing
/// has to be done here, so the account goes on asking.
fn restricted(errcode: Option<&str>, way_out: Option<&str>, said: &str) -> String {
    match errcode {
        Some("M_CONSENT_NOT_GIVEN") => format!(
            "the homeserver wants its terms accepted first; accept them {} ({said})",
            match way_out {
                Some(uri) => format!("at {uri}"),
                None => "by signing in as this user with another client".to_owned(),
            }
        ),
        Some("M_USER_LOCKED") => format!(
            "the homeserver has locked the user; ask its administrator to unlock it ({said})"
        ),
        _ => format!(
            "the homeserver has reached a limit of its own and serves the user no more; ask its \
             administrator{} ({said})",
            way_out
                .map(|contact| format!(" ({contact})"))
                .unwrap_or_default()
        ),
    }
}

fn code_of(status: u16, errcode: Option<&str>) -> ErrorCode {
    match errcode {
        Some("M_CONSENT_NOT_GIVEN" | "M_USER_LOCKED" | "M_RESOURCE_LIMIT_EXCEEDED") => {
            ErrorCode::AccountRestricted
        }
        Some("M_UNKNOWN_TOKEN" | "M_MISSING_TOKEN" | "M_USER_DEACTIVATED") => {
            ErrorCode::AuthExpired
        }
        Some("M_LIMIT_EXCEEDED") => ErrorCode::RateLimited,
        Some("M_TOO_LARGE") => ErrorCode::MediaTooLarge,
        Some("M_NOT_FOUND" | "M_UNRECOGNIZED") => ErrorCode::NotFound,
        Some("M_FORBIDDEN" | "M_GUEST_ACCESS_FORBIDDEN" | "M_USER_SUSPENDED") => {
            ErrorCode::Forbidden
        }
        _ => match status {
            401 => ErrorCode::AuthExpired,
            403 => ErrorCode::Forbidden,
            404 | 405 => ErrorCode::NotFound,
            408 => ErrorCode::Timeout,
            413 => ErrorCode::MediaTooLarge,
            429 => ErrorCode::RateLimited,
            500.. => ErrorCode::Network,
            _ => ErrorCode::Internal,
        },
    }
}

/// The first `T` in the chain of causes.
fn find<'a, T: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        next = error.source();
    }
    None
}

fn root_cause(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        text = error.to_string();
        next = error.source();
    }
    text
}

/// One line, bounded: a homeserver's text goes to logs and to people.
pub(super) fn quote(text: &str) -> String {
    let line: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(QUOTE_CHARS + 1)
        .collect();
    if line.chars().count() > QUOTE_CHARS {
        let cut: String = line.chars().take(QUOTE_CHARS).collect();
        format!("{cut}…")
    } else {
        line
    }
}
