//! A token copied from another client, through the account (AUT-11).

use std::path::Path;

use matrix_core::{
    Account, Auth, ErrorCode, OutboxState, Secret,
    send::{ChunkMode, SendTarget, SendText, Tables, TextKind},
};
use ruma::{EventId, events::room::message::RoomMessageEventContent};
use tempfile::tempdir;

use crate::{
    other_client::OtherClient,
    support::{Homeserver, live, next_message, running, say},
};

/// The account with the client's own token, and without encryption.
async fn start(homeserver: &Homeserver, dir: &Path, client: &OtherClient) -> Account {
    let token = Secret::new(client.client.access_token().unwrap());
    let auth = Auth::AccessToken {
        token,
        user_id: None,
        device_id: None,
    };
    let mut config = homeserver.config(dir, auth);
    config.encryption = false;
    let account = Box::pin(Account::open(config)).await.unwrap();
    account.start();
    running(&account).await;
    account
}

#[test]
fn aut_11_a_copied_token_serves_plain_rooms_and_takes_no_room_key() {
    live(|homeserver| async move {
        let element = OtherClient::new(homeserver.base.as_str(), "element").await;
        let alice = OtherClient::new(homeserver.base.as_str(), "alice").await;
        let secret_room = alice.invite(&element, true).await;
        let secret_id = secret_room.room_id().to_owned();
        let plain_room = alice.invite(&element, false).await;
        let plain_id = plain_room.room_id().to_owned();
        let text = |text: &str| RoomMessageEventContent::text_plain(text);

        // The clients know each other: later room keys need no one-time key.
        let first = secret_room.send(text("first")).await.unwrap();
        let first = first.response.event_id;
        assert_eq!(element.reads(&secret_id, &first).await, "first");
        let before = element.published().await;

        let dir = tempdir().unwrap();
        let account = start(&homeserver, dir.path(), &element).await;
        let status = account.encryption_status().await.unwrap();
        assert!(!status.encryption_enabled);
        assert_eq!(
            status.device_id,
            element.client.device_id().unwrap().as_str()
        );

        // A new room key, for a client that is not looking, while the account is.
        secret_room.discard_room_key().await.unwrap();
        let secret = secret_room.send(text("secret")).await.unwrap();
        let secret = secret.response.event_id;
        plain_room.send(text("question")).await.unwrap();
        let (question, base) = next_message(&account).await;
        assert_eq!(question, "question");
        assert_eq!(base.room_id, plain_id.as_str());
        let answer = say(&account, plain_id.as_str(), "answer").await;
        let answer = EventId::parse(&answer.event_ids[0]).unwrap();
        assert_eq!(alice.reads(&plain_id, &answer).await, "answer");

        let refused = account
            .send_text(SendText {
                target: SendTarget {
                    room_id: secret_id.clone(),
                    thread_root_id: None,
                    reply_to_id: None,
                },
                markdown: "in clear".to_owned(),
                kind: TextKind::Text,
                key: Some("refused".to_owned()),
                chunk_limit: 4000,
                chunk_mode: ChunkMode::Length,
                live: false,
                tables: Tables::Block,
                extra: Default::default(),
                wait_ms: None,
            })
            .await;
        let refused = match refused {
            Err(error) => error,
            Ok(entry) => entry
                .error
                .expect("nothing goes in clear into an encrypted room"),
        };
        assert_eq!(refused.code, ErrorCode::Forbidden);
        assert!(refused.message.contains("`encryption: true`"), "{refused}");
        let entry = account.outbox_entry("refused").await.unwrap();
        assert_eq!(entry.state, OutboxState::Failed);

        // Said while nobody runs: the next process goes on where this one stopped.
        account.close().await;
        drop(account);
        plain_room.send(text("still there?")).await.unwrap();
        let account = start(&homeserver, dir.path(), &element).await;
        assert_eq!(next_message(&account).await.0, "still there?");
        account.close().await;

        assert_eq!(element.published().await, before);
        assert_eq!(element.reads(&secret_id, &secret).await, "secret");
        assert_eq!(element.published().await, before);
    });
}
