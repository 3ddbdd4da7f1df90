//! From a server name to the base URL of its client-server API (AUT-10).

use std::{path::Path, time::Duration};

use matrix_sdk::reqwest;
use ruma::api::client::discovery::get_supported_versions;
use serde::Deserialize;
use url::Url;

use crate::{
    config::NetworkConfig,
    dir::stored_identity,
    error::{Error, ErrorCode, Result, from_reqwest},
    http,
    rest::Rest,
};

/// For each of the two requests.
const TIMEOUT: Duration = Duration::from_secs(20);
/// The file has a few lines; whoever sends more means no good.
const MAX_FILE: usize = 64 * 1024;

#[derive(Deserialize)]
struct WellKnown {
    #[serde(rename = "m.homeserver")]
    homeserver: Option<Homeserver>,
}

#[derive(Deserialize)]
struct Homeserver {
    base_url: String,
}

/// The base URL that `homeserver` means: itself, or with [`NetworkConfig::discover`] what the
/// server's `.well-known/matrix/client` says. A server without the file is its own homeserver.
/// While the file cannot be fetched the URL counts that the account in `state_dir` used last.
///
/// # Errors
/// `config_invalid` for a file that names no homeserver, `address_blocked` when it names one
/// that may not be asked; `not_found` if nobody there speaks Matrix; `network` and `timeout`.
pub(crate) async fn base_url(
    homeserver: &Url,
    network: &NetworkConfig,
    state_dir: Option<&Path>,
) -> Result<Url> {
    if !network.discover {
        return Ok(homeserver.clone());
    }
    http::check_url(homeserver, network)?;
    match discover(homeserver, network).await {
        Err(error) if error.is_transient() => {
            let known = state_dir
                .and_then(|dir| stored_identity(dir).ok()?)
                .and_then(|identity| Url::parse(&identity.homeserver).ok());
            let Some(known) = known else {
                return Err(error);
            };
            tracing::warn!(%error, homeserver = %known, "the server's .well-known file cannot be fetched; using the homeserver it named last");
            Ok(known)
        }
        found => found,
    }
}

async fn discover(server: &Url, network: &NetworkConfig) -> Result<Url> {
    let client = http::client(network, server)?;
    let name = server.authority().to_owned();
    let found = match fetch(&client, server).await? {
        Some(file) => named(&name, &file, network)?,
        None => server.clone(),
    };
    let client = http::client(network, &found)?;
    let rest = Rest::new(client, found.clone(), None);
    rest.send(get_supported_versions::Request::new(), TIMEOUT)
        .await
        .map_err(|error| match error.status {
            Some(404 | 405) => Error::new(
                ErrorCode::NotFound,
                format!(
                    "{name} is no Matrix homeserver and names none in its \
                     .well-known/matrix/client; set `homeserver` to the homeserver's URL"
                ),
            ),
            _ => error,
        })?;
    Ok(found)
}

/// The file; `None` where there is none.
async fn fetch(client: &reqwest::Client, server: &Url) -> Result<Option<Vec<u8>>> {
    let mut url = server.clone();
    url.set_path("/.well-known/matrix/client");
    let request = client.get(url).timeout(TIMEOUT);
    let mut response = request.send().await.map_err(|e| from_reqwest(&e))?;
    match response.status().as_u16() {
        200 => {}
        status @ (429 | 500..) => {
            return Err(Error::new(
                ErrorCode::Network,
                format!("the server's .well-known/matrix/client cannot be fetched (HTTP {status})"),
            ));
        }
        _ => return Ok(None),
    }
    let mut file = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|e| from_reqwest(&e))? {
        if file.len() + chunk.len() > MAX_FILE {
            return Err(Error::new(
                ErrorCode::ConfigInvalid,
                "the server's .well-known/matrix/client is larger than 64 KiB; set `homeserver` \
                 to the homeserver's URL",
            ));
        }
        file.extend_from_slice(&chunk);
    }
    Ok(Some(file))
}

