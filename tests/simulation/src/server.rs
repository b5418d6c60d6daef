//! The model server: it speaks the protocol from a state of its own, knows nothing of the client's, and answers each
//! statement of the made-up [language](super::language) rightfully.

mod body;
mod catalog;
mod cursors;
mod effects;

use super::clock::{MILLISECOND, Moment, SECOND};
use super::faults::{Faults, Outcome};
use super::language::{self, Pace, Statement, Value, Verb};
use super::logins::{Answer, Host};
use super::messages as m;
use super::scripted::Prompter;
use body::{Body, length_at};
use cursors::Cursor;
use effects::{Effect, Savepoint};
use pg_tests::seed::Rng;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

/// How this server behaves where PostgreSQL leaves it open, each in a thousand.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Temper {
    /// A notice, parameter or notification goes before a message.
    pub(super) asides: u64,
    /// A prepared statement is forgotten at Sync, as behind a pooler or after DDL.
    pub(super) amnesia: u64,
    /// BEGIN is refused.
    pub(super) refusals: u64,
    /// The end of a transaction takes its time, so that a cancel request can hit it.
    pub(super) slow_ends: u64,
    /// After a ReadyForQuery or a notification another session notifies.
    pub(super) chatter: u64,
}

#[derive(Debug)]
struct Portal {
    statement: Statement,
    number: u64,
    echo: String,
    formats: Vec<u16>,
    /// Rows that are made beforehand.
    made: Vec<Vec<Value>>,
    /// How many rows it has given.
    at: u64,
}

/// A statement that runs.
#[derive(Debug)]
struct Job {
    statement: Statement,
    number: u64,
    echo: String,
    formats: Vec<u16>,
    /// Rows that are made beforehand.
    made: Vec<Vec<Value>>,
    at: u64,
    rows: u64,
    /// The portal, and the row before which it is suspended.
    part: Option<(String, u64)>,
    until: Moment,
    simple: bool,
    cancelled: bool,
    /// A COPY TO STDOUT has told its form.
    has_begun: bool,
    owes_header: bool,
}

#[derive(Debug, PartialEq, Eq, Clone, Copy)]
enum Place {
    Startup,
    Password,
    Ready,
    /// Data of a COPY FROM STDIN is awaited.
    CopyIn,
    Closed,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Model {
    place: Place,
    pub(super) host: Host,
    /// It follows a script, and has no will of its own.
    prompter: Option<Prompter>,
    temper: Temper,
    rng: Rng,
    now: Moment,
    input: Vec<u8>,
    read: usize,
    /// What is sent, after the faults.
    pub(super) out: Vec<u8>,
    /// Where its messages end.
    pub(super) ends: Vec<usize>,
    pub(super) faults: Faults,
    /// How the link ended, once it did.
    pub(super) end: Option<Outcome>,
    /// The newest call when a cancel request set out that is still on its way: none after it may begin.
    pub(super) newest_before_cancel: Option<u64>,
    statements: HashMap<String, (Statement, bool)>,
    portals: HashMap<String, Portal>,
    status: u8,
    skipping: bool,
    job: Option<Job>,
    script: Option<VecDeque<String>>,
    savepoints: Vec<Savepoint>,
    cursors: BTreeMap<String, Cursor>,
    /// How many cursors were declared.
    declared: u64,
    /// The data of a COPY FROM STDIN.
    copied: Vec<u8>,
    /// What was done and isn't committed yet.
    journal: Vec<Effect>,
    /// Numbers of changes and notifications that were committed.
    pub(super) committed: BTreeSet<u64>,
    /// Channels that are listened to.
    listens: BTreeSet<String>,
    /// What is told before the next ReadyForQuery outside of a transaction.
    to_tell: Vec<(String, String)>,
    /// Channels and payloads of all notifications that were sent.
    pub(super) told: Vec<(String, String)>,
    /// When another session notifies.
    chat_at: Option<Moment>,
    /// Messages of the extended protocol came, and no Sync yet.
    is_unsynced: bool,
    /// Whose statements were cancelled, in order; 0 where a statement has no number.
    pub(super) cancelled: Vec<u64>,
    /// How many statements were forgotten.
    pub(super) forgotten: u64,
    /// How many BEGINs were refused.
    pub(super) refused: u64,
    /// What the client did against the protocol.
    pub(super) complaint: Option<String>,
    /// It said farewell.
    pub(super) farewell: bool,
}

const SECRET: [u8; 4] = [7, 1, 8, 2];
const PROCESS: u32 = 4711;

impl Model {
    pub(super) fn new(host: Host, temper: Temper, faults: Faults, rng: Rng) -> Model {
        Model {
            place: Place::Startup,
            host,
            prompter: None,
            temper,
            rng,
            now: Moment(0),
            input: Vec::new(),
            read: 0,
            out: Vec::new(),
            ends: Vec::new(),
            faults,
            end: None,
            newest_before_cancel: None,
            statements: HashMap::new(),
            portals: HashMap::new(),
            status: b'I',
            skipping: false,
            job: None,
            script: None,
            savepoints: Vec::new(),
            cursors: BTreeMap::new(),
            declared: 0,
            copied: Vec::new(),
            journal: Vec::new(),
            committed: BTreeSet::new(),
            cancelled: Vec::new(),
            forgotten: 0,
            refused: 0,
            listens: BTreeSet::new(),
            to_tell: Vec::new(),
            told: Vec::new(),
            chat_at: None,
            is_unsynced: false,
            complaint: None,
            farewell: false,
        }
    }

