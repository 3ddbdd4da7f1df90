//! Whatever happens in whatever order: nothing lost, nothing twice, rooms in order.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::{engine::HistoryPage, inbox::gaps as gap_rows, property::cases};

const ROOMS: [&str; 2] = ["!a:example.org", "!b:example.org"];

#[derive(Debug, Clone)]
enum Action {
    /// A step with new events, some of which came before.
    Commit {
        room: usize,
        events: u8,
        again: u8,
    },
    /// A step with an event whose key is missing.
    Lock {
        room: usize,
    },
    /// The key of one of those comes, or the event comes once more, readable.
    Unlock {
        which: u8,
        by_sync: bool,
    },
    /// A step with a hole before its events.
    Gap {
        room: usize,
        hidden: u8,
        after: u8,
    },
    /// The next page of the oldest hole, or its end.
    Page,
    Lease(u8),
    /// Adopts, settles or fails one of the rows at hand.
    Adopt(u8),
    Settle(u8),
    Fail(u8),
    Pass(u16),
    Crash,
    Resubmit,
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        4 => (0..2usize, 0..4u8, 0..4u8)
            .prop_map(|(room, events, again)| Action::Commit { room, events, again }),
        1 => (0..2usize).prop_map(|room| Action::Lock { room }),
        1 => (any::<u8>(), any::<bool>())
            .prop_map(|(which, by_sync)| Action::Unlock { which, by_sync }),
        1 => (0..2usize, 0..6u8, 0..3u8)
            .prop_map(|(room, hidden, after)| Action::Gap { room, hidden, after }),
        3 => Just(Action::Page),
        4 => (1..5u8).prop_map(Action::Lease),
        1 => any::<u8>().prop_map(Action::Adopt),
        4 => any::<u8>().prop_map(Action::Settle),
        2 => any::<u8>().prop_map(Action::Fail),
        2 => (0..40u16).prop_map(Action::Pass),
        1 => Just(Action::Crash),
        1 => Just(Action::Resubmit),
    ]
}

/// A hole that is not filled yet.
struct Hole {
    room: usize,
    place: u32,
    /// Where its next page starts.
    from: String,
    /// Its events, the newest page last and each page oldest first.
    pages: Vec<Vec<(String, Place)>>,
    /// Since when it holds what came after it; unknown after a crash.
    held_since: Option<Duration>,
}

/// In the order of delivery: the step's place, then the one in its hole.
type Place = (u32, u32);

/// What must be true of the inbox, kept beside it.
#[derive(Default)]
struct Model {
    committed: Vec<(usize, String)>,
    places: BTreeMap<String, Place>,
    next_place: u32,
    made: u32,
    locked: BTreeMap<String, usize>,
    holes: Vec<Hole>,
    settled: BTreeSet<String>,
    dead: BTreeSet<String>,
    at_hand: BTreeMap<String, i64>,
    shift: Duration,
}

impl Model {
    fn pick(&mut self, which: u8) -> Option<(String, i64)> {
        let key = self
            .at_hand
            .keys()
            .nth(which as usize % self.at_hand.len().max(1))?;
        let key = key.clone();
        let seq = self.at_hand.remove(&key)?;
        Some((key, seq))
    }

    fn key(&mut self) -> String {
        self.made += 1;
        format!("${:04}", self.made)
    }

    fn place(&mut self) -> Place {
        self.next_place += 1;
        (self.next_place, 0)
    }

    fn commit(&mut self, room: usize, key: &str, place: Place) {
        self.committed.push((room, key.to_owned()));
        self.places.insert(key.to_owned(), place);
    }

    /// Rows that a hole keeps back must not come: its own ones, and for a minute what came
    /// after it.
    fn may_come(&self, room: &str, key: &str) {
        let place = self.places[key];
        for hole in self.holes.iter().filter(|hole| ROOMS[hole.room] == room) {
            assert_ne!(place.0, hole.place, "{key} came out of a hole that is open");
            let holds = hole
                .held_since
                .is_some_and(|since| self.shift - since < Duration::from_secs(50));
            assert!(
                !holds || place.0 < hole.place,
                "{key} did not wait for a hole"
            );
        }
    }

