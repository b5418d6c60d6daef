//! Named cursors: rows in any order, with other statements in between, and closed in each of the ways there are.

use super::super::checks::{Given, Scope};
use super::super::clients::Client;
use super::super::language::{self, Shape};
use super::{DEADLINE, Ended, Script, int8, limited};
use pg_core::error::Result;
use pg_core::session::Session;
use pg_core::{CursorOptions, Towards};

type RowA = (i64, i32, String);

/// What becomes of a cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Close,
    Drop,
    Leave,
}

impl Script {
    fn direction(&mut self) -> Towards {
        let row = self.rng.pick(&[0, 1, 2, 5, 200]);
        let signed = self.rng.pick(&[-2, -1, 0, 1, 3]);
        match self.rng.below(12) {
            0 | 1 => Towards::Next,
            2 => Towards::Prior,
            3 => Towards::First,
            4 => Towards::Last,
            5 => Towards::Absolute(signed),
            6 => Towards::Relative(signed),
            7 | 8 => Towards::Forward(row),
            9 => Towards::ForwardAll,
            10 => Towards::Backward(row),
            _ => Towards::BackwardAll,
        }
    }

    /// A cursor, with hold where it has no transaction.
    pub(super) async fn cursor(&mut self, s: &mut Client, scope: &mut Scope) {
        let (number, between) = (self.number(), self.number());
        let hold = scope.depth == 0 || self.rng.in_thousand(300);
        let options = CursorOptions::new(format!("c{number}")).scroll(true).hold(hold);
        let end = self.rng.pick(&[End::Close, End::Drop, End::Drop, End::Leave]);
        let steps: Vec<Towards> = (0..self.rng.below(5)).map(|_| self.direction()).collect();
        let mut rng = self.rng.fork();
        let call = self.begin_call("cursor", &[number, between]);
        let (polls, until) = (self.polls(), self.now() + DEADLINE);
        let rows = language::row_count(number);
        let mut at = 0;
        let mut wrong = Vec::new();
        let reading = async {
            let mut cursor = s.cursor_with::<RowA>(options, "give a $1", (int8(number),)).await?;
            for towards in steps {
                let (rightful, then) = language::travel(rows, at, towards);
                at = then;
                if rng.in_thousand(200) {
                    let moved = cursor.move_to(towards).await?;
                    if moved != rightful.len() as u64 {
                        wrong.push(format!("{towards} moved over {moved} rows, not {rightful:?}"));
                    }
                } else {
                    let got = cursor.fetch(towards).await?.into_iter().map(Given::values);
                    let got: Vec<_> = got.collect();
                    let told = rightful.iter().map(|at| language::row(Shape::A, number, *at, ""));
                    if got != told.collect::<Vec<_>>() {
                        wrong.push(format!("{towards} gave {got:?}, not the rows {rightful:?}"));
                    }
                }
                if rng.in_thousand(200) {
                    cursor.session().query_values::<i64>("give b $1", (int8(between),)).await?;
                }
            }
            match end {
                End::Close => cursor.close().await?,
                End::Drop => drop(cursor),
                End::Leave => cursor.leave(),
            }
            Result::Ok(())
        };
        let ended = limited(polls, until, reading).await;
        self.leaves_cursors |= hold && end == End::Leave;
        self.ledger.right += u64::from(matches!(ended, Ended::Done(Ok(()))));
        self.outcome(s, "cursor", ended, &call, scope);
        if !wrong.is_empty() && !self.is_touched() {
            self.ledger.find(format!("cursor: of call {number} {}", wrong.join("; ")));
        }
    }
}
