//! What runs beside the sync: finds the verifications that others begin, and follows all of
//! them.
//!
//! The SDK takes a request only from a device that it knows, and drops any other without a
//! word: the first message of a person in a new room, a device that was logged in a moment
//! ago. Here such a request has its sender's devices asked for, and is given to the SDK
//! again.

use std::{collections::BTreeMap, time::Duration};

use futures_util::{
    StreamExt,
    future::BoxFuture,
    stream::{BoxStream, FuturesUnordered, SelectAll},
};
use matrix_sdk::{
    Client, deserialized_responses::TimelineEvent, event_handler::RawEvent, sync::RoomUpdates,
};
use matrix_sdk_crypto::{
    DecryptionSettings, EncryptionSyncChanges, OlmMachine, SasState, TrustRequirement,
    Verification as Verifier,
};
use ruma::{
    OwnedRoomId, OwnedUserId, RoomId, UserId,
    api::client::sync::sync_events::DeviceLists,
    events::{
        AnySyncTimelineEvent, AnyToDeviceEvent,
        key::verification::{
            request::ToDeviceKeyVerificationRequestEvent, start::ToDeviceKeyVerificationStartEvent,
        },
    },
    serde::Raw,
};
use serde::Deserialize;
use tokio::task::AbortHandle;
use tracing::Instrument;

use super::{
    Verifications,
    flow::{FlowKey, Subject, verifier_changes},
    notes::OpenFlow,
    wire::{self, Words},
};
use crate::{
    error::{Error, Result},
    health::now_ms,
};

/// How old a request may be (spec, "Key verification framework").
const TOO_OLD: Duration = Duration::from_secs(600);
/// How long a verification may take; a little more than the SDK grants, which ends most of
/// them itself.
const LIMIT: Duration = Duration::from_secs(630);
/// How often that is looked at.
const LOOK: Duration = Duration::from_secs(20);
/// Users whose devices are asked for at once.
const LEARNING: usize = 16;

/// Something to look at.
#[derive(Debug)]
pub(crate) enum Noticed {
    /// A verification that was entered.
    Follow(u32),
    /// A request, or a start without one.
    ToDevice {
        sender: OwnedUserId,
        flow_id: String,
        /// Milliseconds since the epoch.
        sent_at: u64,
        raw: Raw<AnyToDeviceEvent>,
    },
    /// A request in a room.
    InRoom {
        room_id: OwnedRoomId,
        sender: OwnedUserId,
        flow_id: String,
        /// Milliseconds since the epoch.
        sent_at: u64,
        /// Decrypted.
        raw: Raw<AnySyncTimelineEvent>,
    },
    /// A verification message in a room that was decrypted after its sync: the SDK has not
    /// seen it.
    Late {
        room_id: OwnedRoomId,
        raw: Raw<AnySyncTimelineEvent>,
    },
}

impl Verifications {
    /// Looks through what a sync brought into the rooms.
    pub fn look_through(&self, rooms: &RoomUpdates, own_user: &UserId) {
        for (room_id, update) in &rooms.joined {
            for event in &update.timeline.events {
                if let Some(request) = InRoom::of(event).and_then(|event| event.request(own_user)) {
                    self.notice(Noticed::InRoom {
                        room_id: room_id.clone(),
                        sender: request.sender,
                        flow_id: request.event_id,
                        sent_at: request.origin_server_ts,
                        raw: event.raw().clone(),
                    });
                }
            }
        }
    }

    /// Looks at an event that was decrypted late.
    pub fn look_at_late(&self, room_id: &RoomId, event: &TimelineEvent, own_user: &UserId) {
        let Some(found) = InRoom::of(event) else {
            return;
        };
        if found.sender == own_user
            || now_ms().saturating_sub(found.origin_server_ts) > millis(TOO_OLD)
        {
            return;
        }
        match found.request(own_user) {
            Some(request) => self.notice(Noticed::InRoom {
                room_id: room_id.to_owned(),
                sender: request.sender,
                flow_id: request.event_id,
                sent_at: request.origin_server_ts,
                raw: event.raw().clone(),
            }),
            None => self.notice(Noticed::Late {
                room_id: room_id.to_owned(),
                raw: event.raw().clone(),
            }),
        }
    }
}

