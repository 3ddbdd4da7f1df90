use std::net::{IpAddr, SocketAddr};

use super::{
    address::{HostKind, host_kind, ip_kind},
    *,
};

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

fn network(allow_private: bool) -> NetworkConfig {
    NetworkConfig {
        allow_private,
        ..NetworkConfig::default()
    }
}

fn code(text: &str, allow_private: bool) -> Option<ErrorCode> {
    check_url(&url(text), &network(allow_private))
        .err()
        .map(|e| e.code)
}

#[test]
fn net_1_addresses_are_told_apart() {
    use HostKind::{Never, Private, Public};
    for (address, kind) in [
        ("8.8.8.8", Public),
        ("127.0.0.1", Private),
        ("10.1.2.3", Private),
        ("172.16.0.1", Private),
        ("172.32.0.1", Public),
        ("192.168.1.1", Private),
        ("169.254.1.1", Private),
        ("169.254.169.254", Never),
        ("100.63.255.255", Public),
        ("100.64.0.1", Private),
        ("100.127.255.255", Private),
        ("100.128.0.0", Public),
        ("0.0.0.0", Never),
        ("224.0.0.1", Never),
        ("255.255.255.255", Never),
        ("192.0.2.1", Private),
        ("198.18.0.1", Private),
        ("::", Never),
        ("::1", Private),
        ("fe80::1", Private),
        ("fec0::1", Private),
        ("fc00::1", Private),
        ("fd7a:115c:a1e0::1", Private),
        ("fd00:ec2::254", Never),
        ("ff02::1", Never),
        ("2001:4860:4860::8888", Public),
        ("2001:db8::1", Private),
        ("::ffff:127.0.0.1", Private),
        ("::ffff:8.8.8.8", Public),
        ("::ffff:169.254.169.254", Never),
        ("::127.0.0.1", Private),
        ("64:ff9b::10.0.0.1", Private),
        ("64:ff9b::8.8.8.8", Public),
        ("2002:7f00:1::", Private),
        ("2002:808:808::", Public),
    ] {
        let parsed: IpAddr = address.parse().unwrap();
        assert_eq!(ip_kind(parsed), kind, "{address}");
    }
}

#[test]
fn net_1_names_are_told_apart() {
    use HostKind::{Name, Never, Private, Public};
    for (text, kind) in [
        ("https://localhost", Private),
        ("https://matrix.localhost.", Private),
        ("https://synapse", Private),
        ("https://synapse.", Private),
        ("https://nas.local", Private),
        ("https://matrix.corp.internal", Private),
        ("https://matrix.home.arpa", Private),
        ("https://matrix.example.org", Name),
        ("https://notlocal.example", Name),
        ("https://mylocal", Private),
        ("https://box.tailnet.ts.net", Name),
        // The URL parser understands every spelling of an IPv4 literal.
        ("https://0x7f.1", Private),
        ("https://2130706433", Private),
        ("https://0177.0.0.1", Private),
        ("https://[::ffff:10.0.0.1]", Private),
        ("https://[2606:4700::1111]", Public),
        ("https://0", Never),
    ] {
        assert_eq!(host_kind(&url(text).host().unwrap()), kind, "{text}");
    }
}

#[test]
fn net_1_private_hosts_need_the_opt_in_and_the_error_names_it() {
    for text in [
        "http://127.0.0.1:8008",
        "https://10.0.0.1",
        "http://localhost:8008",
        "https://synapse:8448",
        "https://[fd00::1]",
        "https://nas.local",
        "https://100.100.1.1",
    ] {
        let error = check_url(&url(text), &network(false)).unwrap_err();
        assert_eq!(error.code, ErrorCode::AddressBlocked, "{text}");
        assert!(
            error
                .message
                .contains("network.dangerouslyAllowPrivateNetwork"),
            "{text}: {}",
            error.message
        );
        assert_eq!(code(text, true), None, "{text}");
    }
    assert_eq!(
        code("https://169.254.169.254", true),
        Some(ErrorCode::AddressBlocked)
    );
    assert_eq!(code("https://matrix.example.org", false), None);
}

