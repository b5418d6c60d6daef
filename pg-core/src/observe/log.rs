//! An observer that writes a line for each call: its time, kind, SQL, number of parameters, rows, and the error if it
//! failed. Passwords that are set in SQL are left out of it.

use super::event::{Call, Ended, Event, Observer};
use super::text::{one_line, shown};
use crate::exchange::Kind;
use std::fmt;
use std::io::Write;
use std::time::Duration;

/// Where lines go.
#[diagnostic::on_unimplemented(
    message = "lines of the log can't go to `{Self}`",
    note = "they go to what is `std::io::Write + Send`, and with the feature `log` to `LogCrate`"
)]
pub trait Sink: Send {
    /// Takes a line, without its end.
    fn line(&mut self, line: &str, is_error: bool);

    /// Whether it wants lines at present: none is made that it doesn't.
    fn is_on(&self, is_error: bool) -> bool {
        let _ = is_error;
        true
    }
}

impl<W: Write + Send> Sink for W {
    fn line(&mut self, line: &str, _: bool) {
        // Who can't write a log has nobody to tell.
        let _ = writeln!(self, "{line}");
    }
}

/// The crate `log`: target `pg`, level `Debug`, or `Warn` for what failed.
#[cfg(feature = "log")]
#[derive(Debug, Clone, Copy, Default)]
pub struct LogCrate;

#[cfg(feature = "log")]
impl Sink for LogCrate {
    fn line(&mut self, line: &str, is_error: bool) {
        ::log::log!(target: "pg", level(is_error), "{line}");
    }

    fn is_on(&self, is_error: bool) -> bool {
        ::log::log_enabled!(target: "pg", level(is_error))
    }
}

#[cfg(feature = "log")]
fn level(is_error: bool) -> ::log::Level {
    if is_error { ::log::Level::Warn } else { ::log::Level::Debug }
}

type Filter = Box<dyn FnMut(Call<'_>, Ended<'_>) -> bool + Send>;

/// Writes a line for each call that has ended.
///
/// `12.3 ms query select * from users where id = $1 (1 parameter, 1 row)`
pub struct Log<K> {
    sink: K,
    min_time: Duration,
    filter: Option<Filter>,
}

impl<K: Sink> Log<K> {
    /// Writes to anything that can be written to.
    pub fn to(sink: K) -> Log<K> {
        Log { sink, min_time: Duration::ZERO, filter: None }
    }

    /// Only calls that took so long, or failed.
    #[must_use]
    pub fn min_time(mut self, min_time: Duration) -> Log<K> {
        self.min_time = min_time;
        self
    }

    /// Only calls for which this is true.
    #[must_use]
    pub fn filter(mut self, filter: impl FnMut(Call<'_>, Ended<'_>) -> bool + Send + 'static) -> Log<K> {
        self.filter = Some(Box::new(filter));
        self
    }
}

impl<K: Sink> Observer for Log<K> {
    fn observe(&mut self, event: &Event<'_>) {
        match event {
            Event::Ended(call, ended) => {
                let is_error = ended.error.is_some();
                let is_wanted = (is_error || ended.took >= self.min_time) && self.sink.is_on(is_error);
                if is_wanted && self.filter.as_mut().is_none_or(|filter| filter(*call, *ended)) {
                    self.sink.line(&line(*call, *ended), is_error);
                }
            }
            Event::Connected { took, error: Some(error) } => {
                let line = format!("{} connecting failed: {}", time(*took), error.summary());
                self.sink.line(&one_line(&line), true);
            }
            _ => {}
        }
    }

    fn is_on(&self) -> bool {
        self.sink.is_on(true) || self.sink.is_on(false)
    }
}

fn line(call: Call<'_>, ended: Ended<'_>) -> String {
    let mut line = format!("{} {}", time(ended.took), format!("{:?}", call.kind).to_lowercase());
    if !call.sql.is_empty() {
        line.push(' ');
        line.push_str(&shown(call.sql));
    }
    if !matches!(call.kind, Kind::Begin | Kind::Commit | Kind::Rollback | Kind::Ping | Kind::Wait) {
        let plural = |count: u64| if count == 1 { "" } else { "s" };
        let (parameters, rows) = (call.parameters as u64, ended.rows);
        line.push_str(&format!(
            " ({parameters} parameter{}, {rows} row{})",
            plural(parameters),
            plural(rows)
        ));
    }
    match ended.error {
        Some(error) => line.push_str(&format!(" failed: {}", one_line(&error.summary()))),
        None if ended.is_dropped => line.push_str(" was dropped"),
        None => {}
    }
    line
}

fn time(took: Duration) -> String {
    format!("{:.1} ms", took.as_secs_f64() * 1e3)
}

impl<K> fmt::Debug for Log<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Log").field("min_time", &self.min_time).finish_non_exhaustive()
    }
}
