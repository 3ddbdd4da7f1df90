//! A room's past, reactions, pins, polls and presence between two accounts.

use matrix_core::{
    Account, OutboxState, Presence,
    directory::{DirectoryOptions, Wanted, look_up},
    event::{InboundEvent, MessageKind},
    room::ReadMessages,
    send::{EditText, SendPoll, SendTarget, Tables, TextKind},
};
use matrix_sdk::reqwest;
use serde_json::Value;
use tempfile::tempdir;

use crate::support::{live, next, next_invite, next_message, running, say};

fn page(room: &str, limit: u32) -> ReadMessages {
    ReadMessages {
        room_id: room.to_owned(),
        limit,
        before: None,
        after: None,
        thread_root_id: None,
    }
}

async fn texts(account: &Account, request: ReadMessages) -> Vec<String> {
    let page = account.read_messages(request).await.unwrap();
    page.messages.into_iter().map(|one| one.text).collect()
}

async fn edit(account: &Account, room: &str, event_id: &str, markdown: &str) {
    let sent = account
        .edit_text(EditText {
            room_id: room.try_into().unwrap(),
            event_id: event_id.try_into().unwrap(),
            markdown: markdown.to_owned(),
            kind: TextKind::Text,
            key: None,
            live: false,
            tables: Tables::Block,
            draft: false,
            finalized: false,
            extra: Default::default(),
            wait_ms: Some(60_000),
        })
        .await
        .unwrap();
    assert_eq!(sent.state, OutboxState::Sent);
}

