//! What an account is asked about rooms and people beside its messages.

use std::time::Duration;

use matrix_core::{Account, send::EditText};
use matrix_sdk::reqwest::Method;
use serde_json::{Value, json};
use tempfile::tempdir;

use crate::support::{Homeserver, Person, live, next_invite, next_message, say};

/// A room of this person's, the others invited.
async fn room(
    homeserver: &Homeserver,
    owner: &Person,
    name: &str,
    invite: &[&str],
    encrypted: bool,
) -> String {
    let encryption = json!([{
        "type": "m.room.encryption", "state_key": "",
        "content": {"algorithm": "m.megolm.v1.aes-sha2"},
    }]);
    let body = json!({
        "name": name, "invite": invite, "preset": "private_chat",
        "initial_state": if encrypted { encryption } else { json!([]) },
    });
    let answer = homeserver
        .ask(Method::POST, "createRoom", Some(&owner.token), body)
        .await;
    answer["room_id"].as_str().unwrap().to_owned()
}

async fn started(homeserver: &Homeserver, name: &str) -> (Account, Person, tempfile::TempDir) {
    let person = homeserver.register(name).await;
    let dir = tempdir().unwrap();
    let account = homeserver.run(dir.path(), person.by_password()).await;
    (account, person, dir)
}

#[test]
fn inv_5_invites_wait_are_accepted_and_rejected() {
    live(|homeserver| async move {
        let alice = homeserver.register("alice").await;
        let (bot, person, _dir) = started(&homeserver, "bot").await;
        let one = room(&homeserver, &alice, "One", &[&person.user_id], false).await;
        let two = room(&homeserver, &alice, "Two", &[&person.user_id], false).await;
        for _ in 0..2 {
            next_invite(&bot).await;
        }
        let invites = bot.invites().await.unwrap();
        assert_eq!(invites.len(), 2);
        let first = invites.iter().find(|invite| invite.room_id == one).unwrap();
        assert_eq!(first.inviter.as_deref(), Some(alice.user_id.as_str()));
        assert_eq!(first.room_name.as_deref(), Some("One"));
        assert!(!first.is_direct);
        bot.join_room(&one, &[]).await.unwrap();
        bot.leave_room(&two).await.unwrap();
        for _ in 0..100 {
            if bot.invites().await.unwrap().is_empty() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert!(bot.invites().await.unwrap().is_empty());
        bot.close().await;
    });
}

#[test]
fn inv_6_the_newest_messages_of_an_encrypted_room_in_their_newest_wording() {
    live(|homeserver| async move {
        let (alice, person, _a) = started(&homeserver, "alice").await;
        let (bob, other, _b) = started(&homeserver, "bob").await;
        let id = room(&homeserver, &person, "Talk", &[&other.user_id], true).await;
        next_invite(&bob).await;
        bob.join_room(&id, &[]).await.unwrap();
        let first = say(&alice, &id, "one").await;
        for text in ["two", "three"] {
            say(&alice, &id, text).await;
        }
        alice
            .edit_text(EditText {
                room_id: id.as_str().try_into().unwrap(),
                event_id: first.event_ids[0].as_str().try_into().unwrap(),
                markdown: "one, corrected".to_owned(),
                kind: matrix_core::send::TextKind::Text,
                key: None,
                live: false,
                tables: matrix_core::send::Tables::Block,
                draft: false,
                finalized: false,
                extra: Default::default(),
                wait_ms: Some(60_000),
            })
            .await
            .unwrap();
        for _ in 0..3 {
            next_message(&bob).await;
        }
        let texts = async |limit| -> Vec<String> {
            let messages = bob.recent_messages(&id, limit).await.unwrap();
            messages.into_iter().map(|message| message.text).collect()
        };
        // The edit comes after the last message.
        for _ in 0..100 {
            if texts(10).await.first().map(String::as_str) == Some("one, corrected") {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert_eq!(texts(10).await, ["one, corrected", "two", "three"]);
        assert_eq!(texts(2).await, ["two", "three"]);
        alice.close().await;
        bob.close().await;
    });
}

#[test]
fn acl_11_people_are_found_by_name_and_bot_6_the_ignored_are_known() {
    live(|homeserver| async move {
        let alice = homeserver.register("alice").await;
        let (bot, person, _dir) = started(&homeserver, "bot").await;
        let name = format!("Alice {:016x}", rand::random::<u64>());
        let path = format!("profile/{}/displayname", alice.user_id);
        homeserver
            .ask(
                Method::PUT,
                &path,
                Some(&alice.token),
                json!({"displayname": name}),
            )
            .await;
        room(&homeserver, &alice, "Shared", &[&person.user_id], false).await;
        let shared = next_invite(&bot).await;
        bot.join_room(&shared, &[]).await.unwrap();
        let mut found = Vec::new();
        for _ in 0..100 {
            found = bot.search_users(&name, 10).await.unwrap();
            if !found.is_empty() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert_eq!(found[0].user_id, alice.user_id);
        assert_eq!(found[0].display_name.as_deref(), Some(name.as_str()));

        assert!(!bot.ignores(&alice.user_id).await.unwrap());
        let path = format!("user/{}/account_data/m.ignored_user_list", person.user_id);
        let list: Value = json!({"ignored_users": {&alice.user_id: {}}});
        homeserver
            .ask(Method::PUT, &path, Some(&person.token), list)
            .await;
        for _ in 0..100 {
            if bot.ignores(&alice.user_id).await.unwrap() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert!(bot.ignores(&alice.user_id).await.unwrap());
        bot.close().await;
    });
}
