//! Files as they come and go.

use std::{io::Cursor, path::Path};

use matrix_sdk::reqwest;
use matrix_sdk_crypto::AttachmentEncryptor;
use serde_json::{Value, json};
use wiremock::{
    Mock, MockServer, Request, ResponseTemplate,
    matchers::{method, path},
};

use super::*;
use crate::{
    config::Secret,
    error::{Error, ErrorCode, Result},
    rest::Rest,
};

const NEW: &str = "/_matrix/client/v1/media/download/hs.test/cat";
const OLD: &str = "/_matrix/media/v3/download/hs.test/cat";
const PLAIN: &str = r#"{"url":"mxc://hs.test/cat"}"#;

fn rest(server: &MockServer) -> Rest {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    Rest::new(
        http,
        server.uri().parse().unwrap(),
        Some(Secret::new("token")),
    )
}

async fn answers(server: &MockServer, at: &str, answer: ResponseTemplate) {
    let mock = Mock::given(method("GET")).and(path(at));
    mock.respond_with(answer).mount(server).await;
}

fn file(bytes: &[u8]) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_raw(bytes.to_vec(), "image/png; x=y")
}

async fn fetch(server: &MockServer, folder: &Path, source: &str, max: u64) -> Result<Downloaded> {
    let source = Source::read(source)?;
    download(&rest(server), &folder.join("incoming"), source, max).await
}

/// Nothing is left over of what was not whole.
fn is_empty(folder: &Path) -> bool {
    std::fs::read_dir(folder.join("incoming")).map_or(0, Iterator::count) == 0
}

fn sealed(bytes: &[u8]) -> (Vec<u8>, String) {
    let mut clear = Cursor::new(bytes);
    let mut encryptor = AttachmentEncryptor::new(&mut clear);
    let mut sealed = Vec::new();
    std::io::copy(&mut encryptor, &mut sealed).unwrap();
    let mut source = serde_json::to_value(encryptor.finish()).unwrap();
    source["url"] = "mxc://hs.test/cat".into();
    (sealed, source.to_string())
}

#[tokio::test]
async fn med_2_files_are_fetched_with_the_token() {
    let server = MockServer::start().await;
    answers(&server, NEW, file(b"pixels")).await;
    let folder = tempfile::tempdir().unwrap();
    let fetched = fetch(&server, folder.path(), PLAIN, 6).await.unwrap();
    assert_eq!(std::fs::read(&fetched.path).unwrap(), b"pixels");
    assert_eq!(fetched.size, 6);
    assert_eq!(fetched.content_type.as_deref(), Some("image/png"));
    let requests = server.received_requests().await.unwrap();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].headers["authorization"], "Bearer token");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&fetched.path), 0o600);
        assert_eq!(mode(fetched.path.parent().unwrap()), 0o700);
    }
    clear(&folder.path().join("incoming"));
    assert!(is_empty(folder.path()));
}

#[tokio::test]
async fn med_2_an_older_homeserver_is_asked_in_its_own_way_and_without_the_token() {
    for unknown in [
        ResponseTemplate::new(404).set_body_json(json!({ "errcode": "M_UNRECOGNIZED" })),
        ResponseTemplate::new(404).set_body_string("<html>"),
        ResponseTemplate::new(405),
    ] {
        let server = MockServer::start().await;
        answers(&server, NEW, unknown).await;
        answers(&server, OLD, file(b"pixels")).await;
        let folder = tempfile::tempdir().unwrap();
        let fetched = fetch(&server, folder.path(), PLAIN, 6).await.unwrap();
        assert_eq!(fetched.size, 6);
        let requests = server.received_requests().await.unwrap();
        assert!(!requests[1].headers.contains_key("authorization"));
    }
    // A file that is not there is looked for once.
    let server = MockServer::start().await;
    let missing = ResponseTemplate::new(404).set_body_json(json!({ "errcode": "M_NOT_FOUND" }));
    answers(&server, NEW, missing).await;
    let folder = tempfile::tempdir().unwrap();
    let error = fetch(&server, folder.path(), PLAIN, 6).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::NotFound);
    assert_eq!(server.received_requests().await.unwrap().len(), 1);
}

#[tokio::test]
async fn med_4_a_file_over_the_cap_is_not_kept() {
    let server = MockServer::start().await;
    let large = vec![7; 2 * 1024 * 1024];
    answers(&server, NEW, file(&large)).await;
    let folder = tempfile::tempdir().unwrap();
    let error = fetch(&server, folder.path(), PLAIN, 1024 * 1024)
        .await
        .unwrap_err();
    assert_eq!(error.code, ErrorCode::MediaTooLarge);
    assert_eq!(error.message, "the file is larger than 1 MB");
    assert!(is_empty(folder.path()));
}