    /// New rows must be neither finished nor in other hands, and in order.
    fn received(&mut self, rows: &[StoredEvent]) {
        let places: Vec<Place> = rows.iter().map(|row| self.places[&row.event.key]).collect();
        assert!(places.is_sorted(), "out of order: {places:?}");
        for row in rows {
            let key = &row.event.key;
            self.may_come(row.event.room_id.as_str(), key);
            assert!(
                !self.settled.contains(key),
                "{key} came after it was settled"
            );
            assert!(!self.dead.contains(key), "{key} came after it was given up");
            let twice = self.at_hand.insert(key.clone(), row.seq);
            assert!(twice.is_none(), "{key} was handed out twice");
        }
    }
}

async fn run(actions: Vec<Action>) {
    let home = Home::new();
    let mut inbox = home.open().await;
    let mut model = Model::default();
    for action in actions {
        match action {
            Action::Commit {
                room,
                events,
                again,
            } => {
                let old = model.committed.iter().filter(|(r, _)| *r == room);
                let mut keys: Vec<String> = old
                    .rev()
                    .take(again as usize)
                    .map(|(_, k)| k.clone())
                    .collect();
                keys.reverse();
                for _ in 0..events {
                    let (key, place) = (model.key(), model.place());
                    model.commit(room, &key, place);
                    keys.push(key);
                }
                let events = keys.iter().map(|key| event(ROOMS[room], key)).collect();
                inbox.commit(step("t", events)).await.unwrap();
            }
            Action::Lock { room } => {
                let key = model.key();
                let mut locked = step("t", vec![]);
                locked.undecryptable = vec![locked_event(ROOMS[room], &key, "missing-session")];
                inbox.commit(locked).await.unwrap();
                model.locked.insert(key, room);
            }
            Action::Unlock { which, by_sync } => {
                let count = model.locked.len().max(1);
                let Some((key, &room)) = model.locked.iter().nth(which as usize % count) else {
                    continue;
                };
                let key = key.clone();
                model.locked.remove(&key);
                let readable = event(ROOMS[room], &key);
                if by_sync {
                    inbox.commit(step("t", vec![readable])).await.unwrap();
                } else {
                    let all = inbox.undecryptable(None).await.unwrap();
                    let waiting = all.into_iter().find(|one| one.event_id == key).unwrap();
                    assert!(
                        inbox
                            .readable(waiting.clone(), readable.clone())
                            .await
                            .unwrap()
                    );
                    // The key may come twice.
                    assert!(!inbox.readable(waiting, readable).await.unwrap());
                }
                let place = model.place();
                model.commit(room, &key, place);
            }
            Action::Gap {
                room,
                hidden,
                after,
            } => {
                let (place, _) = model.place();
                let from = format!("p{place}");
                let hidden: Vec<(String, Place)> = (0..u32::from(hidden))
                    .map(|at| (model.key(), (place, at)))
                    .collect();
                model.holes.push(Hole {
                    room,
                    place,
                    from: from.clone(),
                    pages: hidden.chunks(2).map(<[_]>::to_vec).collect(),
                    held_since: Some(model.shift),
                });
                let mut events = Vec::new();
                for _ in 0..after {
                    let (key, place) = (model.key(), model.place());
                    model.commit(room, &key, place);
                    events.push(event(ROOMS[room], &key));
                }
                let mut with_gap = step("t", events);
                with_gap.gaps = vec![NewGap {
                    room_id: RoomId::parse(ROOMS[room]).unwrap(),
                    from,
                    to: None,
                }];
                inbox.commit(with_gap).await.unwrap();
            }
            Action::Page => {
                page(&inbox, &mut model).await;
            }
            Action::Lease(max) => {
                let (lease, _) = inbox.lease(max as usize).await.unwrap();
                model.received(&lease.deliver());
            }
            Action::Adopt(which) => {
                if let Some((key, seq)) = model.pick(which) {
                    inbox.adopt(&[seq]).await.unwrap();
                    model.at_hand.insert(key, seq);
                }
            }
            Action::Settle(which) => {
                if let Some((key, seq)) = model.pick(which) {
                    inbox.settle(&[seq]).await.unwrap();
                    model.settled.insert(key);
                }
            }
            Action::Fail(which) => {
                if let Some((key, seq)) = model.pick(which)
                    && inbox.fail(seq, "no").await.unwrap()
                {
                    model.dead.insert(key);
                }
            }
            Action::Pass(seconds) => {
                let time = Duration::from_secs(seconds.into());
                model.shift += time;
                inbox.inner.file.clock.advance(time);
            }
            Action::Crash => {
                inbox = home.crash(inbox).await;
                inbox.inner.file.clock.advance(model.shift);
                model.at_hand.clear();
                // Crash after crash buries what was out in each.
                for letter in inbox.dead_letters().await.unwrap() {
                    model.dead.insert(letter.event.unwrap().event.key);
                }
                for hole in &mut model.holes {
                    hole.held_since = None;
                }
            }
            Action::Resubmit => {
                let dead = inbox.dead_letters().await.unwrap();
                let seqs: Vec<i64> = dead.iter().map(|letter| letter.seq).collect();
                assert_eq!(inbox.resubmit(&seqs).await.unwrap().len(), model.dead.len());
                model.dead.clear();
            }
        }
    }
    // At the end everything can be had and finished: what was committed is
    // settled or a dead letter, and nothing else is there.
    inbox = home.crash(inbox).await;
    inbox
        .inner
        .file
        .clock
        .advance(model.shift + Duration::from_secs(60));
    model.at_hand.clear();
    while page(&inbox, &mut model).await {}
    assert!(model.holes.is_empty());
    assert_eq!(inbox.counts().await.unwrap().gaps, 0);
    let waiting = inbox.undecryptable(None).await.unwrap();
    let waiting: BTreeSet<String> = waiting.into_iter().map(|one| one.event_id).collect();
    assert_eq!(waiting, model.locked.keys().cloned().collect());
    for letter in inbox.dead_letters().await.unwrap() {
        model.dead.insert(letter.event.unwrap().event.key);
    }
    // Rows that were out in several crashes go out one at a time.
    loop {
        let (lease, _) = inbox.lease(10_000).await.unwrap();
        if lease.is_empty() {
            break;
        }
        model.received(&lease.deliver());
        for (key, seq) in std::mem::take(&mut model.at_hand) {
            inbox.settle(&[seq]).await.unwrap();
            model.settled.insert(key);
        }
    }
    let accounted = model.settled.len() + model.dead.len();
    assert_eq!(accounted, model.committed.len(), "something was lost");
    inbox.release().await;
}

