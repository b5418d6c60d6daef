//! The part of running a statement that is the same for all parameters and rows: it is found in the cache or prepared,
//! its parameters and columns are planned, and it is run once more where that is safe.

use super::held::Held;
use super::planning::{
    Described, Planned, check_count, goes_by_path, missing_types, other_count, plan_params, unknown, wanted,
};
use super::prelude::{self, Needs, Wanted, is_name_taken, is_stale};
use super::text;
use crate::error::{Error, ErrorKind, Result};
use crate::message::Format;
use crate::message::backend::{Message, Status};
use crate::params::{ParamField, ParamWriter, Params, named};
use crate::protocol::conversation::Conversation;
use crate::protocol::statements::{InUse, Reading, StatementId, result_formats};
use crate::row::{Column, RowPlan, Shape};
use crate::types::catalog::Catalog;
use crate::types::plan::Plan;
use crate::types::value::read::reads_binary;
use postgres_types::{Oid, Type};
use std::borrow::Cow;
use std::sync::Arc;

/// The part of running a statement that is the same for all parameters and rows.
#[derive(Debug)]
pub(super) struct Statement<'q> {
    pub(super) sql: &'q str,
    /// The portal that it is bound to, and left in for others to execute; empty: the unnamed one, executed at once.
    pub(super) portal: &'q str,
    /// It is prepared without a name, for this one run.
    pub(super) once: bool,
    /// The columns that are read. Its address is a name, so it is taken once: the compiler may make copies.
    shape: &'static Shape,
    /// [`Params::constants`], taken once for the same reason.
    constants: usize,
    /// [`Params::fields`], for their names.
    fields: &'static [ParamField],
    id: Option<StatementId>,
    /// What was found out about it, such as its parameters' types, stays in the cache until it was run.
    _in_use: Option<InUse>,
    pub(super) reading: Option<Arc<Reading>>,
    pub(super) error: Option<Error>,
    pub(super) affected: u64,
    no_rows: bool,
    /// All columns are asked for as text: some column's type has no binary form.
    all_text: bool,
    /// Some parameter's type was left to the server.
    inferred: bool,
    /// The types of columns were asked for: one that the catalog doesn't have is asked for once.
    looked_up: bool,
    /// The types of parameters were asked for, as those of columns.
    params_looked_up: bool,
    /// Some type is looked for in the search path.
    by_path: bool,
    /// The columns were asked for anew, because those known didn't fit.
    described_anew: bool,
    retried: bool,
    retry: bool,
    /// It was run, as far as the server is concerned.
    pub(super) complete: bool,
    /// Rows are kept until the end, so that they may wait for their types.
    keeps: bool,
    /// It is described before anything else, to be checked and not run.
    ahead: bool,
    /// Rows that came of types that weren't known.
    pub(super) held: Option<Box<Held>>,
}

/// All columns in text, all in binary.
const TEXT: [u8; 2] = [0, 0];
const BINARY: [u8; 4] = [0, 1, 0, 1];

