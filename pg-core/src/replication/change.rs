//! Changes of rows as the types that queries use: a row of pgoutput is laid out as a row of a query is, and read by the
//! same plans.
//!
//! A column that the stream doesn't tell (unchanged TOAST, or one that doesn't belong to the key of a row that was) is
//! missing from the row: a field with `#[pg(default)]` takes its default, any other is an error that names the column.
//! A tuple counts columns by the table's places, and of a key by the key's; a `Row` and maps have the columns that are
//! told, to be found by their names.

use super::pgoutput::{Decoder, Message, Old, Relation, Relations, Tuple, TupleValue};
use crate::error::{Error, Result};
use crate::message::Format;
use crate::message::backend::DataRow;
use crate::row::{Column, FromRow, RowPlan, Shape, of_one_row};
use crate::types::catalog::Catalog;
use crate::types::context::{Context, Settings};
use crate::wire::writer::{Buffer, put_i32, put_u32};
use postgres_types::{Kind, Oid, Type};
use std::collections::HashMap;
use std::sync::Arc;

/// Plans kept for a table: for each row type, and each set of columns that are told.
const PLANS: usize = 32;

/// Reads the messages of one stream of pgoutput as changes.
#[derive(Debug)]
pub struct ChangeReader {
    decoder: Decoder,
    rows: Rows,
}

/// All that reading rows takes.
#[derive(Debug)]
struct Rows {
    tables: HashMap<Oid, Plans>,
    /// Types that only their names were told of.
    named: HashMap<Oid, Type>,
    catalog: Catalog,
    context: Context,
    row: Buffer,
    /// How each column of that row is sent.
    sent: Vec<Sent>,
}

/// What one message of the stream is.
#[derive(Debug)]
pub enum Event<'r> {
    /// A row was inserted, updated or deleted.
    Change(Change<'r>),
    /// Anything else: the bounds of transactions, tables that are emptied, messages.
    Other(Message<'r>),
}

/// What happened to a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// It was inserted.
    Insert,
    /// It was updated.
    Update,
    /// It was deleted.
    Delete,
}

/// A change of a row.
#[derive(Debug)]
pub struct Change<'r> {
    action: Action,
    xid: Option<u32>,
    relation: Arc<Relation>,
    new: Option<Tuple<'r>>,
    old: Option<Old<'r>>,
    rows: &'r mut Rows,
}

impl ChangeReader {
    /// A reader for a stream from its beginning, with the types that are known of its database and the settings under
    /// which the server writes values.
    pub fn new(catalog: Catalog, settings: Arc<Settings>) -> ChangeReader {
        let context = Context { settings, ..Context::default() };
        let rows = Rows {
            tables: HashMap::new(),
            named: HashMap::new(),
            catalog,
            context,
            row: Buffer::new(),
            sent: Vec::new(),
        };
        ChangeReader { decoder: Decoder::new(), rows }
    }

    /// Reads a message.
    ///
    /// # Errors
    /// Bytes that are no message of pgoutput; a change of a table that was not described.
    pub fn read<'r>(&'r mut self, data: &'r [u8]) -> Result<Event<'r>> {
        let streamed = self.decoder.streamed().is_some();
        self.read_of(data, streamed)
    }

    /// As [`ChangeReader::read`], of a message that was kept: `streamed` says whether it stood in a block of a streamed
    /// transaction.
    pub(super) fn read_of<'r>(&'r mut self, data: &'r [u8], streamed: bool) -> Result<Event<'r>> {
        self.rows.context.scratch.clear();
        let message = self.decoder.decode_of(data, streamed)?;
        let (action, xid, relation, new, old) = match message {
            Message::Insert(insert) => (Action::Insert, insert.xid, insert.relation, Some(insert.new), None),
            Message::Update(update) => {
                (Action::Update, update.xid, update.relation, Some(update.new), update.old)
            }
            Message::Delete(delete) => (Action::Delete, delete.xid, delete.relation, None, Some(delete.old)),
            Message::Type(name) => {
                if self.rows.catalog.type_by_oid(name.oid).is_none() {
                    let type_ =
                        Type::new(name.name.to_owned(), name.oid, Kind::Simple, name.schema.to_owned());
                    self.rows.named.insert(name.oid, type_);
                }
                return Ok(Event::Other(message));
            }
            other => return Ok(Event::Other(other)),
        };
        let Some(relation) = self.decoder.relations().get(relation).cloned() else {
            return Err(Error::decode(format!("a change of table {relation}, which was not described"))
                .hint("the stream must reach the reader from its beginning"));
        };
        let told = [new, old.map(|old| old.tuple())];
        if told.iter().flatten().any(|tuple| tuple.len() != relation.columns.len()) {
            return Err(Error::decode(format!(
                "a row of {} has not the {} columns that were described",
                relation.name,
                relation.columns.len()
            )));
        }
        Ok(Event::Change(Change { action, xid, relation, new, old, rows: &mut self.rows }))
    }

