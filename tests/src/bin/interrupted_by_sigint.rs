//! Waits for a server as an application does that Ctrl-C interrupts: what a test runs in a process of its own, which it sends
//! SIGINT. The way to the database is its argument.

#[cfg(unix)]
fn main() -> pg_blocking::Result<()> {
    use pg_blocking::wait::{self, WaitPoll};
    use std::sync::Arc;

    let interrupt = Arc::default();
    let registered = signal_hook::flag::register(signal_hook::consts::SIGINT, Arc::clone(&interrupt));
    registered.unwrap_or_else(|error| panic!("{error}"));
    wait::set_default(Some(Arc::new(WaitPoll::new().interrupted_by(interrupt))));
    let url = std::env::args().nth(1).unwrap_or_default();
    let mut client = pg_blocking::Config::new(&url)?.connect()?;
    let process: i32 = client.query_value("select pg_backend_pid()", ())?;
    for _ in 0..2 {
        let error = client.execute("select pg_sleep(600)", ()).expect_err("nobody waits for ten minutes");
        let is_the_same = client.query_value::<bool>("select pg_backend_pid() = $1", (process,))?;
        println!("{:?}, and the connection goes on: {is_the_same}", error.kind());
    }
    client.listen("c")?;
    client.notify("c", "kept")?;
    let heard = client.wait_notification(std::time::Duration::ZERO)?;
    println!("heard: {}", heard.is_some());
    Ok(())
}

#[cfg(not(unix))]
fn main() {}
