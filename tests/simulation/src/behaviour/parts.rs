//! Portals read part by part with other statements in between, and transactions that are run again.

use super::super::checks::{Given, Scope};
use super::super::clients::Client;
use super::super::language::Shape;
use super::{DEADLINE, Script, int8, limited};
use pg_core::Retry;
use pg_core::error::Result;
use pg_core::session::Session;
use std::time::Duration;

type RowA = (i64, i32, String);

impl Script {
    /// A portal, read to some row; now and then another is open, and dropped, beside it.
    pub(super) async fn portal(&mut self, s: &mut Client, scope: &mut Scope) {
        if scope.depth == 0 {
            return self.value(s, scope).await;
        }
        let (number, between) = (self.number(), self.number());
        let sql = self.sql("give a $1");
        let (part, wanted) = (self.rng.pick(&[1, 2, 5, 100]), self.rng.pick(&[0, 1, 3, 1000]));
        let mut rng = self.rng.fork();
        let mut call = self.begin_call("portal", &[number, between]);
        call.no_retry = true;
        let (polls, until) = (self.polls(), self.now() + DEADLINE);
        let net = self.net.clone();
        let mut got = Vec::new();
        let reading = async {
            let mut portal = s.portal::<RowA>(&sql, (int8(number),)).await?;
            let other = match rng.in_thousand(300) {
                true => Some(s.portal::<RowA>("give a $1", (int8(between),)).await?),
                false => None,
            };
            while got.len() < wanted && !portal.is_complete() {
                let part = s.fetch_portal(&mut portal, part).await?;
                got.extend(part.into_iter().map(Given::values));
                if rng.in_thousand(300) {
                    s.query_values::<i64>("give b $1", (int8(between),)).await?;
                }
            }
            drop(other);
            Result::Ok(portal.is_complete())
        };
        let ended = limited(polls, until, reading).await;
        match self.outcome(s, "portal", ended, &call, scope).0 {
            Some(true) => self.ledger.rows(&net, "portal", got, Shape::A, number, ""),
            _ => self.ledger.first_rows(&net, "portal", got, Shape::A, number, ""),
        }
    }

    /// A transaction that collides with others' more often than not.
    pub(super) async fn retry(&mut self, s: &mut Client, scope: &mut Scope) {
        if scope.depth > 0 {
            return self.change(s, scope).await;
        }
        let number = self.number();
        let policy = Retry::new().attempts(4).backoff(Duration::from_millis(3));
        let mut call = self.begin_call("retry", &[number]);
        (call.ends, call.clashes, call.no_retry) = (true, true, true);
        let (polls, until) = (self.polls(), self.now() + DEADLINE);
        let doing = s.retry(policy, async |s| s.execute("clash $1", (int8(number),)).await);
        let ended = limited(polls, until, doing).await;
        // Inside of it a failure of what was dropped or cancelled is its own.
        let mut inside = Scope { depth: 1, ..Scope::default() };
        let (affected, fate) = self.outcome(s, "retry", ended, &call, &mut inside);
        self.ledger.changed(&[number], fate, scope);
        if let Some(affected) = affected {
            self.affected("retry", affected, number);
        }
    }
}
