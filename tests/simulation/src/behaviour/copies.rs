//! COPY in both directions, as bytes and as rows: ended in each of the ways there are, or nowhere.

use super::super::checks::{Fate, Given, Scope};
use super::super::clients::Client;
use super::super::language::{self, Shape, Value};
use super::{DEADLINE, Script, int8, limited};
use pg_core::copy::{CopyFrom, CopyTo};
use pg_core::error::Result;
use pg_core::session::Session;

/// How the client ends a COPY FROM STDIN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Finish,
    Abort,
    Drop,
    /// The guard's destructor never runs.
    Forget,
}

type RowA = (i64, i32, String);

fn typed(number: u64, at: u64) -> RowA {
    match language::row(Shape::A, number, at, "").as_slice() {
        [_, Value::Int4(i), Value::Text(t)] => (int8(number), *i, t.clone()),
        other => panic!("{other:?} isn't of shape a"),
    }
}

impl Script {
    pub(super) async fn copy(&mut self, s: &mut Client, scope: &mut Scope) {
        match self.rng.below(4) {
            0 => self.copy_in(s, scope).await,
            1 => self.copy_in_rows(s, scope).await,
            2 => self.copy_out(s, scope).await,
            _ => self.copy_out_rows(s, scope).await,
        }
    }

    /// How a COPY FROM STDIN ends, and after how many parts of it.
    fn end_of(&mut self, parts: u64) -> (End, u64) {
        let end = self.rng.pick(&[End::Finish, End::Finish, End::Finish, End::Abort, End::Drop, End::Forget]);
        (end, if end == End::Finish { parts } else { self.rng.below(parts + 1) })
    }

    /// Bytes, cut anywhere.
    async fn copy_in(&mut self, s: &mut Client, scope: &mut Scope) {
        let number = self.number();
        let data = language::copy_data(number, false);
        self.ledger.copied += data.len() as u64;
        let piece = 1 + self.rng.index(self.rng.clone().pick(&[40, 400, 10_000, 100_000]));
        let pieces: Vec<&[u8]> = data.chunks(piece.max(data.len() / 200)).collect();
        let (end, parts) = self.end_of(pieces.len() as u64);
        let flushes = self.rng.pick(&[0, 0, 100, 1000]);
        let mut rng = self.rng.fork();
        let mut call = self.begin_call("copy in", &[number]);
        call.fails = Some(number);
        let sql = format!("copy {number} from stdin");
        let (polls, until) = (self.polls(), self.now() + DEADLINE);
        let mut finishing = false;
        let doing = async {
            let mut sink = s.copy_in(&sql).await?;
            for (_, piece) in (0..parts).zip(&pieces) {
                sink.write(piece).await?;
                if rng.in_thousand(flushes) {
                    sink.flush().await?;
                }
            }
            finishing = end == End::Finish;
            match end {
                End::Finish => return sink.finish().await.map(Some),
                End::Abort => sink.abort("enough").await?,
                End::Drop => drop(sink),
                End::Forget => std::mem::forget(sink),
            }
            Ok(None)
        };
        let ended = limited(polls, until, doing).await;
        let (done, fate) = self.outcome(s, "copy in", ended, &call, scope);
        self.copied_in(number, done, fate, finishing, scope);
    }

    async fn copy_in_rows(&mut self, s: &mut Client, scope: &mut Scope) {
        let number = self.number();
        let (end, rows) = self.end_of(language::copy_count(number));
        self.ledger.copied += language::copy_data(number, true).len() as u64;
        let flushes = self.rng.pick(&[0, 0, 100, 1000]);
        let mut rng = self.rng.fork();
        let mut call = self.begin_call("copy in rows", &[number]);
        call.fails = Some(number);
        call.no_retry = true;
        let copy = CopyFrom::table(&format!("t{number}"));
        let (polls, until) = (self.polls(), self.now() + DEADLINE);
        let mut finishing = false;
        let doing = async {
            let mut sink = s.copy_in_rows::<RowA>(&copy).await?;
            for at in 0..rows {
                sink.write(&typed(number, at)).await?;
                if rng.in_thousand(flushes) {
                    sink.flush().await?;
                }
            }
            finishing = end == End::Finish;
            match end {
                End::Finish => return sink.finish().await.map(Some),
                End::Abort => sink.abort("enough").await?,
                End::Drop => drop(sink),
                End::Forget => std::mem::forget(sink),
            }
            Ok(None)
        };
        let ended = limited(polls, until, doing).await;
        let (done, fate) = self.outcome(s, "copy in rows", ended, &call, scope);
        self.copied_in(number, done, fate, finishing, scope);
    }

