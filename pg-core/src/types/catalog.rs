//! What is known of the server's types: PostgreSQL's own by heart, all others as the catalog told them.

use super::codecs::{Codecs, Key, Registered, TypeKey};
use super::name::{NamedType, TypeName, built_in_range};
use crate::message::Format;
use postgres_types::{Kind, Oid, Type};
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, OnceLock};

/// The types of one database as one session sees them, and what was registered for them at run time. Cheap to clone:
/// connections of a registry share it.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    known: Arc<Known>,
    /// Of the connection.
    codecs: Codecs,
    /// Of the statement that is being planned: they come before the connection's.
    of_statement: Codecs,
}

/// A name as a [`NamedType`] asks for it: schema or none, and name.
pub type AskedName = (Option<Box<str>>, Box<str>);

#[derive(Debug, Clone, Default)]
struct Known {
    names: HashMap<AskedName, Oid>,
    /// Names as SQL writes them; `None` for one that no type has.
    expressions: HashMap<Box<str>, Option<Oid>>,
    types: HashMap<Oid, Type>,
    /// How many types lie beneath each of these, one in the other; those with too many are not among the types.
    heights: HashMap<Oid, u32>,
    /// Element to array.
    arrays: HashMap<Oid, Oid>,
    /// Base types that have no binary output.
    text_only: HashSet<Oid>,
    /// All ranges of a subtype whose ranges were asked for.
    ranges: HashMap<Oid, Vec<Oid>>,
    /// Range to multirange.
    multiranges: HashMap<Oid, Oid>,
    /// What stands between the elements of an array literal, where it is no comma.
    delimiters: HashMap<Oid, u8>,
}

/// One row of the catalog's answer, before types refer to each other.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The type.
    pub oid: Oid,
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// Its array type, or 0.
    pub array: Oid,
    /// What stands between its values in an array literal: a comma for nearly all.
    pub delimiter: u8,
    /// What it is made of.
    pub shape: EntryShape,
}

/// What a type is made of, by OIDs.
#[derive(Debug, Clone)]
pub enum EntryShape {
    /// A base type.
    Base,
    /// A base type without a binary output function.
    TextOnly,
    /// Labels in order.
    Enum(Vec<String>),
    /// Attributes in order.
    Composite(Vec<(String, Oid)>),
    /// A domain over a type.
    Domain(Oid),
    /// A range.
    Range {
        /// Of this type.
        of: Oid,
        /// Its multirange.
        multirange: Oid,
    },
    /// A multirange of a type.
    Multirange(Oid),
    /// An array of a type.
    Array(Oid),
    /// A pseudo-type.
    Pseudo,
}

struct BuiltIn {
    names: HashMap<&'static str, Oid>,
    arrays: HashMap<Oid, Oid>,
}

/// PostgreSQL's own types, by name and by element. Their OIDs are below 10,000 and never change.
fn built_in() -> &'static BuiltIn {
    static BUILT_IN: OnceLock<BuiltIn> = OnceLock::new();
    BUILT_IN.get_or_init(|| {
        let records = (Type::RECORD.oid(), Type::RECORD_ARRAY.oid());
        let mut built_in = BuiltIn { names: HashMap::new(), arrays: HashMap::from([records]) };
        for type_ in (1..10_000).filter_map(Type::from_oid) {
            if let Kind::Array(element) = type_.kind() {
                built_in.arrays.insert(element.oid(), type_.oid());
            }
            // `Type::name` borrows from the type; a built-in one's is static, but its signature can't say so.
            let name: &'static str = Box::leak(type_.name().to_owned().into_boxed_str());
            built_in.names.insert(name, type_.oid());
        }
        built_in
    })
}

impl Catalog {
    /// The type with this OID, if it is known.
    pub fn type_by_oid(&self, oid: Oid) -> Option<Type> {
        Type::from_oid(oid).or_else(|| self.known.types.get(&oid).cloned())
    }

    /// Whether the type with this OID is known.
    pub fn knows(&self, oid: Oid) -> bool {
        Type::from_oid(oid).is_some() || self.known.types.contains_key(&oid)
    }

    /// The type with this OID; a stand-in with its number for a name, if it is not known.
    pub fn type_or_stand_in(&self, oid: Oid) -> Type {
        self.type_by_oid(oid)
            .unwrap_or_else(|| Type::new(format!("type with OID {oid}"), oid, Kind::Simple, String::new()))
    }