/// A verification message in a room.
#[derive(Deserialize)]
struct InRoom {
    event_id: String,
    sender: OwnedUserId,
    origin_server_ts: u64,
    #[serde(rename = "type")]
    kind: String,
    content: InRoomContent,
}

#[derive(Deserialize)]
struct InRoomContent {
    msgtype: Option<String>,
    to: Option<String>,
}

impl InRoom {
    fn of(event: &TimelineEvent) -> Option<Self> {
        let json = event.raw().json().get();
        // Nearly every event is none.
        if !json.contains("m.key.verification.") {
            return None;
        }
        let found: Self = serde_json::from_str(json).ok()?;
        (found.kind == "m.room.message" || found.kind.starts_with("m.key.verification."))
            .then_some(found)
    }

    /// If it asks us.
    fn request(self, own_user: &UserId) -> Option<Self> {
        (self.kind == "m.room.message"
            && self.content.msgtype.as_deref() == Some("m.key.verification.request")
            && self.content.to.as_deref() == Some(own_user.as_str())
            && self.sender != own_user)
            .then_some(self)
    }
}

/// The worker of one client; ends when dropped.
#[derive(Debug)]
pub(crate) struct Worker(AbortHandle);

impl Drop for Worker {
    fn drop(&mut self) {
        self.0.abort();
    }
}

type Streams = SelectAll<BoxStream<'static, (u32, Source)>>;
type Learning = FuturesUnordered<BoxFuture<'static, Option<Noticed>>>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    Request,
    Verifier,
}

struct Work {
    client: Client,
    machine: OlmMachine,
    book: Verifications,
    streams: Streams,
    learning: Learning,
    written: Vec<OpenFlow>,
}

impl Worker {
    /// Listens to the client's sync from now on.
    pub fn start(client: &Client, machine: &OlmMachine, book: &Verifications) -> Self {
        let requests = book.clone();
        client.add_event_handler(
            move |event: ToDeviceKeyVerificationRequestEvent, raw: RawEvent| {
                requests.notice(Noticed::ToDevice {
                    sender: event.sender,
                    flow_id: event.content.transaction_id.to_string(),
                    sent_at: event.content.timestamp.0.into(),
                    raw: Raw::from_json(raw.0),
                });
                std::future::ready(())
            },
        );
        let starts = book.clone();
        client.add_event_handler(
            move |event: ToDeviceKeyVerificationStartEvent, raw: RawEvent| {
                starts.notice(Noticed::ToDevice {
                    sender: event.sender,
                    flow_id: event.content.transaction_id.to_string(),
                    sent_at: now_ms(),
                    raw: Raw::from_json(raw.0),
                });
                std::future::ready(())
            },
        );
        let work = Work {
            client: client.clone(),
            machine: machine.clone(),
            book: book.clone(),
            streams: SelectAll::new(),
            learning: FuturesUnordered::new(),
            written: Vec::new(),
        };
        Self(tokio::spawn(Box::pin(work.run()).in_current_span()).abort_handle())
    }
}

impl Work {
    async fn run(mut self) {
        self.take_leave().await;
        let mut clock = tokio::time::interval(LOOK);
        loop {
            tokio::select! {
                noticed = self.book.noticed() => self.take(noticed).await,
                Some((number, source)) = self.streams.next(), if !self.streams.is_empty() => {
                    self.advance(number, source).await;
                }
                Some(again) = self.learning.next(), if !self.learning.is_empty() => {
                    if let Some(noticed) = again {
                        self.take_again(noticed).await;
                    }
                }
                _ = clock.tick() => self.book.expire(LIMIT),
            }
            self.write_down().await;
        }
    }

    /// Cancels what a process before this one, or a client before this one, had under way:
    /// the other side would wait for ten minutes.
    async fn take_leave(&mut self) {
        let left = match self.book.take_open_flows().await {
            Ok(left) => left,
            Err(error) => {
                tracing::warn!(%error, "the verification notes cannot be read");
                return;
            }
        };
        let young = |open: &OpenFlow| now_ms().saturating_sub(open.created_at) < millis(TOO_OLD);
        for open in left.into_iter().filter(young) {
            let words = Words {
                code: "m.user".to_owned(),
                reason: "The other side was restarted; ask again.".to_owned(),
            };
            let Some(farewell) = wire::cancel_of(&open, &words) else {
                continue;
            };
            let client = self.client.clone();
            self.learning.push(Box::pin(async move {
                if let Err(error) = farewell.send(&client).await {
                    tracing::debug!(%error, user = open.user_id, "a lost verification could not be cancelled");
                }
                None
            }));
        }
    }

