//! What the recorded sessions do.

use super::Player;
use pg_core::copy::{CopyFrom, CopyTo};
use pg_core::exchange::pipeline;
use pg_core::lsn::Lsn;
use pg_core::replication::change::Event;
use pg_core::replication::command::CreateSlot;
use pg_core::replication::pgoutput::{Message, PgOutput};
use pg_core::walsender::ReplicationSession;
use pg_core::{Error, FromSql, Result, Session, ToSql};
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

/// A session: what is done after login, call by call.
#[derive(Clone, Copy)]
pub(super) struct Script {
    pub(super) name: &'static str,
    /// Told as role and password; else the superuser is trusted.
    pub(super) login: Option<(&'static str, &'static str)>,
    /// The session is a walsender's.
    pub(super) walsender: bool,
    pub(super) calls: &'static [Call],
}

pub(super) type Call = for<'p> fn(&'p mut Player<'_>) -> Done<'p>;
pub(super) type Done<'p> = Pin<Box<dyn Future<Output = Result<String>> + 'p>>;

/// A call, boxed: `call!(session => expression)`.
macro_rules! call {
    ($session:ident => $body:expr) => {
        |$session| Box::pin(async move { Ok(format!("{:?}", $body)) })
    };
}

#[derive(Debug, Clone, PartialEq, ToSql, FromSql)]
#[pg(name = "item")]
struct Item {
    name: String,
    price: i64,
}

pub(super) const SCRAM: Script = Script {
    name: "SCRAM login",
    login: Some(("alice", "sesame-7391")),
    walsender: false,
    calls: &[
        call!(s => s.query_value::<String>("select current_user::text", ()).await?),
        call!(s => s.ping().await?),
    ],
};

const SIMPLE: Script = Script {
    name: "simple",
    login: None,
    walsender: false,
    calls: &[
        call!(s => s.batch_execute("select 1; select 'two', null; ; create temp table t (n int4); insert into t values (1)").await?),
        call!(s => {
            s.batch_execute("do $$ begin raise notice 'by the way'; end $$; listen news; notify news, 'hello'").await?;
            s.connection().inbox().next_notification().map(|notification| notification.payload)
        }),
        call!(s => s.batch_execute("select 1; select missing; select 2").await?),
        call!(s => s.batch_execute("").await?),
        call!(s => s.batch_execute("set application_name to 'other'; select generate_series(1, 5)").await?),
    ],
};

pub(super) const EXTENDED: Script = Script {
    name: "extended",
    login: None,
    walsender: false,
    calls: &[
        call!(s => s.query::<(i32, Option<String>)>("select n, nullif(n::text, '2') from generate_series(1, $1) n", (3_i32,)).await?),
        call!(s => {
            let item = Item { name: "tea".to_owned(), price: 7 };
            s.query_value::<Vec<Item>>("select array[$1, $1]", (&item,)).await?
        }),
        call!(s => s.query_value::<i32>("select 1 / $1::int4", (0_i32,)).await?),
        call!(s => s.query_value::<i32>("select 8 / $1::int4", (2_i32,)).await?),
        call!(s => s.query_value::<i32>("select 8 / $1::int4", (4_i32,)).await?),
        call!(s => {
            let mut tx = s.begin().await?;
            let n = tx.execute("create temp table t as select generate_series(1, 4)", ()).await?;
            tx.commit().await?;
            n
        }),
        call!(s => {
            let mut rows = s.stream("select n, 'row ' || n from generate_series(1, 3) n", ()).await?;
            let mut read = Vec::new();
            while let Some(row) = rows.next_row().await? {
                read.push(row.get::<(i32, String)>()?);
            }
            read
        }),
        call!(s => s.prepare("select $1::date, $2::uuid").await?.columns.len()),
    ],
};

