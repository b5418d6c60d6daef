//! `#[pg(..)]`: which keys there are, where each belongs, and what was written, with its span.

use crate::errors::Errors;
use crate::input::Derive;
use crate::rename::{Rule, nearest};
use proc_macro2::{Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{Attribute, ExprPath, Ident, LitStr, Meta, Path, Token, Type, WherePredicate};

/// Where an attribute stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Type,
    Field,
    Variant,
}

impl Place {
    fn on(self) -> &'static str {
        match self {
            Place::Type => "a struct or enum",
            Place::Field => "a field",
            Place::Variant => "a variant",
        }
    }
}

/// The value that a key takes.
#[derive(Clone, Copy)]
enum Takes {
    Nothing,
    Text,
    CratePath,
    /// Nothing or a path.
    Function,
    /// Nothing or `self`.
    Own,
    /// Nothing or `(prefix = "..")`.
    Prefix,
    /// Nothing or `(nullable)`.
    Nullable,
    Type,
    Module,
}

struct Key {
    name: &'static str,
    places: &'static [Place],
    takes: Takes,
    /// How it is written.
    form: &'static str,
    /// Why the derive of an adapter or a typecaster has no use for it.
    rows_only: Option<&'static str>,
}

const fn key(name: &'static str, places: &'static [Place], takes: Takes, form: &'static str) -> Key {
    Key { name, places, takes, form, rows_only: None }
}

const KEYS: &[Key] = &[
    key("name", &[Place::Type, Place::Field, Place::Variant], Takes::Text, "name = \"..\""),
    key("schema", &[Place::Type], Takes::Text, "schema = \"..\""),
    key("rename_all", &[Place::Type], Takes::Text, "rename_all = \"..\""),
    key("transparent", &[Place::Type], Takes::Nothing, "transparent"),
    key("domain", &[Place::Type], Takes::Nothing, "domain"),
    key("composite", &[Place::Type], Takes::Nothing, "composite"),
    key("text", &[Place::Type], Takes::Own, "text` or `text = self"),
    key("repr", &[Place::Type], Takes::Type, "repr = i32"),
    key("packed", &[Place::Type], Takes::Nothing, "packed"),
    key("json", &[Place::Type], Takes::Nothing, "json"),
    key("json", &[Place::Field], Takes::Nullable, "json` or `json(nullable)"),
    key("range", &[Place::Type], Takes::Nothing, "range"),
    key("foreign", &[Place::Field], Takes::Nothing, "foreign"),
    key("with", &[Place::Type, Place::Field], Takes::Module, "with = module"),
    key("into", &[Place::Type, Place::Field], Takes::Type, "into = Type"),
    key("from", &[Place::Type, Place::Field], Takes::Type, "from = Type"),
    key("try_from", &[Place::Type, Place::Field], Takes::Type, "try_from = Type"),
    key("allow_extra", &[Place::Type], Takes::Nothing, "allow_extra"),
    key("allow_missing", &[Place::Type], Takes::Nothing, "allow_missing"),
    key("crate", &[Place::Type], Takes::CratePath, "crate = path::to::it"),
    key("bound", &[Place::Type], Takes::Text, "bound = \"..\""),
    key("skip", &[Place::Field, Place::Variant], Takes::Nothing, "skip"),
    key("skip_to_sql", &[Place::Field], Takes::Nothing, "skip_to_sql"),
    key("skip_from_sql", &[Place::Field], Takes::Nothing, "skip_from_sql"),
    key("default", &[Place::Type, Place::Field], Takes::Function, "default` or `default = path"),
    Key {
        rows_only: Some(
            "a row's columns can be spread over several structs, but a field of a type is one value",
        ),
        ..key("flatten", &[Place::Field], Takes::Prefix, "flatten` or `flatten(prefix = \"..\")")
    },
    key("alias", &[Place::Field, Place::Variant], Takes::Text, "alias = \"..\""),
    key("other", &[Place::Variant], Takes::Nothing, "other"),
];

