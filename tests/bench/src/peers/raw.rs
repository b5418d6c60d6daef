//! The limits: request bytes made beforehand, and of the answer nothing but its frames (`raw`), or the row decoded by
//! hand (`raw-decode`). No error handling worth the name, no types, no state.
//!
//! `raw-poll` is `raw` with a poll before each read. On a Unix socket the server's taking the request wakes a client
//! that waits in read (it may write again), but not one that polls for input, so the third call may save a wake-up.

use std::{
    hint::black_box,
    io::{Read, Write},
    os::{fd::AsFd, unix::net::UnixStream},
    path::Path,
};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::pop;
use crate::{
    child::{Place, Rounds},
    workload::{self, EMPTIED, KEY, LISTEN, Last, Parcel, Result, User, UserRef, Workload},
};

pub fn framed(workload: Workload, rounds: Rounds) -> Result<Option<Last>> {
    frame_all(Wire::connect()?, workload, rounds)
}

pub fn polled(workload: Workload, rounds: Rounds) -> Result<Option<Last>> {
    frame_all(Wire { polls: true, ..Wire::connect()? }, workload, rounds)
}

fn frame_all(mut wire: Wire, workload: Workload, rounds: Rounds) -> Result<Option<Last>> {
    let request = match workload {
        Workload::CopyIn => copy_in(),
        Workload::CopyOut => query(&[workload.sql()]),
        _ => wire.prepare(workload)?,
    };
    if workload == Workload::Notifications {
        wire.ask(&query(&[LISTEN]), |_| {})?;
    }
    for () in rounds {
        wire.ask(&request, |row| {
            black_box(row);
        })?;
    }
    if workload == Workload::CopyIn {
        return wire.copied();
    }
    // It has read nothing: one more answer is decoded for the check.
    let mut last = None;
    wire.ask(&request, |row| {
        last = match workload {
            Workload::Nested => Parcel::decode(fields(row)).map(Last::from),
            Workload::CopyOut => match workload::copied_row(row) {
                Some(row) => user(row).map(Last::from),
                None => last.take(),
            },
            Workload::Notifications => notification(row).and_then(|(_, _, payload)| Last::payload(&payload)),
            _ => UserRef::decode(fields(row)).map(|user| user.to_user().into()),
        }
    })?;
    Ok(last)
}

pub fn decoded(workload: Workload, rounds: Rounds) -> Result<Option<Last>> {
    let mut wire = Wire::connect()?;
    let request = match workload {
        Workload::CopyIn => query(&[EMPTIED, workload.sql()]),
        Workload::CopyOut => query(&[workload.sql()]),
        _ => wire.prepare(workload)?,
    };
    if workload == Workload::Notifications {
        wire.ask(&query(&[LISTEN]), |_| {})?;
    }
    let users = User::all();
    let (mut last, mut heard_last) = (None, None);
    for () in rounds {
        match workload {
            Workload::Inserts | Workload::Tasks => return Err("is_done_by says that it isn't done".into()),
            Workload::Row => {
                wire.ask(&request, |row| last = black_box(user(row)).map(Last::from))?;
            }
            Workload::Owned => {
                let mut users = Vec::new();
                wire.ask(&request, |row| users.extend(user(row)))?;
                last = pop(users);
            }
            Workload::Borrowed => wire.ask(&request, |row| {
                let user = black_box(UserRef::decode(fields(row)));
                if let Some(user) = user.filter(UserRef::is_last) {
                    last = Some(user.to_user().into());
                }
            })?,
            Workload::CopyIn => {
                wire.stream.write_all(&request)?;
                for piece in pieces(&users) {
                    wire.stream.write_all(&piece)?;
                }
                wire.ask(&message(b'c', &[]), |_| {})?;
            }
            Workload::CopyOut => wire.ask(&request, |data| {
                let user = workload::copied_row(data).and_then(|row| black_box(user(row)));
                if let Some(user) = user.filter(User::is_last) {
                    last = Some(user.into());
                }
            })?,
            Workload::Nested => {
                let mut parcels = Vec::new();
                wire.ask(&request, |row| parcels.extend(Parcel::decode(fields(row))))?;
                last = pop(parcels);
            }
            Workload::Notifications => {
                wire.ask(&request, |body| heard_last = black_box(notification(body)))?;
                last = heard_last.as_ref().and_then(|(_, _, payload)| Last::payload(payload));
            }
        }
    }
    if workload == Workload::CopyIn { wire.copied() } else { Ok(last) }
}

/// All that W5 sends, made beforehand.
fn copy_in() -> Vec<u8> {
    let mut request = query(&[EMPTIED, workload::COPY_IN]);
    pieces(&User::all()).for_each(|piece| request.extend(piece));
    request.extend(message(b'c', &[]));
    request
}

/// CopyData messages of about 64 KiB: the header, the rows encoded by hand, the trailer.
fn pieces(users: &[User]) -> impl Iterator<Item = Vec<u8>> {
    let mut users = users.iter();
    let mut open = true;
    let mut is_first = true;
    std::iter::from_fn(move || {
        if !std::mem::replace(&mut open, !users.as_slice().is_empty()) {
            return None;
        }
        let mut piece = Vec::with_capacity(1 << 17);
        piece.extend_from_slice(&[b'd', 0, 0, 0, 0]);
        if std::mem::take(&mut is_first) {
            piece.extend_from_slice(workload::COPY_HEADER);
        }
        while piece.len() < 1 << 16
            && let Some(user) = users.next()
        {
            user.encode(&mut piece);
        }
        if users.as_slice().is_empty() {
            open = false;
            piece.extend_from_slice(workload::COPY_TRAILER);
        }
        let length = piece.len() as u32 - 1;
        piece[1..5].copy_from_slice(&length.to_be_bytes());
        Some(piece)
    })
}