fn named(name: &str, file: &[u8], network: &NetworkConfig) -> Result<Url> {
    let unusable = |why: &str| {
        Error::new(
            ErrorCode::ConfigInvalid,
            format!(
                "the .well-known/matrix/client of {name} {why}; set `homeserver` to the \
                 homeserver's URL"
            ),
        )
    };
    let file: WellKnown = serde_json::from_slice(file).map_err(|_| unusable("is not valid"))?;
    let base = file
        .homeserver
        .ok_or_else(|| unusable("names no homeserver"))?
        .base_url;
    let url = Url::parse(&base).map_err(|_| unusable("names no URL"))?;
    http::check_url(&url, network).map_err(|error| Error {
        message: format!(
            "the .well-known/matrix/client of {name} names {url}: {}",
            error.message
        ),
        ..error
    })?;
    Ok(url)
}

#[cfg(test)]
mod tests {
    use wiremock::{
        Mock, MockServer, ResponseTemplate,
        matchers::{method, path},
    };

    use super::*;

    fn network() -> NetworkConfig {
        NetworkConfig {
            allow_private: true,
            discover: true,
            ..NetworkConfig::default()
        }
    }

    async fn homeserver() -> MockServer {
        let server = MockServer::start().await;
        Mock::given(method("GET"))
            .and(path("/_matrix/client/versions"))
            .respond_with(
                ResponseTemplate::new(200)
                    .set_body_json(serde_json::json!({"versions": ["v1.11"]})),
            )
            .mount(&server)
            .await;
        server
    }

    async fn naming(body: ResponseTemplate) -> (MockServer, Url) {
        let server = MockServer::start().await;
        Mock::given(method("GET"))
            .and(path("/.well-known/matrix/client"))
            .respond_with(body)
            .mount(&server)
            .await;
        let url = Url::parse(&server.uri()).unwrap();
        (server, url)
    }

    fn file(base_url: &str) -> ResponseTemplate {
        ResponseTemplate::new(200)
            .set_body_json(serde_json::json!({"m.homeserver": {"base_url": base_url}}))
    }

    #[tokio::test]
    async fn aut_10_the_file_names_the_homeserver() {
        let homeserver = homeserver().await;
        let (_server, url) = naming(file(&homeserver.uri())).await;
        let found = base_url(&url, &network(), None).await.unwrap();
        assert_eq!(found, Url::parse(&homeserver.uri()).unwrap());
    }

    #[tokio::test]
    async fn aut_10_a_server_without_the_file_is_its_own_homeserver() {
        let homeserver = homeserver().await;
        let url = Url::parse(&homeserver.uri()).unwrap();
        assert_eq!(base_url(&url, &network(), None).await.unwrap(), url);
        let (_server, nobody) = naming(ResponseTemplate::new(404)).await;
        let error = base_url(&nobody, &network(), None).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::NotFound);
        assert!(error.message.contains("`homeserver`"), "{}", error.message);
    }

    #[tokio::test]
    async fn aut_10_what_the_file_says_goes_through_the_guard() {
        for (base, code) in [
            ("http://169.254.169.254", ErrorCode::AddressBlocked),
            ("http://8.8.8.8", ErrorCode::AddressBlocked),
            ("https://user:pass@hs.example", ErrorCode::ConfigInvalid),
            ("no url", ErrorCode::ConfigInvalid),
        ] {
            let (_server, url) = naming(file(base)).await;
            let error = base_url(&url, &network(), None).await.unwrap_err();
            assert_eq!(error.code, code, "{base}: {}", error.message);
        }
        for body in [
            ResponseTemplate::new(200).set_body_string("not json"),
            ResponseTemplate::new(200).set_body_json(serde_json::json!({})),
            ResponseTemplate::new(200).set_body_bytes(vec![b' '; MAX_FILE + 1]),
        ] {
            let (_server, url) = naming(body).await;
            let error = base_url(&url, &network(), None).await.unwrap_err();
            assert_eq!(error.code, ErrorCode::ConfigInvalid, "{}", error.message);
        }
    }

    #[tokio::test]
    async fn aut_10_a_url_is_taken_as_it_is() {
        let url = Url::parse("https://matrix.example.org").unwrap();
        let network = NetworkConfig::default();
        assert_eq!(base_url(&url, &network, None).await.unwrap(), url);
    }
}
