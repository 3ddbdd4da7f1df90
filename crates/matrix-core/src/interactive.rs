//! User-interactive authentication: what a homeserver asks before it changes keys or
//! devices. Tried in the order none → `m.login.dummy` → `m.login.password` (ENC-3).

use std::time::Duration;

use ruma::{
    UserId,
    api::{
        OutgoingRequest,
        client::uiaa::{
            AuthData, AuthType, Dummy, MatrixUserIdentifier, OAuthParams, Password, UiaaInfo,
            UserIdentifier,
        },
    },
};

use crate::{
    config::Secret,
    error::{Error, ErrorCode, Result},
    rest::{KnownPath, Proof, Rest, TokenScheme},
};

/// How often a homeserver may ask for one more proof.
const STAGES: usize = 3;

/// Sends a request and proves who we are where the homeserver asks for it. `request`
/// builds it around the proof.
///
/// # Errors
/// As [`answer`] and [`Rest::send`].
pub(crate) async fn send<R>(
    rest: &Rest,
    user_id: &UserId,
    password: Option<&Secret>,
    action: &str,
    timeout: Duration,
    request: impl Fn(Option<AuthData>) -> R,
) -> Result<R::IncomingResponse>
where
    R: OutgoingRequest,
    R::Authentication: TokenScheme,
    R::PathBuilder: KnownPath,
{
    let mut proof = None;
    for _ in 0..=STAGES {
        match rest.send_or_prove(request(proof), timeout).await? {
            Proof::Done(done) => return Ok(done),
            Proof::Asked(info) => proof = Some(answer(&info, user_id, password, action)?),
        }
    }
    Err(failed(format!(
        "the homeserver asks again and again who this is before it {action}"
    )))
}

/// The answer to a homeserver that refused a request until somebody proves who they are.
/// `action` completes "the homeserver … before it ⟨action⟩".
///
/// # Errors
/// `approval_required` with the link where the account's owner approves it, on homeservers
/// with OAuth; `auth_failed` if the password is missing, was refused, or no way is left
/// that a program can go.
pub(crate) fn answer(
    info: &UiaaInfo,
    user_id: &UserId,
    password: Option<&Secret>,
    action: &str,
) -> Result<AuthData> {
    if let Some(refused) = &info.auth_error {
        return Err(Error {
            errcode: Some(refused.kind.errcode().to_string()),
            status: Some(401),
            ..failed(format!(
                "the homeserver does not accept `password` before it {action}; correct it"
            ))
        });
    }
    // One stage, and it ends the flow: what a program can do alone.
    let offers = |stage: &AuthType| {
        info.flows.iter().any(|flow| {
            let mut left = flow.stages.iter().filter(|s| !info.completed.contains(s));
            left.next() == Some(stage) && left.next().is_none()
        })
    };
    if offers(&AuthType::Dummy) {
        let mut dummy = Dummy::new();
        dummy.session.clone_from(&info.session);
        return Ok(AuthData::Dummy(dummy));
    }
    if offers(&AuthType::Password) {
        let Some(password) = password else {
            return Err(failed(format!(
                "the homeserver wants the account's password before it {action}; set `password` \
                 for the account and run this again"
            )));
        };
        let identifier =
            UserIdentifier::Matrix(MatrixUserIdentifier::new(user_id.as_str().to_owned()));
        let mut data = Password::new(identifier, password.expose().to_owned());
        data.session.clone_from(&info.session);
        return Ok(AuthData::Password(data));
    }
    if let Some(link) = approval_link(info) {
        return Err(approval(&link, action));
    }
    let asked: Vec<_> = info
        .flows
        .iter()
        .flat_map(|flow| flow.stages.iter().map(AuthType::as_str))
        .collect();
    Err(failed(format!(
        "the homeserver wants {} before it {action}, which cannot be done from here; do it in \
         another Matrix client of this user",
        if asked.is_empty() {
            "an authentication that it does not name".to_owned()
        } else {
            asked.join(", ")
        }
    )))
}