    async fn take(&mut self, noticed: Noticed) {
        match noticed {
            Noticed::Follow(number) => {
                if let Some((subject, _)) = self.book.subject(number) {
                    let changes = subject.changes().map(move |()| (number, Source::Request));
                    self.streams.push(changes.boxed());
                    self.advance(number, Source::Request).await;
                }
            }
            Noticed::Late { room_id, raw } => {
                if let Err(error) = feed_room(&self.machine, &room_id, &raw).await {
                    tracing::debug!(%error, %room_id, "a late verification message");
                }
            }
            noticed => {
                let Some(key) = noticed.key() else { return };
                if self.book.knows(&key) || self.enter(&key) {
                    return;
                }
                if noticed.age_ms() > millis(TOO_OLD) || self.learning.len() >= LEARNING {
                    tracing::debug!(user = %key.user_id, "a verification request was not taken");
                    return;
                }
                let (client, machine) = (self.client.clone(), self.machine.clone());
                self.learning.push(Box::pin(async move {
                    if let Err(error) = learn(&client, &machine, &noticed).await {
                        tracing::debug!(%error, "who asks to verify cannot be looked up");
                    }
                    Some(noticed)
                }));
            }
        }
    }

    async fn take_again(&mut self, noticed: Noticed) {
        let Some(key) = noticed.key() else { return };
        if !self.book.knows(&key) && !self.enter(&key) {
            tracing::info!(
                "a verification request of {} cannot be answered: the device that asks is not known",
                key.user_id
            );
        }
    }

    /// Whether the SDK has it.
    fn enter(&self, key: &FlowKey) -> bool {
        if let Some(request) = self
            .machine
            .get_verification_request(&key.user_id, &key.flow_id)
        {
            // Ours are entered by whoever made them.
            if !request.we_started() {
                self.book.enter(Subject::Request(request), false);
            }
            return true;
        }
        match self.machine.get_verification(&key.user_id, &key.flow_id) {
            Some(Verifier::SasV1(sas)) => {
                self.book.enter(Subject::Start(sas), false);
                true
            }
            _ => false,
        }
    }

    /// Something changed: people see it, and what needs no person is done.
    async fn advance(&mut self, number: u32, source: Source) {
        let Some(seen) = self.book.refresh(number) else {
            return;
        };
        let Some((subject, verifier)) = self.book.subject(number) else {
            return;
        };
        if source == Source::Request
            && let (Subject::Request(_), Some(verifier)) = (&subject, &verifier)
            && let Some(changes) = verifier_changes(verifier)
        {
            // A comparison takes the place of a shown code, or of our own when both sides
            // begin one at once.
            self.streams
                .push(changes.map(move |()| (number, Source::Verifier)).boxed());
        }
        if let (Subject::Request(request), Some(Verifier::SasV1(sas))) = (&subject, &verifier) {
            if matches!(sas.state(), SasState::Started { .. })
                && let Some(accepted) = sas.accept()
                && let Err(error) = wire::send(&self.client, &accepted).await
            {
                tracing::warn!(%error, "{} does not go on", seen.id);
            }
            // The SDK goes on counting it as under way, and the next one would cancel both.
            if sas.is_cancelled() && !request.is_cancelled() {
                drop(request.cancel());
            }
        }
        self.book.refresh(number);
        if !seen.pending() {
            self.book.forget(number);
        }
    }

    async fn write_down(&mut self) {
        let open = self.book.open_flows();
        if open == self.written {
            return;
        }
        self.written.clone_from(&open);
        if let Err(error) = self.book.edit_notes(move |notes| notes.open = open).await {
            tracing::warn!(%error, "verifications under way cannot be noted");
        }
    }
}

