//! Result sets as text: the tables that psql prints.

use super::column::Column;
use super::owned::Row;
use crate::error::Result;
use postgres_types::Type;
use std::fmt::{self, Formatter, Write};
use unicode_width::UnicodeWidthChar;

/// Rows with their columns, printed as psql prints them: aligned, or with `\x` one column a line.
///
/// Names are centred, numbers stand on the right, text of several lines takes several lines with a `+` behind all but the
/// last, what can't be printed is escaped, and wide characters count as two. NULL is empty as in psql, unless
/// [`Table::null`] says otherwise.
///
/// ```no_run
/// # use pg_core::{Session, row::{Row, Table}};
/// # async fn show<S: Session>(client: &mut S) -> Result<(), pg_core::Error> {
/// let rows: Vec<Row> = client.query("select name, price from shop.item", ()).await?;
/// println!("{}", Table::of(&rows)?.null("-"));
/// //  name | price
/// // ------+-------
/// //  lamp |  1999
/// //  free |     -
/// // (2 rows)
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    heads: Vec<Head>,
    /// A cell for each column; `None` is NULL.
    rows: Vec<Vec<Option<String>>>,
    null: String,
    is_expanded: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Head {
    name: String,
    is_number: bool,
}

impl Table {
    /// A table with these columns, and no rows as yet.
    pub fn new(columns: &[Column]) -> Table {
        let heads = columns
            .iter()
            .map(|column| Head { name: column.name().to_owned(), is_number: is_number(column.type_()) });
        Table { heads: heads.collect(), rows: Vec::new(), null: String::new(), is_expanded: false }
    }

