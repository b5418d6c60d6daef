//! What must be asked before a statement can be sent: the catalog, a statement's description, or a BEGIN that can't
//! travel with it. Asked at most once a statement, and never while rows are unread.

use super::text;
use crate::error::{Error, ErrorKind, Result, ServerError};
use crate::message::backend::{DataRow, Message, Status};
use crate::message::{Format, frontend};
use crate::params::{ParamField, named};
use crate::protocol::conversation::Conversation;
use crate::protocol::state::Phase;
use crate::protocol::statements::StatementId;
use crate::quote;
use crate::row::Column;
use crate::types::catalog::{Catalog, Entry, EntryShape};
use crate::types::literal;
use crate::types::name::NamedType;
use crate::types::plan::Plan;
use crate::types::registry::Place;
use crate::types::typecaster::{RawValue, Typecaster};
use crate::wire::writer;
use postgres_types::{Oid, Type};
use std::sync::Arc;

/// What an exchange needs to know before it can be sent. One kind at a time; the exchange is asked again after it.
#[derive(Debug)]
pub enum Needs {
    /// The catalog's entries of these types.
    Types(Wanted),
    /// A statement's parameters and columns; it is prepared by this.
    Description {
        /// The statement, already in the cache.
        statement: StatementId,
        /// Its text.
        sql: String,
        /// Its parameters, for their names.
        fields: &'static [ParamField],
    },
    /// A BEGIN that waits must be answered before statements of the simple protocol follow.
    Begin,
}

/// Types that the catalog is asked for.
#[derive(Debug, Default)]
pub struct Wanted {
    /// By the names that Rust types have for them: without these the exchange can't be sent.
    pub names: Vec<&'static NamedType>,
    /// By the same, while at it: what the server doesn't have goes as text.
    pub also: Vec<&'static NamedType>,
    /// By OID; the ranges over these come along.
    pub oids: Vec<Oid>,
    /// By names as SQL writes them.
    pub expressions: Vec<Box<str>>,
}

impl Wanted {
    /// Adds what another part of the same request wants.
    pub fn extend(&mut self, other: Wanted) {
        self.names.extend(other.names);
        self.also.extend(other.also);
        self.oids.extend(other.oids);
        self.expressions.extend(other.expressions);
    }
}

/// A need on its way.
#[derive(Debug)]
pub(super) struct Prelude {
    what: What,
    error: Option<Error>,
    /// What was prepared before is gone: it is prepared anew, once, since then it wasn't prepared before.
    again: bool,
}

#[derive(Debug)]
enum What {
    Types {
        wanted: Wanted,
        required: usize,
        rows: Vec<Vec<Option<String>>>,
    },
    Description {
        statement: StatementId,
        sql: String,
        fields: &'static [ParamField],
        inferred: bool,
        prepared_before: bool,
    },
    Begin {
        commands: Vec<(u32, String)>,
        sql: String,
    },
}

/// One query for everything: the types asked for by name or OID, and all they are made of, in any depth.
/// One row a type: how it was asked for (`schema`, `name`, or none), and what it is.
///
/// `unnest(array(..))` says nothing to a server but that it takes the rows for ten. It would take those of the
/// recursion for thousands, and compile the whole for longer than anything else here lasts.
const CATALOG: &str = include_str!("catalog.sql");