#[tokio::test]
async fn med_4_a_length_that_is_not_said_is_counted() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let _ = stream.read(&mut [0; 4096]).await;
        let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        stream.write_all(head.as_bytes()).await.unwrap();
        let piece = format!("1000\r\n{}\r\n", "x".repeat(0x1000));
        // Endless, until the other side has enough.
        while stream.write_all(piece.as_bytes()).await.is_ok() {}
    });
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let rest = Rest::new(http, format!("http://{address}").parse().unwrap(), None);
    let folder = tempfile::tempdir().unwrap();
    let into = folder.path().join("incoming");
    let source = Source::read(PLAIN).unwrap();
    let error = download(&rest, &into, source, 100_000).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::MediaTooLarge);
    server.await.unwrap();
    for _ in 0..100 {
        if is_empty(folder.path()) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("a part of the file stayed");
}

#[tokio::test]
async fn med_3_an_encrypted_file_is_there_only_if_its_hash_is_right() {
    let bytes: Vec<u8> = (0..300_000_u32).map(|i| i as u8).collect();
    let (mut ciphertext, source) = sealed(&bytes);
    let server = MockServer::start().await;
    answers(&server, NEW, file(&ciphertext)).await;
    let folder = tempfile::tempdir().unwrap();
    let fetched = fetch(&server, folder.path(), &source, 300_000)
        .await
        .unwrap();
    assert_eq!(std::fs::read(&fetched.path).unwrap(), bytes);
    assert_eq!(fetched.content_type, None, "the homeserver cannot know");
    std::fs::remove_file(&fetched.path).unwrap();

    ciphertext[299_999] ^= 1;
    server.reset().await;
    answers(&server, NEW, file(&ciphertext)).await;
    let error = fetch(&server, folder.path(), &source, 300_000)
        .await
        .unwrap_err();
    assert_eq!(error.code, ErrorCode::StoreCorrupt);
    assert!(is_empty(folder.path()));
}

#[test]
fn med_5_a_source_that_is_none_is_told_without_its_key() {
    let (_, source) = sealed(b"x");
    let mut other: Value = serde_json::from_str(&source).unwrap();
    other["v"] = "v9".into();
    other["key"]["k"] = "hunter2".into();
    let other = other.to_string();
    for wrong in [
        "",
        "{}",
        r#"{"url":"https://hs/x"}"#,
        r#"{"url":"mxc://x"}"#,
        &other,
    ] {
        match Source::read(wrong) {
            Err(Error { code, message, .. }) => {
                assert_eq!(code, ErrorCode::ConfigInvalid);
                assert!(!message.contains("hunter2"), "{message}");
            }
            Ok(_) => panic!("{wrong}"),
        }
    }
}

#[tokio::test]
async fn med_6_a_file_is_uploaded_in_pieces_and_with_its_length() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path("/_matrix/media/v3/upload"))
        .respond_with(|request: &Request| {
            let body = &request.body;
            assert_eq!(
                request.headers["content-length"],
                body.len().to_string().as_str()
            );
            ResponseTemplate::new(200).set_body_json(json!({ "content_uri": "mxc://hs.test/new" }))
        })
        .mount(&server)
        .await;
    let folder = tempfile::tempdir().unwrap();
    let spool = Spool::new(folder.path().join("outgoing"));
    let bytes: Vec<u8> = (0..300_000_u32).map(|i| (i / 7) as u8).collect();
    let stored = spool.store(bytes.clone()).await.unwrap();
    let at_rest = std::fs::read(folder.path().join("outgoing").join(&stored.name)).unwrap();
    assert_ne!(at_rest, bytes, "not in clear on the disk");
    let clear = Some(("image/png", "a b.png"));
    let uri = upload(&rest(&server), &spool, &stored, clear)
        .await
        .unwrap();
    assert_eq!(uri, "mxc://hs.test/new");
    upload(&rest(&server), &spool, &stored, None).await.unwrap();
    let requests = server.received_requests().await.unwrap();
    assert_eq!(requests[0].body, bytes);
    assert_eq!(requests[0].url.query(), Some("filename=a+b.png"));
    assert_eq!(requests[0].headers["content-type"], "image/png");
    assert_eq!(requests[1].body, at_rest);
    assert_eq!(requests[1].url.query(), None);
    assert_eq!(
        requests[1].headers["content-type"],
        "application/octet-stream"
    );
    assert!(!format!("{stored:?}").contains("key"));
}

