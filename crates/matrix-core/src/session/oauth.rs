//! The authorization server of a homeserver that has left passwords behind: what it offers
//! (the specification's OAuth 2.0 API), the device grant (RFC 8628), fresh tokens, and
//! giving them back (RFC 7009). Plain requests through the guarded client.

use std::time::Duration;

use matrix_sdk::reqwest;
use serde::{Deserialize, de::DeserializeOwned};
use url::{Url, form_urlencoded};

use crate::{
    config::{NetworkConfig, Secret},
    dir::OAuthTokens,
    error::{Error, ErrorCode, Result, from_reqwest},
    health::now_ms,
    http,
    rest::Rest,
};

/// For one request.
const TIMEOUT: Duration = Duration::from_secs(30);
/// These answers have a few lines.
const MAX_ANSWER: usize = 256 * 1024;

const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
const API_SCOPE: &str = "urn:matrix:org.matrix.msc2967.client:api:*";
const DEVICE_SCOPE: &str = "urn:matrix:org.matrix.msc2967.client:device:";

/// The parts of the server's metadata (RFC 8414) that are used.
#[derive(Debug, Deserialize)]
pub(super) struct Metadata {
    token_endpoint: Url,
    registration_endpoint: Option<Url>,
    device_authorization_endpoint: Option<Url>,
    revocation_endpoint: Option<Url>,
}

/// Where a person goes to allow the login.
#[derive(Deserialize)]
pub(super) struct Authorization {
    pub device_code: String,
    pub user_code: String,
    pub verification_uri: String,
    pub verification_uri_complete: Option<String>,
    pub expires_in: u64,
    #[serde(default = "usual_interval")]
    pub interval: u64,
}

fn usual_interval() -> u64 {
    5
}

/// A login that was allowed.
pub(super) struct Granted {
    pub access_token: Secret,
    pub tokens: OAuthTokens,
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: String,
    refresh_token: Option<String>,
    /// Seconds (RFC 6749, 5.1).
    expires_in: Option<u64>,
}

/// How long before its end a token is replaced, unless it lives for less than twice that.
const AHEAD: Duration = Duration::from_secs(60);

impl TokenAnswer {
    fn renew_at(&self) -> Option<u64> {
        let lives = Duration::from_secs(self.expires_in?);
        let from_now = lives - AHEAD.min(lives / 2);
        Some(now_ms().saturating_add(u64::try_from(from_now.as_millis()).unwrap_or(u64::MAX)))
    }
}

#[derive(Deserialize)]
struct Refusal {
    error: String,
}

/// How one question for a token ended.
enum Answered<T> {
    Yes(T),
    /// `error` of RFC 6749.
    No(String),
}

/// Talks to one authorization server.
pub(super) struct Server<'a> {
    http: &'a reqwest::Client,
    network: &'a NetworkConfig,
}

impl<'a> Server<'a> {
    pub fn new(http: &'a reqwest::Client, network: &'a NetworkConfig) -> Self {
        Self { http, network }
    }

    /// What the homeserver says of its authorization server.
    ///
    /// # Errors
    /// `auth_failed` for a homeserver without one, or one without the device grant.
    pub async fn metadata(&self, rest: &Rest) -> Result<Metadata> {
        let mut missing = None;
        for path in [
            ["_matrix", "client", "v1", "auth_metadata"].as_slice(),
            &[
                "_matrix",
                "client",
                "unstable",
                "org.matrix.msc2965",
                "auth_metadata",
            ],
        ] {
            match rest.get(path, TIMEOUT).await {
                Ok(metadata) => {
                    return serde_json::from_value(metadata).map_err(|error| {
                        Error::new(
                            ErrorCode::Network,
                            format!(
                                "the homeserver's OAuth metadata cannot be understood: {error}"
                            ),
                        )
                    });
                }
                Err(error) if matches!(error.status, Some(400 | 404 | 405)) => {
                    missing = Some(error)
                }
                Err(error) => return Err(error),
            }
        }
        Err(Error {
            code: ErrorCode::AuthFailed,
            message: "the homeserver has no OAuth login; set `accessToken`, or `userId` and \
                      `password`"
                .to_owned(),
            ..missing.unwrap_or_else(|| Error::internal("asked for nothing"))
        })
    }

