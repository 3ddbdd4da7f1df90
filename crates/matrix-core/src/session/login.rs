//! `m.login.password`.

use ruma::{
    DeviceId,
    api::client::{
        session::login::v3::{LoginInfo, Password, Request, Response},
        uiaa::{MatrixUserIdentifier, UserIdentifier},
    },
};

use super::TIMEOUT;
use crate::{
    config::Secret,
    error::{Error, ErrorCode, Result},
    rest::Rest,
};

/// Logs `user` (full id or localpart) in, on `device` if given.
///
/// # Errors
/// `auth_failed` naming `password` or the alternative when the homeserver refuses;
/// `rate_limited`, `network`, `timeout` otherwise.
pub(super) async fn password(
    rest: &Rest,
    user: &str,
    password: &Secret,
    device: Option<&DeviceId>,
    device_name: &str,
) -> Result<Response> {
    let identifier = UserIdentifier::Matrix(MatrixUserIdentifier::new(user.to_owned()));
    let mut request = Request::new(LoginInfo::Password(Password::new(
        identifier,
        password.expose().to_owned(),
    )));
    request.device_id = device.map(ToOwned::to_owned);
    request.initial_device_display_name = Some(device_name.to_owned());
    rest.send(request, TIMEOUT)
        .await
        .map_err(|error| refused(user, error))
}

fn refused(user: &str, error: Error) -> Error {
    let message = match error.errcode.as_deref() {
        Some("M_FORBIDDEN" | "M_INVALID_USERNAME") => format!(
            "the homeserver does not accept `password` for {user}; correct `userId` or `password`"
        ),
        Some("M_USER_DEACTIVATED") => {
            format!("the user {user} has been deactivated; use another `userId`")
        }
        Some("M_UNKNOWN" | "M_UNRECOGNIZED") | None
            if matches!(error.status, Some(400 | 403 | 404 | 405)) =>
        {
            "the homeserver offers no password login; use `accessToken` instead of `password`"
                .to_owned()
        }
        _ => return error,
    };
    Error {
        code: ErrorCode::AuthFailed,
        message,
        ..error
    }
}