    /// A server that follows a script.
    pub(super) fn prompted(prompter: Prompter, host: Host, faults: Faults, rng: Rng) -> Model {
        Model { prompter: Some(prompter), ..Model::new(host, Temper::default(), faults, rng) }
    }

    /// Whether it does nothing, holds no transaction open and awaits no data.
    pub(super) fn is_at_rest(&self) -> bool {
        self.place == Place::Ready
            && self.job.is_none()
            && self.script.is_none()
            && self.status == b'I'
            && self.journal.is_empty()
            && self.to_tell.is_empty()
            && !self.skipping
            && self.read == self.input.len()
    }

    /// When it goes on by itself.
    pub(super) fn wakes(&self) -> Option<Moment> {
        let waits = self.place != Place::CopyIn;
        self.job.as_ref().filter(|_| waits).map(|job| job.until).filter(|until| *until < Moment(u64::MAX))
    }

    /// Whether it is in a statement that only a cancel request ends.
    pub(super) fn runs_for_ever(&self) -> bool {
        self.end.is_none() && self.job.as_ref().is_some_and(|job| job.until == Moment(u64::MAX))
    }

    /// Bytes that came.
    pub(super) fn receive(&mut self, bytes: &[u8]) {
        self.input.drain(..self.read);
        self.read = 0;
        self.input.extend_from_slice(bytes);
    }

    /// A CancelRequest that came on a link of its own, and set out when the client had made the calls up to `newest`.
    pub(super) fn cancel(&mut self, request: &[u8], newest: u64) {
        let expected = [&[0, 0, 0, 16, 4, 210, 22, 46][..], &PROCESS.to_be_bytes(), &SECRET].concat();
        if request != expected {
            // A key that was damaged on its way cancels nobody.
            return;
        }
        if let Some(job) = self.job.as_mut() {
            if job.number > newest {
                let text = || format!("a cancel request that set out before call {} has hit it", job.number);
                self.complaint.get_or_insert_with(text);
            }
            job.cancelled = true;
            // While it waits for data, PostgreSQL looks at no request: it does when some has come.
            if self.place != Place::CopyIn {
                job.until = self.now;
            }
        }
    }

    /// Does what it can; false when it waits.
    pub(super) fn work(&mut self, now: Moment) -> bool {
        self.now = now;
        if self.end.is_some() || self.place == Place::Closed {
            return false;
        }
        if self.place == Place::CopyIn {
            return self.message();
        }
        if self.job.is_some() {
            return self.run();
        }
        if self.script.is_some() {
            self.next_of_script();
            return true;
        }
        self.chat() || self.message()
    }

    // ---- sending ----