impl Prelude {
    pub(super) fn send(needs: Needs, c: &mut Conversation) -> Result<Prelude> {
        let what = match needs {
            Needs::Types(mut wanted) => {
                let required = wanted.names.len();
                wanted.names.append(&mut wanted.also);
                // A BEGIN that waits stays behind: the look-up must not become part of the transaction.
                for named in c.registry.prefetch() {
                    if !wanted.names.contains(named)
                        && c.catalog.resolve(crate::types::name::TypeName::Named(named)).is_none()
                    {
                        wanted.names.push(named);
                    }
                }
                // Settled ones too: it costs nothing, and a type may have been made anew.
                for expression in c.catalog.expressions() {
                    if !wanted.expressions.contains(&expression) {
                        wanted.expressions.push(expression);
                    }
                }
                let schemas = array(wanted.names.iter().map(|named| named.schema));
                let type_names = array(wanted.names.iter().map(|named| Some(named.name)));
                let numbers: Vec<String> = wanted.oids.iter().map(Oid::to_string).collect();
                let numbers = array(numbers.iter().map(|oid| Some(oid.as_str())));
                let expressions = array(wanted.expressions.iter().map(|expression| Some(&**expression)));
                let values = [schemas, type_names, numbers, expressions];
                if c.replication.is_some() {
                    c.query(&catalog_of(&values)?)?;
                } else {
                    frontend::parse(&mut c.out, "", CATALOG, &[1009, 1009, 1028, 1009])?;
                    expect(c, Phase::Parse);
                    writer::message(&mut c.out, b'B', |out| {
                        out.extend_from_slice(&[0, 0, 0, 0, 0, 4]);
                        for value in &values {
                            writer::value(out, |out| {
                                out.extend_from_slice(value);
                                Ok(writer::IsNull::No)
                            })?;
                        }
                        out.extend_from_slice(&[0, 0]);
                        Ok(())
                    })?;
                    expect(c, Phase::Bind);
                    c.execute();
                }
                What::Types { wanted, required, rows: Vec::new() }
            }
            Needs::Description { statement, sql, fields } => {
                c.open_request()?;
                let known = c.statements.get(statement);
                let (parsed, types) = known.map(|s| (s.is_parsed, s.types().to_vec())).unwrap_or_default();
                if !parsed {
                    c.parse(statement, &named::sent(&sql, fields, c.backslashes_escape())?, &types)?;
                }
                c.describe_statement(statement)?;
                let inferred = types.contains(&0) || (types.is_empty() && sql.contains('$'));
                What::Description { statement, sql, fields, inferred, prepared_before: parsed }
            }
            Needs::Begin => {
                let commands = c.transactions.take_pending();
                let sql = commands.iter().map(|(_, command)| command.as_str()).collect::<Vec<_>>().join("; ");
                c.query(&sql)?;
                What::Begin { commands, sql }
            }
        };
        c.sync();
        Ok(Prelude { what, error: None, again: false })
    }

    pub(super) fn on_message(&mut self, c: &mut Conversation, message: Message<'_>) -> Result<()> {
        match (&mut self.what, message) {
            // The first one is the cause. Another may follow: FATAL ones come when they like.
            (_, Message::ErrorResponse(_)) if self.error.is_some() => {}
            (What::Types { rows, .. }, Message::DataRow(row)) => rows.push(texts(row)?),
            (What::Types { .. }, Message::ErrorResponse(mut error)) => {
                error.position = None; // in a text that nobody wrote
                let registered: Vec<String> =
                    c.registry.codecs().expressions().map(|name| format!("{name:?}")).collect();
                let error =
                    Error::from_server(*error).within("the types of the statement can't be looked up");
                self.error = Some(match registered.is_empty() {
                    true => error,
                    false => error.hint(format!(
                        "typecasters and adapters are registered for {}: is each a type's name as SQL writes it?",
                        registered.join(", ")
                    )),
                });
            }
            (What::Description { statement, .. }, Message::ParameterDescription(parameters)) => {
                if let Some(statement) = c.statements.get_mut(*statement) {
                    statement.parameter_types = Some(parameters.oids().collect());
                }
            }
            (What::Description { statement, .. }, Message::RowDescription(description)) => {
                let columns = Column::all(description, &c.catalog)?;
                if let Some(statement) = c.statements.get_mut(*statement) {
                    statement.columns = Some(columns.into());
                }
            }
            (What::Description { statement, .. }, Message::NoData) => {
                if let Some(statement) = c.statements.get_mut(*statement) {
                    statement.columns = Some(Arc::new([]));
                }
            }
            (
                What::Description { sql, fields, inferred, prepared_before, .. },
                Message::ErrorResponse(error),
            ) => {
                if *prepared_before && is_stale(&error) {
                    c.statements.close_all_of(sql);
                    self.again = true;
                }
                if is_name_taken(&error) {
                    let chance = c.chance();
                    self.again |= c.statements.name_apart(chance);
                }
                let error = named::as_written(sql, fields, c.backslashes_escape(), *error);
                self.error = Some(explain(c.server_error(error, sql), *inferred));
            }
            (What::Begin { sql, commands }, Message::ErrorResponse(error)) => {
                commands.clear();
                self.error =
                    Some(Error::from_server(*error).with_sql(sql).within("the transaction could not begin"));
            }
            (What::Begin { sql, .. }, Message::EmptyQueryResponse) => text::check_empty(sql)?,
            (_, Message::EmptyQueryResponse) => text::check_empty(CATALOG)?,
            _ => {}
        }
        Ok(())
    }

