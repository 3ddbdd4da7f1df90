//! Plain client-server requests over the guarded client: what needs no SDK state
//! (whoami before a store is open, joins, receipts, typing, account data), and
//! everything of a device that is not ours to encrypt with.

use std::{
    borrow::Cow,
    sync::{Arc, LazyLock, PoisonError, RwLock},
    time::Duration,
};

use matrix_sdk::reqwest;
use ruma::{
    api::{
        IncomingResponse, MatrixVersion, OutgoingRequest, SupportedVersions,
        auth_scheme::{
            AccessToken, AccessTokenOptional, AppserviceTokenOptional, AuthScheme, NoAccessToken,
            NoAuthentication, SendAccessToken,
        },
        client::uiaa::UiaaInfo,
        path_builder::{PathBuilder, SinglePath, VersionHistory},
    },
    exports::http,
};
use url::Url;

use crate::{
    config::Secret,
    error::{Error, ErrorCode, Result, from_answer, from_deserialization, from_reqwest},
};

/// Larger answers are refused: they would be held in memory whole.
const MAX_ANSWER: usize = 64 * 1024 * 1024;

/// Endpoints are addressed as Matrix 1.11 does, and unstable ones as their proposal says,
/// without asking `/versions` first: a homeserver that has neither answers 404.
static VERSIONS: LazyLock<SupportedVersions> = LazyLock::new(|| SupportedVersions {
    versions: [MatrixVersion::V1_1, MatrixVersion::V1_11].into(),
    features: ["org.matrix.simplified_msc3575".into()].into(),
});

/// Sends ruma requests. Cheap to clone; all clones share the token.
#[derive(Debug, Clone)]
pub(crate) struct Rest {
    pub(crate) http: reqwest::Client,
    pub(crate) homeserver: Url,
    pub(crate) token: Arc<RwLock<Option<Secret>>>,
}

impl Rest {
    /// Without a token only unauthenticated requests work.
    pub fn new(http: reqwest::Client, homeserver: Url, token: Option<Secret>) -> Self {
        Self {
            http,
            homeserver,
            token: Arc::new(RwLock::new(token)),
        }
    }

    /// The token that requests carry now.
    pub fn token(&self) -> Option<Secret> {
        self.token
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Puts a newer token in, for all clones.
    pub fn set_token(&self, token: Secret) {
        *self.token.write().unwrap_or_else(PoisonError::into_inner) = Some(token);
    }

    /// One try of a `client-api` request. `timeout` bounds it as a whole; the answer is
    /// read up to 64 MiB.
    ///
    /// # Errors
    /// What the homeserver answered, see [`crate::Error`]; `address_blocked` when the
    /// network guard refused an address; `network` and `timeout` otherwise.
    pub async fn send<R>(&self, request: R, timeout: Duration) -> Result<R::IncomingResponse>
    where
        R: OutgoingRequest,
        R::Authentication: TokenScheme,
        R::PathBuilder: KnownPath,
    {
        let (what, response) = self.exchange(self.build(request, timeout)?).await?;
        decode::<R::IncomingResponse>(&what, succeeded(response)?)
    }

    /// The same for a request that the homeserver may want proof for: what it asks, in
    /// place of an answer.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub async fn send_or_prove<R>(
        &self,
        request: R,
        timeout: Duration,
    ) -> Result<Proof<R::IncomingResponse>>
    where
        R: OutgoingRequest,
        R::Authentication: TokenScheme,
        R::PathBuilder: KnownPath,
    {
        let (what, response) = self.exchange(self.build(request, timeout)?).await?;
        if response.status() == http::StatusCode::UNAUTHORIZED
            && let Ok(asked) = serde_json::from_slice::<UiaaInfo>(response.body())
        {
            return Ok(Proof::Asked(Box::new(asked)));
        }
        decode::<R::IncomingResponse>(&what, succeeded(response)?).map(Proof::Done)
    }

