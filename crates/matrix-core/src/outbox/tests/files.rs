//! Files are uploaded once, named in their event, and kept no longer than they are needed.

use super::*;
use crate::fake_engine::Upload;

/// A message of one picture with a small copy.
async fn picture(outbox: &Outbox, key: &str) -> NewSend {
    let mut send = send(ROOM, key, &["cat.png"]);
    send.parts[0].content["info"] = json!({});
    for (place, bytes, name) in [
        (Place::File, b"large".to_vec(), "cat.png"),
        (Place::Thumbnail, b"small".to_vec(), ""),
    ] {
        send.files.push(NewFile {
            part: 0,
            place,
            spooled: outbox.spool(bytes).await.unwrap(),
            mimetype: "image/png".to_owned(),
            filename: name.to_owned(),
        });
    }
    send
}

fn spooled(home: &Home) -> usize {
    std::fs::read_dir(home.dir.path().join("outgoing")).map_or(0, Iterator::count)
}

/// The files go right after their event is known to be sent.
async fn emptied(home: &Home) {
    for _ in 0..1000 {
        if spooled(home) == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("{} files stayed", spooled(home));
}

fn clear(name: &str) -> Option<(String, String)> {
    Some(("image/png".to_owned(), name.to_owned()))
}

#[tokio::test]
async fn med_6_files_are_uploaded_in_clear_into_a_room_that_is() {
    let home = Home::new();
    let outbox = home.open().await;
    let engine = Arc::new(FakeEngine::new());
    outbox.start(Arc::clone(&engine) as _);
    let picture = picture(&outbox, "k").await;
    outbox.enqueue(picture).await.unwrap();
    sent(&outbox, "k").await;
    let upload = |bytes: &[u8], name: &str| Upload {
        bytes: bytes.to_vec(),
        clear: clear(name),
    };
    assert_eq!(
        *engine.uploads.lock().unwrap(),
        [upload(b"large", "cat.png"), upload(b"small", "")]
    );
    let content = engine.contents.lock().unwrap()[0].clone();
    assert_eq!(content["url"], "mxc://example.org/upload1");
    assert_eq!(
        content["info"]["thumbnail_url"],
        "mxc://example.org/upload2"
    );
    assert!(content.get("file").is_none(), "{content}");
    emptied(&home).await;
}

#[tokio::test]
async fn med_3_an_encrypted_room_gets_ciphertext_and_the_key_in_the_event() {
    let home = Home::new();
    let outbox = home.open().await;
    let engine = Arc::new(FakeEngine::new());
    engine.encrypted.lock().unwrap().insert(ROOM.to_owned());
    outbox.start(Arc::clone(&engine) as _);
    let picture = picture(&outbox, "k").await;
    outbox.enqueue(picture).await.unwrap();
    sent(&outbox, "k").await;
    let content = engine.contents.lock().unwrap()[0].clone();
    let uploads = engine.uploads.lock().unwrap();
    let files = [&content["file"], &content["info"]["thumbnail_file"]];
    for ((upload, file), expected) in uploads.iter().zip(files).zip(["large", "small"]) {
        assert_eq!(upload.clear, None);
        assert_ne!(upload.bytes, expected.as_bytes());
        let file: ruma::events::room::EncryptedFile = serde_json::from_value(file.clone()).unwrap();
        let mut sealed = std::io::Cursor::new(&upload.bytes);
        let mut opened =
            matrix_sdk_crypto::AttachmentDecryptor::new(&mut sealed, file.into()).unwrap();
        let mut text = String::new();
        std::io::Read::read_to_string(&mut opened, &mut text).unwrap();
        assert_eq!(text, expected);
    }
    assert!(content.get("url").is_none(), "{content}");
    assert!(content["info"].get("thumbnail_url").is_none(), "{content}");
}

#[tokio::test]
async fn out_7_what_was_uploaded_before_a_crash_is_not_uploaded_again() {
    let home = Home::new();
    let engine = Arc::new(FakeEngine::new());
    let outbox = home.open().await;
    let picture = picture(&outbox, "k").await;
    outbox.enqueue(picture).await.unwrap();
    outbox.close(Duration::ZERO).await;
    // Dies in the second upload, then in the event's request.
    for (to, done) in [("upload", 1), (ROOM, 2)] {
        let answers = if to == ROOM {
            vec![Answer::Hang]
        } else {
            vec![Answer::After(Duration::ZERO), Answer::Hang]
        };
        engine.script(to, answers);
        let outbox = home.open().await;
        outbox.start(Arc::clone(&engine) as _);
        let patience = tokio::time::Instant::now() + SOON;
        while engine.uploads.lock().unwrap().len() < done
            || engine
                .answers
                .lock()
                .unwrap()
                .values()
                .any(|left| !left.is_empty())
        {
            assert!(tokio::time::Instant::now() < patience, "{to}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        outbox.close(Duration::ZERO).await;
        assert_eq!(spooled(&home), 2);
    }
    let outbox = home.open().await;
    outbox.start(Arc::clone(&engine) as _);
    sent(&outbox, "k").await;
    assert_eq!(engine.uploads.lock().unwrap().len(), 2);
    emptied(&home).await;
}

#[tokio::test]
async fn med_6_a_refused_file_fails_its_message_and_is_kept_for_another_try() {
    let home = Home::new();
    let outbox = home.open().await;
    let engine = Arc::new(FakeEngine::new());
    engine.script(
        "upload",
        [
            error(ErrorCode::Network, Some(502)),
            error(ErrorCode::MediaTooLarge, Some(413)),
        ],
    );
    outbox.start(Arc::clone(&engine) as _);
    let new = picture(&outbox, "k").await;
    outbox.enqueue(new).await.unwrap();
    let entry = outbox.wait("k", SOON).await.unwrap();
    assert_eq!(entry.state, OutboxState::Failed);
    assert!(!entry.in_doubt, "no event can have been made");
    assert!(engine.requests.lock().unwrap().is_empty());
    assert_eq!(spooled(&home), 2);
    let id = outbox.items().await.unwrap()[0].id;
    outbox.retry(&[id]).await.unwrap();
    sent(&outbox, "k").await;
    emptied(&home).await;
    // Dropped by hand, or under a key that is known: nothing stays.
    engine.script("upload", [error(ErrorCode::Forbidden, Some(403))]);
    let new = picture(&outbox, "other").await;
    outbox.enqueue(new).await.unwrap();
    outbox.wait("other", SOON).await.unwrap();
    let id = outbox.items().await.unwrap()[0].id;
    outbox.drop_sends(&[id]).await.unwrap();
    emptied(&home).await;
    let again = picture(&outbox, "k").await;
    outbox.enqueue(again).await.unwrap();
    emptied(&home).await;
}

#[tokio::test]
async fn med_6_a_damaged_file_is_told_and_a_lost_one_is_swept() {
    let home = Home::new();
    let outbox = home.open().await;
    let engine = Arc::new(FakeEngine::new());
    let new = picture(&outbox, "k").await;
    let name = new.files[0].name();
    outbox.enqueue(new).await.unwrap();
    let folder = home.dir.path().join("outgoing");
    std::fs::write(folder.join(name), "x").unwrap();
    // Of a process that died before its row was stored.
    std::fs::write(folder.join("0".repeat(32)), "x").unwrap();
    outbox.close(SOON).await;
    let outbox = home.open().await;
    assert_eq!(spooled(&home), 2);
    outbox.start(Arc::clone(&engine) as _);
    let entry = outbox.wait("k", SOON).await.unwrap();
    assert_eq!(entry.state, OutboxState::Failed, "{entry:?}");
    assert_eq!(entry.error.unwrap().code, ErrorCode::StoreCorrupt);
    assert!(engine.bodies().is_empty());
}
