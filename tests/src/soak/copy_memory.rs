//! Many rows in and out, by COPY and by a query: what a client holds meanwhile doesn't grow with them.

use crate::clients::{AsyncFace, BlockingFace, Face};
use crate::server::{Database, Server};
use pg_core::copy::{CopyFrom, CopyTo};
use pg_core::{CopyRow, FromRow, Result, Session, complete};
use std::io::{self, Read, Write};

/// As many bytes as a client may hold of its own, whatever the size.
pub const LIMIT: u64 = 512 * 1024;

const NAME: &str = "a name of some forty letters, as they are";

/// What is done with the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// COPY FROM STDIN of structs, in binary.
    RowsIn,
    /// COPY TO STDOUT into borrowed structs, from binary.
    RowsOut,
    /// COPY FROM STDIN of what a `Read` gives, in text.
    BytesIn,
    /// COPY TO STDOUT into a `Write`, in text.
    BytesOut,
    /// A query whose rows are read one after the other.
    Query,
}

impl Work {
    /// All of them.
    pub const ALL: [Work; 5] = [Work::RowsIn, Work::RowsOut, Work::BytesIn, Work::BytesOut, Work::Query];
}

/// A client that does it, from connecting on.
#[derive(Debug, Clone, Copy)]
pub struct Client {
    /// Its crate.
    pub name: &'static str,
    /// Works on so many rows; panics where one is missing or another.
    pub run: fn(url: &str, work: Work, rows: i64),
}

/// Both.
pub const CLIENTS: [Client; 2] = [
    Client {
        name: "pg-blocking",
        run: |url, work, rows| told(complete(work_with::<BlockingFace>(url, work, rows))),
    },
    Client {
        name: "pg-async",
        run: |url, work, rows| {
            // On this thread, whose memory is counted.
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            told(runtime.expect("a runtime").block_on(work_with::<AsyncFace>(url, work, rows)));
        },
    },
];

fn told(outcome: Result<()>) {
    outcome.unwrap_or_else(|error| panic!("{error}"));
}

/// A database with what is worked on.
pub fn database() -> Database {
    let database = Server::shared().database();
    database.sql("create unlogged table t (id int8 not null, name text not null)");
    database
}

#[derive(CopyRow, FromRow)]
struct Named<'r> {
    id: i64,
    name: &'r str,
}

async fn work_with<F: Face>(url: &str, work: Work, rows: i64) -> Result<()> {
    let mut client = F::connect(&F::config(url)).await?;
    let source = format!("select n as id, '{NAME}' as name from generate_series(1::int8, {rows}) n");
    let mut sum = 0;
    let mut add = |row: Named<'_>| {
        assert_eq!(row.name, NAME);
        sum += row.id;
    };
    match work {
        Work::RowsIn => {
            let named = (1..=rows).map(|id| Named { id, name: NAME });
            assert_eq!(client.copy_in_all(&CopyFrom::table("t"), named).await?, rows.cast_unsigned());
        }
        Work::BytesIn => {
            let mut copy = client.copy_in("copy t from stdin").await?;
            copy.write_all_of(Lines { ids: 1..=rows, line: Vec::new(), at: 0 }).await?;
            assert_eq!(copy.finish().await?, rows.cast_unsigned());
        }
        Work::RowsOut => {
            let mut copy = client.copy_out_rows::<Named<'_>>(&CopyTo::query(&source)).await?;
            while let Some(row) = copy.next_row().await? {
                add(row.get()?);
            }
        }
        Work::BytesOut => {
            let copy = client.copy_out(&CopyTo::query(&source).to_sql()?).await?;
            let mut lines = Count(0);
            assert_eq!(copy.write_to(&mut lines).await?, rows.cast_unsigned());
            assert_eq!(lines.0, rows);
        }
        Work::Query => {
            let mut found = client.stream_as::<Named<'_>>(&source, ()).await?;
            while let Some(row) = found.next_row().await? {
                add(row.get()?);
            }
        }
    }
    if matches!(work, Work::RowsOut | Work::Query) {
        assert_eq!(sum, rows * (rows + 1) / 2);
    }
    if matches!(work, Work::RowsIn | Work::BytesIn) {
        let sql = "select count(*), sum(id)::int8, min(name), max(name) from t";
        let kept: (i64, i64, String, String) = client.query_one(sql, ()).await?;
        assert_eq!(kept, (rows, rows * (rows + 1) / 2, NAME.to_owned(), NAME.to_owned()));
        client.batch_execute("truncate t").await?;
    }
    Ok(())
}

/// Lines of the text format, made as they are read.
struct Lines {
    ids: std::ops::RangeInclusive<i64>,
    line: Vec<u8>,
    at: usize,
}

impl Read for Lines {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.at == self.line.len() {
            (self.at, _) = (0, self.line.clear());
            let Some(id) = self.ids.next() else { return Ok(0) };
            writeln!(self.line, "{id}\t{NAME}")?;
        }
        let read = (&self.line[self.at..]).read(out)?;
        self.at += read;
        Ok(read)
    }
}

/// Counts lines.
struct Count(i64);

impl Write for Count {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += i64::try_from(bytes.iter().filter(|byte| **byte == b'\n').count()).expect("few");
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