    fn send(&mut self, message: Vec<u8>) {
        if self.end.is_some() {
            return;
        }
        if self.place != Place::Startup
            && self.place != Place::Password
            && self.rng.in_thousand(self.temper.asides)
        {
            let aside = match self.rng.below(3) {
                0 => m::notice_response(&[
                    (b'S', "NOTICE"),
                    (b'V', "NOTICE"),
                    (b'C', "00000"),
                    (b'M', "by the way"),
                ]),
                1 => m::parameter_status("TimeZone", self.rng.pick(&["UTC", "Europe/Vienna"])),
                _ => {
                    let payload = (self.told.len() + 1).to_string();
                    self.told.push(("news".to_owned(), payload.clone()));
                    m::notification(PROCESS, "news", &payload)
                }
            };
            self.put(aside);
        }
        self.put(message);
    }

    fn put(&mut self, message: Vec<u8>) {
        if self.end.is_none() {
            self.end = self.faults.apply(message, &mut self.out);
            self.ends.push(self.out.len());
        }
    }

    fn ready(&mut self) {
        self.is_unsynced = false;
        self.tell();
        self.send(m::ready_for_query(self.status));
        self.plan_to_chat();
    }

    /// The statement failed: what it did is undone, and the transaction has failed.
    fn fail(&mut self, code: &str, text: &str, simple: bool) {
        self.send(m::error(code, text));
        self.undo();
        self.job = None;
        if simple {
            self.script = None;
            self.ready();
        } else {
            self.skipping = true;
        }
    }

    // ---- receiving ----

    /// Takes one message; false when none is whole.
    fn message(&mut self) -> bool {
        let waiting = &self.input[self.read..];
        if self.place == Place::Startup {
            let Some(length) = length_at(waiting, 0).filter(|length| waiting.len() >= *length) else {
                return false;
            };
            self.read += length;
            if self.prompter.is_some() {
                self.place = Place::Ready;
                self.follow('!');
                return true;
            }
            let answer = self.host.start();
            self.let_in(answer);
            return true;
        }
        let Some(length) = length_at(waiting, 1).filter(|length| waiting.len() > *length) else {
            return false;
        };
        let (tag, body) = (waiting[0], waiting[5..=length].to_vec());
        self.read += length + 1;
        if self.prompter.is_some() {
            self.follow(char::from(tag));
            return true;
        }
        let mut body = Body(&body);
        if self.take(tag, &mut body).is_none() {
            self.complain(&format!("a malformed {:?}", tag as char));
        }
        true
    }

    /// Follows the script.
    fn follow(&mut self, tag: char) {
        if tag == 'X' {
            self.farewell = true;
            return self.close();
        }
        match self.prompter.as_mut().map(|prompter| prompter.hear(tag)) {
            Some(Ok(answer)) => answer.into_iter().for_each(|message| self.put(message)),
            Some(Err(what)) => _ = self.complaint.get_or_insert_with(|| format!("the client sent {what}")),
            None => {}
        }
    }

    fn complain(&mut self, what: &str) {
        self.complaint.get_or_insert_with(|| format!("the client sent {what}"));
        self.put(m::error_response(&[(b'S', "FATAL"), (b'V', "FATAL"), (b'C', "08P01"), (b'M', what)]));
        self.close();
    }

    fn close(&mut self) {
        self.journal.clear();
        self.place = Place::Closed;
        self.end.get_or_insert(Outcome::Fin);
    }

    /// The login goes on.
    fn let_in(&mut self, answer: Answer) {
        self.place = Place::Password;
        match answer {
            Answer::Send(messages) => messages.into_iter().for_each(|message| self.put(message)),
            Answer::Welcome(messages) => {
                messages.into_iter().for_each(|message| self.put(message));
                self.greet();
            }
            Answer::Refuse(why) => self.complain(why),
        }
    }

    fn greet(&mut self) {
        self.put(m::authentication_ok());
        self.place = Place::Ready;
        for (name, value) in
            [("server_version", "15.1"), ("client_encoding", "UTF8"), ("integer_datetimes", "on")]
        {
            self.send(m::parameter_status(name, value));
        }
        self.send(m::backend_key_data(PROCESS, &SECRET));
        self.ready();
    }

