//! A homeserver made of maps, for the tests of the queues.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::Mutex,
    time::Duration,
};

use async_trait::async_trait;
use futures_util::StreamExt;
use ruma::{EventId, OwnedEventId, OwnedMxcUri, OwnedRoomId, RoomId, TransactionId, UserId};
use tokio::sync::{Mutex as AsyncMutex, Notify, mpsc};

use crate::{
    crypto::{Crypto, EncryptionStatus},
    engine::{Ask, Decrypted, Engine, HistoryPage},
    error::{Error, ErrorCode, Result},
    event::{NewEvent, Undecryptable},
    media::{Spool, Spooled},
    room::{FetchedMessage, MemberInfo, PendingInvite, RoomInfo},
};

/// A request as it arrived.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Request {
    pub room: String,
    pub txn: String,
    pub body: String,
}

/// A file as it was uploaded.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Upload {
    pub bytes: Vec<u8>,
    /// Type and name, if it was not encrypted.
    pub clear: Option<(String, String)>,
}

/// What the next request of a room gets; without one it succeeds.
pub(crate) enum Answer {
    /// Refused.
    Error(Error),
    /// The event is made, but the answer never arrives.
    Lost,
    /// Never answered, no event made.
    Hang,
    /// Accepted after a while.
    After(Duration),
    /// A defect.
    Panic,
}

/// Rooms whose keys arrived.
type Keys = Option<Vec<OwnedRoomId>>;

pub(crate) struct FakeEngine {
    /// All requests, accepted or not.
    pub requests: Mutex<Vec<Request>>,
    /// The rooms' timelines: one event per transaction id.
    pub timeline: Mutex<Vec<(String, Request)>>,
    /// By room; of uploads under `upload`.
    pub answers: Mutex<HashMap<String, VecDeque<Answer>>>,
    pub encrypted: Mutex<HashSet<String>>,
    /// Complete ones.
    pub uploads: Mutex<Vec<Upload>>,
    /// Contents of the events, in order.
    pub contents: Mutex<Vec<serde_json::Value>>,
    /// Pages by `from`; errors are used up, pages stay.
    pub pages: Mutex<HashMap<String, HistoryPage>>,
    pub page_errors: Mutex<VecDeque<Error>>,
    pub asked_pages: Mutex<Vec<String>>,
    /// Readable by now, by event id.
    pub readable: Mutex<HashMap<String, NewEvent>>,
    /// Causes by event id, for what is still missing.
    pub causes: Mutex<HashMap<String, String>>,
    pub changed: Notify,
    keys_sent: mpsc::UnboundedSender<Keys>,
    keys: AsyncMutex<mpsc::UnboundedReceiver<Keys>>,
}

impl FakeEngine {
    pub fn new() -> Self {
        let (sender, receiver) = mpsc::unbounded_channel();
        Self {
            requests: Mutex::default(),
            timeline: Mutex::default(),
            answers: Mutex::default(),
            encrypted: Mutex::default(),
            uploads: Mutex::default(),
            contents: Mutex::default(),
            pages: Mutex::default(),
            page_errors: Mutex::default(),
            asked_pages: Mutex::default(),
            readable: Mutex::default(),
            causes: Mutex::default(),
            changed: Notify::new(),
            keys_sent: sender,
            keys: AsyncMutex::new(receiver),
        }
    }

    /// The room's next requests get these answers.
    pub fn script(&self, room: &str, answers: impl IntoIterator<Item = Answer>) {
        let mut scripts = self.answers.lock().unwrap();
        scripts.entry(room.to_owned()).or_default().extend(answers);
    }

    /// Tells that keys arrived.
    pub fn keys_arrived(&self, rooms: Option<Vec<OwnedRoomId>>) {
        self.keys_sent.send(rooms).unwrap();
    }

    /// Bodies that became events, in order.
    pub fn bodies(&self) -> Vec<String> {
        let timeline = self.timeline.lock().unwrap();
        timeline.iter().map(|(_, r)| r.body.clone()).collect()
    }

    /// Waits until `n` requests arrived.
    pub async fn requested(&self, n: usize) {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if self.requests.lock().unwrap().len() >= n {
                return;
            }
            changed.await;
        }
    }

    fn answer(&self, to: &str) -> Option<Answer> {
        let mut scripts = self.answers.lock().unwrap();
        scripts.get_mut(to).and_then(VecDeque::pop_front)
    }

    fn accept(&self, request: &Request) -> OwnedEventId {
        let mut timeline = self.timeline.lock().unwrap();
        let known = timeline.iter().find(|(_, r)| r.txn == request.txn);
        let id = known.map_or_else(|| format!("$e{}", timeline.len()), |(id, _)| id.clone());
        if known.is_none() {
            timeline.push((id.clone(), request.clone()));
        }
        EventId::parse(id).unwrap()
    }
}

#[async_trait]
impl Engine for FakeEngine {
    async fn run(&self) -> Error {
        std::future::pending().await
    }