    /// A table of rows of one statement, with the columns of the first; without rows it has no columns.
    ///
    /// # Errors
    /// Bytes that aren't a value of their type.
    pub fn of<'r>(rows: impl IntoIterator<Item = &'r Row>) -> Result<Table> {
        let mut rows = rows.into_iter().peekable();
        let mut table = Table::new(rows.peek().map_or(&[], |row| row.columns()));
        rows.try_for_each(|row| table.push(row)).map(|()| table)
    }

    /// Adds a row.
    ///
    /// # Errors
    /// Bytes that aren't a value of their type.
    pub fn push(&mut self, row: &Row) -> Result<()> {
        let cell = |at| {
            let value = row.value(at)?;
            Ok(if value.is_null() { None } else { Some(value.to_string()) })
        };
        self.rows.push((0..row.columns().len()).map(cell).collect::<Result<_>>()?);
        Ok(())
    }

    /// What NULL is printed as, psql's `\pset null`.
    #[must_use]
    pub fn null(mut self, text: impl Into<String>) -> Table {
        self.null = text.into();
        self
    }

    /// One column a line, psql's `\x`.
    #[must_use]
    pub fn expanded(mut self) -> Table {
        self.is_expanded = true;
        self
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    fn cell(&self, value: Option<&String>) -> Cell {
        Cell::new(value.unwrap_or(&self.null))
    }

    fn write_footer(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.rows.len() {
            1 => f.write_str("(1 row)"),
            count => write!(f, "({count} rows)"),
        }
    }

    fn write_aligned(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let names: Vec<Cell> = self.heads.iter().map(|head| Cell::new(&head.name)).collect();
        let rows: Vec<Vec<Cell>> =
            self.rows.iter().map(|row| row.iter().map(|cell| self.cell(cell.as_ref())).collect()).collect();
        let mut widths: Vec<usize> = names.iter().map(Cell::width).collect();
        for row in &rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.width());
            }
        }
        let alignments = vec![Align::Centre; names.len()];
        write_lines(f, &names, &widths, &alignments)?;
        for (at, width) in widths.iter().enumerate() {
            f.write_str(if at > 0 { "+" } else { "" })?;
            fill(f, '-', width.saturating_add(2))?;
        }
        f.write_str(if widths.is_empty() { "--\n" } else { "\n" })?;
        let alignments: Vec<Align> =
            self.heads.iter().map(|head| if head.is_number { Align::Right } else { Align::Left }).collect();
        for row in rows.iter().filter(|row| !row.is_empty()) {
            write_lines(f, row, &widths, &alignments)?;
        }
        self.write_footer(f)
    }

    fn write_expanded(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.rows.is_empty() {
            return self.write_footer(f);
        }
        let names: Vec<Cell> = self.heads.iter().map(|head| Cell::new(&head.name)).collect();
        let rows: Vec<Vec<Cell>> =
            self.rows.iter().map(|row| row.iter().map(|cell| self.cell(cell.as_ref())).collect()).collect();
        let left = names.iter().map(Cell::width).max().unwrap_or_default();
        let right = rows.iter().flatten().map(Cell::width).max().unwrap_or_default();
        for (number, row) in rows.iter().enumerate() {
            if number > 0 {
                f.write_str("\n")?;
            }
            let mut rule = format!("-[ RECORD {} ]", number.saturating_add(1));
            let whole = left.saturating_add(right).saturating_add(3);
            while rule.len() < whole {
                rule.push(if rule.len() == left.saturating_add(1) { '+' } else { '-' });
            }
            f.write_str(&rule)?;
            for (name, cell) in names.iter().zip(row) {
                for at in 0..name.lines.len().max(cell.lines.len()) {
                    let mark = |cell: &Cell| if at.saturating_add(1) < cell.lines.len() { "+" } else { "" };
                    f.write_str("\n")?;
                    name.write(f, at, left, Align::Left)?;
                    write!(f, "{: <1}|", mark(name))?;
                    if at < cell.lines.len() {
                        f.write_str(" ")?;
                        let width = if mark(cell).is_empty() { 0 } else { right };
                        cell.write(f, at, width, Align::Left)?;
                        f.write_str(mark(cell))?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// As psql does, without a newline at the end.
impl fmt::Display for Table {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.is_expanded { self.write_expanded(f) } else { self.write_aligned(f) }
    }
}

/// What psql puts on the right.
fn is_number(type_: &Type) -> bool {
    matches!(
        *type_,
        Type::INT2 | Type::INT4 | Type::INT8 | Type::FLOAT4 | Type::FLOAT8 | Type::NUMERIC | Type::OID
    ) || matches!(*type_, Type::XID | Type::XID8 | Type::CID | Type::MONEY)
}

#[derive(Clone, Copy, PartialEq)]
enum Align {
    Left,
    Centre,
    Right,
}

/// A row of cells, over as many lines as its highest cell has.
fn write_lines(f: &mut Formatter<'_>, cells: &[Cell], widths: &[usize], alignments: &[Align]) -> fmt::Result {
    let height = cells.iter().map(|cell| cell.lines.len()).max().unwrap_or_default();
    for line in 0..height {
        for (at, ((cell, width), align)) in cells.iter().zip(widths).zip(alignments).enumerate() {
            let is_last = at.saturating_add(1) == cells.len();
            let goes_on = line.saturating_add(1) < cell.lines.len();
            // Nothing is filled up where nothing follows, but for the names.
            let fills = !is_last || goes_on || *align != Align::Left;
            f.write_str(if at > 0 { "| " } else { " " })?;
            cell.write(f, line, if fills { *width } else { 0 }, *align)?;
            if goes_on {
                f.write_str("+")?;
            } else if !is_last || *align == Align::Centre {
                f.write_str(" ")?;
            }
        }
        f.write_str("\n")?;
    }
    Ok(())
}

/// A cell's lines, what can't be printed escaped, each with its width on the screen.
struct Cell {
    lines: Vec<(String, usize)>,
}

impl Cell {
    fn new(text: &str) -> Cell {
        Cell { lines: text.split('\n').map(printable).collect() }
    }

    fn width(&self) -> usize {
        self.lines.iter().map(|(_, width)| *width).max().unwrap_or_default()
    }

    /// Writes a line, or the blank of one that isn't there.
    fn write(&self, f: &mut Formatter<'_>, line: usize, width: usize, align: Align) -> fmt::Result {
        let (text, taken) = self.lines.get(line).map_or(("", 0), |(text, width)| (text.as_str(), *width));
        let blank = width.saturating_sub(taken);
        let before = match align {
            Align::Left => 0,
            Align::Centre => blank / 2,
            Align::Right => blank,
        };
        fill(f, ' ', before)?;
        f.write_str(text)?;
        fill(f, ' ', blank.saturating_sub(before))
    }
}

/// So many of a character: a width of `format!` is no more than 65,535.
fn fill(f: &mut Formatter<'_>, with: char, count: usize) -> fmt::Result {
    (0..count).try_for_each(|_| f.write_char(with))
}

/// A line as it can be printed, and its width.
fn printable(line: &str) -> (String, usize) {
    let (mut text, mut width) = (String::with_capacity(line.len()), 0usize);
    for c in line.chars() {
        let before = text.len();
        match c {
            '\r' => text.push_str("\\r"),
            '\t' => {
                let stop = 8usize.saturating_sub(width % 8);
                text.extend(std::iter::repeat_n(' ', stop));
            }
            '\0'..' ' | '\x7f' => text.push_str(&format!("\\x{:02X}", u32::from(c))),
            c if c.is_control() => text.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => {
                text.push(c);
                width = width.saturating_add(c.width().unwrap_or_default());
                continue;
            }
        }
        width = width.saturating_add(text.len().saturating_sub(before));
    }
    (text, width)
}