/// All names, for the test that walks them.
#[cfg(test)]
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    KEYS.iter().map(|key| key.name)
}

/// Keys of other libraries, and what they are called here.
const ELSEWHERE: &[(&str, &str)] = &[
    ("rename", "name"),
    ("type_name", "name"),
    ("column", "name"),
    ("column_name", "name"),
    ("label", "name"),
    ("prefix", "flatten(prefix = \"..\")"),
    ("embed", "flatten"),
    ("display", "text"),
    ("ignore", "skip"),
    ("type", "repr"),
    ("as", "into"),
    ("serialize_as", "into"),
    ("deserialize_as", "from"),
    ("allow_mismatch", "other"),
    ("native", "foreign"),
];

/// Keys that others have or that one may look for, and why there are none such.
const NEEDLESS: &[(&str, &str)] = &[
    ("array", "the array of each type is found with it"),
    ("borrow", "a field whose type has a lifetime borrows from the row without a word"),
    ("deny_unknown", "attributes without a field are an error as it is, unless `allow_extra` is there"),
    (
        "deny_unknown_fields",
        "attributes without a field are an error as it is, unless `allow_extra` is there",
    ),
    ("enum", "an enum is PostgreSQL's enum without a word"),
    (
        "index",
        "a struct with named fields finds its columns by their names, a tuple struct reads them in order",
    ),
    ("null_as", "`from = Option<Type>` hands NULL to the conversion"),
    ("nullable", "an `Option` can be NULL, and nothing else"),
    ("register", "a type registers itself at its first use"),
];

/// What was written for a key, and where.
pub(crate) struct Given<T> {
    /// The key.
    pub(crate) key: Span,
    pub(crate) value: T,
}

/// What stands on a struct or enum.
#[derive(Default)]
pub(crate) struct TypeAttributes {
    pub(crate) name: Option<Given<LitStr>>,
    pub(crate) schema: Option<Given<LitStr>>,
    pub(crate) rename_all: Option<Given<Rule>>,
    pub(crate) transparent: Option<Given<()>>,
    pub(crate) domain: Option<Given<()>>,
    /// `true` is `text = self`.
    pub(crate) text: Option<Given<bool>>,
    pub(crate) packed: Option<Given<()>>,
    pub(crate) composite: Option<Given<()>>,
    pub(crate) range: Option<Given<()>>,
    pub(crate) repr: Option<Given<Type>>,
    pub(crate) conversion: Conversion,
    pub(crate) allow_extra: Option<Given<()>>,
    pub(crate) allow_missing: Option<Given<()>>,
    pub(crate) krate: Option<Given<Path>>,
    pub(crate) bound: Option<Given<Punctuated<WherePredicate, Token![,]>>>,
    pub(crate) default: Option<DefaultOf>,
}

/// Where a default comes from: a function, or `Default`.
pub(crate) type DefaultOf = Given<Option<ExprPath>>;

/// By what other codec than its own a value is written and read.
#[derive(Default)]
pub(crate) struct Conversion {
    /// `true` is `json(nullable)`.
    pub(crate) json: Option<Given<bool>>,
    pub(crate) with: Option<Given<Path>>,
    pub(crate) foreign: Option<Given<()>>,
    pub(crate) into: Option<Given<Type>>,
    pub(crate) from: Option<Given<Type>>,
    pub(crate) try_from: Option<Given<Type>>,
}

impl Conversion {
    /// What was given, as it is written.
    pub(crate) fn given(&self) -> Vec<(&'static str, Span)> {
        let all = [
            ("json", self.json.as_ref().map(|given| given.key)),
            ("with", self.with.as_ref().map(|given| given.key)),
            ("foreign", self.foreign.as_ref().map(|given| given.key)),
            ("into", self.into.as_ref().map(|given| given.key)),
            ("from", self.from.as_ref().map(|given| given.key)),
            ("try_from", self.try_from.as_ref().map(|given| given.key)),
        ];
        all.into_iter().filter_map(|(name, key)| Some((name, key?))).collect()
    }