    /// The tables that were described so far.
    pub fn relations(&self) -> &Relations {
        self.decoder.relations()
    }

    /// The transaction of the block in which the next message stands, while one is streamed before it has committed.
    pub fn streamed(&self) -> Option<u32> {
        self.decoder.streamed()
    }

    /// The OIDs of the columns' types that aren't known.
    pub fn unknown_types(&self) -> Vec<Oid> {
        let columns = self.decoder.relations().iter().flat_map(|relation| relation.columns.iter());
        let mut unknown: Vec<Oid> =
            columns.map(|column| column.type_oid).filter(|oid| !self.rows.catalog.knows(*oid)).collect();
        unknown.sort_unstable();
        unknown.dedup();
        unknown
    }

    /// Goes on with the types of this catalog: one that another session of the same database has looked up.
    pub fn set_catalog(&mut self, catalog: Catalog) {
        self.rows.catalog = catalog;
        self.rows.tables.clear();
    }
}

/// Functions by table: each change is given to that of its table, which reads it as its type.
///
/// ```no_run
/// # use pg_core::{FromRow, replication::change::{Change, Dispatch}};
/// # #[derive(FromRow)] struct Account { id: i64 }
/// # #[derive(FromRow)] struct Order { id: i64 }
/// # fn show(mut change: Change<'_>) -> Result<(), pg_core::Error> {
/// let mut dispatch = Dispatch::new()
///     .on("public", "account", |change| change.new::<Account>().map(|account| println!("{}", account.id)))
///     .on("public", "order", |change| change.new::<Order>().map(drop));
/// assert!(dispatch.give(&mut change)?, "a table that nobody asked for");
/// # Ok(())
/// # }
/// ```
#[derive(Default)]
pub struct Dispatch<'f> {
    /// By schema, and in it by name.
    tables: HashMap<Box<str>, HashMap<Box<str>, Handler<'f>>>,
}

type Handler<'f> = Box<dyn FnMut(&mut Change<'_>) -> Result<()> + Send + 'f>;

impl std::fmt::Debug for Dispatch<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let tables = self.tables.iter();
        let names = tables.flat_map(|(schema, tables)| tables.keys().map(move |table| (schema, table)));
        f.debug_set().entries(names).finish()
    }
}

impl<'f> Dispatch<'f> {
    /// No tables.
    pub fn new() -> Dispatch<'f> {
        Dispatch::default()
    }

    /// Gives changes of this table to `take`.
    #[must_use]
    pub fn on(
        mut self,
        schema: &str,
        table: &str,
        take: impl FnMut(&mut Change<'_>) -> Result<()> + Send + 'f,
    ) -> Dispatch<'f> {
        self.tables.entry(schema.into()).or_default().insert(table.into(), Box::new(take));
        self
    }

    /// Gives a change to its table's function; whether there is one.
    ///
    /// # Errors
    /// The function's.
    pub fn give(&mut self, change: &mut Change<'_>) -> Result<bool> {
        let relation = &change.relation;
        match self.tables.get_mut(&relation.schema).and_then(|tables| tables.get_mut(&relation.name)) {
            Some(take) => take(change).map(|()| true),
            None => Ok(false),
        }
    }
}

impl<'r> Change<'r> {
    /// What happened.
    pub fn action(&self) -> Action {
        self.action
    }

    /// The number of its (sub)transaction, where the transaction is streamed before it has committed.
    pub fn xid(&self) -> Option<u32> {
        self.xid
    }

