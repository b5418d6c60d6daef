//! System calls of a cached one-row query over a Unix socket, counted by strace: one write and one read in
//! pg-blocking; in pg-async the wait between them as well.

use pg_tests::server::Server;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

const QUERIES: usize = 500;

/// The example, which cargo builds beside the tests.
fn example() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let folder = test.parent().and_then(|deps| deps.parent()).unwrap();
    let example = folder.join("examples/one_write_one_read");
    // `cargo test --test system_calls` builds no examples.
    if !example.exists() {
        let mut cargo = Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()));
        cargo.args(["build", "-p", "pg-tests", "--example", "one_write_one_read"]);
        if !cfg!(debug_assertions) {
            cargo.arg("--release");
        }
        assert!(cargo.status().unwrap().success());
    }
    example
}

/// The system calls between the two marks, by name; none where there is no strace, or it may not trace.
fn system_calls(client: &str) -> Option<BTreeMap<String, usize>> {
    let database = Server::shared().database();
    if Command::new("strace").arg("--version").output().is_err() {
        eprintln!("skipped: there is no strace on PATH");
        return None;
    }
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-e", "signal=none"]).arg(example()).args([client, &database.socket_url()]);
    let output = strace.arg(QUERIES.to_string()).output().unwrap();
    let trace = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() && trace.contains("Operation not permitted") {
        eprintln!("skipped: strace may not trace here: {trace}");
        return None;
    }
    assert!(output.status.success(), "{trace}");
    let mut calls = BTreeMap::new();
    let marked = trace.lines().skip_while(|line| !line.contains("getppid(")).skip(1);
    for line in marked.take_while(|line| !line.contains("getppid(")) {
        // With more than one thread a line begins with `[pid N] `.
        let call = line.rsplit_once("] ").map_or(line, |(_, call)| call);
        if let Some((name, _)) = call.split_once('(') {
            *calls.entry(name.to_owned()).or_default() += 1;
        }
    }
    println!("{client}: {calls:?} in {QUERIES} queries");
    Some(calls)
}

#[test]
fn a_blocking_query_is_one_write_and_one_read() {
    let Some(calls) = system_calls("blocking") else { return };
    let expected = [("recvfrom".to_owned(), QUERIES), ("sendto".to_owned(), QUERIES)];
    assert_eq!(calls, BTreeMap::from(expected));
}

#[test]
fn an_async_query_is_three_calls() {
    let Some(calls) = system_calls("async") else { return };
    let count = |name: &str| calls.get(name).copied().unwrap_or_default();
    assert_eq!((count("sendto"), count("recvfrom")), (QUERIES, QUERIES), "{calls:?}");
    // A wait may end early, when the server has taken the request and there is room to send again.
    let (waits, all) = (count("epoll_wait"), calls.values().sum::<usize>());
    assert!((QUERIES..=QUERIES * 2).contains(&waits), "{calls:?}");
    assert!(all - waits <= QUERIES * 2 + QUERIES / 50, "{calls:?}");
}
