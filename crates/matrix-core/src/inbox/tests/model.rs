//! Whatever happens in whatever order: nothing lost, nothing twice, rooms in order.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

const ROOMS: [&str; 2] = ["!a:example.org", "!b:example.org"];

#[derive(Debug, Clone)]
enum Action {
    /// A step with new events, some of which came before.
    Commit {
        room: usize,
        events: u8,
        again: u8,
    },
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
        4 => (1..5u8).prop_map(Action::Lease),
        1 => any::<u8>().prop_map(Action::Adopt),
        4 => any::<u8>().prop_map(Action::Settle),
        2 => any::<u8>().prop_map(Action::Fail),
        2 => (0..40u16).prop_map(Action::Pass),
        1 => Just(Action::Crash),
        1 => Just(Action::Resubmit),
    ]
}

/// What must be true of the inbox, kept beside it.
#[derive(Default)]
struct Model {
    committed: Vec<(usize, String)>,
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

    /// New rows must be neither finished nor in other hands, and in order.
    fn received(&mut self, rows: &[StoredEvent]) {
        let order: BTreeMap<&str, usize> = self
            .committed
            .iter()
            .enumerate()
            .map(|(at, (_, key))| (key.as_str(), at))
            .collect();
        let places: Vec<usize> = rows
            .iter()
            .map(|row| order[row.event.key.as_str()])
            .collect();
        assert!(places.is_sorted(), "out of order: {places:?}");
        for row in rows {
            let key = &row.event.key;
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
                    let key = format!("${:04}", model.committed.len());
                    model.committed.push((room, key.clone()));
                    keys.push(key);
                }
                let events = keys.iter().map(|key| event(ROOMS[room], key)).collect();
                inbox.commit(step("t", events)).await.unwrap();
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
            }
            Action::Resubmit => {
                let dead = inbox.dead_letters().await.unwrap();
                let seqs: Vec<i64> = dead.iter().map(|letter| letter.seq).collect();
                assert_eq!(inbox.resubmit(&seqs).await.unwrap(), model.dead.len());
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
    let (lease, _) = inbox.lease(10_000).await.unwrap();
    model.received(&lease.deliver());
    let accounted = model.settled.len() + model.dead.len() + model.at_hand.len();
    assert_eq!(accounted, model.committed.len(), "something was lost");
    inbox.release().await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..Default::default() })]

    #[test]
    fn ins_11_nothing_is_lost_and_nothing_comes_twice(actions in prop::collection::vec(action(), 1..50)) {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
            .block_on(run(actions));
    }
}