    /// Takes an entry, if it is one of these.
    fn take(&mut self, key: &Ident, value: Value, errors: &Errors) -> Result<(), Value> {
        match (key.to_string().as_str(), value) {
            ("json", value) => set(&mut self.json, key, matches!(value, Value::Nullable), errors),
            ("with", Value::Module(path)) => set(&mut self.with, key, path, errors),
            ("foreign", _) => set(&mut self.foreign, key, (), errors),
            ("into", Value::Type(ty)) => set(&mut self.into, key, *ty, errors),
            ("from", Value::Type(ty)) => set(&mut self.from, key, *ty, errors),
            ("try_from", Value::Type(ty)) => set(&mut self.try_from, key, *ty, errors),
            (_, value) => return Err(value),
        }
        Ok(())
    }
}

/// What stands on a field.
#[derive(Default)]
pub(crate) struct FieldAttributes {
    pub(crate) name: Option<Given<LitStr>>,
    /// Each may be given.
    pub(crate) aliases: Vec<LitStr>,
    pub(crate) skip: Option<Given<()>>,
    pub(crate) skip_to_sql: Option<Given<()>>,
    pub(crate) skip_from_sql: Option<Given<()>>,
    pub(crate) default: Option<DefaultOf>,
    pub(crate) flatten: Option<Given<Option<LitStr>>>,
    pub(crate) conversion: Conversion,
}

/// What stands on a variant.
#[derive(Default)]
pub(crate) struct VariantAttributes {
    pub(crate) name: Option<Given<LitStr>>,
    /// Each may be given.
    pub(crate) aliases: Vec<LitStr>,
    pub(crate) other: Option<Given<()>>,
    pub(crate) skip: Option<Given<()>>,
}

impl TypeAttributes {
    pub(crate) fn parse(attributes: &[Attribute], derive: Derive, errors: &Errors) -> TypeAttributes {
        let mut all = TypeAttributes::default();
        entries(attributes, Place::Type, derive, errors, |key, value| {
            match (key.to_string().as_str(), value) {
                ("name", Value::Text(text)) => set(&mut all.name, key, text, errors),
                ("schema", Value::Text(text)) => set(&mut all.schema, key, text, errors),
                ("rename_all", Value::Text(text)) => {
                    let rule = rule(&text, errors);
                    set(&mut all.rename_all, key, rule, errors);
                }
                ("transparent", _) => set(&mut all.transparent, key, (), errors),
                ("domain", _) => set(&mut all.domain, key, (), errors),
                ("text", value) => set(&mut all.text, key, matches!(value, Value::Own), errors),
                ("packed", _) => set(&mut all.packed, key, (), errors),
                ("composite", _) => set(&mut all.composite, key, (), errors),
                ("range", _) => set(&mut all.range, key, (), errors),
                ("repr", Value::Type(ty)) => set(&mut all.repr, key, *ty, errors),
                ("allow_extra", _) => set(&mut all.allow_extra, key, (), errors),
                ("allow_missing", _) => set(&mut all.allow_missing, key, (), errors),
                ("crate", Value::CratePath(path)) => set(&mut all.krate, key, path, errors),
                ("default", Value::Function(path)) => set(&mut all.default, key, Some(path), errors),
                ("default", _) => set(&mut all.default, key, None, errors),
                ("bound", Value::Text(text)) => {
                    let predicates = predicates(&text, errors);
                    set(&mut all.bound, key, predicates, errors);
                }
                (_, value) => {
                    if all.conversion.take(key, value, errors).is_err() {
                        unknown(key, Place::Type, derive, errors);
                    }
                }
            }
        });
        all
    }
}

impl FieldAttributes {
    /// In one direction at least.
    pub(crate) fn is_skipped(&self) -> bool {
        self.skip.is_some() || self.skip_to_sql.is_some() || self.skip_from_sql.is_some()
    }

