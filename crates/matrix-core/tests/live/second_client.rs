//! Another client of the same user: matrix-sdk alone, with a device of its own.

use std::time::Duration;

use matrix_sdk::{
    Client,
    config::SyncSettings,
    encryption::{CrossSigningResetAuthType, EncryptionSettings},
    ruma::api::client::uiaa,
};

use crate::support::{Homeserver, Person};

pub struct SecondClient {
    pub client: Client,
    person: Person,
}

impl SecondClient {
    /// Logs in; sets nothing up.
    pub async fn new(homeserver: &Homeserver, person: &Person) -> Self {
        let client = Client::builder()
            .homeserver_url(&homeserver.base)
            .with_encryption_settings(EncryptionSettings::default())
            .build()
            .await
            .unwrap();
        client
            .matrix_auth()
            .login_username(&person.user_id, &person.password)
            .send()
            .await
            .unwrap();
        client
            .encryption()
            .wait_for_e2ee_initialization_tasks()
            .await;
        let second = Self {
            client,
            person: person.clone(),
        };
        second.sync().await;
        second
    }

    pub async fn sync(&self) {
        let settings = SyncSettings::new().timeout(Duration::from_millis(200));
        Box::pin(self.client.sync_once(settings)).await.unwrap();
    }

    fn password(&self, session: Option<String>) -> uiaa::AuthData {
        let user = uiaa::MatrixUserIdentifier::new(self.person.user_id.clone());
        let mut password = uiaa::Password::new(
            uiaa::UserIdentifier::Matrix(user),
            self.person.password.clone(),
        );
        password.session = session;
        uiaa::AuthData::Password(password)
    }

    /// An identity, and nothing else.
    pub async fn make_identity(&self) {
        let encryption = self.client.encryption();
        if let Err(error) = Box::pin(encryption.bootstrap_cross_signing(None)).await {
            let session = error.as_uiaa_response().unwrap().session.clone();
            Box::pin(encryption.bootstrap_cross_signing(Some(self.password(session))))
                .await
                .unwrap();
        }
        self.sync().await;
    }

    /// Another identity in the place of the one there is; secret storage is not told.
    pub async fn replace_identity(&self) {
        let reset = Box::pin(self.client.encryption().reset_cross_signing())
            .await
            .unwrap();
        if let Some(reset) = reset {
            let CrossSigningResetAuthType::Uiaa(info) = reset.auth_type() else {
                panic!("OAuth");
            };
            let auth = self.password(info.session.clone());
            Box::pin(reset.auth(Some(auth))).await.unwrap();
        }
        self.sync().await;
    }

    /// Identity, backup and secret storage; the recovery key.
    pub async fn set_up(&self) -> String {
        self.make_identity().await;
        self.make_storage().await
    }

    /// Backup and secret storage; the recovery key.
    pub async fn make_storage(&self) -> String {
        Box::pin(std::future::IntoFuture::into_future(
            self.client.encryption().recovery().enable(),
        ))
        .await
        .unwrap()
    }

    pub async fn verified(&self) -> bool {
        let device = self.client.encryption().get_own_device().await.unwrap();
        device.unwrap().is_verified_with_cross_signing()
    }
}