    async fn send_event(
        &self,
        room_id: &RoomId,
        _event_type: &str,
        content: serde_json::Value,
        txn_id: &TransactionId,
    ) -> Result<OwnedEventId> {
        let request = Request {
            room: room_id.to_string(),
            txn: txn_id.to_string(),
            body: content["body"].as_str().unwrap_or_default().to_owned(),
        };
        self.requests.lock().unwrap().push(request.clone());
        self.changed.notify_waiters();
        self.contents.lock().unwrap().push(content);
        match self.answer(&request.room) {
            None => Ok(self.accept(&request)),
            Some(Answer::Error(error)) => Err(error),
            Some(Answer::Lost) => {
                self.accept(&request);
                Err(Error::new(ErrorCode::Network, "connection reset"))
            }
            Some(Answer::Hang) => std::future::pending().await,
            Some(Answer::After(wait)) => {
                tokio::time::sleep(wait).await;
                Ok(self.accept(&request))
            }
            Some(Answer::Panic) => panic!("a defect of the engine"),
        }
    }

    async fn encrypts(&self, room_id: &RoomId) -> Result<bool> {
        Ok(self.encrypted.lock().unwrap().contains(room_id.as_str()))
    }

    async fn upload(
        &self,
        spool: &Spool,
        file: &Spooled,
        clear: Option<(&str, &str)>,
    ) -> Result<OwnedMxcUri> {
        match self.answer("upload") {
            Some(Answer::Error(error)) => return Err(error),
            Some(Answer::Hang) => std::future::pending().await,
            _ => {}
        }
        spool.check(file).await?;
        let mut pieces = std::pin::pin!(spool.read(file, clear.is_some()));
        let mut bytes = Vec::new();
        while let Some(piece) = pieces.next().await {
            bytes.extend(piece.map_err(|e| Error::internal(e.to_string()))?);
        }
        let mut uploads = self.uploads.lock().unwrap();
        uploads.push(Upload {
            bytes,
            clear: clear.map(|(mimetype, name)| (mimetype.to_owned(), name.to_owned())),
        });
        Ok(format!("mxc://example.org/upload{}", uploads.len()).into())
    }

    async fn history(
        &self,
        _room_id: &RoomId,
        from: Option<&str>,
        _to: Option<&str>,
        _limit: u32,
    ) -> Result<HistoryPage> {
        let from = from.expect("the queues ask for what lies before a token");
        self.asked_pages.lock().unwrap().push(from.to_owned());
        self.changed.notify_waiters();
        if let Some(error) = self.page_errors.lock().unwrap().pop_front() {
            return Err(error);
        }
        let page = {
            let pages = self.pages.lock().unwrap();
            pages.get(from).map(|page| HistoryPage {
                events: page.events.clone(),
                undecryptable: page.undecryptable.clone(),
                next: page.next.clone(),
            })
        };
        match page {
            Some(page) => Ok(page),
            None => std::future::pending().await,
        }
    }

    async fn read(&self, _room_id: &RoomId, _ask: Ask<'_>, _limit: u32) -> Result<HistoryPage> {
        unreachable!("the queues read nothing for others")
    }

    async fn decrypt(&self, event: &Undecryptable) -> Result<Decrypted> {
        if let Some(readable) = self.readable.lock().unwrap().get(&event.event_id) {
            return Ok(Decrypted::Event(Box::new(readable.clone())));
        }
        let causes = self.causes.lock().unwrap();
        Ok(Decrypted::StillMissing {
            cause: causes
                .get(&event.event_id)
                .unwrap_or(&event.cause)
                .to_owned(),
        })
    }

    async fn room_keys_received(&self) -> Option<Vec<OwnedRoomId>> {
        match self.keys.lock().await.recv().await {
            Some(rooms) => rooms,
            None => std::future::pending().await,
        }
    }

    async fn room_info(&self, _room_id: &RoomId) -> Result<RoomInfo> {
        unreachable!("the queues ask for no room")
    }

    async fn member(&self, _room_id: &RoomId, _user_id: &UserId) -> Result<Option<MemberInfo>> {
        unreachable!("the queues ask for no member")
    }

    async fn fetch_message(
        &self,
        _room_id: &RoomId,
        _event_id: &EventId,
    ) -> Result<Option<FetchedMessage>> {
        unreachable!("the queues look up no message")
    }

    async fn invites(&self) -> Result<Vec<PendingInvite>> {
        unreachable!("the queues ask for no invites")
    }

    async fn ignores(&self, _user_id: &UserId) -> Result<bool> {
        unreachable!("the queues ask who is ignored nowhere")
    }

    async fn direct_candidates(&self, _user_id: &UserId) -> Result<Vec<OwnedRoomId>> {
        unreachable!("the queues open no DM")
    }

    async fn encryption_status(&self) -> Result<EncryptionStatus> {
        unreachable!("the queues ask for no status")
    }

    async fn encryption(&self) -> Result<Crypto<'_>> {
        unreachable!("the queues set nothing up")
    }

    async fn close(&self) {}
}