    /// `GET` of what ruma has no request for, or only without the token. `path` is
    /// relative to the homeserver's base URL, its segments not encoded yet.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub async fn get(&self, path: &[&str], timeout: Duration) -> Result<serde_json::Value> {
        let mut request = self.plain(reqwest::Method::GET, path, true)?;
        *request.timeout_mut() = Some(timeout);
        let (what, response) = self.exchange(request).await?;
        serde_json::from_slice(succeeded(response)?.body())
            .map_err(|error| from_deserialization(&what, error))
    }

    /// `GET` of something that is read piece by piece; an answer that is no success is read
    /// to its end and is an error.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub async fn get_stream(
        &self,
        path: &[&str],
        with_token: bool,
        timeout: Duration,
    ) -> Result<reqwest::Response> {
        let mut request = self.plain(reqwest::Method::GET, path, with_token)?;
        *request.timeout_mut() = Some(timeout);
        let (what, response) = self.execute(request).await?;
        if response.status().is_success() {
            return Ok(response);
        }
        succeeded(read(response, &what).await?)?;
        Err(Error::internal("a success that is none"))
    }

    /// `POST` of a stream of so many bytes.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub async fn post_stream(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
        content_type: &str,
        (body, size): (reqwest::Body, u64),
        timeout: Duration,
    ) -> Result<serde_json::Value> {
        let mut request = self.plain(reqwest::Method::POST, path, true)?;
        if !query.is_empty() {
            request.url_mut().query_pairs_mut().extend_pairs(query);
        }
        let content_type = http::HeaderValue::from_str(content_type)
            .unwrap_or(http::HeaderValue::from_static("application/octet-stream"));
        let headers = request.headers_mut();
        headers.insert(http::header::CONTENT_TYPE, content_type);
        headers.insert(http::header::CONTENT_LENGTH, size.into());
        *request.body_mut() = Some(body);
        *request.timeout_mut() = Some(timeout);
        let (what, response) = self.exchange(request).await?;
        serde_json::from_slice(succeeded(response)?.body())
            .map_err(|error| from_deserialization(&what, error))
    }

    /// A request to a path relative to the homeserver's base URL.
    fn plain(
        &self,
        method: reqwest::Method,
        path: &[&str],
        with_token: bool,
    ) -> Result<reqwest::Request> {
        let mut url = self.homeserver.clone();
        url.path_segments_mut()
            .map_err(|()| Error::internal("a homeserver without a path"))?
            .pop_if_empty()
            .extend(path);
        let mut request = reqwest::Request::new(method, url);
        if with_token && let Some(token) = self.token() {
            let mut value: http::HeaderValue = format!("Bearer {}", token.expose())
                .parse()
                .map_err(|_| Error::internal("a token that is none"))?;
            value.set_sensitive(true);
            request
                .headers_mut()
                .insert(http::header::AUTHORIZATION, value);
        }
        Ok(request)
    }

    /// The answer, whatever it says, and the path it is an answer to.
    async fn exchange(&self, request: reqwest::Request) -> Result<(String, Answer)> {
        let (what, response) = self.execute(request).await?;
        let response = read(response, &what).await?;
        Ok((what, response))
    }

    /// An answer that is not read yet, and the path it is an answer to.
    async fn execute(&self, request: reqwest::Request) -> Result<(String, reqwest::Response)> {
        let what = request.url().path().to_owned();
        let response = self
            .http
            .execute(request)
            .await
            .map_err(|e| from_reqwest(&e))?;
        Ok((what, response))
    }

    fn build<R>(&self, request: R, timeout: Duration) -> Result<reqwest::Request>
    where
        R: OutgoingRequest,
        R::Authentication: TokenScheme,
        R::PathBuilder: KnownPath,
    {
        let token = self.token.read().unwrap_or_else(PoisonError::into_inner);
        let token = match token.as_ref() {
            Some(token) => SendAccessToken::IfRequired(token.expose()),
            None => SendAccessToken::None,
        };
        let request = request
            .try_into_http_request::<Vec<u8>>(
                self.homeserver.as_str(),
                R::Authentication::input(token),
                R::PathBuilder::input(),
            )
            .map_err(|e| Error::internal(format!("the request cannot be built: {e}")))?;
        let mut request = reqwest::Request::try_from(request).map_err(|e| from_reqwest(&e))?;
        *request.timeout_mut() = Some(timeout);
        Ok(request)
    }
}

/// An answer, read to its end.
type Answer = http::Response<Vec<u8>>;

/// What became of a request that a homeserver may want proof for.
pub(crate) enum Proof<T> {
    /// It asked for nothing, or the proof was good.
    Done(T),
    /// It wants to know who we are.
    Asked(Box<UiaaInfo>),
}

/// An answer whose status says success.
fn succeeded(response: Answer) -> Result<Answer> {
    if response.status().is_success() {
        return Ok(response);
    }
    let retry_after = response
        .headers()
        .get(http::header::RETRY_AFTER)
        .and_then(|value| value.to_str().ok()?.parse().ok());
    Err(from_answer(
        response.status().as_u16(),
        response.body(),
        retry_after,
    ))
}

fn decode<T: IncomingResponse>(what: &str, response: Answer) -> Result<T> {
    T::try_from_http_response(response).map_err(|error| {
        from_deserialization(
            what,
            match error {
                ruma::api::error::FromHttpResponseError::Deserialization(e) => e.to_string(),
                _ => "an error without an error status".to_owned(),
            },
        )
    })
}

async fn read(mut response: reqwest::Response, what: &str) -> Result<Answer> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|e| from_reqwest(&e))? {
        if body.len() + chunk.len() > MAX_ANSWER {
            return Err(Error::new(
                ErrorCode::Network,
                format!("the answer to {what} is larger than 64 MiB"),
            ));
        }
        body.extend_from_slice(&chunk);
    }
    let (mut parts, ()) = http::Response::new(()).into_parts();
    parts.status = response.status();
    parts.headers = std::mem::take(response.headers_mut());
    Ok(http::Response::from_parts(parts, body))
}

/// The authentication schemes of the client-server API.
pub(crate) trait TokenScheme: AuthScheme {
    /// What the scheme takes of our token.
    fn input(token: SendAccessToken<'_>) -> Self::Input<'_>;
}

impl TokenScheme for AccessToken {
    fn input(token: SendAccessToken<'_>) -> Self::Input<'_> {
        token
    }
}

impl TokenScheme for AccessTokenOptional {
    fn input(token: SendAccessToken<'_>) -> Self::Input<'_> {
        token
    }
}

impl TokenScheme for AppserviceTokenOptional {
    fn input(token: SendAccessToken<'_>) -> Self::Input<'_> {
        token
    }
}

impl TokenScheme for NoAccessToken {
    fn input(token: SendAccessToken<'_>) -> Self::Input<'_> {
        token
    }
}

impl TokenScheme for NoAuthentication {
    fn input(_token: SendAccessToken<'_>) -> Self::Input<'_> {}
}

/// The ways ruma knows paths.
pub(crate) trait KnownPath: PathBuilder {
    /// What the path is chosen by.
    fn input() -> Self::Input<'static>;
}

impl KnownPath for VersionHistory {
    fn input() -> Self::Input<'static> {
        Cow::Borrowed(&*VERSIONS)
    }
}

impl KnownPath for SinglePath {
    fn input() -> Self::Input<'static> {}
}
