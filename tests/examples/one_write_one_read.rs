//! So many cached one-row queries over a Unix socket, for counting system calls:
//! `strace -f -c target/debug/examples/one_write_one_read blocking URL 10000`.
//!
//! The client is `blocking` or `async`; the third argument is the number of queries (10,000 without it). Between a
//! pair of `getppid` calls, which nothing else makes, are the queries alone: `strace` shows what belongs to them.

use pg_core::{Result, Session};

async fn ask<S: Session>(client: &mut S, times: i64) -> Result<()> {
    let sql = "select $1::int8, 'name', 0.5::float8, true";
    // Prepared by the first; the second runs from the cache.
    for n in 0..2 {
        client.query_one::<(i64, String, f64, bool)>(sql, (n,)).await?;
    }
    let _mark = rustix::process::getppid();
    for n in 0..times {
        let (echoed, ..): (i64, String, f64, bool) = client.query_one(sql, (n,)).await?;
        assert_eq!(echoed, n);
    }
    let _mark = rustix::process::getppid();
    Ok(())
}

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [client, url, rest @ ..] = &arguments[..] else {
        return Err("one_write_one_read blocking|async URL [TIMES]".into());
    };
    let times = rest.first().map_or(Ok(10_000), |times| times.parse())?;
    match client.as_str() {
        "blocking" => {
            let mut client = pg_blocking::Config::new(url)?.connect()?;
            pg_blocking::complete(ask(&mut client, times))?;
        }
        "async" => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime
                .block_on(async { ask(&mut pg_async::Config::new(url)?.connect().await?, times).await })?;
        }
        other => return Err(format!("{other:?} is no client").into()),
    }
    Ok(())
}
