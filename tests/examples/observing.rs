//! Watching a session: lines for what is slow or fails, and an observer of one's own beside them.
//! `cargo run -p pg-tests --example observing`

use pg_blocking::pg_core::observe::{Event, Log};
use pg_blocking::{Config, Result};
use pg_tests::server::Server;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

fn main() -> Result<()> {
    let database = Server::shared().database();

    // How often each kind of call was made, and how long they took.
    let totals = Arc::new(Mutex::new(BTreeMap::<String, (u32, Duration)>::new()));
    let count = {
        let totals = Arc::clone(&totals);
        move |event: &Event<'_>| {
            if let Event::Ended(call, ended) = event
                && let Ok(mut totals) = totals.lock()
            {
                let total = totals.entry(format!("{:?}", call.kind)).or_default();
                *total = (total.0 + 1, total.1 + ended.took);
            }
        }
    };
    let slow = Log::to(std::io::stdout()).min_time(Duration::from_millis(50));
    let mut client = Config::new(&database.url())?.connect_observed((slow, count))?;

    client.batch_execute("create temp table t (n int4)")?;
    client.execute_many("insert into t values ($1)", (0..1_000).map(|n| (n,)))?;
    client.query_value::<i64>("select count(*) from t, pg_sleep(0.06)", ())?;
    // What fails is written down whatever time it took, and a password never is.
    let _ = client.batch_execute("alter role nobody_here password 'secret'");
    client.close()?;

    if let Ok(totals) = totals.lock() {
        for (kind, (count, took)) in &*totals {
            println!("{kind}: {count}, of {} ms or more", took.as_millis());
        }
    }
    Ok(())
}
