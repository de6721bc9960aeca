//! The client against servers that are not what they should be: nothing is followed, nothing large
//! is read, and the token goes where the settings say alone.

#![allow(clippy::unwrap_used, reason = "a test's helpers are tests too")]

mod status;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use forge_api::client::Client;
use forge_api::error::ApiError;
use forge_api::github::{Owner, deliveries, hooks, redeliver};
use process::secret::Secret;
use tokio::net::TcpListener;

/// More than is read of an answer, in bytes.
const TOO_MANY_BYTES: usize = 5 * 1024 * 1024;
const TOKEN: &str = "a-token-that-is-not-shown";

type Seen = Arc<Mutex<Vec<String>>>;

/// A server that answers everything so, and keeps what it was asked: the request's line and token.
async fn server(answer: fn() -> Response) -> (SocketAddr, Seen) {
    let seen = Seen::default();
    let handle = move |State(seen): State<Seen>, request: Request| async move {
        let token = request.headers().get(header::AUTHORIZATION);
        let token = token.map(|token| token.to_str().unwrap().to_owned());
        let line = format!("{} {} {token:?}", request.method(), request.uri());
        seen.lock().unwrap().push(line);
        answer()
    };
    let app = Router::new().fallback(handle).with_state(Arc::clone(&seen));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    (address, seen)
}

fn client(address: SocketAddr, path: &str) -> Client {
    let token = Secret::new(TOKEN);
    Client::new(&format!("http://{address}{path}"), Some(&token)).unwrap()
}

fn owner() -> Owner {
    Owner::parse("octo/hello").unwrap()
}

#[tokio::test]
async fn what_is_asked_goes_to_the_address_of_the_settings_with_the_token() {
    let (address, seen) = server(|| (StatusCode::OK, "[]").into_response()).await;
    // As of a server of one's own, whose API has a path.
    let client = client(address, "/api/v3/");
    assert_eq!(hooks(&client, &owner()).await.unwrap(), []);
    let page = deliveries(&client, &owner(), 7, Some("v1_a&b=c"))
        .await
        .unwrap();
    assert!(page.deliveries.is_empty() && page.next.is_none());
    redeliver(&client, &owner(), 7, 9).await.unwrap();
    let token = format!("Some(\"Bearer {TOKEN}\")");
    let base = "/api/v3/repos/octo/hello/hooks";
    assert_eq!(
        *seen.lock().unwrap(),
        [
            format!("GET {base}?per_page=100&page=1 {token}"),
            format!("GET {base}/7/deliveries?per_page=100&cursor=v1_a%26b%3Dc {token}"),
            format!("POST {base}/7/deliveries/9/attempts {token}"),
        ]
    );
}

#[tokio::test]
async fn neither_a_redirect_nor_the_address_of_a_next_page_is_followed() {
    let moved = || {
        let to = [(header::LOCATION, "http://127.0.0.1:1/elsewhere")];
        (StatusCode::TEMPORARY_REDIRECT, to).into_response()
    };
    let (address, seen) = server(moved).await;
    let refused = hooks(&client(address, ""), &owner()).await.unwrap_err();
    assert!(
        matches!(refused, ApiError::Refused { status: 307, .. }),
        "{refused}"
    );
    assert!(!refused.is_transient());
    assert_eq!(seen.lock().unwrap().len(), 1);

    let elsewhere = || {
        let next = "<http://127.0.0.1:1/elsewhere?cursor=older>; rel=\"next\"";
        (StatusCode::OK, [(header::LINK, next)], "[]").into_response()
    };
    let (address, _) = server(elsewhere).await;
    let page = deliveries(&client(address, ""), &owner(), 7, None)
        .await
        .unwrap();
    assert_eq!(page.next.as_deref(), Some("older"));
}

#[tokio::test]
async fn an_answer_that_is_too_large_or_no_json_is_an_error_that_shows_nothing_of_it() {
    let large = || (StatusCode::OK, "x".repeat(TOO_MANY_BYTES)).into_response();
    let strange = || (StatusCode::OK, "[{\"id\": \"a secret of theirs\"}]").into_response();
    for answer in [large as fn() -> Response, strange] {
        let (address, _) = server(answer).await;
        let client = client(address, "");
        let error = hooks(&client, &owner()).await.unwrap_err();
        assert!(matches!(error, ApiError::Unreadable { .. }), "{error}");
        let shown = format!("{error} {error:?} {client:?}");
        assert!(
            !shown.contains("secret") && !shown.contains(TOKEN),
            "{shown}"
        );
        assert!(shown.len() < 1_000);
    }
}

#[tokio::test]
async fn after_a_limit_no_clone_of_the_client_asks_anything() {
    let limited = || (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "600")]).into_response();
    let (address, seen) = server(limited).await;
    let client = client(address, "");
    let other = client.clone();
    assert!(hooks(&client, &owner()).await.is_err());
    let refused = redeliver(&other, &owner(), 7, 9).await.unwrap_err();
    assert!(matches!(refused, ApiError::Limited { .. }), "{refused}");
    assert_eq!(seen.lock().unwrap().len(), 1);
}
