//! libpq called directly, with binary results decoded by hand as in `raw-decode`.
#![allow(unsafe_code)] // C is called

use std::{
    ffi::{CStr, CString, c_char, c_int, c_void},
    hint::black_box,
    ptr, slice,
};

use super::pop;
use crate::{
    child::{Place, Rounds},
    workload::{
        self, COPIED, COPY_HEADER, COPY_TRAILER, EMPTIED, KEY, LISTEN, Last, Parcel, Result, User, UserRef,
        Workload,
    },
};

#[repr(C)]
struct PGconn([u8; 0]);

#[repr(C)]
struct PGresult([u8; 0]);

/// The first fields, all that is read of it.
#[repr(C)]
struct PGnotify {
    relname: *const c_char,
    be_pid: c_int,
    extra: *const c_char,
}

#[link(name = "pq")]
unsafe extern "C" {
    fn PQconnectdb(conninfo: *const c_char) -> *mut PGconn;
    fn PQstatus(conn: *const PGconn) -> c_int;
    fn PQerrorMessage(conn: *const PGconn) -> *const c_char;
    fn PQfinish(conn: *mut PGconn);
    fn PQprepare(
        conn: *mut PGconn,
        name: *const c_char,
        query: *const c_char,
        n_params: c_int,
        param_types: *const u32,
    ) -> *mut PGresult;
    fn PQexecPrepared(
        conn: *mut PGconn,
        name: *const c_char,
        n_params: c_int,
        values: *const *const c_char,
        lengths: *const c_int,
        formats: *const c_int,
        result_format: c_int,
    ) -> *mut PGresult;
    fn PQresultStatus(result: *const PGresult) -> c_int;
    fn PQntuples(result: *const PGresult) -> c_int;
    fn PQgetvalue(result: *const PGresult, row: c_int, column: c_int) -> *const c_char;
    fn PQgetlength(result: *const PGresult, row: c_int, column: c_int) -> c_int;
    fn PQexec(conn: *mut PGconn, query: *const c_char) -> *mut PGresult;
    fn PQgetResult(conn: *mut PGconn) -> *mut PGresult;
    fn PQputCopyData(conn: *mut PGconn, buffer: *const c_char, nbytes: c_int) -> c_int;
    fn PQputCopyEnd(conn: *mut PGconn, errormsg: *const c_char) -> c_int;
    fn PQgetCopyData(conn: *mut PGconn, buffer: *mut *mut c_char, asynchronous: c_int) -> c_int;
    fn PQnotifies(conn: *mut PGconn) -> *mut PGnotify;
    fn PQfreemem(memory: *mut c_void);
    fn PQclear(result: *mut PGresult);
}

const CONNECTION_OK: c_int = 0;
const PGRES_COMMAND_OK: c_int = 1;
const PGRES_TUPLES_OK: c_int = 2;
const PGRES_COPY_OUT: c_int = 3;
const PGRES_COPY_IN: c_int = 4;

pub fn run(workload: Workload, rounds: Rounds) -> Result<Option<Last>> {
    let connection = Connection::open(&Place::get()?.url())?;
    connection.prepare(if workload == Workload::CopyIn { COPIED } else { workload.sql() })?;
    let users = User::all();
    if workload == Workload::Notifications {
        connection.execute(LISTEN, PGRES_COMMAND_OK)?;
    }
    let (mut last, mut heard_last) = (None, None);
    for () in rounds {
        match workload {
            Workload::Inserts | Workload::Tasks => return Err("is_done_by says that it isn't done".into()),
            Workload::Row => {
                let rows = connection.run(&[&KEY.to_be_bytes()])?;
                last = black_box(rows.user(0).map(|user| user.to_user())).map(Last::from);
            }
            Workload::Owned => {
                let rows = connection.run(&[])?;
                last = pop(rows.users().map(|user| user.to_user()).collect::<Vec<User>>());
            }
            Workload::Borrowed => {
                let rows = connection.run(&[])?;
                for user in rows.users().map(black_box) {
                    if user.is_last() {
                        last = Some(user.to_user().into());
                    }
                }
            }
            Workload::CopyIn => connection.copy_in(&users)?,
            Workload::CopyOut => connection.copy_out(|user| {
                if black_box(&user).is_last() {
                    last = Some(user.into());
                }
            })?,
            Workload::Nested => {
                let rows = connection.run(&[])?;
                let parcels = (0..rows.count()).map_while(|row| Parcel::decode(rows.fields(row)));
                last = pop(parcels.collect::<Vec<Parcel>>());
            }
            Workload::Notifications => {
                drop(connection.run(&[])?);
                connection.notifications(|payload| heard_last = Some(black_box(payload.to_owned())));
                last = heard_last.as_deref().and_then(Last::payload);
            }
        }
    }
    if workload == Workload::CopyIn {
        last = connection.run(&[])?.user(0).map(|user| user.to_user().into());
    }
    Ok(last)
}

struct Connection(*mut PGconn);

impl Connection {
    fn open(url: &str) -> Result<Connection> {
        let url = CString::new(url)?;
        // SAFETY: a C string.
        let connection = Connection(unsafe { PQconnectdb(url.as_ptr()) });
        // SAFETY: libpq takes NULL here, and says no.
        if unsafe { PQstatus(connection.0) } != CONNECTION_OK {
            Err(connection.error())
        } else {
            Ok(connection)
        }
    }

    fn prepare(&self, sql: &str) -> Result<()> {
        let sql = CString::new(sql)?;
        // SAFETY: an open connection, C strings, no parameter types.
        let result = unsafe { PQprepare(self.0, c"s".as_ptr(), sql.as_ptr(), 0, ptr::null()) };
        self.check(Rows(result), PGRES_COMMAND_OK).map(drop)
    }