/// Reads one page of the oldest hole, or closes it. False if there is none.
async fn page(inbox: &Inbox, model: &mut Model) -> bool {
    let (file, now) = (&inbox.inner.file, inbox.inner.file.clock.now());
    let next = file
        .run(move |tx, seal| gap_rows::next(tx, seal, now, &[]))
        .await
        .unwrap();
    let gap_rows::NextGap::Gap(gap, _) = next else {
        return false;
    };
    let at = model.holes.iter().position(|hole| hole.from == gap.from);
    let at = at.expect("a hole that was never made, or was closed");
    let hole = &mut model.holes[at];
    let room = hole.room;
    let Some(found) = hole.pages.pop() else {
        model.holes.remove(at);
        file.run(move |tx, seal| gap_rows::finish(tx, seal, now, &gap, None))
            .await
            .unwrap();
        return true;
    };
    hole.from.push('+');
    let mut answer = HistoryPage {
        events: found
            .iter()
            .map(|(key, _)| event(ROOMS[room], key))
            .collect(),
        undecryptable: vec![],
        next: Some(hole.from.clone()),
    };
    let known = file
        .run(move |tx, seal| {
            let known = gap_rows::reach(tx, seal, &gap, &mut answer)?;
            gap_rows::add_page(tx, seal, now, &gap, &answer)?;
            Ok(known)
        })
        .await
        .unwrap();
    assert!(!known, "nothing in it was here before");
    for (key, place) in found {
        model.commit(room, &key, place);
    }
    true
}

proptest! {
    #![proptest_config(cases(48))]

    #[test]
    fn ins_11_nothing_is_lost_and_nothing_comes_twice(actions in prop::collection::vec(action(), 1..50)) {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
            .block_on(run(actions));
    }
}
