//! Rows one by one.

use crate::{Outcome, Tour};
use pg_blocking::FromRow;
use std::time::Instant;

/// Borrows its text from the input buffer: nothing is allocated for a row.
#[derive(FromRow)]
struct Line<'r> {
    number: i64,
    text: &'r str,
}

/// Reads many rows, holding one.
pub(crate) fn borrowed(tour: &mut Tour) -> Outcome {
    let sql = "select number, 'line ' || number as text from generate_series(1, $1) as number";
    tour.screen.sql(sql);
    let start = Instant::now();
    let (rows, bytes) = tour.step("stream_as::<Line<'_>>, 200,000 rows", |client| {
        let (mut rows, mut bytes) = (0, 0);
        let mut lines = client.stream_as::<Line<'_>>(sql, (200_000_i64,))?;
        while let Some(line) = lines.next_as::<Line<'_>>()? {
            bytes += line.text.len();
            rows = line.number;
        }
        Ok((rows, bytes))
    })?;
    tour.screen.pair("read", format_args!("{rows} rows, {bytes} bytes of text, {:?}", start.elapsed()));
    Ok(())
}

/// Stops after three rows of very many: the next call cancels the statement if its rest takes longer than 100 ms.
pub(crate) fn dropped_early(tour: &mut Tour) -> Outcome {
    let sql = "select generate_series(1, 1000000000)::int8 as number, 'line' as text";
    tour.screen.sql(sql);
    let mut lines = tour.client.stream_as::<Line<'_>>(sql, ())?;
    for _ in 0..3 {
        if let Some(line) = lines.next_as::<Line<'_>>()? {
            tour.screen.block(format_args!("{} {}", line.text, line.number));
        }
    }
    let start = Instant::now();
    let answer: i32 = tour.client.query_value("select 6 * 7", ())?;
    tour.screen
        .pair("the next query on the same connection", format_args!("{answer}, {:?}", start.elapsed()));
    Ok(())
}
