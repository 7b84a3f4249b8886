//! Clients that go away in mid-segment, and clients that take their time: what that means to the server of the objects.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::scene::{STARTS, Scene, row, sample};
use crate::support::{CAMERA, eventually};

/// A recording is one segment.
const SETTINGS: [&str; 2] = ["--segment-target-seconds=60", "--prefetch=off"];

/// Bytes that fit into the sockets of both connections, and into what the service holds of them.
const IN_SOCKETS: u64 = 24 << 20;

/// A session over a minute of `bytes`; where its only segment is.
async fn playing(bytes: Vec<u8>) -> (Scene, String) {
    let scene = Scene::with(&SETTINGS).await;
    scene.origin.put(row(STARTS[0], 60).path(), bytes);
    let segment = {
        let session = scene.server.open(CAMERA, "10:00:00", "10:01:00").await;
        assert_eq!(session.durations().await.len(), 1);
        session.segment_path(0)
    };
    scene.origin.forget();
    (scene, segment)
}

/// A client with a small buffer that has read the beginning of an answer.
async fn begun(address: SocketAddr, path: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(64 << 10).unwrap();
    let mut client = socket.connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n");
    client.write_all(request.as_bytes()).await.unwrap();
    let mut head = [0; 12];
    client.read_exact(&mut head).await.unwrap();
    assert_eq!(&head, b"HTTP/1.1 200");
    client
}

#[tokio::test(flavor = "multi_thread")]
async fn who_goes_away_stops_the_upstream_read_within_a_second() {
    let (scene, segment) = playing(swollen(&sample(STARTS[0]), 100)).await;
    // Half a minute for all of it.
    scene.origin.behave(|behaviour| behaviour.bytes_per_second = Some(1 << 20));
    let client = begun(scene.server.address, &segment).await;
    assert_eq!(scene.origin.streaming(), 1);
    let left = Instant::now();
    drop(client);
    eventually("the origin stops", || async { scene.origin.streaming() == 0 }).await;
    assert!(left.elapsed() < Duration::from_secs(1), "{:?}", left.elapsed());
    assert!(scene.origin.sent() < 8 << 20, "{}", scene.origin.sent());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_read_holds_a_bounded_buffer_and_may_go_on() {
    let recording = swollen(&sample(STARTS[0]), 220);
    assert!(recording.len() as u64 > 2 * IN_SOCKETS);
    let (scene, segment) = playing(recording).await;
    let mut slow = begun(scene.server.address, &segment).await;
    let sent = settled(|| scene.origin.sent()).await;
    // Besides, the recording was looked at to plan it.
    assert!(sent < IN_SOCKETS + (8 << 20), "{sent}");
    assert_eq!(scene.origin.streaming(), 1);

    let mut rest = Vec::new();
    tokio::time::timeout(Duration::from_secs(60), slow.read_to_end(&mut rest)).await.unwrap().unwrap();
    assert!(rest.ends_with(b"0\r\n\r\n"), "the answer is whole");
    assert!(rest.len() as u64 > 2 * IN_SOCKETS);
    eventually("the origin is done", || async { scene.origin.streaming() == 0 }).await;
}

/// What `number` is once it no longer changes: that nothing happens can only be waited for.
async fn settled(number: impl Fn() -> u64) -> u64 {
    loop {
        let before = number();
        tokio::time::sleep(Duration::from_millis(300)).await;
        if before > 0 && number() == before {
            return before;
        }
    }
}

/// The same pictures with so many packets of zeros behind each (H.264 B.1: `trailing_zero_8bits`).
fn swollen(stream: &[u8], zeros: usize) -> Vec<u8> {
    const VIDEO: u16 = 0x100;
    let (mut swollen, mut counter, mut is_in_picture) = (Vec::new(), 0_u8, false);
    for packet in stream.chunks(188) {
        let pid = u16::from_be_bytes([packet[1] & 0x1f, packet[2]]);
        let begins = packet[1] & 0x40 != 0;
        if pid == VIDEO && begins && std::mem::replace(&mut is_in_picture, true) {
            for _ in 0..zeros {
                swollen.extend([0x47, 0x01, 0x00, 0x10 | counter]);
                swollen.extend([0; 184]);
                counter = (counter + 1) & 0xf;
            }
        }
        let at = swollen.len();
        swollen.extend_from_slice(packet);
        if pid == VIDEO && packet[3] & 0x10 != 0 {
            swollen[at + 3] = packet[3] & 0xf0 | counter;
            counter = (counter + 1) & 0xf;
        }
    }
    swollen
}
