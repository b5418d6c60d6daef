//! Prepared statements of one connection: the least recently used is closed when the cache is full.
//!
//! The key is the SQL, the declared parameter types and how parameters are written as them: two Rust types for one SQL
//! type may have their fields in different orders, or one of them only a text form. A statement is entered when its
//! Parse is written and leaves when its Parse fails, so statements of one pipeline may share it.

use crate::message::Format;
use crate::row::{Column, RowPlan, Shape};
use crate::types::plan::Plan;
use postgres_types::Oid;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

/// A statement's place in the cache. A place is used anew, so the number of its use goes along.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatementId {
    slot: u32,
    serial: u32,
}

/// A prepared statement.
#[derive(Debug)]
pub struct Statement {
    sql: Box<str>,
    /// The declared types, 0 for inferred.
    types: Box<[Oid]>,
    /// Where the parameters' constants stand, so that the usual hit compares no types. The compiler may make copies
    /// of them, so there may be several.
    params_at: Vec<usize>,
    serial: u32,
    used: u64,
    name: Box<str>,
    /// Its Parse was written, and what it prepared is still there.
    pub(crate) is_parsed: bool,
    /// It was prepared without declared types: the server inferred all of them.
    inferred: bool,
    /// Some type of it was looked for in the search path.
    by_path: bool,
    /// The codecs of a statement's own that its plans were made with; 0 for none.
    codecs: u64,
    /// How the parameters are written.
    pub params: Box<[Plan]>,
    /// How they were planned before the server said what it inferred, where that was waited for.
    asked: Option<Box<[Plan]>>,
    /// What Bind says before the values: portal, name, formats, count.
    pub bind_head: Box<[u8]>,
    /// The parameters' types as the server inferred them, where it was asked.
    pub parameter_types: Option<Box<[Oid]>>,
    /// The columns, where they were described; none for a statement without rows.
    pub columns: Option<Arc<[Column]>>,
    plans: Vec<Arc<Reading>>,
    /// Those who run it have it too.
    holder: Arc<()>,
}

/// Somebody runs a statement: it doesn't make room for others meanwhile, though there be more than the cache holds.
#[derive(Debug)]
pub(crate) struct InUse {
    _holder: Arc<()>,
}

/// How the rows of a statement are read as one row type, and what Bind asks for so that they come in that form.
#[derive(Debug)]
pub struct Reading {
    /// The plan.
    pub plan: RowPlan,
    /// Bind's result formats.
    pub formats: Box<[u8]>,
}

/// How many row types one statement keeps plans for.
const MOST_PLANS: usize = 16;

impl Statement {
    /// Its name on the server; empty for the unnamed statement.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The declared parameter types, 0 for inferred.
    pub fn types(&self) -> &[Oid] {
        &self.types
    }

    /// Whether somebody runs it.
    fn is_in_use(&self) -> bool {
        Arc::strong_count(&self.holder) > 1
    }

    /// Whether it was prepared for these types and plans.
    fn is_for(&self, types: &[Oid], plans: &[Plan]) -> bool {
        *self.types == *types && *self.asked.as_deref().unwrap_or(&self.params) == *plans
    }

    /// Whether these types, declared, would have been the same as those that the server inferred.
    fn infers(&self, types: &[Oid]) -> bool {
        let inferred = self.parameter_types.as_deref();
        self.types.is_empty()
            && inferred.is_some_and(|inferred| {
                inferred.len() == types.len() && inferred.iter().zip(types).all(|(a, b)| a == b || *b == 0)
            })
    }

    /// How rows of this shape are read, if that was found out.
    #[inline]
    pub fn reading(&self, shape: &'static Shape) -> Option<&Arc<Reading>> {
        self.plans.iter().find(|reading| reading.plan.is_for(shape))
    }

    /// Keeps how rows of a shape are read.
    pub fn keep(&mut self, reading: Arc<Reading>) {
        if self.plans.len() >= MOST_PLANS {
            self.plans.remove(0);
        }
        self.plans.push(reading);
    }
}

/// Bind's result formats in their shortest form.
pub fn result_formats(formats: &[Format]) -> Vec<u8> {
    if formats.iter().all(|format| *format == Format::Text) {
        return vec![0, 0];
    }
    if formats.iter().all(|format| *format == Format::Binary) {
        return vec![0, 1, 0, 1];
    }
    let count = u16::try_from(formats.len()).unwrap_or(u16::MAX); // a row has at most 1664 columns
    let codes = formats.iter().flat_map(|format| format.code().to_be_bytes());
    count.to_be_bytes().into_iter().chain(codes).collect()
}

