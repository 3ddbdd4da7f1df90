//! Building the SDK's client, with the inbox's token in it.

use std::{error::Error as StdError, sync::Arc, time::Duration};

use matrix_sdk::{
    Client, SessionMeta, SessionTokens, SqliteCryptoStore, SqliteStateStore, SqliteStoreConfig,
    ThreadingSupport,
    authentication::matrix::MatrixSession,
    config::RequestConfig,
    cross_process_lock::CrossProcessLockConfig,
    encryption::{BackupDownloadStrategy, EncryptionSettings},
    store::{RoomLoadSettings, StateStoreDataKey, StateStoreDataValue, StoreConfig, StoreError},
};
use matrix_sdk_base::{BaseClient, DmRoomDefinition};
use matrix_sdk_crypto::CollectStrategy;

use super::{
    SdkParams,
    keys::{KeysArrived, Watch},
};
use crate::{
    crypto::{CryptoParts, Verifications, Worker},
    error::{self, Error, ErrorCode, Result},
    plain,
    session::Session,
    trust::KeyRecipients,
};

/// SQLite connections per store; the SDK's default is four for each core.
const CONNECTIONS: usize = 2;
/// For one request of the SDK's own, and for what `/sync` may take beyond its poll. The
/// SDK asks for keys before and after every `/sync`, one after the other: with a
/// `/keys/query` that hangs, twice this is how long a message waits. A homeserver gives
/// others ten seconds to answer for their users, so it must be more than that.
const REQUEST: Duration = Duration::from_secs(20);
/// Closing a store means waiting for its queries.
const PAUSE: Duration = Duration::from_secs(2);

/// Where a client begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Start<'a> {
    /// At the inbox's token; at a first sync without one.
    At(Option<&'a str>),
    /// Where the SDK's store stands.
    AsStored,
}

/// A client with what belongs to it.
pub(super) struct Built {
    pub crypto: CryptoParts,
    /// Both end with this.
    _watch: Watch,
    _worker: Option<Worker>,
    /// What was under way belongs to the client.
    verifications: Verifications,
}

impl Built {
    /// Opens the stores, puts the inbox's token into them, restores the session.
    pub async fn new(
        params: &SdkParams,
        keys: &Arc<KeysArrived>,
        verifications: &Verifications,
        start: Start<'_>,
    ) -> Result<Self> {
        let session = &params.session;
        let config = SqliteStoreConfig::new(session.dir.store()?)
            .key(Some(&session.keys.key))
            .pool_max_size(CONNECTIONS);
        let state = SqliteStateStore::open_with_config(&config)
            .await
            .map_err(|e| cannot_open(session, "state", &e))?;
        let crypto = SqliteCryptoStore::open_with_config(&config)
            .await
            .map_err(|e| cannot_open(session, "encryption", &e))?;
        // Made here, not by the builder, because the client gives nobody its `OlmMachine`: what
        // concerns whom keys go to and what is decrypted has to be set on this.
        let mut base = BaseClient::new(
            StoreConfig::new(CrossProcessLockConfig::SingleProcess)
                .state_store(state)
                .crypto_store(crypto.clone()),
            ThreadingSupport::Disabled,
            DmRoomDefinition::default(),
        );
        base.room_key_recipient_strategy = strategy(params.key_recipients);
        let client = Client::builder()
            .homeserver_url(&session.rest.homeserver)
            .http_client(session.rest.http.clone())
            // One try: the loops here wait and try again, and say so.
            .request_config(RequestConfig::new().timeout(REQUEST).disable_retry())
            .respect_login_well_known(false)
            .base_client(base.clone())
            .cross_process_store_config(CrossProcessLockConfig::SingleProcess)
            .with_encryption_settings(EncryptionSettings {
                auto_enable_cross_signing: false,
                auto_enable_backups: false,
                backup_download_strategy: BackupDownloadStrategy::AfterDecryptionFailure,
            })
            .with_enable_share_history_on_invite(params.share_history_on_invite)
            .build()
            .await
            .map_err(|e| Error::internal(format!("the client cannot be set up: {e}")))?;
        if let Start::At(token) = start {
            rewind(&client, token).await?;
        }
        let restored = Box::pin(client.restore_session_with(
            MatrixSession {
                meta: SessionMeta {
                    user_id: session.user_id.clone(),
                    device_id: session.device_id.clone(),
                },
                tokens: SessionTokens {
                    access_token: session.token()?.expose().to_owned(),
                    refresh_token: None,
                },
            },
            RoomLoadSettings::All,
        ))
        .await;
        if let Err(error) = restored {
            pause(&client).await;
            return Err(cannot_restore(session, &error));
        }
        let machine = base.olm_machine().await.clone();
        let machine = machine.ok_or_else(|| Error::internal("a client without encryption"))?;
        let watch = Watch::start(&client, &crypto, Arc::clone(keys), params.health.clone()).await;
        let worker = params
            .encryption
            .then(|| Worker::start(&client, &machine, verifications));
        Ok(Self {
            crypto: CryptoParts::new(client, crypto, machine),
            _watch: watch,
            _worker: worker,
            verifications: verifications.clone(),
        })
    }