    /// The table, as it was then.
    pub fn relation(&self) -> &Arc<Relation> {
        &self.relation
    }

    /// The table's name, without its schema.
    pub fn table(&self) -> &str {
        &self.relation.name
    }

    /// The row as it is since; `None` for one that was deleted. In its parts: see [`Tuple::values`].
    pub fn new_tuple(&self) -> Option<Tuple<'r>> {
        self.new
    }

    /// What the stream tells of the row as it was.
    pub fn old_tuple(&self) -> Option<Old<'r>> {
        self.old
    }

    /// The names of columns that are stored out of line and weren't changed, so that their values aren't told.
    pub fn unchanged(&self) -> impl Iterator<Item = &str> {
        let told = self.new.map(|tuple| told(&self.relation, tuple, self.was(), false));
        let columns = self.relation.columns.iter().zip(told.into_iter().flatten());
        columns.filter(|(_, value)| value.is_none()).map(|(column, _)| &*column.name)
    }

    /// The row as it is since, as `T`: the type that queries of the table use.
    ///
    /// # Errors
    /// A row that was deleted; a column that `T` doesn't find or can't read, by name. A value that is stored out of
    /// line and wasn't changed isn't sent: its column is missing then, unless the table has `REPLICA IDENTITY FULL`.
    #[allow(clippy::new_ret_no_self, reason = "the new row, beside the old one")]
    pub fn new<'c, T: FromRow<'c>>(&'c mut self) -> Result<T> {
        let was = self.was();
        match self.new {
            Some(tuple) => self.rows.get(&self.relation, tuple, was, false),
            None => {
                Err(Error::usage(format!("the row of {} was deleted: there is no new one", self.table())))
            }
        }
    }

    /// The row as it was, as `T`; of a key, the key's columns alone. `None` where the stream tells nothing of it: for an
    /// insert, and for an update that left the key as it was.
    ///
    /// # Errors
    /// A column that `T` doesn't find or can't read, by name.
    pub fn old<'c, T: FromRow<'c>>(&'c mut self) -> Result<Option<T>> {
        match self.old {
            Some(old) => {
                let key = matches!(old, Old::Key(_));
                self.rows.get(&self.relation, old.tuple(), None, key).map(Some)
            }
            None => Ok(None),
        }
    }

    /// The whole row as it was, where it is told: what is unchanged in the new one stands there.
    fn was(&self) -> Option<Tuple<'r>> {
        match self.old {
            Some(Old::Row(row)) => Some(row),
            _ => None,
        }
    }
}

/// The values that are told, in the table's order; `None` for those that aren't.
fn told<'r>(
    relation: &Relation,
    tuple: Tuple<'r>,
    was: Option<Tuple<'r>>,
    keys_alone: bool,
) -> impl Iterator<Item = Option<TupleValue<'r>>> {
    let mut before = was.map(|row| row.values());
    tuple.values().zip(relation.columns.iter()).map(move |(value, column)| {
        let was = before.as_mut().and_then(Iterator::next);
        match value {
            _ if keys_alone && !column.is_key => None,
            TupleValue::Unchanged => was.filter(|was| *was != TupleValue::Unchanged),
            value => Some(value),
        }
    })
}

/// The plans for one table as it is now.
#[derive(Debug)]
struct Plans {
    relation: Arc<Relation>,
    plans: Vec<(Box<[Sent]>, RowPlan)>,
}

/// How a column of a row is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sent {
    Not,
    Null,
    Text,
    Binary,
}

impl Sent {
    fn of(value: Option<TupleValue<'_>>) -> Sent {
        match value {
            None | Some(TupleValue::Unchanged) => Sent::Not,
            Some(TupleValue::Null) => Sent::Null,
            Some(TupleValue::Text(_)) => Sent::Text,
            Some(TupleValue::Binary(_)) => Sent::Binary,
        }
    }

    /// Whether a plan for `self` reads what is sent like `row`. NULL is the same in both forms.
    fn serves(self, row: Sent) -> bool {
        self == row || (row == Sent::Null && self != Sent::Not)
    }
}

