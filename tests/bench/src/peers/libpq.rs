//! libpq called directly, with binary results decoded by hand as in `raw-decode`.
#![allow(unsafe_code)] // C is called

use std::{
    ffi::{CStr, CString, c_char, c_int},
    hint::black_box,
    ptr, slice,
};

use super::pop;
use crate::{
    child::{Place, Rounds},
    workload::{KEY, Last, Parcel, Result, User, UserRef, Workload},
};

#[repr(C)]
struct PGconn([u8; 0]);

#[repr(C)]
struct PGresult([u8; 0]);

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
    fn PQclear(result: *mut PGresult);
}

const CONNECTION_OK: c_int = 0;
const PGRES_COMMAND_OK: c_int = 1;
const PGRES_TUPLES_OK: c_int = 2;

pub fn run(workload: Workload, rounds: Rounds) -> Result<Option<Last>> {
    let connection = Connection::open(&Place::get()?.url())?;
    connection.prepare(workload.sql())?;
    let mut last = None;
    for () in rounds {
        match workload {
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
            Workload::Nested => {
                let rows = connection.run(&[])?;
                let parcels = (0..rows.count()).map_while(|row| Parcel::decode(rows.fields(row)));
                last = pop(parcels.collect::<Vec<Parcel>>());
            }
        }
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