    fn take(&mut self, tag: u8, body: &mut Body<'_>) -> Option<()> {
        match (self.place, tag) {
            (_, b'X') => {
                self.farewell = true;
                self.close();
            }
            (Place::Password, b'p') => {
                let answer = self.host.answer(body.0);
                self.let_in(answer);
            }
            (Place::CopyIn, b'd') => self.take_data(body.0),
            (Place::CopyIn, b'S' | b'H') => {}
            (Place::CopyIn, b'c') => self.end_copy(None),
            (Place::CopyIn, b'f') => {
                let reason = body.c_str()?;
                self.end_copy(Some(reason));
            }
            (Place::Ready, b'S') => self.sync(),
            (Place::Ready, _) if self.skipping => {}
            (Place::Ready, b'H') => {}
            (Place::Ready, b'Q') => {
                let sql = body.c_str()?;
                self.portals.remove("");
                self.script = Some(sql.split(';').map(str::to_owned).collect());
                if self
                    .script
                    .as_ref()
                    .is_some_and(|s| s.len() > 1 && s.back().is_some_and(|s| s.trim().is_empty()))
                {
                    self.script.as_mut()?.pop_back();
                }
            }
            (Place::Ready, b'P' | b'B' | b'D' | b'E' | b'C') => {
                self.is_unsynced = true;
                self.extended(tag, body)?;
            }
            // After a COPY FROM STDIN has failed, data that were on their way.
            (Place::Ready, b'd' | b'c' | b'f') => {}
            _ => self.complain(&format!("{:?} in place {:?}", tag as char, self.place)),
        }
        Some(())
    }

    /// A message of the extended protocol.
    fn extended(&mut self, tag: u8, body: &mut Body<'_>) -> Option<()> {
        match tag {
            b'P' => self.parse(body)?,
            b'B' => self.bind(body)?,
            b'D' => self.describe(body)?,
            b'E' => self.execute(body)?,
            _ => {
                let (kind, name) = (body.u8()?, body.c_str()?);
                if kind == b'S' {
                    self.statements.remove(name);
                } else {
                    self.portals.remove(name);
                    self.cursors.remove(name);
                }
                self.send(m::close_complete());
            }
        }
        Some(())
    }

    fn sync(&mut self) {
        self.skipping = false;
        if self.status == b'I' {
            self.portals.clear();
            self.commit();
        }
        if self.rng.in_thousand(self.temper.amnesia) {
            let mut names: Vec<String> =
                self.statements.keys().filter(|name| !name.is_empty()).cloned().collect();
            names.sort();
            if !names.is_empty() {
                let name = self.rng.pick(&names);
                self.forgotten += 1;
                if self.rng.in_thousand(500) {
                    self.statements.remove(&name);
                } else if let Some((_, stale)) = self.statements.get_mut(&name) {
                    *stale = true;
                }
            }
        }
        self.ready();
    }

    fn parse(&mut self, body: &mut Body<'_>) -> Option<()> {
        let (name, sql) = (body.c_str()?, body.c_str()?);
        let types = body.u16()?;
        for _ in 0..types {
            body.u32()?;
        }
        let Some(statement) = Statement::parse(sql) else {
            self.fail("42601", &format!("syntax error in {}", sql.trim()), false);
            return Some(());
        };
        if self.status == b'E' && !statement.verb.ends_failure() && statement.verb != Verb::Empty {
            self.fail("25P02", "current transaction is aborted", false);
            return Some(());
        }
        if !name.is_empty() && self.statements.contains_key(name) {
            self.fail("42P05", &format!("prepared statement {name:?} already exists"), false);
            return Some(());
        }
        self.statements.insert(name.to_owned(), (statement, false));
        self.send(m::parse_complete());
        Some(())
    }

