//! Whatever the homeserver answers and whenever the process dies: no event twice, none out
//! of order, none lost that was not refused.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::property::cases;

const ROOMS: [&str; 2] = [ROOM, OTHER];

#[derive(Debug, Clone)]
enum Action {
    /// A send of so many parts.
    Send {
        room: usize,
        parts: usize,
    },
    /// An edit of one of two messages.
    Edit {
        target: usize,
        draft: bool,
    },
    /// The host drives a delivery again.
    Again(u8),
    /// What the room's next requests get.
    Answer {
        room: usize,
        kind: Kind,
    },
    Wait(u8),
    /// The process dies and another one goes on.
    Reopen,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    RateLimited,
    ServerError,
    Unreachable,
    Forbidden,
    Lost,
    Slow,
    Panic,
}

fn action() -> impl Strategy<Value = Action> {
    let kind = prop_oneof![
        Just(Kind::RateLimited),
        Just(Kind::ServerError),
        Just(Kind::Unreachable),
        Just(Kind::Forbidden),
        Just(Kind::Lost),
        Just(Kind::Slow),
        Just(Kind::Panic),
    ];
    prop_oneof![
        4 => (0..2usize, 1..4usize).prop_map(|(room, parts)| Action::Send { room, parts }),
        3 => (0..2usize, any::<bool>()).prop_map(|(target, draft)| Action::Edit { target, draft }),
        1 => any::<u8>().prop_map(Action::Again),
        4 => (0..2usize, kind).prop_map(|(room, kind)| Action::Answer { room, kind }),
        2 => (0..8u8).prop_map(Action::Wait),
        1 => Just(Action::Reopen),
    ]
}

fn answer(kind: Kind) -> Answer {
    match kind {
        Kind::RateLimited => {
            let mut error = Error::new(ErrorCode::RateLimited, "slowly");
            error.status = Some(429);
            error.retry_after = Some(Duration::from_millis(3));
            Answer::Error(error)
        }
        Kind::ServerError => error(ErrorCode::Network, Some(502)),
        Kind::Unreachable => error(ErrorCode::Network, None),
        Kind::Forbidden => error(ErrorCode::Forbidden, Some(403)),
        Kind::Lost => Answer::Lost,
        Kind::Slow => Answer::After(Duration::from_millis(3)),
        Kind::Panic => Answer::Panic,
    }
}

/// A send as it was stored.
struct Stored {
    send: NewSend,
    room: usize,
    bodies: Vec<String>,
    /// Its key came again. If it was refused meanwhile, it is tried again, behind what came
    /// between.
    again: bool,
}

fn edit_of(target: usize, key: &str, body: &str, draft: bool) -> NewSend {
    let target = format!("$target{target}");
    let mut edit = send(ROOM, key, &[body]);
    edit.parts[0].content["m.relates_to"] = json!({ "rel_type": "m.replace", "event_id": target });
    edit.draft_of = draft.then(|| EventId::parse(target).unwrap());
    edit
}

async fn run(actions: Vec<Action>) {
    let home = Home::new();
    let engine = Arc::new(FakeEngine::new());
    let mut outbox = home.open().await;
    outbox.start(Arc::clone(&engine) as _);
    let mut stored: Vec<Stored> = Vec::new();
    for action in actions {
        let new = format!("k{}", stored.len());
        match action {
            Action::Send { room, parts } => {
                let bodies: Vec<String> = (0..parts).map(|at| format!("{new} {at}")).collect();
                let parts: Vec<&str> = bodies.iter().map(String::as_str).collect();
                let send = send(ROOMS[room], &new, &parts);
                outbox.enqueue(send.clone()).await.unwrap();
                stored.push(Stored {
                    send,
                    room,
                    bodies,
                    again: false,
                });
            }
            Action::Edit { target, draft } => {
                let bodies = vec![format!("{new} edit")];
                let send = edit_of(target, &new, &bodies[0], draft);
                outbox.enqueue(send.clone()).await.unwrap();
                stored.push(Stored {
                    send,
                    room: 0,
                    bodies,
                    again: false,
                });
            }
            Action::Again(which) => {
                let which = which as usize % stored.len().max(1);
                if let Some(known) = stored.get_mut(which) {
                    known.again = true;
                    outbox.enqueue(known.send.clone()).await.unwrap();
                }
            }
            Action::Answer { room, kind } => engine.script(ROOMS[room], [answer(kind)]),
            Action::Wait(milliseconds) => {
                tokio::time::sleep(Duration::from_millis(milliseconds.into())).await;
            }
            Action::Reopen => {
                outbox.close(Duration::ZERO).await;
                outbox = home.open().await;
                outbox.start(Arc::clone(&engine) as _);
            }
        }
    }
    let mut entries = BTreeMap::new();
    for Stored { send, .. } in &stored {
        outbox.wake();
        let entry = outbox.wait(&send.key, SOON).await.unwrap();
        assert_ne!(
            entry.state,
            OutboxState::Queued,
            "{} was never finished",
            send.key
        );
        entries.insert(send.key.clone(), entry);
    }
    outbox.close(SOON).await;
    check(&engine, &stored, &entries);
}

