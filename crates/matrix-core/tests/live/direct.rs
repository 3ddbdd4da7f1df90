//! Where messages to a person go, and putting it right.

use matrix_core::{Account, ErrorCode};
use matrix_sdk::reqwest::Method;
use serde_json::{Value, json};
use tempfile::{TempDir, tempdir};

use crate::support::{Homeserver, Person, live, next_invite};

/// A bot and a friend of it, both running, and a DM that both are in.
struct Pair {
    homeserver: Homeserver,
    bot: Person,
    friend: Person,
    account: Account,
    other: Account,
    room: String,
    _dirs: [TempDir; 2],
}

impl Pair {
    async fn new(homeserver: &Homeserver) -> Self {
        let bot = homeserver.register("bot").await;
        let friend = homeserver.register("friend").await;
        let dirs = [tempdir().unwrap(), tempdir().unwrap()];
        let account = homeserver.run(dirs[0].path(), bot.by_token()).await;
        let other = homeserver.run(dirs[1].path(), friend.by_token()).await;
        let (room, made) = account.open_dm(&friend.user_id).await.unwrap();
        assert!(made);
        assert_eq!(next_invite(&other).await, room);
        other.join_room(&room, &[]).await.unwrap();
        let pair = Self {
            homeserver: homeserver.clone(),
            bot,
            friend,
            account,
            other,
            room,
            _dirs: dirs,
        };
        pair.until_active(Some(&pair.room)).await;
        pair
    }

    async fn ask(&self, method: Method, path: &str, body: Value) -> Value {
        self.homeserver
            .ask(method, path, Some(&self.bot.token), body)
            .await
    }

    /// Forges `m.direct`.
    async fn write(&self, map: &Value) {
        let path = format!("user/{}/account_data/m.direct", self.bot.user_id);
        self.ask(Method::PUT, &path, map.clone()).await;
    }

    async fn read(&self) -> Value {
        let path = format!("user/{}/account_data/m.direct", self.bot.user_id);
        self.ask(Method::GET, &path, Value::Null).await
    }

    async fn make_room(&self) -> String {
        let made = self.ask(Method::POST, "createRoom", json!({})).await;
        made["room_id"].as_str().unwrap().to_owned()
    }

    /// Waits until a send would go there, as far as the sync has come.
    async fn until_active(&self, room: Option<&str>) {
        for _ in 0..100 {
            let now = self
                .account
                .inspect_direct(&self.friend.user_id)
                .await
                .unwrap();
            if now.active_room_id.as_deref() == room {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        panic!("not {room:?}");
    }

    async fn close(self) {
        self.account.close().await;
        self.other.close().await;
    }
}

#[test]
fn drx_1_2_a_solo_room_at_the_head_is_seen_and_repaired() {
    live(|homeserver| async move {
        let pair = Pair::new(&homeserver).await;
        let friend = pair.friend.user_id.as_str();
        let (solo, live) = (pair.make_room().await, pair.room.as_str());
        let forged = json!({
            friend: [solo, "!gone:core.test", "nonsense", live],
            "@third:core.test": ["!theirs:core.test"],
        });
        pair.write(&forged).await;
        let now = pair.account.inspect_direct(friend).await.unwrap();
        let strict: Vec<(&str, bool, Option<usize>)> = now
            .mapped_rooms
            .iter()
            .map(|room| {
                let members = room.joined_members.as_ref().map(Vec::len);
                (room.room_id.as_str(), room.strict, members)
            })
            .collect();
        assert_eq!(
            strict,
            [
                (solo.as_str(), false, Some(1)),
                ("!gone:core.test", false, None),
                ("nonsense", false, None),
                (live, true, Some(2)),
            ]
        );
        assert_eq!(now.active_room_id.as_deref(), Some(live));

        let done = pair.account.repair_direct(friend).await.unwrap();
        assert!(done.changed && done.encrypted);
        assert_eq!(done.created_room_id, None);
        assert_eq!(done.content_before, forged);
        let expected = json!({
            friend: [live, solo, "!gone:core.test", "nonsense"],
            "@third:core.test": ["!theirs:core.test"],
        });
        assert_eq!(done.content_after, expected);
        assert_eq!(pair.read().await, expected);
        assert_eq!(done.inspection.mapped_rooms[0].room_id, live);
        let again = pair.account.repair_direct(friend).await.unwrap();
        assert!(!again.changed && again.created_room_id.is_none());
        let (opened, made) = pair.account.open_dm(friend).await.unwrap();
        assert_eq!((opened.as_str(), made), (live, false));
        let joined = pair.ask(Method::GET, "joined_rooms", Value::Null).await;
        assert_eq!(joined["joined_rooms"].as_array().unwrap().len(), 2);
        pair.close().await;
    });
}

#[test]
fn drx_2_a_strict_room_that_nobody_mapped_is_found_without_a_sync_too() {
    live(|homeserver| async move {
        let pair = Pair::new(&homeserver).await;
        let (friend, bot) = (pair.friend.user_id.clone(), pair.bot.clone());
        pair.write(&json!({})).await;
        let now = pair.account.inspect_direct(&friend).await.unwrap();
        assert!(now.mapped_rooms.is_empty());
        assert_eq!(
            now.discovered_strict_room_ids,
            std::slice::from_ref(&pair.room)
        );
        let dir = tempdir().unwrap();
        pair.account.close().await;
        // As a command does it alone, with an empty store: the device's keys are elsewhere.
        let mut config = homeserver.config(dir.path(), bot.by_token());
        config.encryption = false;
        let alone = Account::open(config).await.unwrap();
        let done = alone.repair_direct(&friend).await.unwrap();
        assert_eq!(done.content_after, json!({ &friend: [&pair.room] }));
        assert_eq!(done.created_room_id, None);
        alone.close().await;
        pair.other.close().await;
    });
}

#[test]
fn drx_2_without_a_strict_room_one_is_made_once() {
    live(|homeserver| async move {
        let pair = Pair::new(&homeserver).await;
        let friend = pair.friend.user_id.as_str();
        pair.other.leave_room(&pair.room).await.unwrap();
        pair.until_active(None).await;
        let done = pair.account.repair_direct(friend).await.unwrap();
        let made = done.created_room_id.clone().expect("a room");
        assert!(done.encrypted && done.changed);
        assert_eq!(done.content_after[friend], json!([made, pair.room]));
        // The invite is not answered yet, and perhaps not synced.
        let again = pair.account.repair_direct(friend).await.unwrap();
        assert_eq!(again.created_room_id, None);
        assert_eq!(
            again.inspection.active_room_id.as_deref(),
            Some(made.as_str())
        );
        let (opened, _) = pair.account.open_dm(friend).await.unwrap();
        assert_eq!(opened, made);
        let own = pair.bot.user_id.clone();
        let refused = pair.account.repair_direct(&own).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::ConfigInvalid);
        pair.close().await;
    });
}