impl Rows {
    fn get<'c, T: FromRow<'c>>(
        &'c mut self,
        relation: &Arc<Relation>,
        tuple: Tuple<'_>,
        was: Option<Tuple<'_>>,
        keys_alone: bool,
    ) -> Result<T> {
        self.lay_out(relation, tuple, was, keys_alone);
        let Rows { tables, named, catalog, context, row, sent, .. } = self;
        let table = tables
            .entry(relation.oid)
            .or_insert_with(|| Plans { relation: relation.clone(), plans: Vec::new() });
        if !Arc::ptr_eq(&table.relation, relation) {
            *table = Plans { relation: relation.clone(), plans: Vec::new() };
        }
        let serves = |plan: &(Box<[Sent]>, RowPlan)| {
            plan.1.is_for(T::SHAPE) && plan.0.iter().zip(sent.iter()).all(|(of, row)| of.serves(*row))
        };
        let at = match table.plans.iter().position(serves) {
            Some(at) => at,
            None => {
                if table.plans.len() >= PLANS {
                    table.plans.clear();
                }
                if let Some(error) = untold(T::SHAPE, relation, sent, keys_alone) {
                    return Err(error);
                }
                let columns = columns(relation, sent, named, catalog);
                let plan = RowPlan::new(T::SHAPE, columns, catalog)
                    .map_err(|error| explain(error, relation, catalog))?;
                table.plans.push((sent.as_slice().into(), plan));
                table.plans.len().saturating_sub(1)
            }
        };
        let Some((_, plan)) = table.plans.get(at) else {
            return Err(Error::usage("a plan is gone"));
        };
        let row = DataRow::new(row).and_then(|row| plan.read(row, context));
        row.map_err(|error| {
            of_one_row(error).within(format_args!("table {}.{}", relation.schema, relation.name))
        })
    }

    /// Lays a row out as DataRow has it.
    fn lay_out(&mut self, relation: &Relation, tuple: Tuple<'_>, was: Option<Tuple<'_>>, keys_alone: bool) {
        let Rows { row, sent, .. } = self;
        row.clear();
        sent.clear();
        row.extend_from_slice(&[0, 0]);
        let mut count = 0u16;
        for value in told(relation, tuple, was, keys_alone) {
            sent.push(Sent::of(value));
            let Some(value) = value else { continue };
            count = count.saturating_add(1);
            match value.bytes() {
                Some(bytes) => {
                    // It came with a length of four bytes.
                    put_u32(row, u32::try_from(bytes.len()).unwrap_or(u32::MAX));
                    row.extend_from_slice(bytes);
                }
                None => put_i32(row, -1),
            }
        }
        if let Some(place) = row.first_chunk_mut::<2>() {
            *place = count.to_be_bytes();
        }
    }
}

/// The columns that are sent, as a query's result would have them.
fn columns(
    relation: &Relation,
    sent: &[Sent],
    named: &HashMap<Oid, Type>,
    catalog: &Catalog,
) -> Arc<[Column]> {
    let columns = relation.columns.iter().enumerate().zip(sent).filter(|(_, sent)| **sent != Sent::Not);
    let columns = columns.map(|((at, column), sent)| {
        // A table has at most 1600; 0 is no column of a table.
        let attribute = i16::try_from(at.saturating_add(1)).unwrap_or(0);
        let oid = column.type_oid;
        let known = catalog.type_by_oid(oid).or_else(|| named.get(&oid).cloned());
        let type_ = known.unwrap_or_else(|| catalog.type_or_stand_in(oid));
        let format = if *sent == Sent::Binary { Format::Binary } else { Format::Text };
        Column::of_table(&column.name, type_, relation.oid, attribute, column.type_modifier, format)
    });
    columns.collect()
}