    pub(super) fn finish(&mut self, c: &mut Conversation) -> Result<()> {
        if let Some(error) = self.error.take() {
            // Outside a transaction what failed has done nothing.
            if self.again && c.transactions.status() == Status::Idle && c.transactions.depth() == 0 {
                return Ok(());
            }
            return Err(error);
        }
        if let What::Types { wanted, required, rows } = &mut self.what {
            let rows = std::mem::take(rows);
            learn(c, wanted, *required, rows)?;
        }
        Ok(())
    }
}

/// The query with its parameters written out, for a walsender, which takes none.
fn catalog_of(values: &[Vec<u8>; 4]) -> Result<String> {
    let mut pieces = CATALOG.split('$');
    let mut sql = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let parameters = ["1", "2", "3", "4"].iter().zip(["text", "text", "oid", "text"]).zip(values);
        let mut found = parameters.filter_map(|((number, type_), value)| {
            Some((piece.strip_prefix(number)?, type_, String::from_utf8_lossy(value)))
        });
        match found.next() {
            Some((rest, type_, value)) => {
                sql.push_str(&format!("{}::pg_catalog.{type_}[]{rest}", quote::literal(&value)?));
            }
            None => {
                sql.push('$');
                sql.push_str(piece);
            }
        }
    }
    Ok(sql)
}

fn expect(c: &mut Conversation, phase: Phase) {
    c.expect(phase);
}

/// A text array literal; `None` is NULL.
fn array<'a>(items: impl Iterator<Item = Option<&'a str>>) -> Vec<u8> {
    let mut out = vec![b'{'];
    for (at, item) in items.enumerate() {
        if at > 0 {
            out.push(b',');
        }
        match item {
            Some(item) => literal::quote_element(&mut out, item.as_bytes(), b','),
            None => out.extend_from_slice(b"NULL"),
        }
    }
    out.push(b'}');
    out
}

fn texts(row: DataRow<'_>) -> Result<Vec<Option<String>>> {
    let mut reader = row.values();
    let mut values = Vec::new();
    for _ in 0..row.columns() {
        let value = reader.value()?;
        let text = value.map(|value| std::str::from_utf8(value).map(str::to_owned)).transpose();
        values.push(text.map_err(|e| Error::protocol("the catalog's text is not UTF-8").with_source(e))?);
    }
    reader.finish()?;
    Ok(values)
}