/// The account's owner has to approve it in a browser.
pub(crate) fn approval(link: &str, action: &str) -> Error {
    Error {
        status: Some(401),
        ..Error::new(
            ErrorCode::ApprovalRequired,
            format!(
                "the account's owner has to approve it before the homeserver {action}: open \
                 {link} and approve, then run this again within ten minutes"
            ),
        )
    }
}

/// Where the owner approves it (`m.oauth`, and the name it had in MSC4312).
fn approval_link(info: &UiaaInfo) -> Option<String> {
    let names = [
        AuthType::OAuth,
        AuthType::from("org.matrix.cross_signing_reset"),
    ];
    let link = names
        .iter()
        .find_map(|name| info.params::<OAuthParams>(name).ok().flatten())?
        .url;
    let url = url::Url::parse(&link).ok()?;
    is_page(&url).then(|| url.to_string())
}

/// Whether a browser shows it: a homeserver's link is shown to a person to open.
pub(crate) fn is_page(url: &url::Url) -> bool {
    matches!(url.scheme(), "https" | "http")
}

fn failed(message: String) -> Error {
    Error::new(ErrorCode::AuthFailed, message)
}

#[cfg(test)]
mod tests {
    use ruma::user_id;
    use serde_json::json;

    use super::*;

    fn info(json: serde_json::Value) -> UiaaInfo {
        serde_json::from_value(json).unwrap()
    }

    fn ask(json: serde_json::Value, password: Option<&str>) -> Result<AuthData> {
        let password = password.map(Secret::new);
        answer(
            &info(json),
            user_id!("@bot:example.org"),
            password.as_ref(),
            "replaces the cross-signing keys",
        )
    }

    #[test]
    fn enc_3_dummy_comes_before_the_password() {
        let flows = json!({
            "session": "s1",
            "flows": [{"stages": ["m.login.password"]}, {"stages": ["m.login.dummy"]}],
        });
        match ask(flows, Some("secret")).unwrap() {
            AuthData::Dummy(dummy) => assert_eq!(dummy.session.as_deref(), Some("s1")),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn enc_3_the_password_answers_where_it_is_asked_for() {
        let flows = json!({"session": "s2", "flows": [{"stages": ["m.login.password"]}]});
        match ask(flows.clone(), Some("secret")).unwrap() {
            AuthData::Password(data) => {
                assert_eq!(data.password, "secret");
                assert_eq!(data.session.as_deref(), Some("s2"));
            }
            other => panic!("{other:?}"),
        }
        let missing = ask(flows, None).unwrap_err();
        assert_eq!(missing.code, ErrorCode::AuthFailed);
        assert!(missing.message.contains("`password`"), "{missing}");
    }

    #[test]
    fn enc_3_a_refused_password_is_not_tried_again() {
        let refused = ask(
            json!({
                "session": "s3",
                "flows": [{"stages": ["m.login.password"]}],
                "errcode": "M_FORBIDDEN",
                "error": "Invalid password",
            }),
            Some("hunter2"),
        )
        .unwrap_err();
        assert_eq!(refused.code, ErrorCode::AuthFailed);
        assert_eq!(refused.errcode.as_deref(), Some("M_FORBIDDEN"));
        assert!(!refused.message.contains("hunter2"), "{refused}");
    }

    #[test]
    fn enc_3_an_oauth_homeserver_gives_the_approval_link() {
        for name in ["m.oauth", "org.matrix.cross_signing_reset"] {
            let wanted = ask(
                json!({
                    "session": "s4",
                    "flows": [{"stages": [name]}],
                    "params": {name: {"url": "https://account.example.org/?action=reset"}},
                }),
                Some("secret"),
            )
            .unwrap_err();
            assert_eq!(wanted.code, ErrorCode::ApprovalRequired);
            assert!(
                wanted
                    .message
                    .contains("https://account.example.org/?action=reset"),
                "{wanted}"
            );
        }
    }

    #[test]
    fn enc_3_a_flow_of_several_stages_is_named() {
        let wanted = ask(
            json!({"flows": [{"stages": ["m.login.password", "m.login.sso"]}]}),
            Some("secret"),
        )
        .unwrap_err();
        assert!(wanted.message.contains("m.login.sso"), "{wanted}");
    }
}
