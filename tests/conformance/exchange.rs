//! [`Exchange`](playback_service::playback::exchange::Exchange) in memory; over Valkey it is tested by `tests/real`.

use std::sync::Arc;

use playback_service::adapters::exchange::MemoryExchange;
use playback_service::playback::exchange::{Exchange, LONGEST_VALUE};

use crate::exchange_suite::{are_one, entry, news, suite, topic};
use crate::support::eventually;

#[tokio::test]
async fn memory() {
    let exchange = Arc::new(MemoryExchange::new(1 << 24));
    suite(&*exchange).await;
    are_one(Arc::clone(&exchange) as _, exchange).await;
}

#[tokio::test]
async fn memory_keeps_what_fits() {
    let exchange = MemoryExchange::new(1 << 20);
    let topics: Vec<_> = (0..32).map(|_| topic()).collect();
    for &topic in &topics {
        exchange.write(topic, news(&[entry("a", &vec![7; LONGEST_VALUE / 2])], &[])).await.unwrap();
    }
    // What is too much goes a moment later.
    eventually("what fits is kept", async || {
        let mut kept = 0;
        for &topic in &topics {
            kept += exchange.read(topic).await.unwrap().entries.len();
        }
        (1..=8).contains(&kept)
    })
    .await;
}