impl<'q> Statement<'q> {
    #[inline]
    pub(super) fn new(sql: &'q str, shape: &'static Shape, params: &impl Params) -> Statement<'q> {
        Statement::of(sql, shape, params.constants(), params.fields())
    }

    /// As [`Statement::new`], of parameters that are known by their constants alone.
    #[inline]
    pub(super) fn of(
        sql: &'q str,
        shape: &'static Shape,
        constants: usize,
        fields: &'static [ParamField],
    ) -> Statement<'q> {
        Statement {
            sql,
            portal: "",
            once: false,
            shape,
            constants,
            fields,
            id: None,
            _in_use: None,
            reading: None,
            error: None,
            affected: 0,
            no_rows: false,
            all_text: false,
            inferred: false,
            looked_up: false,
            params_looked_up: false,
            by_path: false,
            described_anew: false,
            retried: false,
            retry: false,
            complete: false,
            keeps: false,
            ahead: false,
            held: None,
        }
    }

    /// Says whether rows are kept until the end.
    #[inline]
    pub(super) fn keeping(self, keeps: bool) -> Statement<'q> {
        Statement { keeps, ..self }
    }

    /// As [`Statement::prepare`], with the columns known and planned by the end of it.
    pub(super) fn plan_ahead(
        &mut self,
        c: &mut Conversation,
        params: &dyn Described,
    ) -> Result<Option<Needs>> {
        if !std::mem::replace(&mut self.ahead, true) {
            c.heal_types();
            c.statements.close_all_of(self.sql);
        }
        self.prepare_anew(c, params)
    }

    #[inline]
    pub(super) fn prepare(&mut self, c: &mut Conversation, params: &impl Params) -> Result<Option<Needs>> {
        c.heal_types();
        if self.constants != 0
            && !self.once
            && !self.all_text
            && !self.retried
            && let Some(id) = c.statements.find(self.sql, self.constants)
            && let Some(reading) = c.statements.get(id).and_then(|statement| statement.reading(self.shape))
        {
            self.reading = Some(reading.clone());
            self.id = Some(id);
            return Ok(None);
        }
        self.prepare_anew(c, params)
    }

    /// Everything but the usual hit: what isn't known yet is asked for, one need at a time.
    #[cold]
    fn prepare_anew(&mut self, c: &mut Conversation, params: &dyn Described) -> Result<Option<Needs>> {
        let shape = self.shape;
        if let Some(needs) = missing_types(c, params, shape) {
            return Ok(Some(needs));
        }
        let planned = plan_params(&c.catalog, params, &[]);
        if planned.is_err() {
            c.forget_names((0..params.len()).map(|index| params.name(index)));
        }
        let Planned { types, plans, waits } = planned.map_err(|e| e.with_sql(self.sql))?;
        self.inferred = types.contains(&0);
        self.by_path = goes_by_path(params, shape);
        // What is given away as it comes can't wait for its type.
        let described_first =
            self.ahead || shape.needs_description(&c.catalog) || (!self.keeps && shape.reads_created_types());
        let known = self.id.filter(|id| c.statements.get(*id).is_some());
        let Some(id) = known.or_else(|| self.prepared_by_another(c, &types, &plans)) else {
            if (described_first && self.reading.is_none()) || waits {
                return self.describe_anew(c, params).map(Some);
            }
            return Ok(None); // Parse travels along
        };
        self.take_up(c, id);
        if !waits {
            c.statements.declare(id, &types, plans);
        } else if let Some(needs) = self.settle_params(c, id, params)? {
            return Ok(Some(needs));
        }
        match c.statements.get(id).and_then(|statement| statement.columns.clone()) {
            Some(columns) => {
                // Each column's reader is chosen at run time, so all types must be known.
                if described_first && !self.looked_up {
                    self.looked_up = true;
                    if let Some(needs) = unknown(&c.catalog, &columns) {
                        return Ok(Some(needs));
                    }
                }
                if let Err(error) = self.plan_columns(c, id, &columns) {
                    // A table may have been altered so that they fit: this must not go by what was.
                    c.statements.close(id);
                    if self.described_anew {
                        return Err(error.with_sql(self.sql));
                    }
                    self.described_anew = true;
                    return self.describe_anew(c, params).map(Some);
                }
            }
            // Another part of a pipeline came first with what it needs, or the columns were of no interest so far.
            None if described_first => {
                return Ok(Some(self.description(id)));
            }
            None => {}
        }
        Ok(None)
    }

    /// The same, as another run has prepared it, or an earlier part of the pipeline does. What failed because another's
    /// Parse had is prepared by itself, so that its error is its own.
    fn prepared_by_another(
        &self,
        c: &mut Conversation,
        types: &[Oid],
        plans: &[Plan],
    ) -> Option<StatementId> {
        if self.retried || self.once {
            return None;
        }
        c.statements.find_typed(self.sql, types, plans, self.constants)
    }

    /// Enters the statement, to be prepared and described.
    fn describe_anew(&mut self, c: &mut Conversation, params: &dyn Described) -> Result<Needs> {
        check_count(&self.sent_sql(c)?, params, c.backslashes_escape()).map_err(|e| e.with_sql(self.sql))?;
        let Planned { types, plans, .. } =
            plan_params(&c.catalog, params, &[]).map_err(|e| e.with_sql(self.sql))?;
        let id = self.enter(c, types, plans);
        self.take_up(c, id);
        Ok(self.description(id))
    }

    /// Goes by this statement from now on.
    fn take_up(&mut self, c: &mut Conversation, id: StatementId) {
        self.id = Some(id);
        self._in_use = c.statements.take_up(id);
        if self.by_path {
            c.statements.mark_by_path(id);
        }
    }

    fn enter(&self, c: &mut Conversation, types: Vec<Oid>, plans: Vec<Plan>) -> StatementId {
        match self.once {
            true => c.statements.insert_unnamed(self.sql, types, plans),
            false => c.statements.insert(self.sql, types, self.constants, plans),
        }
    }

    /// Plans parameters whose types the server has inferred; what it must say first is asked for.
    fn settle_params(
        &mut self,
        c: &mut Conversation,
        id: StatementId,
        params: &dyn Described,
    ) -> Result<Option<Needs>> {
        let Some(inferred) = c.statements.get(id).and_then(|statement| statement.parameter_types.clone())
        else {
            return Ok(Some(self.description(id)));
        };
        let oids: Vec<Oid> = inferred.iter().copied().filter(|oid| !c.catalog.knows(*oid)).collect();
        if !oids.is_empty() && !self.params_looked_up {
            self.params_looked_up = true;
            return Ok(Some(Needs::Types(Wanted { oids, ..wanted(&c.catalog) })));
        }
        match plan_params(&c.catalog, params, &inferred) {
            Ok(planned) => {
                c.statements.settle_params(id, planned.plans);
                Ok(None)
            }
            Err(error) => {
                c.statements.close(id);
                Err(error.with_sql(self.sql))
            }
        }
    }

    /// Refuses another number of parameters than the server has told; of a list known at run time nothing is said.
    pub(super) fn check_described(&self, c: &Conversation, given: Option<usize>) -> Result<()> {
        let described = self.id.and_then(|id| c.statements.get(id)?.parameter_types.as_ref());
        match (given, described.map(|types| types.len())) {
            (Some(given), Some(has)) if given != has => Err(other_count(given, has).with_sql(self.sql)),
            _ => Ok(()),
        }
    }

    /// The statement as the server gets it.
    fn sent_sql(&self, c: &Conversation) -> Result<Cow<'q, str>> {
        named::sent(self.sql, self.fields, c.backslashes_escape())
    }

    /// The need of a description.
    fn description(&self, statement: StatementId) -> Needs {
        Needs::Description { statement, sql: self.sql.to_owned(), fields: self.fields }
    }

    /// Makes and keeps the plan of a described statement for a row type.
    fn plan_columns(&mut self, c: &mut Conversation, id: StatementId, columns: &Arc<[Column]>) -> Result<()> {
        let shape = self.shape;
        if let Some(reading) = c.statements.get(id).and_then(|statement| statement.reading(shape)) {
            self.reading = Some(reading.clone());
            return Ok(());
        }
        if columns.is_empty() && !shape.is_dynamic() {
            return Ok(()); // nothing to be read, whatever was hoped for
        }
        let reading = reading_for(shape, columns, &c.catalog)?;
        if let Some(statement) = c.statements.get_mut(id) {
            statement.keep(reading.clone());
        }
        self.reading = Some(reading);
        Ok(())
    }

    #[inline]
    pub(super) fn send(&mut self, c: &mut Conversation, params: &impl Params) -> Result<()> {
        c.open_request()?;
        // An earlier part of a pipeline may have made it leave the cache since it was found.
        let id = self.id.filter(|id| c.statements.get(*id).is_some_and(|statement| statement.is_parsed));
        if let (Some(id), Some(reading)) = (id, &self.reading) {
            c.bind(id, self.portal, &reading.formats, |out, plans, settings| {
                write_values(params, out, plans, settings)
            })
            .map_err(|e| e.with_sql(self.sql))?;
            if self.portal.is_empty() {
                c.execute();
            }
            return Ok(());
        }
        self.send_first(c, params, &|out, plans, settings| write_values(params, out, plans, settings))
    }

    /// A run that prepares the statement, learns the columns along the way, or both.
    #[cold]
    #[allow(clippy::type_complexity, reason = "the values of one Bind, as in Conversation::bind")]
    fn send_first(
        &mut self,
        c: &mut Conversation,
        params: &dyn Described,
        values: &dyn Fn(&mut Vec<u8>, &[Plan], &crate::types::context::Settings) -> Result<()>,
    ) -> Result<()> {
        let id = match self.id.filter(|id| c.statements.get(*id).is_some()) {
            Some(id) => id,
            None => {
                check_count(&self.sent_sql(c)?, params, c.backslashes_escape())
                    .map_err(|e| e.with_sql(self.sql))?;
                let Planned { types, plans, .. } =
                    plan_params(&c.catalog, params, &[]).map_err(|e| e.with_sql(self.sql))?;
                let shared = self.prepared_by_another(c, &types, &plans);
                shared.unwrap_or_else(|| self.enter(c, types, plans))
            }
        };
        self.id = Some(id);
        if self.by_path {
            c.statements.mark_by_path(id);
        }
        if let Some(types) = c.statements.get(id).filter(|s| !s.is_parsed).map(|s| s.types().to_vec())
            && let Err(error) = self.sent_sql(c).and_then(|sql| c.parse(id, &sql, &types))
        {
            c.statements.remove(id);
            return Err(error.with_sql(self.sql));
        }
        let shape = self.shape;
        let reads = !shape.fields().is_empty();
        if !reads && !shape.is_dynamic() {
            let reading = Arc::new(Reading {
                plan: RowPlan::new(shape, Arc::new([]), &c.catalog)?,
                formats: TEXT.into(),
            });
            if let Some(statement) = c.statements.get_mut(id) {
                statement.keep(reading.clone());
            }
            self.reading = Some(reading);
        }
        c.bind(id, self.portal, self.result_formats(), values).map_err(|e| e.with_sql(self.sql))?;
        if self.reading.is_none() {
            c.describe_portal(self.portal)?;
        }
        if self.portal.is_empty() {
            c.execute();
        }
        Ok(())
    }

    /// Bind's result formats, until the columns are described.
    pub(super) fn result_formats(&self) -> &[u8] {
        match &self.reading {
            Some(reading) => &reading.formats,
            None if self.all_text || self.shape.text_only() => &TEXT,
            None => &BINARY,
        }
    }

    /// Runs it with another set of parameters, after [`Statement::send`] in the same request.
    #[inline]
    pub(super) fn send_again(
        &mut self,
        c: &mut Conversation,
        params: &impl Params,
        formats: &[u8],
    ) -> Result<()> {
        let Some(id) = self.id else {
            return Err(Error::usage("the statement was not sent"));
        };
        if self.constants == 0 {
            self.check_planned(c, id, params)?;
        }
        c.bind(id, "", formats, |out, plans, settings| write_values(params, out, plans, settings))
            .map_err(|e| e.with_sql(self.sql))?;
        c.execute();
        Ok(())
    }

    /// Refuses parameters that aren't written as those were that the statement was prepared for.
    #[cold]
    fn check_planned(&self, c: &Conversation, id: StatementId, params: &dyn Described) -> Result<()> {
        let Some(statement) = c.statements.get(id) else { return Ok(()) };
        let inferred = statement.parameter_types.as_deref().unwrap_or_default();
        let planned = plan_params(&c.catalog, params, inferred).map_err(|e| e.with_sql(self.sql))?;
        if *planned.plans == *statement.params {
            return Ok(());
        }
        Err(Error::usage("its parameters have other types than those of the first set").with_sql(self.sql))
    }

    pub(super) fn on_message(&mut self, c: &mut Conversation, message: Message<'_>) -> Result<()> {
        match message {
            Message::CommandComplete(complete) => {
                self.affected = complete.rows();
                self.complete = true;
            }
            Message::RowDescription(description) => {
                let columns: Arc<[Column]> = Column::all(description, &c.catalog)?.into();
                if let Err(error) = self.described(c, columns.clone()) {
                    if self.keeps && self.error.is_none() && unknown(&c.catalog, &columns).is_some() {
                        self.held = Some(Box::new(Held::of(columns)));
                    } else {
                        self.misread(c, error);
                    }
                }
            }
            Message::NoData => {
                self.no_rows = true;
                if let Some(statement) = self.id.and_then(|id| c.statements.get_mut(id)) {
                    statement.columns = Some(Arc::new([]));
                }
            }
            Message::CopyInResponse | Message::CopyOutResponse | Message::CopyBothResponse => {
                self.error.get_or_insert_with(|| {
                    Error::usage("the statement is a COPY, which has a stream of its own and returns no rows")
                        .with_sql(self.sql)
                });
                c.refuse_copy()?;
            }
            Message::EmptyQueryResponse => {
                self.complete = true;
                text::check_empty(self.sql)?;
            }
            Message::ErrorResponse(error) => {
                let (stale, altered) = (is_stale(&error), is_type_altered(&error, &c.catalog));
                let taken = is_name_taken(&error) && {
                    let chance = c.chance();
                    c.statements.name_apart(chance)
                };
                self.retry = !self.retried
                    && self.error.is_none()
                    && (lacks_binary_form(&error) || stale || altered || taken);
                if altered {
                    c.forget_types();
                    self.id = None;
                } else if stale {
                    if let Some(id) = self.id.take() {
                        c.statements.close(id);
                    }
                    c.statements.close_all_of(self.sql);
                    self.reading = None;
                } else if taken {
                    (self.id, self.reading) = (None, None);
                } else if self.retry {
                    self.all_text = true;
                }
                let error = c.server_error(
                    named::as_written(self.sql, self.fields, c.backslashes_escape(), *error),
                    self.sql,
                );
                let error = match altered {
                    true if c.transactions.is_open() => {
                        error.hint("the type was altered or made anew since it was looked up: roll back and run the transaction again").type_altered()
                    }
                    true => error.type_altered(),
                    false => error,
                };
                self.error.get_or_insert_with(|| explain(prelude::explain(error, self.inferred)));
            }
            _ => {}
        }
        Ok(())
    }

    /// Columns don't fit the row type.
    pub(super) fn misread(&mut self, c: &mut Conversation, error: Error) {
        let mut names = Vec::new();
        self.shape.each_type(&mut |name| names.push(name));
        c.forget_names(names.into_iter());
        self.error.get_or_insert(error.with_sql(self.sql));
    }

    /// Makes the plan for the rows that follow, and keeps the one for later runs.
    pub(super) fn described(&mut self, c: &mut Conversation, columns: Arc<[Column]>) -> Result<()> {
        let shape = self.shape;
        let plan = RowPlan::new(shape, columns.clone(), &c.catalog)?;
        let later = match self.all_text {
            true => Arc::new(Reading { plan, formats: TEXT.into() }),
            false => reading_for(shape, &columns, &c.catalog)?,
        };
        let now = if self.all_text || same_formats(&later.plan, &columns) {
            later.clone()
        } else {
            Arc::new(Reading {
                plan: RowPlan::new(shape, columns.clone(), &c.catalog)?,
                formats: TEXT.into(),
            })
        };
        if let Some(statement) = self.id.and_then(|id| c.statements.get_mut(id)) {
            statement.columns = Some(columns);
            statement.keep(later);
        }
        self.reading = Some(now);
        Ok(())
    }

    #[inline]
    pub(super) fn may_retry(&self, c: &Conversation) -> bool {
        self.retry && c.transactions.status() == Status::Idle && c.transactions.depth() == 0
    }

    /// Outside a transaction a failed statement has done nothing, so that it may be run once more.
    pub(super) fn wants_retry(&mut self, c: &mut Conversation) -> bool {
        if !self.may_retry(c) {
            return false;
        }
        self.rewind();
        true
    }

    /// Whether it did nothing that a second run would do twice: it wasn't run, or changed rows of a transaction that was
    /// undone. What a query has called may reach beyond that (a lock of the session's, another database), and
    /// other commands may have ended the transaction.
    pub(super) fn may_rewind(&self) -> bool {
        let first =
            self.sql.trim_ascii_start().split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
        !self.complete
            || ["insert", "update", "delete", "merge"].iter().any(|word| first.eq_ignore_ascii_case(word))
    }

    /// Makes it ready to be run once more, with others of its pipeline.
    pub(super) fn rewind(&mut self) {
        self.retried |= self.retry;
        (self.retry, self.complete) = (false, false);
        (self.error, self.reading, self.held) = (None, None, None);
        (self.looked_up, self.params_looked_up) = (false, false);
    }

    /// Its rows wait for types that nobody has asked for.
    #[cold]
    pub(super) fn never_read(&self) -> Error {
        Error::new(ErrorKind::Decode, "its rows were not read: the types of their columns were not looked up")
            .hint("run it again: they are looked up then")
            .with_sql(self.sql)
    }

    #[cold]
    pub(super) fn explain_count(&self, error: Error) -> Error {
        let error = match (error.kind(), self.no_rows) {
            (ErrorKind::RowCount, true) => {
                Error::new(ErrorKind::RowCount, "the statement returns no rows at all")
                    .hint("use execute(..), or add `returning ..` to it")
            }
            _ => error,
        };
        error.with_sql(self.sql)
    }
}