    pub(crate) fn parse(attributes: &[Attribute], derive: Derive, errors: &Errors) -> FieldAttributes {
        let mut all = FieldAttributes::default();
        entries(attributes, Place::Field, derive, errors, |key, value| {
            match (key.to_string().as_str(), value) {
                ("name", Value::Text(text)) => set(&mut all.name, key, text, errors),
                ("alias", Value::Text(text)) => all.aliases.push(text),
                ("skip", _) => set(&mut all.skip, key, (), errors),
                ("skip_to_sql", _) => set(&mut all.skip_to_sql, key, (), errors),
                ("skip_from_sql", _) => set(&mut all.skip_from_sql, key, (), errors),
                ("default", Value::Function(path)) => set(&mut all.default, key, Some(path), errors),
                ("default", _) => set(&mut all.default, key, None, errors),
                ("flatten", Value::Prefix(prefix)) => set(&mut all.flatten, key, Some(prefix), errors),
                ("flatten", _) => set(&mut all.flatten, key, None, errors),
                (_, value) => {
                    if all.conversion.take(key, value, errors).is_err() {
                        unknown(key, Place::Field, derive, errors);
                    }
                }
            }
        });
        all
    }
}

impl VariantAttributes {
    pub(crate) fn parse(attributes: &[Attribute], derive: Derive, errors: &Errors) -> VariantAttributes {
        let mut all = VariantAttributes::default();
        entries(attributes, Place::Variant, derive, errors, |key, value| {
            match (key.to_string().as_str(), value) {
                ("name", Value::Text(text)) => set(&mut all.name, key, text, errors),
                ("alias", Value::Text(text)) => all.aliases.push(text),
                ("other", _) => set(&mut all.other, key, (), errors),
                ("skip", _) => set(&mut all.skip, key, (), errors),
                _ => unknown(key, Place::Variant, derive, errors),
            }
        });
        all
    }
}

fn set<T>(place: &mut Option<Given<T>>, key: &Ident, value: T, errors: &Errors) {
    if place.is_some() {
        errors.at(key.span(), format!("`{key}` is given twice: keep one"));
        return;
    }
    *place = Some(Given { key: key.span(), value });
}

fn rule(text: &LitStr, errors: &Errors) -> Rule {
    let name = text.value();
    Rule::parse(&name).unwrap_or_else(|| {
        let names = Rule::ALL.map(|(name, _)| name);
        let meant = match nearest(&name, names) {
            Some(near) => format!("did you mean \"{near}\"? The rules"),
            None => "the rules".to_owned(),
        };
        errors.on(text, format!("no naming rule {name:?}: {meant} are {}", names.join(", ")));
        Rule::Snake
    })
}

fn predicates(text: &LitStr, errors: &Errors) -> Punctuated<WherePredicate, Token![,]> {
    text.parse_with(Punctuated::parse_terminated).unwrap_or_else(|e| {
        errors.on(
            text,
            format!("not the predicates of a where clause ({e}): write `bound = \"T: Adapter, U: Clone\"`"),
        );
        Punctuated::new()
    })
}

/// A key's value.
enum Value {
    Nothing,
    Text(LitStr),
    CratePath(Path),
    Function(ExprPath),
    Own,
    Prefix(LitStr),
    Nullable,
    Type(Box<Type>),
    Module(Path),
}

