//! What the engine relies on in matrix-sdk 0.18. A newer SDK has to pass this first.

use matrix_sdk::{
    Client, SessionMeta, SessionTokens, SqliteStateStore,
    authentication::matrix::MatrixSession,
    config::{SyncSettings, SyncToken},
    cross_process_lock::CrossProcessLockConfig,
    store::{RoomLoadSettings, StateStoreDataKey, StateStoreDataValue, StoreConfig},
};
use tempfile::tempdir;

use crate::support::{Homeserver, ROOM, USER, joined, run, text};

async fn client(homeserver: &Homeserver, dir: &std::path::Path, rewind: Option<&str>) -> Client {
    let state = SqliteStateStore::open(dir, None).await.unwrap();
    let client = Client::builder()
        .homeserver_url(homeserver.url())
        .store_config(StoreConfig::new(CrossProcessLockConfig::SingleProcess).state_store(state))
        .build()
        .await
        .unwrap();
    if let Some(token) = rewind {
        client
            .state_store()
            .set_kv_data(
                StateStoreDataKey::SyncToken,
                StateStoreDataValue::SyncToken(token.to_owned()),
            )
            .await
            .unwrap();
    }
    client
        .restore_session_with(
            MatrixSession {
                meta: SessionMeta {
                    user_id: USER.try_into().unwrap(),
                    device_id: "DEVICE".into(),
                },
                tokens: SessionTokens {
                    access_token: "token".into(),
                    refresh_token: None,
                },
            },
            RoomLoadSettings::All,
        )
        .await
        .unwrap();
    client
}

async fn bodies(client: &Client, token: Option<&str>) -> usize {
    let token = token.map_or(SyncToken::ReusePrevious, |t| SyncToken::Specific(t.into()));
    let answer = client
        .sync_once(SyncSettings::new().token(token))
        .await
        .unwrap();
    let room: &ruma::RoomId = ROOM.try_into().unwrap();
    answer
        .rooms
        .joined
        .get(room)
        .map_or(0, |room| room.timeline.events.len())
}

#[test]
fn ins_11_the_sdk_stores_its_token_with_the_answer_and_can_be_put_back() {
    run(async {
        let (homeserver, dir) = (Homeserver::start().await, tempdir().unwrap());
        homeserver.token("token", "DEVICE");
        for _ in 0..3 {
            homeserver.sync("s1", joined("s2", false, &[text("$a", "hello")]));
        }
        homeserver.sync("", joined("s1", false, &[]));
        let first = client(&homeserver, dir.path(), None).await;
        bodies(&first, None).await;
        assert_eq!(bodies(&first, None).await, 1);
        first.pause().await.unwrap();
        drop(first);

        // Without a rewind the SDK goes on behind the step that nobody has stored.
        let again = client(&homeserver, dir.path(), None).await;
        assert_eq!(
            again
                .state_store()
                .get_kv_data(StateStoreDataKey::SyncToken)
                .await
                .unwrap()
                .and_then(StateStoreDataValue::into_sync_token)
                .as_deref(),
            Some("s2")
        );
        // Naming the older token is not enough: the same answer twice is taken for none.
        assert_eq!(bodies(&again, Some("s1")).await, 0);
        again.pause().await.unwrap();
        drop(again);

        let rewound = client(&homeserver, dir.path(), Some("s1")).await;
        assert_eq!(bodies(&rewound, None).await, 1);
        rewound.pause().await.unwrap();
    });
}
