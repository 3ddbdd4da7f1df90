//! Our user's name and picture.

use matrix_core::{Account, ErrorCode, ProfileWish};
use matrix_sdk::reqwest::Method;
use serde_json::Value;
use tempfile::tempdir;
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::path};

use crate::support::{Homeserver, Person, live};

async fn profile(homeserver: &Homeserver, person: &Person) -> Value {
    let asked = format!("profile/{}", person.user_id);
    homeserver.ask(Method::GET, &asked, None, Value::Null).await
}

fn wish(name: Option<&str>, avatar_url: Option<String>, refresh: bool) -> ProfileWish {
    ProfileWish {
        display_name: name.map(ToOwned::to_owned),
        avatar_url,
        refresh,
    }
}

/// A server with pictures, and how often the first one is fetched.
async fn pictures(fetches: u64) -> MockServer {
    let server = MockServer::start().await;
    let answers = [
        ("/a.png", "image/png; charset=binary", 64, Some(fetches)),
        ("/page", "text/html", 64, None),
        ("/huge.png", "image/png", 9 * 1024 * 1024, None),
    ];
    for (at, kind, size, expected) in answers {
        let answer = ResponseTemplate::new(200).set_body_raw(vec![7; size], kind);
        let mock = Mock::given(path(at)).respond_with(answer);
        match expected {
            Some(times) => mock.expect(times).mount(&server).await,
            None => mock.mount(&server).await,
        }
    }
    server
}

async fn set(
    account: &Account,
    wish: ProfileWish,
) -> matrix_core::Result<matrix_core::ProfileOutcome> {
    Box::pin(account.set_profile(&wish)).await
}

#[test]
fn prf_2_only_what_differs_is_written_and_a_picture_is_uploaded_once() {
    live(|homeserver| async move {
        let person = homeserver.register("face").await;
        let dir = tempdir().unwrap();
        let account = homeserver.open(dir.path(), person.by_token()).await;
        let server = pictures(2).await;
        let url = format!("{}/a.png", server.uri());
        let first = set(&account, wish(Some("Botty"), Some(url.clone()), false))
            .await
            .unwrap();
        assert!(first.display_name_updated && first.avatar_updated && first.converted_avatar);
        let uri = first.resolved_avatar_url.unwrap();
        let now = profile(&homeserver, &person).await;
        assert_eq!(now["displayname"], "Botty");
        assert_eq!(now["avatar_url"], uri.as_str());
        account.close().await;

        // After a restart: the same wish changes and fetches nothing.
        let account = homeserver.open(dir.path(), person.by_token()).await;
        let again = set(&account, wish(Some("Botty"), Some(url.clone()), false))
            .await
            .unwrap();
        assert!(!again.display_name_updated && !again.avatar_updated);
        assert_eq!(again.resolved_avatar_url.as_deref(), Some(uri.as_str()));
        let refreshed = set(&account, wish(None, Some(url), true)).await.unwrap();
        assert!(refreshed.avatar_updated && !refreshed.display_name_updated);
        assert_ne!(refreshed.resolved_avatar_url.as_deref(), Some(uri.as_str()));
        let back = set(&account, wish(None, Some(uri.clone()), false))
            .await
            .unwrap();
        assert!(back.avatar_updated && !back.converted_avatar);
        assert_eq!(
            profile(&homeserver, &person).await["avatar_url"],
            uri.as_str()
        );
        account.close().await;
        server.verify().await;
    });
}

#[test]
fn prf_1_what_is_no_picture_is_refused_and_changes_nothing() {
    live(|homeserver| async move {
        let person = homeserver.register("faceless").await;
        let dir = tempdir().unwrap();
        let account = homeserver.open(dir.path(), person.by_token()).await;
        let server = pictures(0).await;
        let before = profile(&homeserver, &person).await;
        for (at, code) in [
            ("/page", ErrorCode::ConfigInvalid),
            ("/nothing", ErrorCode::ConfigInvalid),
            ("/huge.png", ErrorCode::MediaTooLarge),
        ] {
            let url = format!("{}{at}", server.uri());
            let error = set(&account, wish(Some("No"), Some(url), false))
                .await
                .unwrap_err();
            assert_eq!(error.code, code, "{at}: {error}");
        }
        assert_eq!(profile(&homeserver, &person).await, before);
        account.close().await;
    });
}