    /// The type that a Rust type names, if it is known. [`TypeName::Inferred`] never is.
    pub fn resolve(&self, name: TypeName) -> Option<Type> {
        match name {
            TypeName::Inferred | TypeName::Described => None,
            TypeName::Oid(oid) => Type::from_oid(oid),
            TypeName::Named(named) => self.type_by_oid(self.oid_of(named)?),
            TypeName::Array(element) => self.array_of(self.resolve(*element)?.oid()),
            TypeName::Range(subtype) | TypeName::Multirange(subtype) => {
                let multi = matches!(name, TypeName::Multirange(_));
                built_in_range(*subtype, multi).or_else(|| self.range_of(*subtype, multi))
            }
            TypeName::Record(_) => Some(Type::RECORD),
        }
    }

    /// The only range of a subtype, or its multirange.
    fn range_of(&self, subtype: TypeName, multi: bool) -> Option<Type> {
        let &[range] = self.ranges_of(subtype)? else {
            return None;
        };
        self.type_by_oid(if multi { *self.known.multiranges.get(&range)? } else { range })
    }

    /// The ranges of a subtype that the catalog has, beside PostgreSQL's own; `None` if it wasn't asked for them.
    pub fn ranges_of(&self, subtype: TypeName) -> Option<&[Oid]> {
        self.known.ranges.get(&self.resolve(subtype)?.oid()).map(Vec::as_slice)
    }

    /// What stands between the elements of an array literal: `typdelim` of the element type. A domain has its base's.
    pub fn delimiter(&self, element: &Type) -> u8 {
        let mut base = element;
        while let Kind::Domain(inner) = base.kind() {
            base = inner;
        }
        match *base {
            Type::BOX => b';',
            _ => self.known.delimiters.get(&base.oid()).copied().unwrap_or(b','),
        }
    }

    fn oid_of(&self, named: &NamedType) -> Option<Oid> {
        // The server looks into pg_catalog before the search path, unless the path says otherwise.
        if named.schema.is_none_or(|schema| schema == "pg_catalog")
            && let Some(oid) = built_in().names.get(named.name)
        {
            return Some(*oid);
        }
        self.known.names.get(&(named.schema.map(Box::from), Box::from(named.name))).copied()
    }

    /// The array type of an element type, if it is known.
    pub fn array_of(&self, element: Oid) -> Option<Type> {
        let oid = built_in().arrays.get(&element).or_else(|| self.known.arrays.get(&element))?;
        self.type_by_oid(*oid)
    }

    /// Whether the server is best asked for values of this type in binary. A type that isn't known may not be, and one
    /// with a registered typecaster that reads text shouldn't.
    pub fn has_binary_form(&self, type_: &Type) -> bool {
        if self.typecasters_of(type_).next().is_some_and(|found| found.format == Some(Format::Text)) {
            return false;
        }
        match type_.kind() {
            Kind::Pseudo => false,
            Kind::Array(inner) | Kind::Domain(inner) | Kind::Range(inner) | Kind::Multirange(inner) => {
                self.has_binary_form(inner)
            }
            Kind::Composite(attributes) => {
                attributes.iter().all(|attribute| self.has_binary_form(attribute.type_()))
            }
            _ => match *type_ {
                Type::ACLITEM | Type::GTS_VECTOR => false,
                _ => self.knows(type_.oid()) && !self.known.text_only.contains(&type_.oid()),
            },
        }
    }

    /// The type that SQL calls so, if it is known: `Some(None)` if it is known that there is none.
    pub fn type_called(&self, expression: &str) -> Option<Option<Type>> {
        if let Some(built_in) = self.built_in_called(expression) {
            return Some(Some(built_in));
        }
        match self.known.expressions.get(expression)? {
            Some(oid) => self.type_by_oid(*oid).map(Some),
            None => Some(None),
        }
    }