fn check(engine: &FakeEngine, stored: &[Stored], entries: &BTreeMap<String, OutboxEntry>) {
    let timeline = engine.timeline.lock().unwrap();
    // A transaction id is one event's for life, and an event's is one.
    let mut transactions = BTreeMap::new();
    for request in engine.requests.lock().unwrap().iter() {
        let known = transactions
            .entry(request.txn.clone())
            .or_insert(request.clone());
        assert_eq!(known, request);
    }
    let mut ids = BTreeMap::new();
    for (id, request) in timeline.iter() {
        let twice = ids.insert(request.body.clone(), id.clone());
        assert!(twice.is_none(), "{} was sent twice", request.body);
    }
    for (
        at,
        Stored {
            send, room, bodies, ..
        },
    ) in stored.iter().enumerate()
    {
        let entry = &entries[&send.key];
        let sent: Vec<String> = bodies
            .iter()
            .filter_map(|body| ids.get(body).cloned())
            .collect();
        match entry.state {
            OutboxState::Overtaken => {
                let relation = &send.parts[0].content["m.relates_to"];
                // By a newer edit, or by the final text that it must not replace.
                let overtaken = send.draft_of.is_some()
                    && stored.iter().enumerate().any(|(other, edit)| {
                        (other > at || (other < at && edit.send.draft_of.is_none()))
                            && edit.room == *room
                            && edit.send.parts[0].content["m.relates_to"] == *relation
                    });
                assert!(
                    overtaken,
                    "{} was dropped and nothing overtook it",
                    send.key
                );
                // It may have been under way when it was overtaken.
                assert!(entry.event_ids.iter().all(|id| sent.contains(id)));
            }
            OutboxState::Sent => {
                assert_eq!(sent.len(), bodies.len(), "{} is not whole", send.key);
                assert_eq!(entry.event_ids, sent);
            }
            // What was sent before the refusal stays, and nothing comes after it.
            OutboxState::Failed => {
                assert!(sent.len() <= bodies.len());
                assert!(
                    bodies[..sent.len()]
                        .iter()
                        .all(|body| ids.contains_key(body))
                );
                assert!(entry.error.is_some());
            }
            other => panic!("{}: {other:?}", send.key),
        }
    }
    for (room, name) in ROOMS.into_iter().enumerate() {
        let in_room = timeline.iter().filter(|(_, request)| request.room == name);
        let mut heard: Vec<&String> = in_room.map(|(_, request)| &request.body).collect();
        heard.retain(|body| {
            !stored
                .iter()
                .any(|one| one.again && one.bodies.contains(body))
        });
        let of_room = stored.iter().filter(|one| one.room == room && !one.again);
        let mut expected: Vec<&String> = of_room.flat_map(|stored| &stored.bodies).collect();
        expected.retain(|body| ids.contains_key(*body));
        assert_eq!(heard, expected, "out of order in {name}");
    }
}

proptest! {
    #![proptest_config(cases(48))]

    #[test]
    fn out_7_out_8_nothing_is_sent_twice_lost_or_out_of_order(
        actions in prop::collection::vec(action(), 1..40),
    ) {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
            .block_on(run(actions));
    }
}
