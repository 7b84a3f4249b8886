//! Everything that may fail upstream, while something plays: what the API answers, what the player sees, what is counted, and
//! what it is like when it is over. The README has the same table.

#![allow(clippy::unwrap_used, reason = "a test fails where it stands")]

mod cases;
mod clients;
mod scene;
#[path = "../support/mod.rs"]
mod support;
#[path = "../support/table.rs"]
mod table;

use futures::{StreamExt, stream};

use cases::{CASES, Case};
use scene::Scene;

const AT_ONCE: usize = 16;

/// One row of the table.
async fn row(case: &Case) -> String {
    let scene = Scene::set().await;
    let before = scene.failures().await;
    (case.inject)(&scene);
    let asked = scene.ask(case.ask).await;
    let playing = scene.play_on().await;
    let counted = scene.counted_since(&before).await;
    scene.mend();
    let over = match case.mends {
        true => scene.over(case.ask).await,
        false => "–".to_owned(),
    };
    format!("| {} | {asked} | {playing} | {counted} | {over} |", case.what)
}

/// Many at a time: most of it is waiting.
#[tokio::test(flavor = "multi_thread")]
async fn every_failure_upstream_is_as_the_readme_says() {
    let rows: Vec<String> = stream::iter(CASES).map(row).buffered(AT_ONCE).collect().await;
    table::compare(&rows, |row| !row.starts_with("| Valkey"));
}
