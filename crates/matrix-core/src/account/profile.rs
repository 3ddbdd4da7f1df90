//! Our user's name and picture.

use std::time::Duration;

use matrix_sdk::reqwest;
use ruma::{
    OwnedMxcUri,
    api::client::{media::create_content, profile::set_profile_field},
    profile::ProfileFieldValue,
};
use url::Url;

use super::{Account, blocking};
use crate::{
    dir::Avatar,
    error::{Error, ErrorCode, Result, from_reqwest},
    http,
};

const REQUEST: Duration = Duration::from_secs(30);
/// For fetching a picture, and for uploading it.
const TRANSFER: Duration = Duration::from_secs(60);
/// Larger pictures are refused; homeservers shrink them anyway.
const MAX_PICTURE: usize = 8 * 1024 * 1024;

/// What the profile shall say; what is left out stays as it is.
#[derive(Debug, Clone, Default)]
pub struct ProfileWish {
    /// The name people see.
    pub display_name: Option<String>,
    /// An `mxc:` URI, or an `https:` URL that is fetched and uploaded.
    pub avatar_url: Option<String>,
    /// Fetch the picture again even if it was uploaded from there before.
    pub refresh: bool,
}

/// What was changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProfileOutcome {
    /// The name was another one.
    pub display_name_updated: bool,
    /// The picture was another one.
    pub avatar_updated: bool,
    /// The picture's `mxc:` URI.
    pub resolved_avatar_url: Option<String>,
    /// The picture came from an `https:` URL, now or at an earlier time.
    pub converted_avatar: bool,
}

impl Account {
    /// Makes the profile say what is wished. Asks first, and writes only what differs.
    ///
    /// # Errors
    /// `config_invalid` for a picture that is none, `media_too_large`; `address_blocked`
    /// where the network guard refuses its address; what the homeserver answered.
    pub async fn set_profile(&self, wish: &ProfileWish) -> Result<ProfileOutcome> {
        self.is_open()?;
        let avatar = match wish.avatar_url.as_deref() {
            Some(url) => Some(self.resolve_avatar(url, wish.refresh).await?),
            None => None,
        };
        let now = self.profile().await?;
        let mut outcome = ProfileOutcome::default();
        if let Some(name) = &wish.display_name
            && now.display_name.as_ref() != Some(name)
        {
            self.write_profile(ProfileFieldValue::DisplayName(name.clone()))
                .await?;
            outcome.display_name_updated = true;
        }
        if let Some((uri, converted)) = avatar {
            if now.avatar_url.as_deref() != Some(uri.as_str()) {
                self.write_profile(ProfileFieldValue::AvatarUrl(uri.clone()))
                    .await?;
                outcome.avatar_updated = true;
            }
            outcome.resolved_avatar_url = Some(uri.to_string());
            outcome.converted_avatar = converted;
        }
        Ok(outcome)
    }

    async fn write_profile(&self, value: ProfileFieldValue) -> Result<()> {
        let request = set_profile_field::v3::Request::new(self.inner.own_user.clone(), value);
        self.inner.rest.send(request, REQUEST).await.map(drop)
    }

    /// With the token: some homeservers show profiles to nobody else.
    async fn profile(&self) -> Result<Profile> {
        let user_id = self.inner.own_user.as_str();
        let path = ["_matrix", "client", "v3", "profile", user_id];
        let text = |profile: &serde_json::Value, key: &str| {
            profile
                .get(key)
                .and_then(|value| value.as_str())
                .map(ToOwned::to_owned)
        };
        match self.inner.rest.get(&path, REQUEST).await {
            Ok(profile) => Ok(Profile {
                display_name: text(&profile, "displayname"),
                avatar_url: text(&profile, "avatar_url"),
            }),
            Err(error) if error.code == ErrorCode::NotFound => Ok(Profile::default()),
            Err(error) => Err(error),
        }
    }

