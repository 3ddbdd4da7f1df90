//! Cross-signing: the account's identity, and our device's place in it.

use fail::fail_point;
use matrix_sdk::encryption::{CrossSigningResetAuthType, CrossSigningStatus};
use matrix_sdk_crypto::{
    store::CryptoStore,
    types::{CrossSigningSecrets, SecretsBundle},
};
use ruma::{
    api::client::{
        keys::get_keys,
        uiaa::{AuthData, UiaaInfo},
    },
    events::secret::request::SecretName,
};

use super::{Crypto, REQUEST, unreadable};
use crate::{
    error::{Error, ErrorCode, Result},
    interactive,
};

/// What the homeserver publishes of the identity.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Published {
    pub master: bool,
    pub self_signing: bool,
    pub user_signing: bool,
}

impl Published {
    /// Somebody made an identity, whole or not.
    pub fn any(self) -> bool {
        self.master || self.self_signing || self.user_signing
    }

    pub fn all(self) -> bool {
        self.master && self.self_signing && self.user_signing
    }
}

impl Crypto<'_> {
    /// What others see of our identity now.
    pub(super) async fn published(&self) -> Result<Published> {
        let mut keys = get_keys::v3::Request::new();
        keys.device_keys
            .insert(self.user_id.clone(), vec![self.session.device_id.clone()]);
        let keys = self.session.rest.send(keys, REQUEST).await?;
        let user = self.user();
        Ok(Published {
            master: keys.master_keys.contains_key(user),
            self_signing: keys.self_signing_keys.contains_key(user),
            user_signing: keys.user_signing_keys.contains_key(user),
        })
    }

    /// Which private keys are here. After [`Self::refresh`] they are those of the published
    /// identity, if there is one.
    pub(super) async fn private_keys(&self) -> Result<CrossSigningStatus> {
        self.client()
            .encryption()
            .cross_signing_status()
            .await
            .ok_or_else(|| Error::internal("a client without encryption"))
    }

    /// Publishes an identity where there is none: the one whose private keys are here, left
    /// by an earlier attempt, or a new one.
    pub(super) async fn publish_identity(&self) -> Result<()> {
        let here = self.private_keys().await?;
        if (here.has_master || here.has_self_signing || here.has_user_signing)
            && !here.is_complete()
        {
            // Half an identity that nobody knows cannot be uploaded.
            return self.replace_identity().await;
        }
        let encryption = self.client().encryption();
        // The keys are stored before they are sent: every attempt sends the same ones.
        if let Err(error) = Box::pin(encryption.bootstrap_cross_signing(None)).await {
            let auth = match error.as_uiaa_response() {
                Some(info) => self.prove(info, "accepts cross-signing keys")?,
                None => return Err(error.into()),
            };
            if let Err(error) = Box::pin(encryption.bootstrap_cross_signing(Some(auth))).await {
                return Err(self.not_proven(error, "accepts cross-signing keys"));
            }
        }
        tracing::info!("published a cross-signing identity");
        self.refresh().await
    }

    /// Publishes a new identity in the place of whatever is there. If the homeserver
    /// refuses, the private keys that were here come back.
    pub(super) async fn replace_identity(&self) -> Result<()> {
        let before = self.private_seeds().await?;
        let replaced = self.try_to_replace().await;
        if replaced.is_err()
            && let Some(cross_signing) = before
        {
            let bundle = SecretsBundle {
                cross_signing,
                backup: None,
            };
            if let Err(error) =
                Box::pin(self.client().encryption().import_secrets_bundle(&bundle)).await
            {
                tracing::error!(%error, "the former cross-signing keys could not be put back");
            }
        }
        // Whichever identity it is now: know it as others do, without private keys of another.
        let refreshed = self.refresh().await;
        replaced?;
        refreshed?;
        tracing::info!("published a new cross-signing identity");
        Ok(())
    }

    async fn try_to_replace(&self) -> Result<()> {
        let Some(reset) = Box::pin(self.client().encryption().reset_cross_signing()).await? else {
            return Ok(());
        };
        // `auth` would poll for two minutes while the owner is asked; a person is asked once
        // and runs the command again, which the approval then lets through.
        fail_point!("crypto::identity::made");
        let action = "replaces the cross-signing keys";
        let answer = match reset.auth_type() {
            CrossSigningResetAuthType::Uiaa(info) => self.prove(info, action)?,
            CrossSigningResetAuthType::OAuth(asked) => {
                return Err(interactive::approval(asked.approval_url.as_str(), action));
            }
        };
        Box::pin(reset.auth(Some(answer)))
            .await
            .map_err(|error| self.not_proven(error, action))
    }

    /// The answer to a homeserver that wants to know who we are.
    fn prove(&self, info: &UiaaInfo, action: &str) -> Result<AuthData> {
        interactive::answer(info, self.user(), self.session.password(), action)
    }

    /// The answer was not enough.
    fn not_proven(&self, error: matrix_sdk::Error, action: &str) -> Error {
        let refused = error
            .as_uiaa_response()
            .and_then(|info| self.prove(info, action).err());
        refused.unwrap_or_else(|| error.into())
    }

    /// The three private keys, if all are here.
    async fn private_seeds(&self) -> Result<Option<CrossSigningSecrets>> {
        let Some(identity) = self
            .parts
            .store
            .load_identity()
            .await
            .map_err(|e| unreadable(&e))?
        else {
            return Ok(None);
        };
        let (Some(master_key), Some(user_signing_key), Some(self_signing_key)) = (
            identity
                .export_secret(&SecretName::CrossSigningMasterKey)
                .await,
            identity
                .export_secret(&SecretName::CrossSigningUserSigningKey)
                .await,
            identity
                .export_secret(&SecretName::CrossSigningSelfSigningKey)
                .await,
        ) else {
            return Ok(None);
        };
        Ok(Some(CrossSigningSecrets {
            master_key,
            user_signing_key,
            self_signing_key,
        }))
    }

    /// Signs our device with the identity, unless it is signed.
    ///
    /// # Errors
    /// `not_verified` if others do not see the signature afterwards.
    pub(super) async fn sign_own_device(&self) -> Result<()> {
        if self.own_device().await?.is_cross_signed_by_owner() {
            return Ok(());
        }
        let device = self.own_device().await?;
        Box::pin(device.verify()).await.map_err(|error| {
            use matrix_sdk::encryption::identities::ManualVerifyError;
            match error {
                ManualVerifyError::Http(error) => Error::from(error),
                ManualVerifyError::Signature(error) => {
                    Error::internal(format!("the device cannot be signed: {error}"))
                }
            }
        })?;
        self.refresh().await?;
        if self.own_device().await?.is_cross_signed_by_owner() {
            tracing::info!("signed our device");
            return Ok(());
        }
        Err(Error::new(
            ErrorCode::NotVerified,
            "the homeserver took the signature of our device and does not show it; run this \
             again in a moment",
        ))
    }
}