#[test]
fn act_4_rea_3_pol_4_an_encrypted_room_is_read_back() {
    live(|homeserver| async move {
        let (alice, bob) = (
            homeserver.register("alice").await,
            homeserver.register("bob").await,
        );
        let (alice_dir, bob_dir) = (tempdir().unwrap(), tempdir().unwrap());
        let alice = homeserver.run(alice_dir.path(), alice.by_password()).await;
        let bob_person = bob;
        let bob = homeserver
            .run(bob_dir.path(), bob_person.by_password())
            .await;
        let (room, _) = alice.open_dm(&bob.identity().user_id).await.unwrap();
        assert_eq!(next_invite(&bob).await, room);
        bob.join_room(&room, &[]).await.unwrap();

        let mut ids = Vec::new();
        for text in ["one", "two", "three", "four"] {
            ids.push(say(&alice, &room, text).await.event_ids[0].clone());
        }
        edit(&alice, &room, &ids[1], "two, edited").await;
        let gone = alice.redact(&room, &ids[2], None, None).await.unwrap();
        assert_eq!(gone.state, OutboxState::Sent);
        while next_message(&bob).await.0 != "four" {}

        let all = bob.read_messages(page(&room, 10)).await.unwrap();
        let shown: Vec<_> = all.messages.iter().map(|one| one.text.as_str()).collect();
        assert_eq!(shown, ["one", "two, edited", "four"]);
        assert!(all.messages.iter().all(|one| one.encrypted));
        assert!(all.messages[1].edited && !all.messages[0].edited);
        assert!(!all.more);
        assert_eq!(texts(&bob, page(&room, 1)).await, ["four"]);
        let before = ReadMessages {
            before: Some(ids[3].clone()),
            ..page(&room, 1)
        };
        assert_eq!(texts(&bob, before).await, ["two, edited"]);
        let after = ReadMessages {
            after: Some(ids[0].clone()),
            ..page(&room, 1)
        };
        assert_eq!(texts(&bob, after).await, ["two, edited"]);

        // Reactions.
        for account in [&alice, &bob] {
            account.react(&room, &ids[0], "👍", None).await.unwrap();
        }
        let found = bob.reactions(&room, &ids[0]).await.unwrap();
        assert_eq!(found.len(), 2);
        let own = found
            .iter()
            .find(|one| one.sender == bob.identity().user_id)
            .unwrap();
        bob.redact(&room, &own.event_id, None, None).await.unwrap();
        assert_eq!(bob.reactions(&room, &ids[0]).await.unwrap().len(), 1);

        // Pins: the room's maker may, the other may as well in a trusted private chat.
        assert_eq!(alice.pinned(&room).await.unwrap(), [] as [String; 0]);
        alice.set_pinned(&room, &ids[0], true).await.unwrap();
        alice.set_pinned(&room, &ids[3], true).await.unwrap();
        let left = alice.set_pinned(&room, &ids[0], false).await.unwrap();
        assert_eq!(left, [ids[3].clone()]);
        assert_eq!(bob.pinned(&room).await.unwrap(), left);

        // A poll in a thread.
        let asked = alice
            .send_poll(SendPoll {
                target: SendTarget {
                    room_id: room.as_str().try_into().unwrap(),
                    thread_root_id: Some(ids[0].as_str().try_into().unwrap()),
                    reply_to_id: None,
                },
                question: "Which?".to_owned(),
                answers: vec!["Tea".to_owned(), "Coffee".to_owned()],
                max_selections: 1,
                disclosed: true,
                key: None,
            })
            .await
            .unwrap();
        let poll_id = asked.event_ids[0].clone();
        let (kind, text, thread) = next(&bob, |event| match event {
            InboundEvent::Message {
                kind: kind @ MessageKind::Poll,
                text,
                thread_root_id,
                ..
            } => Some((*kind, text.clone(), thread_root_id.clone())),
            _ => None,
        })
        .await;
        assert_eq!(kind, MessageKind::Poll);
        assert_eq!(text, "Which?\n1. Tea\n2. Coffee");
        assert_eq!(thread.as_ref(), Some(&ids[0]));
        let vote = |answer: &str| vec![answer.to_owned()];
        assert!(bob.vote(&room, &poll_id, &vote("9"), None).await.is_err());
        bob.vote(&room, &poll_id, &vote("1"), None).await.unwrap();
        bob.vote(&room, &poll_id, &vote("2"), None).await.unwrap();
        alice.vote(&room, &poll_id, &vote("2"), None).await.unwrap();
        let poll = alice.poll(&room, &poll_id).await.unwrap().unwrap();
        let votes: Vec<_> = poll.answers.iter().map(|one| one.votes).collect();
        assert_eq!((votes, poll.voters, poll.ended), (vec![0, 2], 2, false));
        alice.end_poll(&room, &poll_id, None).await.unwrap();
        let late = bob.vote(&room, &poll_id, &vote("1"), None).await;
        assert!(late.unwrap_err().message.contains("ended"));
        assert!(alice.poll(&room, &poll_id).await.unwrap().unwrap().ended);
        let thread = ReadMessages {
            thread_root_id: Some(ids[0].clone()),
            ..page(&room, 10)
        };
        assert_eq!(
            texts(&bob, thread).await,
            ["one", "Which?\n1. Tea\n2. Coffee"]
        );

        // The directory, beside the account that has the lock.
        let options = || DirectoryOptions {
            account_id: "test".to_owned(),
            state_dir: bob_dir.path().to_owned(),
            homeserver: homeserver.base.clone(),
            network: homeserver
                .config(bob_dir.path(), bob_person.by_password())
                .network,
            access_token: None,
            store_passphrase: None,
        };
        let own = look_up(options(), Wanted::Own, 1).await.unwrap();
        assert_eq!(own[0].id, bob.identity().user_id);
        let members = look_up(options(), Wanted::Members(room.clone()), 10)
            .await
            .unwrap();
        assert_eq!(members.len(), 2);
        assert!(members.iter().all(|one| one.power_level.is_some()));
        let person = look_up(options(), Wanted::People(alice.identity().user_id), 1)
            .await
            .unwrap();
        assert_eq!(person.len(), 1);
        let direct = look_up(options(), Wanted::Rooms, 10).await.unwrap();
        assert_eq!(direct, [], "a direct message is no group");
        alice.close().await;
        bob.close().await;
    });
}

#[test]
fn prs_1_presence_is_what_the_configuration_says() {
    live(|homeserver| async move {
        for (presence, shown) in [
            (Presence::Online, "online"),
            (Presence::Unavailable, "unavailable"),
            (Presence::Off, "offline"),
        ] {
            let person = homeserver.register_without_device("seen").await;
            let dir = tempdir().unwrap();
            let mut config = homeserver.config(dir.path(), person.by_password());
            config.presence = presence;
            let account = Account::open(config).await.unwrap();
            account.start();
            running(&account).await;
            let look = homeserver.log_in(&person).await;
            let path = format!("presence/{}/status", look.user_id);
            let seen: Value = homeserver
                .ask(reqwest::Method::GET, &path, Some(&look.token), Value::Null)
                .await;
            assert_eq!(seen["presence"], shown, "{presence:?}");
            account.close().await;
        }
    });
}