    /// The `mxc:` URI, and whether it was made of another URL.
    async fn resolve_avatar(&self, text: &str, refresh: bool) -> Result<(OwnedMxcUri, bool)> {
        let uri = OwnedMxcUri::from(text);
        if uri.is_valid() {
            return Ok((uri, false));
        }
        let url = picture_url(text)?;
        let known = {
            let dir = self.inner.dir.clone();
            blocking(move || Ok(dir.avatar())).await?
        };
        if let Some(known) = known.filter(|known| !refresh && known.source == url.as_str()) {
            return Ok((known.uri.into(), true));
        }
        let uri = self.copy_picture(&url).await?;
        let avatar = Avatar {
            source: url.to_string(),
            uri: uri.to_string(),
        };
        let dir = self.inner.dir.clone();
        blocking(move || dir.save_avatar(&avatar)).await?;
        Ok((uri, true))
    }

    /// The `mxc:` URI of a picture that is nobody's yet: it is uploaded, unless it has one.
    pub(super) async fn picture(&self, text: &str) -> Result<OwnedMxcUri> {
        let uri = OwnedMxcUri::from(text);
        if uri.is_valid() {
            return Ok(uri);
        }
        self.copy_picture(&picture_url(text)?).await
    }

    async fn copy_picture(&self, url: &Url) -> Result<OwnedMxcUri> {
        let picture = self.fetch(url).await?;
        let mut request = create_content::v3::Request::new(picture.bytes);
        request.content_type = Some(picture.content_type);
        request.filename = Some("avatar".to_owned());
        Ok(self.inner.rest.send(request, TRANSFER).await?.content_uri)
    }

    /// A picture from anywhere, through the account's network guard and without its token.
    async fn fetch(&self, url: &Url) -> Result<Picture> {
        let refused = |error: Error| Error {
            message: format!("the avatar cannot be fetched: {}", error.message),
            ..error
        };
        http::check_fetch(url, &self.inner.network).map_err(refused)?;
        let mut response = self
            .inner
            .rest
            .http
            .get(url.clone())
            .timeout(TRANSFER)
            .send()
            .await
            .map_err(|e| refused(from_reqwest(&e)))?;
        if !response.status().is_success() {
            return Err(no_picture(&format!(
                "its server answers {}",
                response.status().as_u16()
            )));
        }
        let content_type = response
            .headers()
            .get(reqwest::header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .map(|value| {
                value
                    .split(';')
                    .next()
                    .unwrap_or_default()
                    .trim()
                    .to_owned()
            })
            .filter(|value| value.starts_with("image/"))
            .ok_or_else(|| no_picture("what is there is no image"))?;
        let mut bytes = Vec::new();
        while let Some(chunk) = response
            .chunk()
            .await
            .map_err(|e| refused(from_reqwest(&e)))?
        {
            if bytes.len() + chunk.len() > MAX_PICTURE {
                return Err(Error::new(
                    ErrorCode::MediaTooLarge,
                    format!(
                        "the avatar is larger than {} MiB; take a smaller picture",
                        MAX_PICTURE / 1024 / 1024
                    ),
                ));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(Picture {
            bytes,
            content_type,
        })
    }
}

#[derive(Debug, Default)]
struct Profile {
    display_name: Option<String>,
    avatar_url: Option<String>,
}

struct Picture {
    bytes: Vec<u8>,
    content_type: String,
}

fn picture_url(text: &str) -> Result<Url> {
    Url::parse(text)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https"))
        .filter(|url| url.username().is_empty() && url.password().is_none())
        .ok_or_else(|| {
            Error::new(
                ErrorCode::ConfigInvalid,
                "`avatarUrl` is no picture: give an https: URL, or an mxc: URI of one that is \
                 uploaded",
            )
        })
}

fn no_picture(why: &str) -> Error {
    Error::new(
        ErrorCode::ConfigInvalid,
        format!(
            "the avatar cannot be fetched: {why}; `avatarUrl` has to lead to a picture that \
             anybody may see"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::picture_url;

    #[test]
    fn prf_1_a_picture_is_an_http_url_without_credentials() {
        assert!(picture_url("https://example.org/a.png?size=2").is_ok());
        for wrong in [
            "file:///etc/passwd",
            "https://u:p@example.org/",
            "a.png",
            "mxc:",
        ] {
            let error = picture_url(wrong).unwrap_err();
            assert!(error.message.contains("`avatarUrl`"), "{error}");
            assert!(!error.message.contains("u:p"), "{error}");
        }
    }
}