/// The server says that a column, or something inside it, can't be sent in binary. A misspelt function has the same
/// code, so the routine is asked.
fn lacks_binary_form(error: &crate::error::ServerError) -> bool {
    let routines = ["getTypeBinaryOutputInfo", "array_send", "get_range_io_data", "get_multirange_io_data"];
    error.sqlstate.code() == "42883"
        && error.routine.as_deref().is_some_and(|routine| routines.contains(&routine))
}

/// PostgreSQL's `FirstNormalObjectId`: what it brings along has smaller OIDs.
const FIRST_CREATED: Oid = 16_384;

/// The server says that a type isn't what the catalog told of it: it doesn't know its number any more, or a composite
/// has other attributes.
fn is_type_altered(error: &crate::error::ServerError, catalog: &Catalog) -> bool {
    match (error.sqlstate.code(), error.routine.as_deref()) {
        ("42804", Some("record_recv")) | ("22P02", Some("record_in")) => true,
        ("XX000" | "42704", _) => {
            let numbers = error
                .message
                .split(|c: char| !c.is_ascii_digit())
                .filter_map(|number| number.parse::<Oid>().ok());
            // A prepared statement may name a type that was never looked up: an enum that went as text. The server tells of
            // it as of an internal error, with a number that only what users create has.
            let created = |oid| error.sqlstate.code() == "XX000" && oid >= FIRST_CREATED;
            numbers
                .into_iter()
                .any(|oid| Type::from_oid(oid).is_none() && (catalog.knows(oid) || created(oid)))
        }
        _ => false,
    }
}