const COPY: Script = Script {
    name: "COPY",
    login: None,
    walsender: false,
    calls: &[
        call!(s => s.batch_execute("create temp table t (n int4, word text)").await?),
        call!(s => {
            let mut sink = s.copy_in("copy t from stdin").await?;
            sink.write(b"1\tone\n2\tt").await?;
            sink.flush().await?;
            sink.write(b"wo\n").await?;
            sink.finish().await?
        }),
        call!(s => {
            let rows = [(Some(3), "three"), (None, "none"), (Some(5), "\\\t\n")];
            s.copy_in_all(&CopyFrom::table("t").columns(["n", "word"]), rows).await?
        }),
        call!(s => {
            let mut sink = s.copy_in("copy t from stdin").await?;
            sink.write(b"6\tsix\nno number\tseven\n").await?;
            sink.finish().await?
        }),
        call!(s => {
            let mut sink = s.copy_in("copy t from stdin").await?;
            sink.write(b"8\teight\n").await?;
            sink.abort("enough").await?
        }),
        call!(s => {
            let mut sink = s.copy_in("copy t from stdin").await?;
            sink.write(b"9\tnine\n").await?; // and is dropped
        }),
        call!(s => {
            let mut data = Vec::new();
            let rows = s.copy_out("copy t to stdout (format csv, header)").await?.write_to(&mut data).await?;
            (rows, String::from_utf8_lossy(&data).into_owned())
        }),
        call!(s => {
            let mut rows = s.copy_out_rows::<(Option<i32>, String)>(&CopyTo::table("t")).await?;
            let mut read = Vec::new();
            while let Some(row) = rows.next_as::<(Option<i32>, String)>().await? {
                read.push(row);
            }
            read
        }),
        call!(s => s.copy_out("copy (select generate_series(1, 50)) to stdout").await?.next_piece().await?.map(<[u8]>::to_vec)),
        call!(s => s.copy_out("copy (select 1 / (3 - n) from generate_series(1, 9) n) to stdout").await?.write_to(Vec::new()).await?),
        call!(s => s.execute("copy t from stdin", ()).await?),
        call!(s => s.execute("copy t to stdout", ()).await?),
        call!(s => s.batch_execute("select 1; copy t from stdin; select 2").await?),
        call!(s => s.batch_execute("select 1; copy t to stdout; select 2").await?),
        call!(s => s.query_value::<i64>("select count(*) from t", ()).await?),
    ],
};

const PIPELINE: Script = Script {
    name: "pipeline",
    login: None,
    walsender: false,
    calls: &[
        call!(s => s.pipeline((
            pipeline::query::<(i32,), _>("select generate_series(1, $1)", (3_i32,)),
            pipeline::execute("create temp table t (n int4)", ()),
            pipeline::query_one::<(String,), _>("select $1 || '!'", ("ho",)),
        )).await?),
        call!(s => s.pipeline((
            pipeline::execute("insert into t values (1)", ()),
            pipeline::execute("insert into t values (1 / $1)", (0_i32,)),
            pipeline::execute("insert into t values (3)", ()),
        )).await?),
        call!(s => s.query_value::<i64>("select count(*) from t", ()).await?),
    ],
};

const REPLICATION: Script = Script {
    name: "replication",
    login: None,
    walsender: true,
    calls: &[
        call!(s => s.identify_system().await?.timeline),
        call!(s => {
            let slot = CreateSlot::logical("recorded", "pgoutput").temporary();
            s.create_slot(&slot).await?.plugin
        }),
        call!(s => s.query::<(i32,)>("select 1", ()).await?),
        call!(s => s.batch_execute(
            "create table followed (id int8 primary key, word text); create publication recorded for table followed"
        ).await?),
        call!(s => s.batch_execute("insert into followed values (1, 'one'), (2, null)").await?),
        call!(s => {
            let stream = s.start_logical("recorded", Lsn(0), PgOutput::new(["recorded"])).await?;
            let mut changes = stream.changes();
            let (mut read, mut end) = (Vec::new(), Lsn(0));
            while end == Lsn(0) {
                match changes.next().await? {
                    Some(Event::Change(mut change)) => read.push(change.new::<(i64, Option<String>)>()?),
                    Some(Event::Other(Message::Commit(commit))) => {
                        if !read.is_empty() {
                            end = commit.end_lsn;
                        }
                    }
                    Some(Event::Other(_)) => {}
                    None => return Err(Error::protocol("the stream has ended")),
                }
            }
            changes.stream().feedback(end, end, end, false).await?;
            changes.stop(Duration::from_secs(2)).await?;
            read
        }),
        call!(s => s.show("wal_level").await?),
        call!(s => s.drop_slot("recorded", true).await?),
    ],
};

/// All that are recorded.
pub(super) static ALL: [Script; 6] = [SCRAM, SIMPLE, EXTENDED, COPY, PIPELINE, REPLICATION];