    /// Makes us known to the server; its name for us.
    pub async fn register(&self, metadata: &Metadata) -> Result<String> {
        #[derive(Deserialize)]
        struct Registered {
            client_id: String,
        }
        let Some(endpoint) = &metadata.registration_endpoint else {
            return Err(no_device_login("registers no clients"));
        };
        let client = serde_json::json!({
            "client_name": "OpenClaw",
            "client_uri": "https://openclaw.ai/",
            "application_type": "native",
            "token_endpoint_auth_method": "none",
            "grant_types": [DEVICE_GRANT, "refresh_token"],
            "response_types": [],
        });
        let request = self
            .http
            .post(self.checked(endpoint)?)
            .header("content-type", "application/json")
            .body(client.to_string());
        match self.answer::<Registered>(request).await? {
            Answered::Yes(registered) => Ok(registered.client_id),
            Answered::No(error) => Err(refused("the registration", &error)),
        }
    }

    /// Asks for a code that a person allows the login of `device` with.
    pub async fn authorize(
        &self,
        metadata: &Metadata,
        client_id: &str,
        device: &str,
    ) -> Result<Authorization> {
        let Some(endpoint) = &metadata.device_authorization_endpoint else {
            return Err(no_device_login("has no device grant"));
        };
        let scope = format!("{API_SCOPE} {DEVICE_SCOPE}{device}");
        let form = [("client_id", client_id), ("scope", &scope)];
        match self.post(endpoint, &form).await? {
            Answered::Yes(authorization) => Ok(authorization),
            Answered::No(error) => Err(refused("the login", &error)),
        }
    }

    /// Waits until the person has allowed the login, or refused it, or the code is too old.
    pub async fn wait(
        &self,
        metadata: &Metadata,
        client_id: &str,
        authorization: &Authorization,
    ) -> Result<Granted> {
        let expired = || {
            Error::new(
                ErrorCode::AuthFailed,
                "nobody allowed the login before its code expired; run the command again",
            )
        };
        let patience = Duration::from_secs(authorization.expires_in);
        let mut pause = Duration::from_secs(authorization.interval.max(1));
        let form = [
            ("grant_type", DEVICE_GRANT),
            ("device_code", &*authorization.device_code),
            ("client_id", client_id),
        ];
        let asked = async {
            loop {
                tokio::time::sleep(pause).await;
                let error = match self.post(&metadata.token_endpoint, &form).await {
                    Ok(Answered::Yes(answer)) => return self.granted(metadata, client_id, answer),
                    Ok(Answered::No(error)) => error,
                    // RFC 8628, 3.5: what waiting may cure is waited out.
                    Err(error) if error.is_transient() => {
                        tracing::debug!(%error, "asking again for the login's token");
                        continue;
                    }
                    Err(error) => return Err(error),
                };
                match &*error {
                    "authorization_pending" => {}
                    "slow_down" => pause += Duration::from_secs(5),
                    "access_denied" => {
                        return Err(Error::new(ErrorCode::AuthFailed, "the login was refused"));
                    }
                    "expired_token" => return Err(expired()),
                    other => return Err(refused("the login", other)),
                }
            }
        };
        tokio::time::timeout(patience, asked)
            .await
            .unwrap_or_else(|_| Err(expired()))
    }

    fn granted(
        &self,
        metadata: &Metadata,
        client_id: &str,
        answer: TokenAnswer,
    ) -> Result<Granted> {
        let renew_at = answer.renew_at();
        let refresh_token = answer.refresh_token.ok_or_else(|| {
            Error::new(
                ErrorCode::AuthFailed,
                "the authorization server gives no refresh tokens, so the login would end within \
                 minutes; set `accessToken`, or `userId` and `password`",
            )
        })?;
        Ok(Granted {
            access_token: Secret::new(answer.access_token),
            tokens: OAuthTokens {
                client_id: client_id.to_owned(),
                token_endpoint: metadata.token_endpoint.clone(),
                revocation_endpoint: metadata.revocation_endpoint.clone(),
                refresh_token: Secret::new(refresh_token),
                renew_at,
            },
        })
    }