/// The error of a shape that reads columns which aren't told. Those that are read by their places would read others.
fn untold(shape: &'static Shape, relation: &Relation, sent: &[Sent], keys_alone: bool) -> Option<Error> {
    let positional = shape.positional();
    let told = sent.iter().filter(|sent| **sent != Sent::Not).count();
    let columns = relation.columns.iter().enumerate().zip(sent).filter(|(_, sent)| **sent == Sent::Not);
    let lacks = |at: usize, name: &str| {
        let by_place = if keys_alone { positional > told } else { at < positional };
        by_place || shape.requires(name)
    };
    let columns = columns.map(|((at, column), _)| (at, &*column.name)).filter(|(at, name)| lacks(*at, name));
    let names: Vec<&str> = columns.map(|(_, name)| name).collect();
    if names.is_empty() {
        return None;
    }
    let names = names.join(", ");
    let error = Error::decode(format!("the stream doesn't tell {names}"))
        .within(format_args!("table {}.{}", relation.schema, relation.name));
    Some(match keys_alone {
        true => error.hint(
            "only the key of the row that was is sent: read it as a type with the key's columns, or set REPLICA IDENTITY FULL",
        ),
        false => error.hint(format!(
            "{names} was not changed and is stored out of line (TOAST), so it isn't sent: read the row by names and give \
             the field `#[pg(default)]`, or set REPLICA IDENTITY FULL"
        )),
    })
}

#[cold]
fn explain(error: Error, relation: &Relation, catalog: &Catalog) -> Error {
    let unknown = relation.columns.iter().filter(|column| !catalog.knows(column.type_oid));
    let unknown: Vec<&str> = unknown.map(|column| &*column.name).collect();
    let error = error.within(format_args!("table {}.{}", relation.schema, relation.name));
    if unknown.is_empty() {
        return error;
    }
    error.with_cure(format!(
        "the type of {} was made after the stream began: look it up over a second connection, with resolve()",
        unknown.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::Row;

    /// `doc (id, body, title)` of texts, with the first as the key, but for the type of `title`.
    fn reader(title: Oid) -> ChangeReader {
        let mut table = [&b"R"[..], &[0, 0, 0, 7], b"public\0doc\0d", &[0, 3]].concat();
        for (key, name, oid) in [(1, "id", 25), (0, "body", 25), (0, "title", title)] {
            table.extend([&[key], name.as_bytes(), &[0], &oid.to_be_bytes(), &[255; 4]].concat());
        }
        let mut reader = ChangeReader::new(Catalog::default(), Arc::new(Settings::default()));
        reader.read(&table).unwrap();
        reader
    }

    /// An update that leaves the body as it was.
    const UPDATE: &[u8] = b"U\0\0\0\x07N\0\x03t\0\0\0\x011ut\0\0\0\x01x";

    fn read<T>(title: Oid) -> Result<T>
    where
        T: for<'r> FromRow<'r>,
    {
        let mut reader = reader(title);
        let Event::Change(mut change) = reader.read(UPDATE)? else { panic!("no change") };
        change.new()
    }

    #[test]
    fn a_tuple_never_takes_another_column_for_one_that_was_not_sent() {
        for error in
            [read::<(String, String)>(25).unwrap_err(), read::<(String, String, String)>(25).unwrap_err()]
        {
            assert!(error.to_string().contains("doesn't tell body"), "{error}");
            assert!(error.cure().unwrap().contains("TOAST"), "{error}");
        }
        assert_eq!(read::<(String,)>(25).unwrap().0, "1", "what is before it is where it was");
        assert_eq!(read::<Row>(25).unwrap().get::<String>("title").unwrap(), "x");
    }

    #[test]
    fn an_error_of_another_column_keeps_its_own_cure() {
        let error = read::<(i64,)>(25).unwrap_err();
        assert!(error.to_string().contains("\"id\""), "{error}");
        assert!(!error.cure().unwrap_or_default().contains("TOAST"), "{error}");
    }

    #[test]
    fn a_table_of_more_columns_than_there_can_be_is_no_panic() {
        let count = u16::MAX;
        let mut table = [&b"R"[..], &[0, 0, 0, 7], b"public\0doc\0d", &count.to_be_bytes()].concat();
        let mut row = [&b"I"[..], &[0, 0, 0, 7], b"N", &count.to_be_bytes()].concat();
        for _ in 0..count {
            table.extend([&[0][..], b"c\0", &[0, 0, 0, 25], &[255; 4]].concat());
        }
        row.extend(vec![b'n'; usize::from(count)]);
        let mut reader = ChangeReader::new(Catalog::default(), Arc::new(Settings::default()));
        reader.read(&table).unwrap();
        let Event::Change(mut change) = reader.read(&row).unwrap() else { panic!("no change") };
        assert_eq!(change.new::<(Option<String>,)>().unwrap(), (None,));
    }
}
