//! What the tour prints looks the same everywhere: this is the only place that writes to the terminal. Coloured only
//! on a terminal, and not when `NO_COLOR` is set.

use std::fmt::Display;
use std::io::IsTerminal;

/// The columns before the text of a line's right half.
const LABEL: usize = 62;

pub(crate) struct Screen {
    coloured: bool,
}

impl Screen {
    pub(crate) fn of_stdout() -> Screen {
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Screen { coloured: std::io::stdout().is_terminal() && !refused }
    }

    pub(crate) fn title(&self, number: usize, title: &str) {
        println!("\n{}", self.paint("1;36", format_args!("{number}. {title}")));
    }

    /// A sentence.
    pub(crate) fn say(&self, text: &str) {
        println!("{text}");
    }

    /// A statement as it is sent.
    pub(crate) fn sql(&self, sql: &str) {
        for line in sql.lines() {
            println!("  {}", self.paint("33", line));
        }
    }

    /// Output of several lines.
    pub(crate) fn block(&self, text: impl Display) {
        for line in text.to_string().lines() {
            println!("    {line}");
        }
    }

    /// Something, and what became of it.
    pub(crate) fn pair(&self, what: impl Display, result: impl Display) {
        let what = what.to_string();
        if what.chars().count() > LABEL {
            println!("  {what}\n  {:LABEL$} {}", "", self.paint("32", result));
        } else {
            println!("  {what:LABEL$} {}", self.paint("32", result));
        }
    }

    /// A value of a type, and what the server makes of it.
    pub(crate) fn value(&self, name: &str, value: impl Display, text: &str) {
        println!("  {name:15} {value}\n  {:15} {}", "", self.paint("32", text));
    }

    /// What a step cost.
    pub(crate) fn cost(&self, what: &str, round_trips: u64) {
        let trips = if round_trips == 1 { "round trip" } else { "round trips" };
        self.pair(what, format_args!("{round_trips} {trips}"));
    }

    fn paint(&self, code: &str, text: impl Display) -> String {
        if self.coloured { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_string() }
    }
}