#[test]
fn net_2_public_cleartext_is_refused_even_with_the_opt_in() {
    for text in ["http://8.8.8.8", "http://[2606:4700::1111]:8008"] {
        for allow_private in [false, true] {
            let error = check_url(&url(text), &network(allow_private)).unwrap_err();
            assert_eq!(error.code, ErrorCode::AddressBlocked, "{text}");
            assert!(error.message.contains("https://"), "{}", error.message);
        }
    }
    // A name may turn out private, if private is allowed at all.
    assert_eq!(
        code("http://matrix.example.org", false),
        Some(ErrorCode::AddressBlocked)
    );
    assert_eq!(code("http://box.tailnet.ts.net", true), None);
    let proxied = NetworkConfig {
        proxy: Some(url("http://proxy.example:3128")),
        ..network(true)
    };
    assert!(check_url(&url("http://box.tailnet.ts.net"), &proxied).is_err());
}

#[test]
fn net_2_a_cleartext_name_gets_private_addresses_only() {
    let resolver = resolver::Guarded::new(&network(true), &url("http://box.tailnet.ts.net:8008"));
    let private: SocketAddr = "100.100.1.1:0".parse().unwrap();
    let public: SocketAddr = "8.8.8.8:0".parse().unwrap();
    let both = [private, public];
    assert_eq!(
        resolver
            .permit("box.tailnet.ts.net", both.into_iter())
            .unwrap(),
        [private]
    );
    let refused = resolver
        .permit("box.tailnet.ts.net", [public].into_iter())
        .unwrap_err();
    assert!(refused.to_string().contains("in clear"), "{refused}");
    assert_eq!(
        resolver.permit("other.example", both.into_iter()).unwrap(),
        both
    );
}

#[test]
fn net_1_the_shape_of_the_url_is_checked() {
    for text in [
        "ftp://matrix.example.org",
        "https://user:secret@matrix.example.org",
        "https://matrix.example.org/?a=b",
        "https://matrix.example.org/#fragment",
    ] {
        let error = check_url(&url(text), &network(true)).unwrap_err();
        assert_eq!(error.code, ErrorCode::ConfigInvalid, "{text}");
        assert!(error.message.contains("`homeserver`"), "{}", error.message);
        assert!(!error.message.contains("secret"), "{}", error.message);
    }
}

#[test]
fn net_3_the_resolver_lets_no_private_address_through() {
    let resolver = resolver::Guarded::new(&network(false), &url("https://matrix.example.org"));
    let addresses = |list: &[&str]| {
        list.iter()
            .map(|a| SocketAddr::new(a.parse().unwrap(), 0))
            .collect::<Vec<_>>()
    };
    let permitted = resolver
        .permit(
            "matrix.example.org",
            addresses(&["10.0.0.1", "8.8.8.8", "::1", "::ffff:192.168.0.1"]).into_iter(),
        )
        .unwrap();
    assert_eq!(permitted, addresses(&["8.8.8.8"]));
    let refused = resolver
        .permit("matrix.example.org", addresses(&["127.0.0.1"]).into_iter())
        .unwrap_err();
    assert!(
        refused
            .to_string()
            .contains("network.dangerouslyAllowPrivateNetwork")
    );
    assert!(
        resolver
            .permit("box.local", addresses(&["8.8.8.8"]).into_iter())
            .is_err()
    );
}

#[test]
fn net_4_the_proxys_own_name_may_be_private() {
    for proxy in ["http://proxy:3128", "socks5://proxy:1080"] {
        let with_proxy = NetworkConfig {
            proxy: Some(url(proxy)),
            ..network(false)
        };
        let resolver = resolver::Guarded::new(&with_proxy, &url("https://matrix.example.org"));
        let address: SocketAddr = "10.0.0.1:0".parse().unwrap();
        assert!(resolver.permit("proxy", [address].into_iter()).is_ok());
        assert!(
            resolver
                .permit("matrix.example.org", [address].into_iter())
                .is_err()
        );
        client(&with_proxy, &url("https://matrix.example.org")).unwrap();
    }
    let ftp = NetworkConfig {
        proxy: Some(url("ftp://proxy")),
        ..network(false)
    };
    let error = client(&ftp, &url("https://matrix.example.org")).unwrap_err();
    assert_eq!(error.code, ErrorCode::ConfigInvalid);
    assert!(error.message.contains("`proxy`"));
}