/// Visits the entries of all `#[pg(..)]` that make sense by themselves and belong here. After a mistake it goes on
/// behind the next comma.
fn entries(
    attributes: &[Attribute],
    place: Place,
    derive: Derive,
    errors: &Errors,
    mut visit: impl FnMut(&Ident, Value),
) {
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("pg")) {
        let tokens = match &attribute.meta {
            Meta::List(list) => list.tokens.clone(),
            meta => {
                errors.on(
                    meta,
                    format!(
                        "`#[pg]` wants its keys in parentheses: write `#[pg(name = \"..\")]`; allowed here: `{}`",
                        forms(place, derive)
                    ),
                );
                continue;
            }
        };
        let walked = (|stream: ParseStream<'_>| {
            while !stream.is_empty() {
                match entry(stream, place, derive) {
                    Ok((key, value)) => visit(&key, value),
                    Err(Mistake { error, meant }) => {
                        errors.push(error);
                        if let Some(key) = meant {
                            visit(&key, Value::Nothing);
                        }
                    }
                }
                if !stream.is_empty() && !stream.peek(Token![,]) {
                    // The mistake was reported above, unless this is it.
                    skip_entry(stream)?;
                }
                if !stream.is_empty() {
                    stream.parse::<Token![,]>()?;
                }
            }
            Ok(())
        })
        .parse2(tokens);
        if let Err(e) = walked {
            errors.push(e);
        }
    }
}

fn skip_entry(stream: ParseStream<'_>) -> syn::Result<()> {
    while !stream.is_empty() && !stream.peek(Token![,]) {
        stream.parse::<TokenTree>()?;
    }
    Ok(())
}

/// An entry that makes no sense, and the key that it was meant for, if that makes sense without a value: what is missing
/// otherwise must not be a second mistake.
struct Mistake {
    error: syn::Error,
    meant: Option<Ident>,
}

impl From<syn::Error> for Mistake {
    fn from(error: syn::Error) -> Mistake {
        Mistake { error, meant: None }
    }
}