    /// PostgreSQL's own types need no look-up: the server looks into `pg_catalog` first.
    fn built_in_called(&self, expression: &str) -> Option<Type> {
        let name = expression.strip_prefix("pg_catalog.").unwrap_or(expression);
        let (name, array) = match name.strip_suffix("[]") {
            Some(element) => (element, true),
            None => (name, false),
        };
        // `char` is a keyword that stands for another type than the one of that name.
        let oid = built_in().names.get(name).filter(|_| name != "char" && name != "bit")?;
        if array { self.array_of(*oid) } else { Type::from_oid(*oid) }
    }

    /// The names of registered codecs that a server must be asked for.
    pub(crate) fn expressions(&self) -> Vec<Box<str>> {
        let all = self.of_statement.expressions().chain(self.codecs.expressions());
        let mut asked: Vec<Box<str>> =
            all.filter(|expression| self.built_in_called(expression).is_none()).map(Box::from).collect();
        asked.sort_unstable();
        asked.dedup();
        asked
    }

    /// Whether the names of all registered codecs were looked up.
    pub(crate) fn is_settled(&self) -> bool {
        let mut all = self.of_statement.expressions().chain(self.codecs.expressions());
        all.all(|expression| self.type_called(expression).is_some())
    }

    /// Whether a codec was registered for this type.
    pub(super) fn is_key_of(&self, key: &TypeKey, type_: &Type) -> bool {
        match &key.0 {
            Key::Oids(oids) => oids.contains(&type_.oid()),
            Key::Expression(expression) => {
                self.type_called(expression).flatten().is_some_and(|found| found.oid() == type_.oid())
            }
        }
    }

    /// The type that a codec was registered for: the first of them that is known.
    pub(super) fn type_of_key(&self, key: &TypeKey) -> Option<Type> {
        match &key.0 {
            Key::Oids(oids) => oids.iter().find_map(|oid| self.type_by_oid(*oid)),
            Key::Expression(expression) => self.type_called(expression).flatten(),
        }
    }

    /// The registered typecasters of a type: the statement's first, the last registered first.
    pub(super) fn typecasters_of(&self, type_: &Type) -> impl Iterator<Item = &Arc<Registered>> {
        let all = self.of_statement.typecasters().chain(self.codecs.typecasters());
        all.filter(|registered| self.is_key_of(&registered.types, type_))
    }

    /// Whether nothing was registered at run time.
    pub(crate) fn has_no_codecs(&self) -> bool {
        self.of_statement.id() == 0 && self.codecs.id() == 0
    }

    /// The registered adapters: the statement's first, the last registered first.
    pub(super) fn adapters(&self) -> impl Iterator<Item = &Arc<Registered>> {
        self.of_statement.adapters().chain(self.codecs.adapters())
    }

    /// A catalog that knows a type and all that it is made of.
    pub fn of(type_: &Type) -> Catalog {
        let mut catalog = Catalog::default();
        Arc::make_mut(&mut catalog.known).add(type_);
        catalog
    }

    /// The same types, with a connection's codecs.
    #[must_use]
    pub fn with_codecs(self, codecs: Codecs) -> Catalog {
        Catalog { codecs, ..self }
    }

    /// Puts a statement's codecs before the connection's; gives those that stood there.
    pub(crate) fn exchange_statement_codecs(&mut self, codecs: Codecs) -> Codecs {
        std::mem::replace(&mut self.of_statement, codecs)
    }

    /// Notes which types SQL calls so. What is called by its very name is known by that too.
    pub(crate) fn settle(&mut self, expressions: impl IntoIterator<Item = (Box<str>, Option<Oid>)>) {
        let known = Arc::make_mut(&mut self.known);
        for (expression, oid) in expressions {
            if let Some((oid, type_)) = oid.and_then(|oid| Some((oid, known.types.get(&oid)?))) {
                let schema = (*expression != *type_.name()).then(|| Box::from(type_.schema()));
                if schema.is_none() || *expression == *format!("{}.{}", type_.schema(), type_.name()) {
                    known.names.insert((schema, type_.name().into()), oid);
                }
            }
            known.expressions.insert(expression, oid);
        }
    }

    /// Forgets all types, and keeps the codecs.
    pub(crate) fn clear(&mut self) {
        self.known = Arc::default();
    }