#[test]
fn net_3_redirects_are_checked_again() {
    let hop = |from: &str, to: &str, repeats_body: bool, homeserver: &str, private: bool| {
        redirect::check_hop(
            &url(from),
            &url(to),
            repeats_body,
            &url(homeserver),
            &network(private),
        )
        .is_ok()
    };
    let public = "https://matrix.example.org";
    assert!(hop(
        "https://matrix.example.org/a",
        "https://matrix.example.org/b",
        true,
        public,
        false
    ));
    assert!(hop(
        "https://matrix.example.org/a",
        "https://cdn.example.org/b",
        false,
        public,
        false
    ));
    assert!(!hop(
        "https://matrix.example.org/a",
        "https://cdn.example.org/b",
        true,
        public,
        false
    ));
    assert!(!hop(
        "https://matrix.example.org/a",
        "https://127.0.0.1/",
        false,
        public,
        false
    ));
    assert!(!hop(
        "https://matrix.example.org/a",
        "https://localhost/",
        false,
        public,
        false
    ));
    assert!(!hop(
        "https://matrix.example.org/a",
        "http://matrix.example.org/",
        false,
        public,
        true
    ));
    assert!(!hop(
        "https://matrix.example.org/a",
        "http://10.0.0.1/",
        false,
        public,
        true
    ));
    let lan = "http://10.0.0.1:8008";
    assert!(hop(
        "http://10.0.0.1:8008/",
        "http://10.0.0.2/",
        false,
        lan,
        true
    ));
    assert!(!hop(
        "http://10.0.0.1:8008/",
        "http://169.254.169.254/",
        false,
        lan,
        true
    ));
    assert!(!hop(
        "http://10.0.0.1:8008/",
        "http://public.example/",
        false,
        lan,
        true
    ));
    assert!(!hop(
        "http://10.0.0.1:8008/",
        "http://8.8.8.8/",
        false,
        lan,
        true
    ));
}

/// One answer of a server on loopback, whatever is asked.
async fn serve(answer: &'static str) -> SocketAddr {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    address
}

#[tokio::test]
async fn net_3_a_blocked_redirect_is_told_as_address_blocked() {
    let address = serve(
        "HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/latest\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
    )
    .await;
    let base = url(&format!("http://{address}"));
    let client = client(&network(true), &base).unwrap();
    let error = client.get(base).send().await.unwrap_err();
    let error = crate::error::from_reqwest(&error);
    assert_eq!(error.code, ErrorCode::AddressBlocked, "{error}");
}

#[tokio::test]
async fn net_1_a_name_that_resolves_to_loopback_is_told_as_address_blocked() {
    // As a rebinding name would: past the check of the URL, stopped by the resolver.
    let client = client(&network(false), &url("https://matrix.example.org")).unwrap();
    let error = client.get("https://localhost:1/").send().await.unwrap_err();
    let error = crate::error::from_reqwest(&error);
    assert_eq!(error.code, ErrorCode::AddressBlocked, "{error}");
    assert!(
        error
            .message
            .contains("network.dangerouslyAllowPrivateNetwork")
    );
}

#[test]
fn prf_1_what_is_fetched_from_elsewhere_meets_the_same_guard() {
    for (text, private, public) in [
        ("https://example.org/a.png", true, true),
        ("https://example.org/a.png?size=2#x", true, true),
        ("http://example.org/a.png", true, false),
        ("https://10.0.0.1/a.png", true, false),
        ("http://127.0.0.1:8080/a.png", true, false),
        ("https://169.254.169.254/latest", false, false),
        ("http://8.8.8.8/a.png", false, false),
    ] {
        for (allow, expected) in [(true, private), (false, public)] {
            let checked = check_fetch(&url(text), &network(allow));
            assert_eq!(checked.is_ok(), expected, "{text} {allow}: {checked:?}");
        }
    }
}