/// Adds the cure to what the server says of a statement's run.
#[cold]
fn explain(error: Error) -> Error {
    let Some(server) = error.server() else {
        return error;
    };
    if is_stale(server) {
        return error.hint("run it again: it is prepared anew (in a transaction, after its ROLLBACK)");
    }
    if lacks_binary_form(server) {
        return error.hint(
            "a column has only a text form: select the columns that are read, cast it to text, or prepare() the \
             statement before the transaction",
        );
    }
    match (server.sqlstate.code(), server.routine.as_deref()) {
        // Where an operand belongs the server knows no colon.
        ("42601", _) if server.message.contains("at or near \":") => {
            error.hint("names such as `:id` want their parameters in a struct with `#[derive(Params)]`")
        }
        ("08P01", Some("exec_bind_message")) => {
            error.hint("give a parameter for each $1, $2 .. of the statement")
        }
        _ => error,
    }
}

fn same_formats(plan: &RowPlan, columns: &[Column]) -> bool {
    plan.columns().iter().zip(columns).all(|(a, b)| a.format() == b.format())
}

/// The plan for later runs: each column in the form its reader wants.
fn reading_for(shape: &'static Shape, columns: &Arc<[Column]>, catalog: &Catalog) -> Result<Arc<Reading>> {
    // A text form serves every reader, so that planning tells what each would rather have.
    let columns: Arc<[Column]> = columns
        .iter()
        .map(|column| {
            let column = column.with_type(catalog);
            let binary = shape.is_dynamic() && reads_binary(column.type_(), catalog);
            column.with_format(if binary { Format::Binary } else { Format::Text })
        })
        .collect();
    let plan = RowPlan::new(shape, columns, catalog)?;
    let wanted = plan.wanted_formats();
    let plan = plan.with_formats(shape, &wanted)?;
    Ok(Arc::new(Reading { plan, formats: result_formats(&wanted).into() }))
}

/// Writes all values of a Bind, as many as were planned.
#[inline]
fn write_values(
    params: &impl Params,
    out: &mut Vec<u8>,
    plans: &[Plan],
    settings: &crate::types::context::Settings,
) -> Result<()> {
    let mut writer = ParamWriter { out, plans: plans.iter(), settings, written: 0 };
    params.write(&mut writer)
}
