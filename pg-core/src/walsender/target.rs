//! A follower's target: the source's changes as statements, each on the one table that was changed at the source.

use crate::error::{Error, ErrorKind, Result};
use crate::quote;
use crate::replication::change::{Action, Change};
use crate::replication::pgoutput::{Old, Relation, TupleValue};
use crate::session::Session;
use crate::types::adapter::Parameter;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

/// The target's tables, by the OIDs of the source's.
#[derive(Debug, Default)]
pub(super) struct Tables(HashMap<u32, Table>);

/// A table of the target, looked up each time that the source describes its own.
#[derive(Debug)]
struct Table {
    relation: Arc<Relation>,
    name: String,
    /// The name where rows are looked for: of a partitioned table those of its partitions, of any other only its own and
    /// not those of tables that inherit from it.
    rows: String,
}

impl Table {
    async fn look_up<S: Session>(target: &mut S, relation: &Arc<Relation>) -> Result<Table> {
        let name = format!("{}.{}", quote::identifier(&relation.schema)?, quote::identifier(&relation.name)?);
        let sql = "select relkind = 'p' from pg_class where oid = to_regclass($1)";
        let rows = match target.query_opt::<(bool,)>(sql, (name.as_str(),)).await? {
            Some((true,)) => name.clone(),
            // Of one that isn't there the statement itself tells.
            Some((false,)) | None => format!("only {name}"),
        };
        Ok(Table { relation: relation.clone(), name, rows })
    }
}

impl Tables {
    async fn get<S: Session>(&mut self, target: &mut S, relation: &Arc<Relation>) -> Result<&Table> {
        match self.0.entry(relation.oid) {
            Entry::Occupied(known) if Arc::ptr_eq(&known.get().relation, relation) => Ok(known.into_mut()),
            entry => Ok(entry.insert_entry(Table::look_up(target, relation).await?).into_mut()),
        }
    }

    /// Does to a row what was done to the source's.
    ///
    /// # Errors
    /// There is no such row; what the server says.
    pub(super) async fn change<S: Session>(&mut self, target: &mut S, change: &Change<'_>) -> Result<()> {
        let table = self.get(target, change.relation()).await?;
        let Some(statement) = statement(table, change)? else { return Ok(()) };
        let list: Vec<&(dyn Parameter + Sync)> =
            statement.values.iter().map(|value| value as &(dyn Parameter + Sync)).collect();
        let affected = target.execute(&statement.sql, &list[..]).await?;
        if affected == 1 {
            return Ok(());
        }
        let what = format!("the target has no such row of {} to change as the source did", change.table());
        Err(Error::new(ErrorKind::RowCount, what)
            .hint("somebody else has changed the target: empty its tables and its position, and copy anew")
            .with_sql(&statement.sql))
    }

    /// Empties tables. Those that the source emptied by CASCADE and publishes are among them, so nothing else is.
    ///
    /// # Errors
    /// What the server says: a table that only the target has may refer to one of them.
    pub(super) async fn truncate<S: Session>(
        &mut self,
        target: &mut S,
        relations: &[Arc<Relation>],
        restart_identity: bool,
    ) -> Result<()> {
        let mut tables = Vec::new();
        for relation in relations {
            tables.push(self.get(target, relation).await?.rows.clone());
        }
        let restart = if restart_identity { " restart identity" } else { "" };
        target.batch_execute(&format!("truncate {}{restart}", tables.join(", "))).await
    }
}

/// A statement that is being written, with its parameters as text of inferred types.
#[derive(Default)]
struct Statement<'v> {
    sql: String,
    values: Vec<Option<&'v str>>,
}

impl<'v> Statement<'v> {
    /// The placeholder of a value.
    fn put(&mut self, value: TupleValue<'v>) -> Result<String> {
        let text = value.bytes().map(std::str::from_utf8).transpose();
        self.values.push(text.map_err(|e| Error::decode("a value is not UTF-8").with_source(e))?);
        Ok(format!("${}", self.values.len()))
    }

    /// The row that is meant: by its key, or by all its columns, of which one row is taken where several are alike.
    fn put_where(&mut self, table: &Table, row: Old<'v>) -> Result<()> {
        let (tuple, is_key) = match row {
            Old::Key(tuple) => (tuple, true),
            Old::Row(tuple) => (tuple, false),
        };
        let mut conditions = Vec::new();
        for (column, value) in table.relation.columns.iter().zip(tuple.values()) {
            if (column.is_key || !is_key) && value != TupleValue::Unchanged {
                let operator = if is_key { "=" } else { "is not distinct from" };
                let name = quote::identifier(&column.name)?;
                conditions.push(format!("{name} {operator} {}", self.put(value)?));
            }
        }
        let conditions = match (conditions.is_empty(), is_key) {
            (false, _) => conditions.join(" and "),
            // A table without columns: its rows are all alike.
            (true, false) => "true".to_owned(),
            (true, true) => {
                return Err(Error::usage(format!("the table {} has no replica identity", table.name))
                    .hint("give it a primary key, or set REPLICA IDENTITY FULL"));
            }
        };
        self.sql.push_str(&match is_key {
            true => format!(" where {conditions}"),
            // Rows of several partitions may stand at the same ctid.
            false => format!(
                " where (tableoid, ctid) = (select tableoid, ctid from {} where {conditions} limit 1)",
                table.rows
            ),
        });
        Ok(())
    }
}

/// What does to the target what a change did to the source.
fn statement<'c>(table: &Table, change: &Change<'c>) -> Result<Option<Statement<'c>>> {
    let Table { relation, name, rows } = table;
    let mut statement = Statement::default();
    let (mut names, mut placeholders) = (Vec::new(), Vec::new());
    if let Some(new) = change.new_tuple() {
        let update = change.action() == Action::Update;
        let mut old = change.old_tuple().map(|old| old.tuple().values());
        for (column, value) in relation.columns.iter().zip(new.values()) {
            let was = old.as_mut().and_then(Iterator::next);
            // An identity that is always generated takes no value, not even its own.
            let is_same = update
                && match change.old_tuple() {
                    Some(Old::Row(_)) => was == Some(value),
                    Some(Old::Key(_)) => column.is_key && was == Some(value),
                    None => column.is_key,
                };
            if value != TupleValue::Unchanged && !is_same {
                names.push(quote::identifier(&column.name)?);
                placeholders.push(statement.put(value)?);
            }
        }
    }
    match change.action() {
        Action::Insert if names.is_empty() => statement.sql = format!("insert into {name} default values"),
        Action::Insert => {
            statement.sql = format!(
                "insert into {name} ({}) overriding system value values ({})",
                names.join(", "),
                placeholders.join(", ")
            );
        }
        // The row was written as it was.
        Action::Update if names.is_empty() => return Ok(None),
        Action::Update => {
            let set: Vec<String> =
                names.iter().zip(&placeholders).map(|(name, value)| format!("{name} = {value}")).collect();
            statement.sql = format!("update {rows} set {}", set.join(", "));
            let key = change.old_tuple().or(change.new_tuple().map(Old::Key));
            statement.put_where(table, key.ok_or_else(|| Error::usage("an update tells no row"))?)?;
        }
        Action::Delete => {
            statement.sql = format!("delete from {rows}");
            let old = change.old_tuple().ok_or_else(|| Error::usage("a delete tells no row"))?;
            statement.put_where(table, old)?;
        }
    }
    Ok(Some(statement))
}
