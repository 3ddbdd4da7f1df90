//! The devices of our user, asked and changed by plain requests.

use std::time::Duration;

use ruma::{
    OwnedDeviceId,
    api::client::device::{delete_devices, get_devices},
};
use serde_json::Value;
use url::Url;

use super::Account;
use crate::{
    config::Secret,
    error::{Error, ErrorCode, Result},
    interactive,
    rest::Rest,
};

const REQUEST: Duration = Duration::from_secs(30);

/// A device of our user, as the homeserver lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnDevice {
    /// Its id.
    pub device_id: String,
    /// What people see.
    pub display_name: Option<String>,
    /// Where it was seen last.
    pub last_seen_ip: Option<String>,
    /// When it was seen last; milliseconds since the epoch.
    pub last_seen_ts: Option<u64>,
    /// The one this account is.
    pub current: bool,
}

impl Account {
    /// All devices of our user, the one used last first, ours before all.
    ///
    /// # Errors
    /// What the homeserver answered.
    pub async fn devices(&self) -> Result<Vec<OwnDevice>> {
        self.is_open()?;
        let request = get_devices::v3::Request::new();
        let own = &self.inner.identity.device_id;
        let mut devices: Vec<OwnDevice> = self
            .inner
            .rest
            .send(request, REQUEST)
            .await?
            .devices
            .into_iter()
            .map(|device| OwnDevice {
                current: device.device_id == own.as_str(),
                device_id: device.device_id.to_string(),
                display_name: device.display_name,
                last_seen_ip: device.last_seen_ip,
                last_seen_ts: device.last_seen_ts.map(|at| at.get().into()),
            })
            .collect();
        devices.sort_by(|a, b| {
            (b.current, b.last_seen_ts, &a.device_id).cmp(&(
                a.current,
                a.last_seen_ts,
                &b.device_id,
            ))
        });
        Ok(devices)
    }

    /// Deletes devices of our user; those that are none any more count as deleted.
    /// `password` answers a homeserver that asks for it, else the configured one.
    ///
    /// # Errors
    /// `config_invalid` if ours is among them; `auth_failed` if the password is missing
    /// or wrong; `approval_required` with the page where a person removes devices, on
    /// homeservers that leave that to an account management of their own; what the
    /// homeserver answered.
    pub async fn delete_devices(&self, ids: &[String], password: Option<&Secret>) -> Result<()> {
        self.is_open()?;
        let inner = &self.inner;
        if ids.contains(&inner.identity.device_id) {
            return Err(Error::new(
                ErrorCode::ConfigInvalid,
                format!(
                    "{} is the device of this account itself",
                    inner.identity.device_id
                ),
            ));
        }
        let devices: Vec<OwnedDeviceId> = ids.iter().map(|id| id.as_str().into()).collect();
        let deleted = interactive::send(
            &inner.rest,
            &inner.own_user,
            password.or(inner.password.as_ref()),
            "deletes devices",
            REQUEST,
            |auth| {
                let mut request = delete_devices::v3::Request::new(devices.clone());
                request.auth = auth;
                request
            },
        )
        .await;
        match deleted {
            Ok(_) => Ok(()),
            // Behind an authorization server the endpoint is not there at all.
            Err(error)
                if matches!(error.errcode.as_deref(), Some("M_UNRECOGNIZED"))
                    || matches!(error.status, Some(404 | 405)) =>
            {
                match management_page(&inner.rest).await {
                    Some(page) => Err(by_hand(&page)),
                    None => Err(error),
                }
            }
            Err(error) => Err(error),
        }
    }
}

fn by_hand(page: &Url) -> Error {
    Error {
        status: Some(404),
        ..Error::new(
            ErrorCode::ApprovalRequired,
            format!(
                "the homeserver lets nobody but the account's owner delete devices, in a \
                 browser: open {page} and remove them there"
            ),
        )
    }
}

/// The page of the authorization server where people manage their devices (Client-Server
/// API, module «Account management»).
async fn management_page(rest: &Rest) -> Option<Url> {
    let stable = rest
        .get(&["_matrix", "client", "v1", "auth_metadata"], REQUEST)
        .await;
    let metadata = match stable {
        Ok(metadata) => metadata,
        Err(_) => rest
            .get(
                &[
                    "_matrix",
                    "client",
                    "unstable",
                    "org.matrix.msc2965",
                    "auth_metadata",
                ],
                REQUEST,
            )
            .await
            .ok()?,
    };
    page_in(&metadata)
}

fn page_in(metadata: &Value) -> Option<Url> {
    let text = metadata.get("account_management_uri")?.as_str()?;
    let mut page = Url::parse(text).ok().filter(interactive::is_page)?;
    let known = metadata
        .get("account_management_actions_supported")
        .and_then(Value::as_array);
    let supported = |name: &str| {
        let mut names = known.into_iter().flatten().filter_map(Value::as_str);
        names.any(|known| known == name)
    };
    // The second name is the one of the proposal, MSC4191.
    let action = ["org.matrix.devices_list", "org.matrix.sessions_list"]
        .into_iter()
        .find(|name| supported(name));
    if let Some(action) = action {
        page.query_pairs_mut().append_pair("action", action);
    }
    Some(page)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::page_in;

    #[test]
    fn dev_2_the_page_for_devices_is_found_in_either_spelling() {
        let page = |metadata| page_in(&metadata).map(|page| page.to_string());
        assert_eq!(
            page(json!({
                "account_management_uri": "https://account.test/me?lang=en",
                "account_management_actions_supported": ["org.matrix.profile", "org.matrix.sessions_list"],
            }))
            .as_deref(),
            Some("https://account.test/me?lang=en&action=org.matrix.sessions_list")
        );
        assert_eq!(
            page(json!({"account_management_uri": "https://account.test/"})).as_deref(),
            Some("https://account.test/")
        );
        assert_eq!(
            page(json!({"account_management_uri": "javascript:alert(1)"})),
            None
        );
        assert_eq!(page(json!({"issuer": "https://account.test/"})), None);
    }
}