    fn bind(&mut self, body: &mut Body<'_>) -> Option<()> {
        let (portal, name) = (body.c_str()?, body.c_str()?);
        let formats = body.u16s()?;
        let count = body.u16()?;
        let mut values = Vec::new();
        for _ in 0..count {
            values.push(body.value()?);
        }
        let results = body.u16s()?;
        let Some((statement, stale)) = self.statements.get(name).cloned() else {
            self.fail("26000", &format!("prepared statement {name:?} does not exist"), false);
            return Some(());
        };
        if self.status == b'E' && !statement.verb.ends_failure() && statement.verb != Verb::Empty {
            self.fail("25P02", "current transaction is aborted", false);
            return Some(());
        }
        if stale {
            self.send_stale();
            return Some(());
        }
        if values.len() != statement.parameters {
            self.complaint.get_or_insert_with(|| format!("{} values for {statement:?}", values.len()));
            self.fail("08P01", "bind message supplies a wrong number of parameters", false);
            return Some(());
        }
        let binary = |at: usize| formats.get(if formats.len() == 1 { 0 } else { at }) == Some(&1);
        let mut number = statement.number.unwrap_or_default();
        let mut echo = String::new();
        let mut made = Vec::new();
        if statement.verb == Verb::Catalog {
            made = catalog::rows(&values)?;
        } else if let (Verb::Notify, [Some(channel), Some(payload)]) = (&statement.verb, values.as_slice()) {
            echo = std::str::from_utf8(channel).ok()?.to_owned();
            number = std::str::from_utf8(payload).ok()?.parse().ok()?;
            made = vec![vec![Value::Text(String::new())]];
        } else {
            if let Some(Some(bytes)) = values.first() {
                number = if binary(0) {
                    u64::from_be_bytes((*bytes).try_into().ok()?)
                } else {
                    std::str::from_utf8(bytes).ok()?.parse().ok()?
                };
            }
            if let Some(Some(bytes)) = values.get(1) {
                echo = std::str::from_utf8(bytes).ok()?.to_owned();
            }
        }
        let columns = self.columns(&statement.verb).len();
        let formats = match results.as_slice() {
            [] => vec![0; columns],
            [one] => vec![*one; columns],
            each if each.len() == columns => each.to_vec(),
            each => {
                self.complaint
                    .get_or_insert_with(|| format!("{} result formats for {columns} columns", each.len()));
                self.fail("08P01", "bind message has a wrong number of result formats", false);
                return Some(());
            }
        };
        let portal_of = Portal { statement, number, echo, formats, made, at: 0 };
        self.portals.insert(portal.to_owned(), portal_of);
        self.send(m::bind_complete());
        Some(())
    }

    fn send_stale(&mut self) {
        self.send(m::error_response(&[
            (b'S', "ERROR"),
            (b'V', "ERROR"),
            (b'C', "0A000"),
            (b'M', "cached plan must not change result type"),
            (b'R', "RevalidateCachedQuery"),
        ]));
        self.undo();
        self.skipping = true;
    }

    fn describe(&mut self, body: &mut Body<'_>) -> Option<()> {
        let (kind, name) = (body.u8()?, body.c_str()?);
        let (statement, formats) = if kind == b'S' {
            let Some((statement, _)) = self.statements.get(name).cloned() else {
                self.fail("26000", &format!("prepared statement {name:?} does not exist"), false);
                return Some(());
            };
            if self.status == b'E' && !self.columns(&statement.verb).is_empty() {
                self.fail("25P02", "current transaction is aborted", false);
                return Some(());
            }
            let types: &[u32] = match statement.verb {
                Verb::Catalog => &[1009, 1009, 1028, 1009],
                Verb::Insert => &[20, 23, 25],
                Verb::Notify => &[25, 25],
                _ => &[20, 25],
            };
            let types = &types[..statement.parameters.min(types.len())];
            self.send(m::parameter_description(types));
            (statement, Vec::new())
        } else {
            let Some(portal) = self.portals.get(name) else {
                self.fail("34000", &format!("portal {name:?} does not exist"), false);
                return Some(());
            };
            (portal.statement.clone(), portal.formats.clone())
        };
        let message = self.description(&statement.verb, &formats);
        self.send(message.unwrap_or_else(m::no_data));
        Some(())
    }