impl Noticed {
    fn key(&self) -> Option<FlowKey> {
        match self {
            Self::ToDevice {
                sender, flow_id, ..
            } => Some(FlowKey {
                user_id: sender.clone(),
                flow_id: flow_id.clone(),
                room_id: None,
            }),
            Self::InRoom {
                room_id,
                sender,
                flow_id,
                ..
            } => Some(FlowKey {
                user_id: sender.clone(),
                flow_id: flow_id.clone(),
                room_id: Some(room_id.clone()),
            }),
            Self::Follow(_) | Self::Late { .. } => None,
        }
    }

    fn age_ms(&self) -> u64 {
        match self {
            Self::ToDevice { sent_at, .. } | Self::InRoom { sent_at, .. } => {
                now_ms().saturating_sub(*sent_at)
            }
            Self::Follow(_) | Self::Late { .. } => 0,
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Asks for the sender's devices and gives the SDK the event again.
async fn learn(client: &Client, machine: &OlmMachine, noticed: &Noticed) -> Result<()> {
    match noticed {
        Noticed::ToDevice { sender, raw, .. } => {
            Box::pin(client.encryption().request_user_identity(sender)).await?;
            feed_device(machine, vec![raw.clone()]).await
        }
        Noticed::InRoom {
            room_id,
            sender,
            raw,
            ..
        } => {
            Box::pin(client.encryption().request_user_identity(sender)).await?;
            feed_room(machine, room_id, raw).await
        }
        Noticed::Follow(_) | Noticed::Late { .. } => Ok(()),
    }
}

/// As if a sync had brought these to-device events, and nothing else. Without any the SDK
/// tidies its verifications up.
pub(super) async fn feed_device(
    machine: &OlmMachine,
    events: Vec<Raw<AnyToDeviceEvent>>,
) -> Result<()> {
    let changes = EncryptionSyncChanges {
        to_device_events: events,
        changed_devices: &DeviceLists::default(),
        // Left out means unchanged.
        one_time_keys_counts: &BTreeMap::new(),
        unused_fallback_keys: None,
        next_batch_token: None,
    };
    let settings = DecryptionSettings {
        sender_device_trust_requirement: TrustRequirement::Untrusted,
    };
    Box::pin(machine.receive_sync_changes(changes, &settings))
        .await
        .map_err(matrix_sdk::Error::from)?;
    Ok(())
}

/// As if a sync had brought this event.
async fn feed_room(
    machine: &OlmMachine,
    room_id: &RoomId,
    raw: &Raw<AnySyncTimelineEvent>,
) -> Result<()> {
    let event = raw
        .deserialize()
        .map_err(|e| Error::internal(format!("a verification message is none: {e}")))?;
    if let AnySyncTimelineEvent::MessageLike(event) = event {
        Box::pin(machine.receive_verification_event(&event.into_full_event(room_id.to_owned())))
            .await
            .map_err(matrix_sdk::Error::from)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use ruma::user_id;
    use serde_json::{Value, json};

    use super::*;

    fn event(content: Value) -> TimelineEvent {
        let json = json!({
            "type": "m.room.message",
            "event_id": "$1",
            "sender": "@person:hs.test",
            "origin_server_ts": 7,
            "content": content,
        });
        TimelineEvent::from_plaintext(Raw::from_json(
            serde_json::value::to_raw_value(&json).unwrap(),
        ))
    }

    #[test]
    fn ver_8_only_who_asks_us_is_heard_in_a_room() {
        let request = |to: &str| {
            event(json!({
                "msgtype": "m.key.verification.request",
                "body": "…",
                "to": to,
                "from_device": "D",
                "methods": ["m.sas.v1"],
            }))
        };
        let bot = user_id!("@bot:hs.test");
        let asks = |event: &TimelineEvent| InRoom::of(event).and_then(|found| found.request(bot));
        assert_eq!(asks(&request("@bot:hs.test")).unwrap().event_id, "$1");
        assert!(asks(&request("@other:hs.test")).is_none());
        assert!(
            asks(&event(
                json!({ "msgtype": "m.text", "body": "m.key.verification.request" })
            ))
            .is_none()
        );
        let of_ours = InRoom::of(&request("@bot:hs.test"))
            .and_then(|found| found.request(user_id!("@person:hs.test")));
        assert!(of_ours.is_none());
    }
}
