//! What needs a process to itself: counting what is left behind, and measuring. One test, so that nothing runs beside it.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod leftovers;
mod speed;
#[path = "../local_runtime/support.rs"]
#[allow(dead_code)]
mod support;

#[tokio::test(flavor = "multi_thread")]
async fn sandboxes_start_and_leave_nothing() {
    speed::starting_is_measured_and_a_flood_arrives_whole().await;
    leftovers::two_hundred_lives_leave_nothing().await;
}