    fn execute(&mut self, body: &mut Body<'_>) -> Option<()> {
        let (name, limit) = (body.c_str()?, body.u32()?);
        let Some(portal) = self.portals.remove(name) else {
            self.fail("34000", &format!("portal {name:?} does not exist"), false);
            return Some(());
        };
        let Portal { statement, number, mut made, echo, formats, at } = portal;
        if self.status == b'E' && !statement.verb.ends_failure() && statement.verb != Verb::Empty {
            self.fail("25P02", "current transaction is aborted", false);
            return Some(());
        }
        if let Verb::Fetch(name, towards) | Verb::Move(name, towards) = &statement.verb {
            let Some(rows) = self.travel(name, *towards) else {
                let text = format!("cursor {name:?} does not exist");
                self.fail("34000", &text, false);
                return Some(());
            };
            made = rows;
        }
        self.begin_job(statement, number, echo, formats, made, false);
        if let Some(job) = self.job.as_mut() {
            job.at = at;
            job.part = (limit > 0).then(|| (name.to_owned(), at + u64::from(limit)));
        }
        Some(())
    }

    fn next_of_script(&mut self) {
        let Some(sql) = self.script.as_mut().and_then(VecDeque::pop_front) else {
            self.script = None;
            if self.status == b'I' {
                self.commit();
            }
            return self.ready();
        };
        let Some(statement) = Statement::parse(&sql) else {
            return self.fail("42601", &format!("syntax error in {}", sql.trim()), true);
        };
        if self.status == b'E' && !statement.verb.ends_failure() && statement.verb != Verb::Empty {
            return self.fail("25P02", "current transaction is aborted", true);
        }
        let formats = vec![0; self.columns(&statement.verb).len()];
        if let Some(description) = self.description(&statement.verb, &formats) {
            self.send(description);
        }
        let number = statement.number.unwrap_or_default();
        self.begin_job(statement, number, String::new(), formats, Vec::new(), true);
    }

    // ---- running ----

    #[allow(clippy::too_many_arguments, reason = "a portal's parts")]
    fn begin_job(
        &mut self,
        statement: Statement,
        number: u64,
        echo: String,
        formats: Vec<u16>,
        made: Vec<Vec<Value>>,
        simple: bool,
    ) {
        if self.newest_before_cancel.is_some_and(|newest| number > newest) {
            let text =
                || format!("call {number} began while a cancel request for one before it was on its way");
            self.complaint.get_or_insert_with(text);
        }
        let ends = matches!(
            statement.verb,
            Verb::Commit | Verb::Rollback | Verb::RollbackTo(_) | Verb::Begin | Verb::CloseCursor(_)
        );
        let pause = match statement.pace {
            Pace::AtOnce if ends && self.rng.in_thousand(self.temper.slow_ends) => {
                self.rng.below(300 * MILLISECOND)
            }
            Pace::AtOnce => 0,
            Pace::Slowly => self.rng.below(SECOND),
            Pace::Forever => u64::MAX,
        };
        let rows = match statement.verb {
            Verb::Give(_) => language::row_count(number),
            Verb::Fail => language::row_count(number).min(3),
            Verb::Catalog | Verb::Notify | Verb::Fetch(..) => made.len() as u64,
            Verb::CopyOut { .. } => language::copy_count(number),
            _ => 0,
        };
        self.job = Some(Job {
            statement,
            number,
            echo,
            formats,
            made,
            at: 0,
            rows,
            part: None,
            until: self.now + pause,
            simple,
            cancelled: false,
            has_begun: false,
            owes_header: false,
        });
    }

    /// Goes on with the statement; false while it takes its time.
    fn run(&mut self) -> bool {
        let Some(mut job) = self.job.take() else { return false };
        if job.cancelled {
            self.fail_cancelled(&job);
            return true;
        }
        if job.until > self.now {
            self.job = Some(job);
            return false;
        }
        if let Verb::CopyOut { binary } = job.statement.verb {
            return self.copy_out(job, binary);
        }
        if let Some((name, _)) = job.part.take_if(|(_, end)| job.at == *end) {
            let Job { statement, number, echo, formats, made, at, .. } = job;
            self.portals.insert(name, Portal { statement, number, echo, formats, made, at });
            self.send(m::portal_suspended());
            return true;
        }
        if job.at < job.rows {
            let values = match &job.statement.verb {
                Verb::Give(shape) => language::row(*shape, job.number, job.at, &job.echo),
                Verb::Fail => language::row(language::Shape::A, job.number, job.at, ""),
                _ => job.made[usize::try_from(job.at).expect("small")].clone(),
            };
            let row = m::row(&values, &job.formats);
            job.at += 1;
            self.job = Some(job);
            self.send(row);
            return true;
        }
        self.complete(job);
        true
    }

