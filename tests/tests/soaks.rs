//! The long runs that need nothing but a server, some hundred rounds of each.

use pg_tests::clients::{AsyncFace, BlockingFace, block_on, pg_blocking::complete};
use pg_tests::server::Server;
use pg_tests::soak::{drop_at_random, heal_ddl_changes, pools_under_kills, wait_for_nothing};
use std::time::Duration;

#[test]
fn each_change_of_a_table_is_healed() {
    let database = Server::shared().database();
    assert_eq!(complete(heal_ddl_changes::<BlockingFace>(&database, 50)).unwrap(), 50);
    assert_eq!(block_on(heal_ddl_changes::<AsyncFace>(&database, 50)).unwrap(), 50);
}

#[test]
fn whatever_is_cut_short_the_next_call_is_right() {
    let database = Server::shared().database();
    let [cut, complete_ones] = complete(drop_at_random::<BlockingFace>(&database, 150, 7)).unwrap();
    assert!(cut > 3 && complete_ones > 20, "{cut} {complete_ones}");
    let [cut, complete_ones] = block_on(drop_at_random::<AsyncFace>(&database, 150, 8)).unwrap();
    assert!(cut > 3 && complete_ones > 20, "{cut} {complete_ones}");
}

#[test]
fn a_pool_under_kills_loses_doubles_and_leaks_nothing() {
    let told = pools_under_kills(6, 11);
    println!("{told}");
    assert_eq!(told.matches("0 lost, 0 doubled").count(), 3, "{told}");
}

#[test]
fn waiting_takes_no_cpu_time() {
    println!("{}", wait_for_nothing(Duration::from_secs(1)));
}
