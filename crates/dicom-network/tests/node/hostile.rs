//! Peers that speak nonsense.

use std::time::Duration;

use norma_dicom_network::Scu;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use crate::site::Node;

const ABORT: u8 = 7;
const ACCEPT: u8 = 2;

/// What is answered to bytes that are sent at once; empty where the connection just ends.
async fn answer_to(node: &Node, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(node.address).await.unwrap();
    // The node may have closed already.
    let _ = stream.write_all(bytes).await;
    let mut answer = vec![0; 4096];
    let reading = tokio::time::timeout(Duration::from_secs(5), stream.read(&mut answer));
    let read = reading
        .await
        .expect("an answer or the end within seconds")
        .unwrap_or(0);
    answer.truncate(read);
    answer
}

fn item(kind: u8, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(value.len()).unwrap();
    [&[kind, 0], length.to_be_bytes().as_slice(), value].concat()
}

fn request(called: &[u8; 16], version: u16, user: &[u8], more: &[u8]) -> Vec<u8> {
    let context = [
        [1, 0, 0, 0].to_vec(),
        item(0x30, b"1.2.840.10008.1.1\0"),
        item(0x40, b"1.2.840.10008.1.2"),
    ]
    .concat();
    let body = [
        version.to_be_bytes().to_vec(),
        vec![0, 0],
        called.to_vec(),
        b"RAW             ".to_vec(),
        vec![0; 32],
        item(0x10, b"1.2.840.10008.3.1.1.1"),
        item(0x20, &context),
        item(0x50, user),
        more.to_vec(),
    ]
    .concat();
    let length = u32::try_from(body.len()).unwrap();
    [&[1, 0], length.to_be_bytes().as_slice(), &body].concat()
}

#[tokio::test]
async fn odd_requests_are_accepted() {
    let node = Node::start(|_| {}).await;
    let user = item(0x51, &16384_u32.to_be_bytes());
    let blank = b"NORMA           ";
    for (what, bytes) in [
        ("plain", request(blank, 1, &user, &[])),
        (
            "title padded with NUL",
            request(b"NORMA\0\0\0\0\0\0\0\0\0\0\0", 1, &user, &[]),
        ),
        ("two protocol versions", request(blank, 3, &user, &[])),
        ("unknown item", request(blank, 1, &user, &item(0x77, b"x"))),
        (
            "roles that lie",
            request(blank, 1, &[user.clone(), item(0x54, b"\0\x40abc")].concat(), &[]),
        ),
        ("no implementation", request(blank, 1, &user, &[])),
        ("no longest PDU", request(blank, 1, &item(0x51, &[0; 4]), &[])),
    ] {
        assert_eq!(answer_to(&node, &bytes).await.first(), Some(&ACCEPT), "{what}");
    }
    node.stop().await;
}

#[tokio::test]
async fn nonsense_is_told_by_an_abort_and_harms_nobody() {
    let node = Node::start(|_| {}).await;
    let user = item(0x51, &16384_u32.to_be_bytes());
    let accepted = request(b"NORMA           ", 1, &user, &[]);
    for (what, bytes) in [
        ("another protocol", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec()),
        ("a length of 2 GB", vec![1, 0, 0x7F, 0xFF, 0xFF, 0xFF]),
        ("data first", vec![4, 0, 0, 0, 0, 6, 0, 0, 0, 2, 1, 3]),
        ("half a request", accepted[..40].to_vec()),
    ] {
        assert_eq!(answer_to(&node, &bytes).await.first(), Some(&ABORT), "{what}");
    }
    for (what, after) in [
        (
            "a context that was not accepted",
            vec![4, 0, 0, 0, 0, 6, 0, 0, 0, 2, 9, 3],
        ),
        ("a malformed command", vec![4, 0, 0, 0, 0, 7, 0, 0, 0, 3, 1, 3, 9]),
        (
            "a data set without a command",
            vec![4, 0, 0, 0, 0, 6, 0, 0, 0, 2, 1, 2],
        ),
        ("a second request", accepted.clone()),
    ] {
        let mut stream = TcpStream::connect(node.address).await.unwrap();
        stream.write_all(&accepted).await.unwrap();
        let mut answer = vec![0; 4096];
        let read = stream.read(&mut answer).await.unwrap();
        assert_eq!(answer[..read].first(), Some(&ACCEPT), "{what}");
        stream.write_all(&after).await.unwrap();
        let read = stream.read(&mut answer).await.unwrap();
        assert_eq!(answer[..read].first(), Some(&ABORT), "{what}");
    }
    let mut scu = Scu::for_verification(&node.scu()).await.unwrap();
    scu.echo().await.unwrap();
    assert!(node.files().is_empty());
}

/// From one address: others are served at once, and so is who calls from the same one.
#[tokio::test]
async fn connections_that_ask_for_nothing_hold_nobody_up() {
    let node = Node::start(|options| options.timeouts.request = Duration::from_secs(60)).await;
    let mut silent = Vec::new();
    for _ in 0..300 {
        silent.push(TcpStream::connect(node.address).await.unwrap());
    }
    let served_within = Duration::from_secs(5);
    for last in [1, 2] {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(([127, 0, 0, last], 0).into()).unwrap();
        let asking = async {
            let mut stream = socket.connect(node.address).await.unwrap();
            let user = item(0x51, &16384_u32.to_be_bytes());
            let bytes = request(b"NORMA           ", 1, &user, &[]);
            stream.write_all(&bytes).await.unwrap();
            stream.read_u8().await.unwrap()
        };
        let answer = tokio::time::timeout(served_within, asking).await;
        assert_eq!(
            answer.expect("no silent one is waited for"),
            ACCEPT,
            "127.0.0.{last}"
        );
    }
    // The newest of them wait for what they may yet ask.
    let mut held = 0;
    for stream in &silent {
        let mut byte = [0];
        let peeked = tokio::time::timeout(Duration::from_millis(1), stream.peek(&mut byte)).await;
        held += usize::from(peeked.is_err());
    }
    assert!((1..=41).contains(&held), "{held} are held");
}