    fn complete(&mut self, job: Job) {
        let simple = job.simple;
        let tag = match &job.statement.verb {
            Verb::Give(_) | Verb::Catalog => format!("SELECT {}", job.rows),
            Verb::Change => {
                self.note(Effect::Change(job.number));
                format!("UPDATE {}", job.number)
            }
            Verb::Fail => return self.fail_call(&job),
            Verb::Clash if self.rng.in_thousand(600) => {
                return self.fail("40001", "could not serialize access", simple);
            }
            Verb::Clash => {
                self.note(Effect::Change(job.number));
                format!("UPDATE {}", job.number)
            }
            Verb::Empty => return self.send(m::empty_query_response()),
            Verb::CopyIn { binary } => {
                let format = u16::from(*binary);
                self.send(m::copy_in_response(u8::from(*binary), &[format; 3]));
                if self.rng.in_thousand(self.temper.refusals) {
                    return self.fail_call(&job);
                }
                self.copied.clear();
                self.place = Place::CopyIn;
                self.job = Some(Job { rows: 0, ..job });
                return;
            }
            Verb::CopyOut { .. } => {
                self.send(m::copy_done());
                format!("COPY {}", job.rows)
            }
            // The client only describes it.
            Verb::Insert => {
                self.complaint.get_or_insert_with(|| "the client ran what it was to describe".to_owned());
                "INSERT 0 1".to_owned()
            }
            Verb::Begin if self.rng.in_thousand(self.temper.refusals) => {
                self.refused += 1;
                return self.fail("55000", "no transaction can begin now", simple);
            }
            Verb::Begin => {
                if self.status == b'I' {
                    self.status = b'T';
                    self.savepoints.clear();
                }
                "BEGIN".to_owned()
            }
            Verb::Commit => {
                self.portals.clear();
                let failed = std::mem::replace(&mut self.status, b'I') == b'E';
                self.savepoints.clear();
                if failed {
                    self.undo()
                } else {
                    self.commit()
                }
                if failed { "ROLLBACK" } else { "COMMIT" }.to_owned()
            }
            Verb::Rollback => {
                self.portals.clear();
                self.status = b'I';
                self.savepoints.clear();
                self.undo();
                "ROLLBACK".to_owned()
            }
            Verb::Savepoint(name) => {
                if self.status == b'I' {
                    return self.fail("25P01", "SAVEPOINT can only be used in transaction blocks", simple);
                }
                self.save(name);
                "SAVEPOINT".to_owned()
            }
            Verb::Release(name) | Verb::RollbackTo(name) => {
                let back = matches!(job.statement.verb, Verb::RollbackTo(_));
                if self.status == b'I' {
                    return self.fail("25P01", "savepoints exist in transaction blocks only", simple);
                }
                if !self.end_savepoint(name, back) {
                    return self.fail("3B001", &format!("savepoint {name:?} does not exist"), simple);
                }
                if back { "ROLLBACK" } else { "RELEASE" }.to_owned()
            }
            Verb::DeallocateAll => {
                self.statements.clear();
                "DEALLOCATE ALL".to_owned()
            }
            Verb::Listen(channel) => {
                self.note(Effect::Listen(channel.clone()));
                "LISTEN".to_owned()
            }
            Verb::Unlisten(channel) => {
                self.note(Effect::Unlisten(channel.clone()));
                "UNLISTEN".to_owned()
            }
            Verb::Notify => {
                self.note(Effect::Notify(job.echo.clone(), job.number));
                "SELECT 1".to_owned()
            }
            Verb::Declare { name, hold } => match self.declare(name, *hold, job.number) {
                Ok(()) => "DECLARE CURSOR".to_owned(),
                Err((code, text)) => return self.fail(code, &text, simple),
            },
            Verb::Fetch(..) => format!("FETCH {}", job.rows),
            Verb::Move(..) => format!("MOVE {}", job.made.len()),
            Verb::CloseCursor(name) => match self.cursors.remove(name) {
                Some(_) => "CLOSE CURSOR".to_owned(),
                None => return self.fail("34000", &format!("cursor {name:?} does not exist"), simple),
            },
        };
        self.send(m::command_complete(&tag));
    }