    /// Holds a COPY FROM STDIN to what must have become of it: without CopyDone nothing of it remains.
    fn copied_in(
        &mut self,
        number: u64,
        done: Option<Option<u64>>,
        fate: Fate,
        finishing: bool,
        scope: &mut Scope,
    ) {
        self.ledger.changed(&[number], if finishing { fate } else { Fate::Undone }, scope);
        // To fail a COPY is to fail its transaction.
        scope.disturbed |= !finishing;
        if let Some(taken) = done {
            self.ledger.right += 1;
            if taken.is_some_and(|taken| taken != language::copy_count(number)) && !self.is_touched() {
                self.ledger.find(format!("copy: call {number} was told of {taken:?} rows"));
            }
        }
    }

    async fn copy_out(&mut self, s: &mut Client, scope: &mut Scope) {
        let number = self.number();
        let wanted = self.rng.pick(&[0, 1, 2, 10_000, 10_000]);
        let mut call = self.begin_call("copy out", &[number]);
        call.fails = Some(number);
        let sql = format!("copy {number} to stdout");
        let (polls, until) = (self.polls(), self.now() + DEADLINE);
        let whole = self.rng.in_thousand(300);
        let mut got = Vec::new();
        let doing = async {
            let mut source = s.copy_out(&sql).await?;
            if whole {
                return source.write_to(&mut got).await.map(Some);
            }
            for _ in 0..wanted {
                match source.next_piece().await? {
                    Some(piece) => got.extend_from_slice(piece),
                    None => return Ok(source.rows()),
                }
            }
            Ok(None)
        };
        let ended = limited(polls, until, doing).await;
        let (rows, _) = self.outcome(s, "copy out", ended, &call, scope);
        // What nobody reads may fail, and the transaction with it.
        scope.disturbed |= rows == Some(None);
        self.ledger.right += u64::from(rows.is_some());
        if self.is_touched() {
            return;
        }
        let rightful = language::copy_data(number, false);
        self.ledger.copied += rightful.len() as u64;
        if !rightful.starts_with(&got) {
            self.ledger.find(format!("copy out: the data of call {number} isn't its own"));
        }
        if let Some(Some(rows)) = rows
            && (rows != language::copy_count(number) || got.len() != rightful.len())
        {
            self.ledger.find(format!("copy out: call {number} was given {rows} rows, {} bytes", got.len()));
        }
    }

    async fn copy_out_rows(&mut self, s: &mut Client, scope: &mut Scope) {
        let number = self.number();
        let wanted = self.rng.pick(&[0, 1, 2, 10_000, 10_000]);
        let mut call = self.begin_call("copy out rows", &[number]);
        call.fails = Some(number);
        call.no_retry = true;
        let copy = CopyTo::query(&format!("give a {number}"));
        let (polls, until) = (self.polls(), self.now() + DEADLINE);
        let net = self.net.clone();
        let mut got = Vec::new();
        let doing = async {
            let mut source = s.copy_out_rows::<RowA>(&copy).await?;
            for _ in 0..wanted {
                match source.next_as::<RowA>().await? {
                    Some(row) => got.push(row.values()),
                    None => return Result::Ok(true),
                }
            }
            Ok(false)
        };
        let ended = limited(polls, until, doing).await;
        let (end, _) = self.outcome(s, "copy out rows", ended, &call, scope);
        scope.disturbed |= end == Some(false);
        let count = got.len() as u64;
        self.ledger.first_rows(&net, "copy out rows", got, Shape::A, number, "");
        if end == Some(true) && count != language::copy_count(number) && !self.is_touched() {
            self.ledger.find(format!("copy out rows: call {number} was given {count} rows"));
        }
    }
}