/// Enters what the catalog told, shares it with the registry's other connections, and names what it doesn't have.
///
/// The first `required` names must be there.
fn learn(
    c: &mut Conversation,
    wanted: &Wanted,
    required: usize,
    rows: Vec<Vec<Option<String>>>,
) -> Result<()> {
    let malformed = || Error::protocol("the catalog's answer is not what was asked for");
    let mut entries = Vec::new();
    let mut asked = Vec::new();
    let mut called: Vec<(Box<str>, Option<Oid>)> =
        wanted.expressions.iter().map(|expression| (expression.clone(), None)).collect();
    let mut place = None;
    for row in rows {
        let Ok([system, database, path, ordinal, rest @ ..]) = <[Option<String>; 14]>::try_from(row) else {
            return Err(malformed());
        };
        let [oid, schema, name, array, kind, labels, fields, of, multirange, delimiter] = rest;
        place = system.zip(database).zip(path);
        let number = |text: Option<String>| text.and_then(|t| t.parse::<Oid>().ok());
        let Some(oid) = number(oid) else {
            // The name asked for at this place doesn't exist.
            continue;
        };
        // Names count from 1 up, those that SQL writes from -1 down.
        let ordinal = ordinal.and_then(|text| text.parse::<i64>().ok());
        let at = |number: i64| usize::try_from(number).ok()?.checked_sub(1);
        if let Some(named) = ordinal.and_then(at).and_then(|at| wanted.names.get(at)) {
            asked.push(((named.schema.map(Box::from), Box::from(named.name)), oid));
        }
        let at = ordinal.and_then(i64::checked_neg).and_then(at);
        if let Some((_, found)) = at.and_then(|at| called.get_mut(at)) {
            *found = Some(oid);
        }
        let of = number(of).unwrap_or_default();
        let list = |text: Option<String>| -> Result<Vec<String>> {
            let Some(text) = text else { return Ok(Vec::new()) };
            let plan =
                Plan::nested(&Type::TEXT_ARRAY, vec![Plan::leaf(&Type::TEXT, Format::Text)], Vec::new());
            let raw = RawValue { bytes: text.as_bytes(), plan: &plan, context: &c.context };
            Vec::<String>::decode(raw)
        };
        let shape = match kind.as_deref() {
            Some("e") => EntryShape::Enum(list(labels)?),
            Some("c") => {
                let oids = list(fields)?;
                let attributes = list(labels)?.into_iter().zip(oids);
                let attributes =
                    attributes.map(|(name, oid)| Some((name, oid.parse().ok()?))).collect::<Option<Vec<_>>>();
                EntryShape::Composite(attributes.ok_or_else(malformed)?)
            }
            Some("d") => EntryShape::Domain(of),
            Some("r") => EntryShape::Range { of, multirange: number(multirange).unwrap_or_default() },
            Some("m") => EntryShape::Multirange(of),
            Some("a") => EntryShape::Array(of),
            Some("p") => EntryShape::Pseudo,
            Some("t") => EntryShape::TextOnly,
            _ => EntryShape::Base,
        };
        entries.push(Entry {
            oid,
            schema: schema.ok_or_else(malformed)?,
            name: name.ok_or_else(malformed)?,
            array: number(array).unwrap_or_default(),
            delimiter: delimiter.and_then(|text| text.bytes().next()).unwrap_or(b','),
            shape,
        });
    }
    let missing = wanted.names.iter().take(required).find(|named| {
        !asked.iter().any(|((schema, name), _)| schema.as_deref() == named.schema && **name == *named.name)
    });
    let mut learned = Catalog::default();
    learned.extend(entries, asked.clone());
    learned.complete_ranges(wanted.oids.iter().copied().chain(asked.iter().map(|(_, oid)| *oid)));
    learned.settle(called);
    if let Some(((system, database), path)) = place {
        c.learn_types(Place { system, database, path }, &learned);
    }
    if let Some(named) = missing {
        let place = match named.schema {
            Some(schema) => format!("schema {schema:?}"),
            None => "the search path".to_owned(),
        };
        return Err(Error::new(ErrorKind::Encode, format!("the type {:?} does not exist in {place}", named.name)).hint(
            "create it, or correct `#[pg(name = \"..\", schema = \"..\")]` on the Rust type; names are case-sensitive here",
        ));
    }
    Ok(())
}

/// The server says that somebody else has prepared a statement of this name, as may happen behind a pooler.
pub(super) fn is_name_taken(error: &ServerError) -> bool {
    error.sqlstate.code() == "42P05"
}

/// The server says that the prepared statement doesn't fit any more: it is gone, or its columns changed.
pub(super) fn is_stale(error: &ServerError) -> bool {
    match error.sqlstate.code() {
        "0A000" => error.routine.as_deref() == Some("RevalidateCachedQuery"),
        "26000" => true,
        _ => false,
    }
}

/// Adds the cure where the server couldn't infer a parameter's type. `inferred` says that it was left to it.
pub(super) fn explain(error: Error, inferred: bool) -> Error {
    match error.server() {
        Some(server) if inferred && is_inference(server) => error.hint(
            "say which type the parameter has, in the SQL: `$1::text` or whichever is meant; `Text(..)` around a string \
             says that it is text",
        ),
        _ => error,
    }
}

/// The server couldn't infer a type for a parameter that was left to it, or inferred one that doesn't fit.
fn is_inference(error: &ServerError) -> bool {
    match error.sqlstate.code() {
        "42P18" | "42P08" | "42804" => true,
        // A misspelt function is told in the same way: only then was a type missing.
        "42725" | "42883" => error.message.contains("unknown"),
        _ => false,
    }
}