#[tokio::test]
async fn med_4_what_the_homeserver_refuses_as_too_large_says_so() {
    let server = MockServer::start().await;
    let refusal = ResponseTemplate::new(413).set_body_json(json!({ "errcode": "M_TOO_LARGE" }));
    Mock::given(method("POST"))
        .respond_with(refusal)
        .mount(&server)
        .await;
    let folder = tempfile::tempdir().unwrap();
    let spool = Spool::new(folder.path().join("outgoing"));
    let stored = spool.store(b"x".to_vec()).await.unwrap();
    let error = upload(&rest(&server), &spool, &stored, None)
        .await
        .unwrap_err();
    assert_eq!(error.code, ErrorCode::MediaTooLarge);
    assert!(error.message.contains("max_upload_size"), "{error}");
}

/// A JPEG of 16 × 11 pixels in two colours, one above the other.
const SMALL: &[u8] = include_bytes!("tests/small.jpg");

/// The header of a PNG; nobody looks further.
fn png(width: u32, height: u32) -> Vec<u8> {
    let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
    png.extend(width.to_be_bytes());
    png.extend(height.to_be_bytes());
    png.extend([8, 2, 0, 0, 0, 0, 0, 0, 0]);
    png
}

#[test]
fn med_7_a_large_picture_is_shown_by_its_small_copy_first() {
    let looks = look(&png(1600, 1100), Some("image/png"), Some(SMALL.to_vec()));
    assert_eq!((looks.width, looks.height), (Some(1600), Some(1100)));
    assert_eq!(looks.mimetype, Some("image/png"));
    let small = looks.thumbnail.unwrap();
    assert_eq!((small.width, small.height), (16, 11));
    assert_eq!(
        (small.mimetype, small.bytes.as_slice()),
        ("image/jpeg", SMALL)
    );
    // As it lies in a photograph that is turned for showing.
    let turned = look(&png(1100, 1600), Some("image/png"), Some(SMALL.to_vec()));
    assert_eq!((turned.width, turned.height), (Some(1600), Some(1100)));
    // What is small is shown as it is; its colours help all the same.
    let little = look(&png(80, 55), None, Some(SMALL.to_vec()));
    assert!(little.thumbnail.is_none() && little.blurhash.is_some());
    let film = look(b"\0\0\0\x08ftyp", Some("video/mp4"), Some(SMALL.to_vec()));
    assert!(film.thumbnail.is_some(), "a still of a film");
}

#[test]
fn med_8_a_blurhash_is_the_one_that_others_compute() {
    // The first digits are the count of components, the strongest one, and the average.
    let red = super::blurhash::encode(32, 32, &[255, 0, 0].repeat(32 * 32)).unwrap();
    assert_eq!((red.len(), &red[..1], &red[2..6]), (28, "L", "TI:j"));
    let grey = super::blurhash::encode(32, 32, &[128, 128, 128].repeat(32 * 32)).unwrap();
    assert_eq!(&grey[2..6], "Eyb[", "{grey}");
    assert_eq!(super::blurhash::encode(2, 2, &[0; 11]), None);
    assert_eq!(super::blurhash::encode(0, 0, &[]), None);
    let looks = look(&png(80, 55), Some("image/png"), Some(SMALL.to_vec()));
    assert_eq!(looks.blurhash.unwrap().len(), 28);
}

#[test]
fn med_7_hostile_pictures_cost_nothing() {
    let huge = look(&png(60_000, 60_000), Some("image/png"), None);
    assert_eq!(huge.width, Some(60_000));
    assert!(huge.thumbnail.is_none() && huge.blurhash.is_none());
    // A copy that promises 65,535 pixels a side, and ones that are cut off or no picture at all.
    let mut large = SMALL.to_vec();
    let frame = large
        .windows(2)
        .position(|two| two == [0xFF, 0xC0])
        .unwrap();
    large[frame + 5..frame + 9].fill(0xFF);
    for small in [large, SMALL[..40].to_vec(), b"no".to_vec(), Vec::new()] {
        let looks = look(&png(900, 900), Some("image/png"), Some(small));
        assert!(looks.thumbnail.is_none() && looks.blurhash.is_none());
    }
    for bytes in [
        &b""[..],
        b"\x89PNG\r\n\x1a\n",
        b"GIF89a",
        b"RIFF\0\0\0\0WEBP",
        b"OggS",
        b"RIFF",
    ] {
        for claimed in ["image/png", "audio/ogg", "video/mp4"] {
            let looks = look(bytes, Some(claimed), None);
            assert!(
                looks.thumbnail.is_none() && looks.width.is_none(),
                "{claimed}"
            );
            assert!(looks.duration_ms.is_none());
        }
    }
}