    /// Adds what the catalog told: the entries, and which OID each asked name has.
    pub fn extend(&mut self, entries: Vec<Entry>, names: Vec<(AskedName, Oid)>) {
        let known = Arc::make_mut(&mut self.known);
        known.names.extend(names);
        let mut waiting: HashMap<Oid, Entry> = entries.into_iter().map(|entry| (entry.oid, entry)).collect();
        for (oid, entry) in &waiting {
            if entry.array != 0 {
                known.arrays.insert(*oid, entry.array);
            }
            known.types.remove(oid); // told anew: a type may have been altered
            known.heights.remove(oid);
            match entry.shape {
                EntryShape::TextOnly => drop(known.text_only.insert(*oid)),
                EntryShape::Range { multirange, .. } => drop(known.multiranges.insert(*oid, multirange)),
                _ => {}
            }
            if entry.delimiter != b',' {
                known.delimiters.insert(*oid, entry.delimiter);
            }
        }
        for oid in waiting.keys().copied().collect::<Vec<_>>() {
            if waiting.contains_key(&oid) && known.build(oid, &mut waiting, 0).is_none() {
                waiting.remove(&oid);
                known.heights.insert(oid, MAX_HEIGHT.saturating_add(1));
            }
        }
    }

    /// Notes that all ranges of these subtypes were told: those that are known are all there are. Temporary ones, which may
    /// be another session's, count where there are no others.
    pub fn complete_ranges(&mut self, subtypes: impl IntoIterator<Item = Oid>) {
        let known = Arc::make_mut(&mut self.known);
        for subtype in subtypes {
            let is_of = |type_: &&Type| matches!(type_.kind(), Kind::Range(of) if of.oid() == subtype);
            let of_it: Vec<&Type> = known.types.values().filter(is_of).collect();
            let only_temporary = of_it.iter().all(|type_| is_temporary(type_));
            let lasting = of_it.into_iter().filter(|type_| only_temporary || !is_temporary(type_));
            let mut ranges: Vec<Oid> = lasting.map(Type::oid).collect();
            ranges.sort_unstable();
            known.ranges.insert(subtype, ranges);
        }
    }

    /// Forgets what was looked for in the search path.
    pub(crate) fn forget_by_path(&mut self) {
        let known = Arc::make_mut(&mut self.known);
        known.names.retain(|(schema, _), _| schema.is_some());
        known.expressions.clear();
    }

    /// The same without temporary types, which no other session sees, and without their names.
    pub(crate) fn without_temporary(&self) -> Catalog {
        let mut catalog = Catalog { known: self.known.clone(), ..Catalog::default() };
        if catalog.known.types.values().any(is_temporary) {
            let known = Arc::make_mut(&mut catalog.known);
            known.types.retain(|_, type_| !is_temporary(type_));
            known.names.retain(|_, oid| Type::from_oid(*oid).is_some() || known.types.contains_key(oid));
            let is_known = |oid: &Oid| Type::from_oid(*oid).is_some() || known.types.contains_key(oid);
            known.expressions.retain(|_, oid| oid.as_ref().is_none_or(is_known));
        }
        catalog
    }

    /// All types that the catalog told, by OID.
    pub fn types(&self) -> Vec<Type> {
        let mut types: Vec<Type> = self.known.types.values().cloned().collect();
        types.sort_by_key(Type::oid);
        types
    }

    /// Forgets which types these names stand for.
    pub(crate) fn forget(&mut self, names: &[TypeName]) {
        let subtypes: Vec<Oid> = names
            .iter()
            .filter_map(|name| match name {
                TypeName::Range(subtype) | TypeName::Multirange(subtype) => {
                    Some(self.resolve(**subtype)?.oid())
                }
                _ => None,
            })
            .collect();
        let known = Arc::make_mut(&mut self.known);
        for subtype in subtypes {
            known.ranges.remove(&subtype);
        }
        known.expressions.clear();
        for named in names.iter().filter_map(TypeName::named) {
            known.names.remove(&(named.schema.map(Box::from), Box::from(named.name)));
        }
    }

    /// Adds what other connections know, and keeps the names of temporary types, which only this one sees.
    pub(crate) fn adopt(&mut self, shared: &Catalog) {
        if Arc::ptr_eq(&self.known, &shared.known) {
            return;
        }
        let is_temporary = |oid: &Oid| self.known.types.get(oid).is_some_and(is_temporary);
        let own: Vec<(AskedName, Oid)> = self
            .known
            .names
            .iter()
            .filter(|(_, oid)| is_temporary(oid))
            .map(|(name, oid)| (name.clone(), *oid))
            .collect();
        self.merge(shared);
        if !own.is_empty() {
            Arc::make_mut(&mut self.known).names.extend(own);
        }
    }