/// One key with its value, up to a comma.
fn entry(stream: ParseStream<'_>, place: Place, derive: Derive) -> Result<(Ident, Value), Mistake> {
    if !stream.peek(Ident::peek_any) {
        return Err(stream.error(format!("`#[pg(..)]` wants keys: `{}`", forms(place, derive))).into());
    }
    let ident = stream.call(Ident::parse_any)?;
    let name = ident.to_string();
    let Some(key) = KEYS.iter().find(|key| key.name == name && key.places.contains(&place)) else {
        skip_entry(stream)?;
        return Err(misplaced(&ident, place, derive).into());
    };
    if let (Some(reason), false) = (key.rows_only, derive == Derive::FromRow) {
        skip_entry(stream)?;
        let message = format!(
            "`{name}` is for `FromRow`, not for `{}`: {reason}; remove it, or derive the two on two types",
            derive.name()
        );
        return Err(syn::Error::new(ident.span(), message).into());
    }
    let from = stream.fork();
    let Ok(value) = value(key, stream) else {
        let written = rest_of_entry(&from);
        let error = syn::Error::new_spanned(quote::quote!(#ident #written), wrong_value(key));
        let needs_value = matches!(key.takes, Takes::Text | Takes::CratePath | Takes::Type | Takes::Module);
        let meant = if needs_value { None } else { Some(ident) };
        return Err(Mistake { error, meant });
    };
    if !stream.is_empty() && !stream.peek(Token![,]) {
        return Err(stream.error(format!("a comma is missing after `{name}`")).into());
    }
    Ok((ident, value))
}

fn wrong_value(key: &Key) -> String {
    let wants = match key.takes {
        Takes::Nothing => "no value",
        Takes::Text => "a string",
        Takes::CratePath => "a path without quotes",
        Takes::Function => "nothing, or the path of a function without quotes",
        Takes::Own => "nothing, or `self`",
        Takes::Prefix => "nothing, or a prefix",
        Takes::Nullable => "nothing, or `(nullable)`",
        Takes::Type => "a type without quotes",
        Takes::Module => "the path of a module without quotes",
    };
    format!("`{}` takes {wants}: write `{}`", key.name, key.form)
}

/// What stands from here to the next comma, for an error's span.
fn rest_of_entry(stream: ParseStream<'_>) -> TokenStream {
    let mut tokens = TokenStream::new();
    while !stream.is_empty() && !stream.peek(Token![,]) {
        match stream.parse::<TokenTree>() {
            Ok(token) => token.to_tokens(&mut tokens),
            Err(_) => break,
        }
    }
    tokens
}

fn value(key: &Key, stream: ParseStream<'_>) -> syn::Result<Value> {
    let bare = stream.is_empty() || stream.peek(Token![,]);
    match key.takes {
        Takes::Nothing | Takes::Function | Takes::Own | Takes::Prefix | Takes::Nullable if bare => {
            return Ok(Value::Nothing);
        }
        Takes::Nothing => return Err(stream.error("no value")),
        Takes::Prefix => {
            let inside;
            syn::parenthesized!(inside in stream);
            let prefix = prefix(&inside);
            // syn reports what nobody took as a mistake of its own.
            inside.parse::<TokenStream>()?;
            return prefix.map(Value::Prefix);
        }
        Takes::Nullable => {
            let inside;
            syn::parenthesized!(inside in stream);
            let word: Ident = inside.parse()?;
            let end = inside.parse::<TokenStream>()?;
            if word != "nullable" || !end.is_empty() {
                return Err(syn::Error::new(word.span(), "nullable"));
            }
            return Ok(Value::Nullable);
        }
        _ => {}
    }
    stream.parse::<Token![=]>()?;
    Ok(match key.takes {
        Takes::CratePath => Value::CratePath(stream.call(Path::parse_mod_style)?),
        Takes::Module => Value::Module(stream.call(Path::parse_mod_style)?),
        Takes::Type => Value::Type(Box::new(stream.parse()?)),
        Takes::Function => Value::Function(stream.parse()?),
        Takes::Own => {
            stream.parse::<Token![self]>()?;
            Value::Own
        }
        _ => Value::Text(stream.parse()?),
    })
}

/// What stands in `flatten(..)`.
fn prefix(inside: ParseStream<'_>) -> syn::Result<LitStr> {
    let word: Ident = inside.parse()?;
    if word != "prefix" {
        return Err(syn::Error::new(word.span(), "prefix"));
    }
    inside.parse::<Token![=]>()?;
    let prefix = inside.parse()?;
    inside.parse::<Option<Token![,]>>()?;
    if inside.is_empty() { Ok(prefix) } else { Err(inside.error("prefix")) }
}

fn unknown(key: &Ident, place: Place, derive: Derive, errors: &Errors) {
    errors.push(misplaced(key, place, derive));
}

/// A key that is not known, or not known here.
fn misplaced(key: &Ident, place: Place, derive: Derive) -> syn::Error {
    let name = key.to_string();
    let allowed = format!("`{}`", forms(place, derive));
    let here = KEYS.iter().filter(|key| key.places.contains(&place)).map(|key| key.name);
    let elsewhere = KEYS.iter().filter(|key| key.name == name).flat_map(|key| key.places);
    let places: Vec<&str> = elsewhere.map(|place| place.on()).collect();
    let message = if !places.is_empty() {
        format!("`{name}` belongs on {}, not on {}; allowed here: {allowed}", places.join(" or "), place.on())
    } else if let Some((_, ours)) = ELSEWHERE.iter().find(|(theirs, _)| *theirs == name) {
        format!("no attribute `{name}`: it is called `{ours}`; allowed here: {allowed}")
    } else if let Some((_, why)) = NEEDLESS.iter().find(|(theirs, _)| *theirs == name) {
        format!("no attribute `{name}`: {why}; remove it")
    } else if let Some(near) = nearest(&name, here) {
        format!("no attribute `{name}`: did you mean `{near}`? Allowed here: {allowed}")
    } else {
        format!("no attribute `{name}`; allowed here: {allowed}")
    };
    syn::Error::new(key.span(), message)
}

/// The keys allowed at a place, as they are written.
fn forms(place: Place, derive: Derive) -> String {
    let allowed =
        |key: &&Key| key.places.contains(&place) && (key.rows_only.is_none() || derive == Derive::FromRow);
    let forms: Vec<&str> = KEYS.iter().filter(allowed).map(|key| key.form).collect();
    forms.join("`, `")
}
