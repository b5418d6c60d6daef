//! Spans of time: [`Interval`] <-> `interval`; and `std::time::Duration`.
//!
//! Binary form: microseconds (64 bits), days and months (32 bits each). The three are kept apart, as on the server: a
//! month has 28 to 31 days, and a day 23 to 25 hours. Text form: that of `IntervalStyle`; each of `postgres`,
//! `postgres_verbose`, `sql_standard` and `iso_8601` is read, as the session's settings say, and what is written is read
//! by the server in any of them.
//!
//! From PostgreSQL 17 on `infinity` and `-infinity` are intervals: the greatest and the least of all three numbers. Older
//! servers take those for finite. Text with more than 2,147,483,647 hours is neither printed nor read by PostgreSQL 14.
//!
//! See the manual, "Interval Input" and "Interval Output".

mod fixed;
mod text;
mod value;
mod wire;

pub use value::Interval;