    /// Runs what was prepared with at most one parameter in binary.
    fn run(&self, parameters: &[&[u8]]) -> Result<Rows> {
        let value = parameters.first().map_or(ptr::null(), |value| value.as_ptr().cast());
        let length = parameters.first().map_or(0, |value| value.len() as c_int);
        let count = parameters.len().min(1) as c_int;
        // SAFETY: an open connection, and as many values, lengths and formats as the count says.
        let result = unsafe { PQexecPrepared(self.0, c"s".as_ptr(), count, &value, &length, &1, 1) };
        self.check(Rows(result), PGRES_TUPLES_OK)
    }

    fn execute(&self, sql: &str, wanted: c_int) -> Result<()> {
        let sql = CString::new(sql)?;
        // SAFETY: an open connection and a C string.
        self.check(Rows(unsafe { PQexec(self.0, sql.as_ptr()) }), wanted).map(drop)
    }

    /// All results that are still to come, of which none is an error.
    fn finish(&self) -> Result<()> {
        loop {
            // SAFETY: an open connection.
            let result = Rows(unsafe { PQgetResult(self.0) });
            if result.0.is_null() {
                return Ok(());
            }
            self.check(result, PGRES_COMMAND_OK)?;
        }
    }

    /// Encoded by hand, in pieces of about 64 KiB.
    fn copy_in(&self, users: &[User]) -> Result<()> {
        self.execute(EMPTIED, PGRES_COMMAND_OK)?;
        self.execute(workload::COPY_IN, PGRES_COPY_IN)?;
        let mut piece = Vec::with_capacity(1 << 17);
        piece.extend_from_slice(COPY_HEADER);
        let put = |piece: &mut Vec<u8>| {
            // SAFETY: an open connection and so many bytes.
            let taken = unsafe { PQputCopyData(self.0, piece.as_ptr().cast(), piece.len() as c_int) };
            piece.clear();
            if taken == 1 { Ok(()) } else { Err(self.error()) }
        };
        for user in users {
            user.encode(&mut piece);
            if piece.len() >= 1 << 16 {
                put(&mut piece)?;
            }
        }
        piece.extend_from_slice(COPY_TRAILER);
        put(&mut piece)?;
        // SAFETY: an open connection; libpq takes NULL for no error.
        if unsafe { PQputCopyEnd(self.0, ptr::null()) } != 1 {
            return Err(self.error());
        }
        self.finish()
    }

    fn copy_out(&self, mut row: impl FnMut(User)) -> Result<()> {
        self.execute(workload::COPY_OUT, PGRES_COPY_OUT)?;
        loop {
            let mut buffer = ptr::null_mut();
            // SAFETY: an open connection and a place for the address.
            let length = unsafe { PQgetCopyData(self.0, &mut buffer, 0) };
            let Ok(length) = usize::try_from(length) else {
                return self.finish();
            };
            // SAFETY: libpq gave so many bytes, which are freed below and not used afterwards.
            let data = unsafe { slice::from_raw_parts(buffer.cast(), length) };
            let user = workload::copied_row(data).and_then(|row| UserRef::decode(super::raw::fields(row)));
            if let Some(user) = user {
                row(user.to_user());
            }
            // SAFETY: the buffer is libpq's.
            unsafe { PQfreemem(buffer.cast()) }
        }
    }

    /// The payloads of all that have come.
    fn notifications(&self, mut heard: impl FnMut(&str)) {
        loop {
            // SAFETY: an open connection.
            let notification = unsafe { PQnotifies(self.0) };
            if notification.is_null() {
                return;
            }
            // SAFETY: libpq gave it with C strings, which are read before it is freed; it is not used afterwards.
            unsafe {
                black_box(((*notification).relname, (*notification).be_pid));
                heard(CStr::from_ptr((*notification).extra).to_str().unwrap_or_default());
                PQfreemem(notification.cast());
            }
        }
    }

    fn check(&self, rows: Rows, wanted: c_int) -> Result<Rows> {
        // SAFETY: libpq takes NULL here, and says no.
        if unsafe { PQresultStatus(rows.0) } == wanted { Ok(rows) } else { Err(self.error()) }
    }

    fn error(&self) -> Box<dyn std::error::Error> {
        // SAFETY: a C string that is copied before the connection is used again.
        unsafe { CStr::from_ptr(PQerrorMessage(self.0)) }.to_string_lossy().into()
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // SAFETY: it is not used afterwards; libpq takes NULL here.
        unsafe { PQfinish(self.0) }
    }
}

struct Rows(*mut PGresult);

impl Rows {
    fn count(&self) -> c_int {
        // SAFETY: a result that is there.
        unsafe { PQntuples(self.0) }
    }

    fn users(&self) -> impl Iterator<Item = UserRef<'_>> {
        (0..self.count()).map_while(|row| self.user(row))
    }

    fn user(&self, row: c_int) -> Option<UserRef<'_>> {
        UserRef::decode(self.fields(row))
    }

    /// The fields of a row, one after the other.
    fn fields<'r>(&'r self, row: c_int) -> impl FnMut() -> Option<&'r [u8]> {
        let mut columns = 0..;
        move || {
            let column = columns.next()?;
            // SAFETY: the result owns the bytes until it is cleared; for a row or column that it has not, libpq gives NULL.
            unsafe {
                let value = PQgetvalue(self.0, row, column);
                (!value.is_null())
                    .then(|| slice::from_raw_parts(value.cast(), PQgetlength(self.0, row, column) as usize))
            }
        }
    }
}

impl Drop for Rows {
    fn drop(&mut self) {
        // SAFETY: it is not used afterwards; libpq takes NULL here.
        unsafe { PQclear(self.0) }
    }
}