/// Statements of the simple protocol, as one.
fn query(statements: &[&str]) -> Vec<u8> {
    message(b'Q', &[statements.join(";").as_bytes(), b"\0"])
}

fn user(row: &[u8]) -> Option<User> {
    UserRef::decode(fields(row)).map(|user| user.to_user())
}

/// The fields of a DataRow's body, one after the other: a count, then length and bytes of each.
pub(super) fn fields<'r>(row: &'r [u8]) -> impl FnMut() -> Option<&'r [u8]> {
    let mut rest = row.get(2..).unwrap_or_default();
    move || {
        let (field, after) = workload::value(rest)?;
        rest = after;
        Some(field)
    }
}

/// A NotificationResponse by hand: process, channel, payload.
fn notification(body: &[u8]) -> Option<(i32, String, String)> {
    let (process, rest) = body.split_first_chunk()?;
    let mut words = rest.split(|byte| *byte == 0).map(|word| std::str::from_utf8(word).map(str::to_owned));
    Some((i32::from_be_bytes(*process), words.next()?.ok()?, words.next()?.ok()?))
}

struct Wire {
    stream: UnixStream,
    buffer: Box<[u8]>,
    polls: bool,
}

impl Wire {
    fn connect() -> Result<Wire> {
        let place = Place::get()?;
        let mut stream = UnixStream::connect(Path::new(&place.dir).join(format!(".s.PGSQL.{}", place.port)))?;
        let words = ["user", &place.user, "database", &place.database, ""].join("\0") + "\0";
        let length = words.len() as u32 + 8;
        stream
            .write_all(&[&length.to_be_bytes()[..], &196_608_u32.to_be_bytes(), words.as_bytes()].concat())?;
        let mut wire = Wire { stream, buffer: vec![0; 1 << 16].into(), polls: false };
        wire.ask(&[], |_| {})?;
        Ok(wire)
    }

    /// Prepares the workload's statement and gives the request that runs it.
    fn prepare(&mut self, workload: Workload) -> Result<Vec<u8>> {
        let parse = message(b'P', &[b"s\0", workload.sql().as_bytes(), b"\0\0\0"]);
        let sync = message(b'S', &[]);
        self.ask(&[parse, sync.clone()].concat(), |_| {})?;
        // Portal and statement; the parameters' formats; the parameters; the columns' formats: binary.
        let parameters = match workload {
            Workload::Row => [&[0, 1, 0, 1, 0, 1, 0, 0, 0, 8][..], &KEY.to_be_bytes()].concat(),
            _ => vec![0, 0, 0, 0],
        };
        let bind = message(b'B', &[b"\0s\0", &parameters, &[0, 1, 0, 1]]);
        let execute = message(b'E', &[&[0; 5]]);
        Ok([bind, execute, sync].concat())
    }

    /// The last row that was copied in.
    fn copied(&mut self) -> Result<Option<Last>> {
        let bind = [&message(b'B', &[&[0; 6], &[0, 1, 0, 1]])[..], &message(b'E', &[&[0; 5]])].concat();
        let parse = message(b'P', &[b"\0", workload::COPIED.as_bytes(), b"\0\0\0"]);
        let mut last = None;
        self.ask(&[parse, bind, message(b'S', &[])].concat(), |row| last = user(row).map(Last::from))?;
        Ok(last)
    }

    /// Sends a request and calls `row` with the body of each DataRow, CopyData or NotificationResponse, until ReadyForQuery.
    fn ask(&mut self, request: &[u8], mut row: impl FnMut(&[u8])) -> Result<()> {
        self.stream.write_all(request)?;
        let (mut start, mut end) = (0, 0);
        loop {
            let Some((body, tag, after)) = frame(&self.buffer[start..end]) else {
                self.buffer.copy_within(start..end, 0);
                (start, end) = (0, end - start);
                if self.polls {
                    poll(&mut [PollFd::new(self.stream.as_fd(), PollFlags::POLLIN)], PollTimeout::NONE)?;
                }
                match self.stream.read(&mut self.buffer[end..])? {
                    0 => return Err("the server closed the connection".into()),
                    more => end += more,
                }
                continue;
            };
            start += after;
            match tag {
                b'D' | b'd' | b'A' => row(body),
                b'Z' => return Ok(()),
                b'E' => return Err(String::from_utf8_lossy(body).into()),
                _ => {}
            }
        }
    }
}

fn message(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    [&[tag], &(body.len() as u32 + 4).to_be_bytes()[..], &body].concat()
}

/// Body, tag and whole length of the first message, if all of it is here.
fn frame(bytes: &[u8]) -> Option<(&[u8], u8, usize)> {
    let ([tag, length @ ..], _) = bytes.split_first_chunk::<5>()?;
    let end = 1 + u32::from_be_bytes(*length) as usize;
    Some((bytes.get(5..end)?, *tag, end))
}