/// A page of Ogg; the checksum is nobody's concern here.
fn page(granule: i64, packets: &[Vec<u8>]) -> Vec<u8> {
    let mut lacing = Vec::new();
    for packet in packets {
        lacing.extend(std::iter::repeat_n(255, packet.len() / 255));
        lacing.push((packet.len() % 255) as u8);
    }
    let mut page = b"OggS\0\0".to_vec();
    page.extend(granule.to_le_bytes());
    page.extend([1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, lacing.len() as u8]);
    page.extend(lacing);
    page.extend(packets.concat());
    page
}

/// Two seconds of Opus: silence, then speech.
pub(super) fn voice() -> Vec<u8> {
    let mut head = b"OpusHead\x01\x01".to_vec();
    head.extend(312_u16.to_le_bytes());
    head.extend([0; 7]);
    // 20 ms, one frame.
    let packet = |size: usize| {
        let mut packet = vec![0; size];
        packet[0] = 9 << 3;
        packet
    };
    let mut file = page(0, &[head]);
    file.extend(page(0, &[b"OpusTags".to_vec()]));
    for second in 0..2_i64 {
        let size = if second == 0 { 8 } else { 300 };
        let packets: Vec<_> = (0..50).map(|_| packet(size)).collect();
        file.extend(page(48_000 * (second + 1) + 312, &packets));
    }
    file
}

#[test]
fn voi_3_an_opus_file_tells_its_length_and_roughly_its_loudness() {
    let looks = look(&voice(), Some("audio/ogg"), None);
    assert_eq!(looks.duration_ms, Some(2000));
    let waveform = looks.waveform.unwrap();
    assert_eq!(waveform.len(), 100);
    assert!(
        waveform[..45].iter().all(|step| *step < 100),
        "{waveform:?}"
    );
    assert!(
        waveform[55..].iter().all(|step| *step == 1024),
        "{waveform:?}"
    );
    // Cut off in the middle it is as long as what is there.
    let cut = &voice()[..voice().len() - 10];
    assert_eq!(look(cut, Some("audio/ogg"), None).duration_ms, Some(1000));
}

#[test]
fn voi_3_a_wave_file_tells_its_length_and_its_loudness() {
    let mut wave = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0".to_vec();
    wave.extend(8000_u32.to_le_bytes());
    wave.extend(16_000_u32.to_le_bytes());
    wave.extend([2, 0, 16, 0]);
    wave.extend(b"data");
    wave.extend(16_000_u32.to_le_bytes());
    for sample in 0..8000_i16 {
        let value = if sample < 4000 { 100_i16 } else { -20_000 };
        wave.extend(value.to_le_bytes());
    }
    let looks = look(&wave, Some("audio/wav"), None);
    assert_eq!(looks.duration_ms, Some(1000));
    let waveform = looks.waveform.unwrap();
    assert!(waveform[20] < 10 && waveform[80] == 1024, "{waveform:?}");
}

#[test]
fn med_6_a_film_tells_its_length_and_its_measures() {
    let boxed = |id: &str, body: &[u8]| {
        let mut out = (body.len() as u32 + 8).to_be_bytes().to_vec();
        out.extend(id.as_bytes());
        out.extend(body);
        out
    };
    let mut mvhd = vec![0; 12];
    mvhd.extend(600_u32.to_be_bytes());
    mvhd.extend(1500_u32.to_be_bytes());
    let mut tkhd = vec![0; 84];
    // Not turned.
    tkhd[40..44].copy_from_slice(&0x0001_0000_u32.to_be_bytes());
    tkhd[76..80].copy_from_slice(&(640_u32 << 16).to_be_bytes());
    tkhd[80..84].copy_from_slice(&(360_u32 << 16).to_be_bytes());
    let trak = boxed("trak", &boxed("tkhd", &tkhd));
    let moov = boxed("moov", &[boxed("mvhd", &mvhd), trak].concat());
    let film = [boxed("ftyp", b"isom"), boxed("mdat", &[0; 100]), moov].concat();
    let looks = look(&film, Some("video/mp4"), None);
    assert_eq!(looks.duration_ms, Some(2500));
    assert_eq!((looks.width, looks.height), (Some(640), Some(360)));
    for end in 0..film.len() {
        let _ = look(&film[..end], Some("video/mp4"), None);
    }
}