    /// Closes the stores and lets the client go.
    pub async fn close(self) {
        pause(&self.crypto.client).await;
    }
}

/// The SDK's word for it.
fn strategy(recipients: KeyRecipients) -> CollectStrategy {
    match recipients {
        KeyRecipients::All => CollectStrategy::AllDevices,
        KeyRecipients::CrossSigned => CollectStrategy::IdentityBasedStrategy,
        KeyRecipients::ErrorOnChange => CollectStrategy::ErrorOnVerifiedUserProblem,
    }
}

impl Drop for Built {
    fn drop(&mut self) {
        self.verifications.abandon();
    }
}

/// The token to start from: none, if another engine wrote it.
pub(super) fn usable(token: Option<String>) -> Option<String> {
    token.filter(|token| !plain::is_position(token))
}

/// Makes the SDK go on where the inbox stands. Without a token the next sync is a first
/// one: its only crash can be before the first commit.
async fn rewind(client: &Client, token: Option<&str>) -> Result<()> {
    let stored = stored_token(client).await?;
    let store = client.state_store();
    match token {
        Some(token) if stored.as_deref() != Some(token) && stored.is_some() => {
            tracing::info!("the last step was not committed; asking for it again");
            store
                .set_kv_data(
                    StateStoreDataKey::SyncToken,
                    StateStoreDataValue::SyncToken(token.to_owned()),
                )
                .await
        }
        None if stored.is_some() => store.remove_kv_data(StateStoreDataKey::SyncToken).await,
        _ => Ok(()),
    }
    .map_err(|e| unreadable(&e))
}

/// The token the SDK has stored.
pub(super) async fn stored_token(client: &Client) -> Result<Option<String>> {
    let value = client
        .state_store()
        .get_kv_data(StateStoreDataKey::SyncToken)
        .await
        .map_err(|e| unreadable(&e))?;
    Ok(value.and_then(StateStoreDataValue::into_sync_token))
}

/// Closes the stores, so that nothing is written any more.
pub(super) async fn pause(client: &Client) {
    match tokio::time::timeout(PAUSE, client.pause()).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(%error, "a store did not close"),
        Err(_) => tracing::warn!("the stores took too long to close"),
    }
}

/// The SDK tells once for each store that a one-time key was refused; the refusals go on.
pub(super) async fn refused_keys(client: &Client) -> Result<bool> {
    let told = client
        .state_store()
        .get_kv_data(StateStoreDataKey::OneTimeKeyAlreadyUploaded)
        .await
        .map_err(|e| unreadable(&e))?;
    Ok(told.is_some())
}

fn unreadable(error: &StoreError) -> Error {
    error::store("state", error)
}

fn cannot_open(session: &Session, which: &str, error: &(dyn StdError + 'static)) -> Error {
    let what = format!("{which} store in {}", session.dir.path().display());
    error::store(&what, error)
}

fn cannot_restore(session: &Session, error: &matrix_sdk::Error) -> Error {
    use matrix_sdk::encryption::CryptoStoreError;
    match error {
        matrix_sdk::Error::CryptoStoreError(inner)
            if matches!(**inner, CryptoStoreError::MismatchedAccount { .. }) =>
        {
            Error::new(
                ErrorCode::AccountMismatch,
                format!(
                    "the encryption store in {} belongs to another device than {}; stop the \
                     gateway and move the folder away, or restore the whole folder",
                    session.dir.path().display(),
                    session.device_id
                ),
            )
        }
        error => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aut_11_the_other_engines_position_is_no_token() {
        let token = |text: &str| usable(Some(text.to_owned()));
        assert_eq!(
            token("s72594_4483_1934").as_deref(),
            Some("s72594_4483_1934")
        );
        assert_eq!(token("plain:{\"conn_id\":\"mx\"}"), None);
        assert_eq!(usable(None), None);
    }
}
