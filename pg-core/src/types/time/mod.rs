//! Dates and times: `date`, `time`, `timetz`, `timestamp`, `timestamptz`, without loss; and `std::time::SystemTime`.
//!
//! | PostgreSQL | Rust | binary form |
//! |---|---|---|
//! | `date` | [`Date`] | days since 2000-01-01, 32 bits |
//! | `time` | [`Time`] | microseconds since midnight, 64 bits |
//! | `timetz` | [`TimeTz`] | the time, and seconds *west* of UTC, 32 bits |
//! | `timestamp` | [`Timestamp`] | microseconds since 2000-01-01 00:00:00, 64 bits |
//! | `timestamptz` | [`TimestampTz`], [`SystemTime`](std::time::SystemTime) | microseconds since 2000-01-01 00:00:00 UTC, 64 bits |
//!
//! - **Everything that the server holds**: `infinity` and `-infinity`, which are the greatest and the least number of the
//!   binary form; years from 4714 BC to 5874897 (`date`) or 294276 (`timestamp`); `24:00:00`. Years are counted
//!   astronomically: 0 is 1 BC. The calendar is the proleptic Gregorian one.
//! - **`Display` and `FromStr`** are the server's text form in `DateStyle = ISO`, which it reads in any style. A
//!   [`TimestampTz`] is shown in UTC.
//! - **Text from the server** is read in each `DateStyle` (ISO, SQL, Postgres, German; day or month first), as the
//!   session's
//!   settings say. In another style than ISO a `timestamptz` ends with the abbreviation of a zone, which doesn't tell
//!   an offset (any zone may be called `UTC`): it is read where `TimeZone` is UTC, and otherwise refused with an error
//!   that names both settings.
//! - **Order** is the server's.
//!
//! See the manual, "Date/Time Types".

pub(super) mod calendar;
mod date;
mod of_day;
mod system;
pub(super) mod text;
mod timestamp;

pub use date::Date;
pub use of_day::{Time, TimeTz};
pub use timestamp::{Timestamp, TimestampTz};