    /// Adds what another connection's catalog knows.
    pub fn merge(&mut self, other: &Catalog) {
        if Arc::ptr_eq(&self.known, &other.known) {
            return;
        }
        let known = Arc::make_mut(&mut self.known);
        known.names.extend(other.known.names.iter().map(|(name, oid)| (name.clone(), *oid)));
        known.expressions.extend(other.known.expressions.iter().map(|(name, oid)| (name.clone(), *oid)));
        known.types.extend(other.known.types.iter().map(|(oid, type_)| (*oid, type_.clone())));
        known.heights.extend(&other.known.heights);
        known.arrays.extend(&other.known.arrays);
        known.text_only.extend(&other.known.text_only);
        known.ranges.extend(other.known.ranges.iter().map(|(subtype, ranges)| (*subtype, ranges.clone())));
        known.multiranges.extend(&other.known.multiranges);
        known.delimiters.extend(&other.known.delimiters);
    }
}

/// Whether a type belongs to a temporary table, or to the schema of those.
fn is_temporary(type_: &Type) -> bool {
    type_.schema().starts_with("pg_temp_")
}

/// So many types may lie in one another, as domains over domains do. Whoever walks through them does so by recursion.
const MAX_HEIGHT: u32 = 64;

impl Known {
    /// Adds a type and all that it is made of.
    fn add(&mut self, type_: &Type) {
        if Type::from_oid(type_.oid()).is_some() || self.types.contains_key(&type_.oid()) {
            return;
        }
        self.types.insert(type_.oid(), type_.clone());
        match type_.kind() {
            Kind::Array(inner) => {
                self.arrays.insert(inner.oid(), type_.oid());
                self.add(inner);
            }
            Kind::Domain(inner) | Kind::Range(inner) | Kind::Multirange(inner) => self.add(inner),
            Kind::Composite(fields) => fields.iter().for_each(|field| self.add(field.type_())),
            _ => {}
        }
    }