/// The statements of one connection.
#[derive(Debug)]
pub struct Statements {
    capacity: usize,
    slots: Vec<Option<Statement>>,
    by_hash: HashMap<u64, Vec<u32>, Unhashed>,
    hasher: RandomState,
    /// The slot of the last hit: loops run one statement.
    recent: u32,
    clock: u64,
    serial: u32,
    /// Which codecs of its own the statement that runs now has.
    codecs: u64,
    names: u64,
    /// What names begin with: something that nobody else has, once somebody else had one of them.
    prefix: String,
    /// Names to be closed with the next request.
    closing: Vec<Box<str>>,
}

/// The map's keys are hashes already.
#[derive(Debug, Clone, Copy, Default)]
struct Unhashed;

impl BuildHasher for Unhashed {
    type Hasher = Through;

    fn build_hasher(&self) -> Through {
        Through(0)
    }
}

struct Through(u64);

impl std::hash::Hasher for Through {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }
}

impl Statements {
    /// A cache of `capacity` statements; 0 prepares each anew, unnamed.
    pub fn new(capacity: usize) -> Statements {
        Statements {
            capacity,
            slots: Vec::new(),
            by_hash: HashMap::default(),
            hasher: RandomState::new(),
            recent: 0,
            clock: 0,
            serial: 0,
            codecs: 0,
            names: 0,
            prefix: "s".to_owned(),
            closing: Vec::new(),
        }
    }

    /// Gives statements names that nobody else has, since somebody else has prepared one of the same name. False if that
    /// was done before.
    #[cold]
    pub(crate) fn name_apart(&mut self, chance: u64) -> bool {
        let is_first = self.prefix == "s";
        self.prefix = format!("s{chance:x}_");
        is_first
    }

    /// How many statements are kept.
    pub fn len(&self) -> usize {
        self.slots.iter().flatten().count()
    }

    /// Whether none is kept.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether statements stay prepared.
    pub fn is_caching(&self) -> bool {
        self.capacity > 0
    }

    /// The statement of this SQL whose parameters stand at `params_at`: the usual hit.
    #[inline]
    pub fn find(&mut self, sql: &str, params_at: usize) -> Option<StatementId> {
        let clock = self.clock.wrapping_add(1);
        self.clock = clock;
        if let Some(Some(statement)) = self.slots.get_mut(self.recent as usize)
            && statement.params_at.contains(&params_at)
            && *statement.sql == *sql
        {
            statement.used = clock;
            return Some(StatementId { slot: self.recent, serial: statement.serial });
        }
        self.find_hashed(sql, |statement| statement.params_at.contains(&params_at))
    }

    /// The statement of this SQL with these declared types, written by these plans; or one prepared without types, for
    /// which the server inferred just these. From now on it is found by `params_at`, unless that is 0.
    pub fn find_typed(
        &mut self,
        sql: &str,
        types: &[Oid],
        params: &[Plan],
        params_at: usize,
    ) -> Option<StatementId> {
        if !self.is_caching() {
            return None;
        }
        let id =
            self.find_hashed(sql, |statement| statement.is_for(types, params) || statement.infers(types))?;
        if let Some(statement) = self.get_mut(id).filter(|_| params_at != 0) {
            if statement.params_at.len() >= MOST_PLANS {
                statement.params_at.clear();
            }
            statement.params_at.push(params_at);
        }
        Some(id)
    }

    /// The statement of this SQL whose parameters' types were all left to the server, and were asked for.
    pub(crate) fn find_described(&mut self, sql: &str) -> Option<StatementId> {
        if !self.is_caching() {
            return None;
        }
        self.find_hashed(sql, |statement| statement.inferred && statement.parameter_types.is_some())
    }

    /// Says how the parameters of a statement are written that was prepared before anybody knew.
    pub(crate) fn declare(&mut self, id: StatementId, types: &[Oid], params: Vec<Plan>) {
        if let Some(statement) = self.get_mut(id).filter(|statement| *statement.types != *types) {
            statement.types = types.into();
            statement.bind_head = bind_head(&statement.name, &params);
            statement.params = params.into();
        }
    }

    /// Says how the parameters are written, now that the server has said what it inferred.
    pub(crate) fn settle_params(&mut self, id: StatementId, params: Vec<Plan>) {
        if let Some(statement) = self.get_mut(id) {
            statement.bind_head = bind_head(&statement.name, &params);
            let asked = std::mem::replace(&mut statement.params, params.into());
            statement.asked.get_or_insert(asked);
        }
    }

    /// From now on statements are found and entered that belong to these codecs of a statement's own; 0 for none.
    pub(crate) fn set_codecs(&mut self, codecs: u64) {
        if self.codecs != codecs {
            self.codecs = codecs;
            self.recent = u32::MAX; // the usual hit asks only that one, and not whose it is
        }
    }

