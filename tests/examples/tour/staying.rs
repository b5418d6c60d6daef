//! Deadlines, retry, portals, cursors and large objects.

use crate::{Outcome, Tour};
use pg_blocking::{CursorOptions, LargeObjectMode, Retry, Towards};
use std::io::{Read, Seek, Write};
use std::time::Duration;

/// A call that takes too long is cancelled, and the session goes on.
pub(crate) fn deadline(tour: &mut Tour) -> Outcome {
    let mut late = tour.client.within(Duration::from_millis(30));
    let error = late.execute("select pg_sleep(60)", ()).expect_err("it takes a minute");
    tour.screen.block(&error);
    tour.client.ping()?;
    Ok(())
}

/// A transaction that fails for what others do is run again.
pub(crate) fn retry(tour: &mut Tour) -> Outcome {
    tour.client.batch_execute("create temp sequence attempt")?;
    let mut attempts = 0;
    let name = tour.client.retry(Retry::new().backoff(Duration::from_millis(1)), |tx| {
        attempts += 1;
        let clash = "do $$ begin if nextval('attempt') < 3 then raise 'faster' using errcode = '40001'; end if; end $$";
        tx.batch_execute(clash)?;
        tx.query_value::<String>("select min(name) from guest", ())
    })?;
    tour.screen.pair("attempts, and what the last one gave", format_args!("{attempts}, {name}"));
    assert_eq!(attempts, 3);
    Ok(())
}

/// Rows part by part with statements in between, and from the end backwards.
pub(crate) fn parts(tour: &mut Tour) -> Outcome {
    let mut tx = tour.client.begin()?;
    let mut numbers = tx.portal::<(i32,)>("select generate_series(1, 250)", ())?;
    let mut parts = Vec::new();
    while !numbers.is_complete() {
        parts.push(tx.fetch_portal(&mut numbers, 100)?.len());
        tx.execute("select 1", ())?;
    }
    tour.screen.pair("parts of a portal", format_args!("{parts:?}"));
    let options = CursorOptions::new("back and forth").scroll(true);
    let mut cursor = tx.cursor_with::<(i32,)>(options, "select generate_series(1, 250)", ())?;
    cursor.move_to(Towards::Last)?;
    let last = cursor.fetch(Towards::Backward(3))?;
    tour.screen.pair("before the last row of a cursor", format_args!("{last:?}"));
    drop(cursor);
    tx.commit()?;
    Ok(())
}

/// A file in the database.
pub(crate) fn large_object(tour: &mut Tour) -> Outcome {
    let oid = tour.client.create_large_object()?;
    let mut tx = tour.client.begin()?;
    let mut object = tx.open_large_object(oid, LargeObjectMode::ReadWrite)?;
    object.write_all(&[b'x'; 100_000])?;
    object.seek(std::io::SeekFrom::End(-3))?;
    let mut end = String::new();
    object.read_to_string(&mut end)?;
    tour.screen.pair("bytes, and the last of them", format_args!("{}, {end}", object.size()?));
    object.close()?;
    tx.commit()?;
    tour.client.unlink_large_object(oid)?;
    Ok(())
}
