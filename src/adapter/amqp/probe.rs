//! Whether anybody is behind a port.
//!
//! lapin leaves a thread behind for each attempt to connect that is given up, as long as the peer holds the TCP
//! connection and says nothing (a stopped process, a dead load balancer's target). So after such an attempt, the next
//! ones first make sure of an answer.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const PATIENCE: Duration = Duration::from_secs(5);

/// Greets as AMQP does and waits for anything: a greeting, an alert of TLS, the end of the connection.
pub(super) async fn answers(host: &str, port: u16) -> bool {
    let greeting = async {
        let Ok(mut stream) = TcpStream::connect((host, port)).await else { return };
        if stream.write_all(b"AMQP\x00\x00\x09\x01").await.is_ok() {
            let _answer = stream.read(&mut [0]).await;
        }
    };
    tokio::time::timeout(PATIENCE, greeting).await.is_ok()
}