    /// The statement fails by itself.
    fn fail_call(&mut self, job: &Job) {
        self.fail("P0001", &format!("call {} fails", job.number), job.simple);
    }

    fn fail_cancelled(&mut self, job: &Job) {
        self.cancelled.push(job.number);
        self.fail("57014", "canceling statement due to user request", job.simple);
    }

    /// Goes on with a COPY TO STDOUT.
    fn copy_out(&mut self, mut job: Job, binary: bool) -> bool {
        if !job.has_begun {
            job.has_begun = true;
            let format = u16::from(binary);
            self.send(m::copy_out_response(u8::from(binary), &[format; 3]));
            job.owes_header = binary;
        }
        if job.at > 0 && self.rng.in_thousand(self.temper.refusals / 8) {
            self.fail_call(&job);
            return true;
        }
        let mut data = if job.owes_header { language::COPY_HEADER.to_vec() } else { Vec::new() };
        // The header comes with the first row, or alone.
        let alone = std::mem::take(&mut job.owes_header) && self.rng.in_thousand(300);
        if !alone && job.at < job.rows {
            data.extend(language::copy_row(job.number, job.at, binary));
            job.at += 1;
        } else if !alone && binary {
            data.extend(language::COPY_TRAILER);
        }
        if !data.is_empty() {
            self.send(m::copy_data(&data));
        }
        let at_end = job.at == job.rows && !alone && (!binary || data.ends_with(language::COPY_TRAILER));
        if at_end {
            self.complete(job);
        } else {
            self.job = Some(job);
        }
        true
    }

    /// Data of a COPY FROM STDIN has come.
    fn take_data(&mut self, data: &[u8]) {
        let Some(job) = self.job.take() else { return };
        if job.cancelled {
            self.place = Place::Ready;
            return self.fail_cancelled(&job);
        }
        if self.rng.in_thousand(self.temper.refusals) {
            self.place = Place::Ready;
            return self.fail_call(&job);
        }
        self.copied.extend_from_slice(data);
        self.job = Some(job);
    }

    /// The client ended a COPY FROM STDIN.
    fn end_copy(&mut self, failure: Option<&str>) {
        self.place = Place::Ready;
        let Some(job) = self.job.take() else { return };
        let binary = matches!(job.statement.verb, Verb::CopyIn { binary: true });
        match failure {
            None if job.cancelled && self.rng.in_thousand(500) => self.fail_cancelled(&job),
            None => {
                if self.copied != language::copy_data(job.number, binary) {
                    let text = || format!("the data of COPY {} isn't what was written", job.number);
                    self.complaint.get_or_insert_with(text);
                }
                self.note(Effect::Change(job.number));
                self.send(m::command_complete(&format!("COPY {}", language::copy_count(job.number))));
            }
            Some(reason) => self.fail("57014", &format!("COPY from stdin failed: {reason}"), job.simple),
        }
    }

    /// The columns of what a statement returns: of a FETCH those of its cursor, if there is one.
    fn columns(&self, verb: &Verb) -> &'static [(&'static str, u32)] {
        match verb {
            Verb::Fetch(name, _) if !self.cursors.contains_key(name) => &[],
            verb => verb.columns(),
        }
    }

    fn description(&self, verb: &Verb, formats: &[u16]) -> Option<Vec<u8>> {
        let format = |at: usize| formats.get(at).copied().unwrap_or_default();
        let columns = self.columns(verb).iter().enumerate();
        let columns: Vec<_> =
            columns.map(|(at, (name, oid))| m::Column::new(name, *oid, -1, format(at))).collect();
        (!columns.is_empty()).then(|| m::row_description(&columns))
    }
}