    /// Builds the type and those it is made of; `None` if they would lie too deep in one another. PostgreSQL allows no
    /// type inside itself; a server that claims otherwise gets stand-ins.
    fn build(&mut self, oid: Oid, waiting: &mut HashMap<Oid, Entry>, depth: u32) -> Option<Type> {
        if let Some(known) = Type::from_oid(oid).or_else(|| self.types.get(&oid).cloned()) {
            waiting.remove(&oid);
            return Some(known);
        }
        let height = self.heights.get(&oid).copied().unwrap_or_default();
        if depth.max(height) > MAX_HEIGHT {
            return None;
        }
        let Some(entry) = waiting.remove(&oid) else {
            return Some(Type::new(format!("type with OID {oid}"), oid, Kind::Simple, String::new()));
        };
        let mut height = 0;
        let mut inside = |of: Oid| {
            let type_ = self.build(of, waiting, depth.saturating_add(1))?;
            height = height.max(self.heights.get(&of).map_or(0, |height| height.saturating_add(1)));
            (height <= MAX_HEIGHT).then_some(type_)
        };
        let kind = match &entry.shape {
            EntryShape::Base | EntryShape::TextOnly => Some(Kind::Simple),
            EntryShape::Pseudo => Some(Kind::Pseudo),
            EntryShape::Enum(labels) => Some(Kind::Enum(labels.clone())),
            EntryShape::Domain(base) => inside(*base).map(Kind::Domain),
            EntryShape::Range { of, .. } => inside(*of).map(Kind::Range),
            EntryShape::Multirange(of) => inside(*of).map(Kind::Multirange),
            EntryShape::Array(of) => inside(*of).map(Kind::Array),
            EntryShape::Composite(attributes) => attributes
                .iter()
                .map(|(name, of)| Some(postgres_types::Field::new(name.clone(), inside(*of)?)))
                .collect::<Option<_>>()
                .map(Kind::Composite),
        };
        let Some(kind) = kind else {
            // It may be that only those around it are too many.
            waiting.insert(oid, entry);
            return None;
        };
        let type_ = Type::new(entry.name, oid, kind, entry.schema);
        self.types.insert(oid, type_.clone());
        self.heights.insert(oid, height);
        Some(type_)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_in_types_and_their_arrays_are_known_by_heart() {
        static POINT: TypeName = TypeName::Named(&NamedType {
            schema: None,
            name: "point",
            kind: super::super::name::NamedKind::Packed,
        });
        let catalog = Catalog::default();
        assert_eq!(catalog.resolve(POINT), Some(Type::POINT));
        assert_eq!(catalog.resolve(TypeName::array_of(&POINT)), Some(Type::POINT_ARRAY));
    }

    #[test]
    fn types_that_refer_to_each_other_come_in_any_order() {
        let mut catalog = Catalog::default();
        let entry = |oid, name: &str, array, shape| Entry {
            oid,
            schema: "public".into(),
            name: name.into(),
            array,
            delimiter: b',',
            shape,
        };
        catalog.extend(
            vec![
                entry(20001, "_item", 0, EntryShape::Array(20002)),
                entry(
                    20002,
                    "item",
                    20001,
                    EntryShape::Composite(vec![("mood".into(), 20003), ("n".into(), 20)]),
                ),
                entry(20003, "mood", 0, EntryShape::Enum(vec!["sad".into()])),
            ],
            vec![],
        );
        let array = catalog.array_of(20002).unwrap();
        let Kind::Array(item) = array.kind() else { panic!() };
        let Kind::Composite(fields) = item.kind() else { panic!() };
        assert_eq!(fields[0].type_().kind(), &Kind::Enum(vec!["sad".into()]));
    }

    /// Each over the next, the last over `int4`.
    fn domains(count: u32) -> Catalog {
        let mut catalog = Catalog::default();
        let entry = |at: u32| {
            let of = if at + 1 < count { 20_001 + at } else { Type::INT4.oid() };
            Entry {
                oid: 20_000 + at,
                schema: "public".into(),
                name: format!("domain_{at}"),
                array: 0,
                delimiter: b',',
                shape: EntryShape::Domain(of),
            }
        };
        catalog.extend((0..count).map(entry).collect(), vec![]);
        catalog
    }

    fn read(catalog: &Catalog, oid: Oid) -> crate::error::Result<i32> {
        use crate::types::typecaster::{RawValue, Typecaster};
        let plan = i32::plan(&catalog.type_or_stand_in(oid), &crate::types::plan::Planner { catalog })?;
        let context = crate::types::context::Context::default();
        i32::decode(RawValue { bytes: &[0, 0, 0, 7], plan: &plan, context: &context })
    }

    #[test]
    fn domains_over_domains_are_read_as_what_is_beneath() {
        assert_eq!(read(&domains(60), 20_000).unwrap(), 7);
    }

    /// Whatever a server claims, no walk through its types is so deep that the stack ends, in whichever order they came.
    #[test]
    fn types_too_deep_in_one_another_are_an_error() {
        for _ in 0..20 {
            let catalog = domains(1_000);
            assert!(read(&catalog, 20_000).unwrap_err().message().contains("type with OID 20000"));
            // Those that aren't too deep are what they are.
            assert_eq!(read(&catalog, 20_940).unwrap(), 7);
            let known = (20_000..21_000).filter(|oid| catalog.knows(*oid));
            assert_eq!(known.count(), MAX_HEIGHT as usize + 1);
        }
        drop(domains(20_000));
    }

    #[test]
    fn a_type_inside_itself_is_an_error() {
        let mut catalog = Catalog::default();
        let entry = |oid, shape| Entry {
            oid,
            schema: "public".into(),
            name: format!("t{oid}"),
            array: 0,
            delimiter: b',',
            shape,
        };
        catalog.extend(
            vec![
                entry(20_000, EntryShape::Domain(20_000)),
                entry(20_001, EntryShape::Domain(20_002)),
                entry(20_002, EntryShape::Array(20_001)),
                entry(20_003, EntryShape::Composite(vec![("a".into(), 20_003), ("b".into(), 20_001)])),
            ],
            vec![],
        );
        for oid in 20_000..20_004 {
            assert!(read(&catalog, oid).unwrap_err().message().contains("the SQL type is"), "{oid}");
        }
    }
}