    /// The next token of a session; `None` if the server has ended it.
    pub async fn refresh(&self, tokens: &OAuthTokens) -> Result<Option<Granted>> {
        let form = [
            ("grant_type", "refresh_token"),
            ("refresh_token", tokens.refresh_token.expose()),
            ("client_id", &*tokens.client_id),
        ];
        match self
            .post::<TokenAnswer>(&tokens.token_endpoint, &form)
            .await?
        {
            Answered::Yes(answer) => Ok(Some(Granted {
                tokens: OAuthTokens {
                    renew_at: answer.renew_at(),
                    refresh_token: answer
                        .refresh_token
                        .map_or_else(|| tokens.refresh_token.clone(), Secret::new),
                    ..tokens.clone()
                },
                access_token: Secret::new(answer.access_token),
            })),
            Answered::No(error) => {
                tracing::warn!(error, "the authorization server gives no further token");
                Ok(None)
            }
        }
    }

    /// Gives the session back: the server ends it and deletes its device. False if it offers
    /// no such thing.
    pub async fn revoke(&self, tokens: &OAuthTokens) -> Result<bool> {
        let Some(endpoint) = &tokens.revocation_endpoint else {
            return Ok(false);
        };
        let form = [
            ("token", tokens.refresh_token.expose()),
            ("token_type_hint", "refresh_token"),
            ("client_id", &*tokens.client_id),
        ];
        let request = self.http.post(self.checked(endpoint)?).timeout(TIMEOUT);
        let response = encoded(request, &form)
            .send()
            .await
            .map_err(|e| from_reqwest(&e))?;
        if response.status().is_success() {
            return Ok(true);
        }
        Err(Error::new(
            ErrorCode::Network,
            format!(
                "the token was not revoked (HTTP {})",
                response.status().as_u16()
            ),
        ))
    }

    /// Endpoints are another server's word: what they may be is the guard's business.
    fn checked(&self, endpoint: &Url) -> Result<Url> {
        http::check_endpoint(endpoint, self.network)?;
        Ok(endpoint.clone())
    }

    async fn post<T: DeserializeOwned>(
        &self,
        endpoint: &Url,
        form: &[(&str, &str)],
    ) -> Result<Answered<T>> {
        let request = self.http.post(self.checked(endpoint)?);
        self.answer(encoded(request, form)).await
    }

    async fn answer<T: DeserializeOwned>(
        &self,
        request: reqwest::RequestBuilder,
    ) -> Result<Answered<T>> {
        let mut response = request
            .header("accept", "application/json")
            .timeout(TIMEOUT)
            .send()
            .await
            .map_err(|e| from_reqwest(&e))?;
        let status = response.status().as_u16();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|e| from_reqwest(&e))? {
            if body.len() + chunk.len() > MAX_ANSWER {
                return Err(Error::new(
                    ErrorCode::Network,
                    "the authorization server's answer is larger than 256 KiB",
                ));
            }
            body.extend_from_slice(&chunk);
        }
        let strange = || {
            Error::new(
                ErrorCode::Network,
                format!("the authorization server's answer cannot be understood (HTTP {status})"),
            )
        };
        match status {
            200..=299 => serde_json::from_slice(&body)
                .map(Answered::Yes)
                .map_err(|_| strange()),
            429 | 500.. => Err(strange()),
            _ => serde_json::from_slice::<Refusal>(&body)
                .map(|refusal| Answered::No(refusal.error))
                .map_err(|_| strange()),
        }
    }
}

fn encoded(request: reqwest::RequestBuilder, form: &[(&str, &str)]) -> reqwest::RequestBuilder {
    let body = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(form)
        .finish();
    request
        .header("content-type", "application/x-www-form-urlencoded")
        .body(body)
}

fn no_device_login(why: &str) -> Error {
    Error::new(
        ErrorCode::AuthFailed,
        format!(
            "the homeserver's authorization server {why}, so there is no login from the command \
             line; set `accessToken`"
        ),
    )
}

/// `error` is another server's word: shown only if it is one of RFC 6749's.
fn refused(what: &str, error: &str) -> Error {
    let plain = !error.is_empty()
        && error.len() <= 64
        && error.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    let error = if plain { error } else { "no reason given" };
    Error::new(
        ErrorCode::AuthFailed,
        format!("the authorization server refuses {what} ({error})"),
    )
}