    fn find_hashed(&mut self, sql: &str, is_it: impl Fn(&Statement) -> bool) -> Option<StatementId> {
        let (clock, codecs) = (self.clock, self.codecs);
        for slot in self.by_hash.get(&self.hasher.hash_one(sql))? {
            if let Some(Some(statement)) = self.slots.get_mut(*slot as usize)
                && *statement.sql == *sql
                && statement.codecs == codecs
                && !statement.name.is_empty()
                && is_it(statement)
            {
                statement.used = clock;
                self.recent = *slot;
                return Some(StatementId { slot: *slot, serial: statement.serial });
            }
        }
        None
    }

    /// The statement itself; `None` when it has left the cache.
    #[inline]
    pub fn get(&self, id: StatementId) -> Option<&Statement> {
        self.slots.get(id.slot as usize)?.as_ref().filter(|statement| statement.serial == id.serial)
    }

    /// The statement itself, to be changed.
    #[inline]
    pub fn get_mut(&mut self, id: StatementId) -> Option<&mut Statement> {
        self.slots.get_mut(id.slot as usize)?.as_mut().filter(|statement| statement.serial == id.serial)
    }

    /// Enters a statement that is prepared without a name, for one run; the one that was is forgotten.
    pub(crate) fn insert_unnamed(&mut self, sql: &str, types: Vec<Oid>, params: Vec<Plan>) -> StatementId {
        self.remove_unnamed();
        let capacity = std::mem::take(&mut self.capacity);
        let id = self.enter(sql, types, 0, params);
        self.capacity = capacity;
        id
    }

    /// Enters a statement that is about to be prepared; the least recently used makes room.
    pub fn insert(&mut self, sql: &str, types: Vec<Oid>, params_at: usize, params: Vec<Plan>) -> StatementId {
        if self.is_caching() {
            while self.len() >= self.capacity && self.evict() {}
        } else {
            self.remove_unnamed();
        }
        self.enter(sql, types, params_at, params)
    }

    fn enter(&mut self, sql: &str, types: Vec<Oid>, params_at: usize, params: Vec<Plan>) -> StatementId {
        self.serial = self.serial.wrapping_add(1);
        let name: Box<str> = if self.is_caching() {
            self.names = self.names.wrapping_add(1);
            format!("{}{}", self.prefix, self.names).into()
        } else {
            Box::default()
        };
        let free = self.slots.iter().position(Option::is_none).unwrap_or_else(|| {
            self.slots.push(None);
            self.slots.len().saturating_sub(1)
        });
        let slot = u32::try_from(free).unwrap_or_default(); // the capacity is far below
        let statement = Statement {
            bind_head: bind_head(&name, &params),
            sql: sql.into(),
            // Without a cache no run finds what another has prepared: it may be another server's by then.
            params_at: if self.capacity > 0 { vec![params_at] } else { Vec::new() },
            serial: self.serial,
            used: self.clock,
            name,
            is_parsed: false,
            inferred: types.is_empty(),
            types: types.into(),
            by_path: false,
            codecs: self.codecs,
            params: params.into(),
            asked: None,
            parameter_types: None,
            columns: None,
            plans: Vec::new(),
            holder: Arc::default(),
        };
        if let Some(place) = self.slots.get_mut(free) {
            *place = Some(statement);
        }
        self.by_hash.entry(self.hasher.hash_one(sql)).or_default().push(slot);
        self.recent = slot;
        StatementId { slot, serial: self.serial }
    }

    /// Closes the least recently used; false if all are in use.
    fn evict(&mut self) -> bool {
        let oldest = (0u32..)
            .zip(&self.slots)
            .filter_map(|(slot, statement)| Some((slot, statement.as_ref().filter(|s| !s.is_in_use())?)))
            .map(|(slot, statement)| (statement.used, slot, statement.serial))
            .min();
        if let Some((_, slot, serial)) = oldest {
            self.close(StatementId { slot, serial });
        }
        oldest.is_some()
    }

    /// Forgets the unnamed statement that was.
    fn remove_unnamed(&mut self) {
        for id in self.ids() {
            if self.get(id).is_some_and(|statement| statement.name.is_empty() && !statement.is_in_use()) {
                self.remove(id);
            }
        }
    }

    /// Takes a statement up for a run, until whose end it stays. One without a name is prepared by each run, since its
    /// place on the server is anybody's.
    pub(crate) fn take_up(&mut self, id: StatementId) -> Option<InUse> {
        let statement = self.get_mut(id)?;
        statement.is_parsed &= !statement.name.is_empty();
        Some(InUse { _holder: statement.holder.clone() })
    }

    /// Takes a statement out: its Parse failed, or it is stale. Nothing is closed on the server.
    pub fn remove(&mut self, id: StatementId) -> Option<Statement> {
        self.get(id)?;
        let statement = self.slots.get_mut(id.slot as usize)?.take()?;
        let hash = self.hasher.hash_one(&*statement.sql);
        if let Some(slots) = self.by_hash.get_mut(&hash) {
            slots.retain(|slot| *slot != id.slot);
            if slots.is_empty() {
                self.by_hash.remove(&hash);
            }
        }
        Some(statement)
    }

    /// Takes a statement out and closes it on the server with the next request.
    pub fn close(&mut self, id: StatementId) {
        if let Some(statement) = self.remove(id)
            && !statement.name.is_empty()
        {
            self.closing.push(statement.name);
        }
    }

    /// Takes all statements out and closes them on the server with the next request.
    pub(crate) fn close_all(&mut self) {
        for id in self.ids() {
            self.close(id);
        }
    }

    /// Notes that some type of a statement was looked for in the search path.
    pub(crate) fn mark_by_path(&mut self, id: StatementId) {
        if let Some(statement) = self.get_mut(id) {
            statement.by_path = true;
        }
    }

    /// Takes the statements out whose types were looked for in the search path.
    pub(crate) fn close_by_path(&mut self) {
        for id in self.ids() {
            if self.get(id).is_some_and(|statement| statement.by_path) {
                self.close(id);
            }
        }
    }

    fn ids(&self) -> Vec<StatementId> {
        (0u32..)
            .zip(&self.slots)
            .filter_map(|(slot, statement)| Some(StatementId { slot, serial: statement.as_ref()?.serial }))
            .collect()
    }

    /// Takes all statements of this SQL out, whatever types they declare: what made one of them stale made all.
    #[cold]
    pub(crate) fn close_all_of(&mut self, sql: &str) {
        while let Some(id) = self.find_hashed(sql, |statement| statement.is_parsed) {
            self.close(id);
        }
    }

    /// Forgets all but `kept`: DISCARD ALL or DEALLOCATE ALL has freed them on the server.
    pub(crate) fn handle_deallocated(&mut self, kept: &[StatementId]) {
        self.closing.clear();
        for id in self.ids().into_iter().filter(|id| !kept.contains(id)) {
            self.remove(id);
        }
    }

    /// Names to be closed with the next request.
    #[inline]
    pub(crate) fn take_closing(&mut self) -> Vec<Box<str>> {
        std::mem::take(&mut self.closing)
    }

    /// Puts names back that were taken to be closed: the server has not heard of it.
    pub(crate) fn close_later(&mut self, names: impl IntoIterator<Item = Box<str>>) {
        self.closing.extend(names.into_iter().filter(|name| !name.is_empty()));
    }

    /// Whether names wait to be closed.
    #[inline]
    pub(crate) fn has_closing(&self) -> bool {
        !self.closing.is_empty()
    }
}

/// Bind up to the values: the unnamed portal, the statement, the parameters' formats and their count.
fn bind_head(name: &str, params: &[Plan]) -> Box<[u8]> {
    let formats: Vec<Format> = params.iter().map(|plan| plan.format).collect();
    let count = u16::try_from(params.len()).unwrap_or(u16::MAX); // checked by Parse
    let mut head = vec![0];
    head.extend_from_slice(name.as_bytes());
    head.push(0);
    head.extend(result_formats(&formats));
    head.extend_from_slice(&count.to_be_bytes());
    head.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use postgres_types::Type;

    #[test]
    fn the_least_recently_used_is_closed() {
        let mut statements = Statements::new(2);
        let one = statements.insert("select 1", vec![], 8, vec![]);
        statements.find("select 1", 8);
        statements.insert("select 2", vec![], 8, vec![]);
        statements.find("select 1", 8);
        statements.insert("select 3", vec![], 8, vec![]);
        assert!(statements.get(one).is_some());
        assert_eq!(statements.find("select 2", 8), None);
        assert_eq!(statements.take_closing(), [Box::from("s2")]);
        assert_eq!(statements.len(), 2);
    }

    #[test]
    fn the_same_sql_with_other_types_is_another_statement() {
        let mut statements = Statements::new(100);
        let plans = |format| vec![Plan::leaf(&Type::INT8, format), Plan::leaf(&Type::TEXT, format)];
        let (binary, text) = (plans(Format::Binary), plans(Format::Text));
        let ints = statements.insert("select $1, $2", vec![20, 25], 100, binary.clone());
        assert_eq!(statements.find_typed("select $1, $2", &[25, 20], &binary, 0), None);
        assert_eq!(statements.find_typed("select $1, $2", &[20, 25], &text, 0), None);
        assert_eq!(statements.find_typed("select $1, $2", &[20, 25], &binary, 0), Some(ints));
        statements.remove(ints);
        assert_eq!(statements.find("select $1, $2", 100), None);
        assert_eq!(statements.get(ints).map(Statement::name), None);
    }
}
