//! A type as it was written, with its attributes read: what is checked and then expanded.

use crate::attributes::{FieldAttributes, TypeAttributes, VariantAttributes};
use crate::errors::Errors;
use proc_macro2::Span;
use syn::spanned::Spanned;
use syn::{DeriveInput, Expr, Fields, Generics, Ident, LitStr, Member, Type};

/// Which macro was called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Derive {
    ToSql,
    FromSql,
    FromRow,
    Params,
    CopyRow,
}

impl Derive {
    /// It makes Rust values of SQL's; the others go the other way.
    pub(crate) fn reads(self) -> bool {
        matches!(self, Derive::FromSql | Derive::FromRow)
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Derive::ToSql => "ToSql",
            Derive::FromSql => "FromSql",
            Derive::FromRow => "FromRow",
            Derive::Params => "Params",
            Derive::CopyRow => "CopyRow",
        }
    }
}

pub(crate) struct Input<'i> {
    pub(crate) derive: Derive,
    pub(crate) ident: &'i Ident,
    pub(crate) generics: &'i Generics,
    pub(crate) attributes: TypeAttributes,
    pub(crate) data: Data<'i>,
}

pub(crate) enum Data<'i> {
    Struct(Style, Vec<Field<'i>>),
    Enum(Vec<Variant<'i>>),
    Union(Span),
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    Named,
    Tuple,
    Unit,
}

pub(crate) struct Field<'i> {
    pub(crate) member: Member,
    pub(crate) ty: &'i Type,
    pub(crate) attributes: FieldAttributes,
    /// Whether the derive writes values; otherwise it reads them.
    writes: bool,
}

pub(crate) struct Variant<'i> {
    pub(crate) ident: &'i Ident,
    /// The span of its data, if it has any.
    pub(crate) data: Option<Span>,
    pub(crate) attributes: VariantAttributes,
    /// Its discriminant, where one was written.
    pub(crate) number: Option<&'i Expr>,
    /// Of its data.
    pub(crate) fields: Vec<Field<'i>>,
}

impl<'i> Input<'i> {
    pub(crate) fn parse(derive: Derive, input: &'i DeriveInput, errors: &Errors) -> Input<'i> {
        Input {
            derive,
            ident: &input.ident,
            generics: &input.generics,
            attributes: TypeAttributes::parse(&input.attrs, derive, errors),
            data: match &input.data {
                syn::Data::Struct(data) => {
                    let style = match data.fields {
                        Fields::Named(_) => Style::Named,
                        Fields::Unnamed(_) => Style::Tuple,
                        Fields::Unit => Style::Unit,
                    };
                    Data::Struct(style, fields(&data.fields, derive, errors))
                }
                syn::Data::Enum(data) => Data::Enum(
                    data.variants
                        .iter()
                        .map(|variant| Variant {
                            ident: &variant.ident,
                            data: if variant.fields.is_empty() { None } else { Some(variant.fields.span()) },
                            attributes: VariantAttributes::parse(&variant.attrs, derive, errors),
                            number: variant.discriminant.as_ref().map(|(_, number)| number),
                            fields: fields(&variant.fields, derive, errors),
                        })
                        .collect(),
                ),
                syn::Data::Union(data) => Data::Union(data.union_token.span),
            },
        }
    }
}

impl<'i> Input<'i> {
    /// All fields, of all variants.
    pub(crate) fn fields(&self) -> Vec<&Field<'i>> {
        match &self.data {
            Data::Struct(_, fields) => fields.iter().collect(),
            Data::Enum(variants) => variants.iter().flat_map(|variant| &variant.fields).collect(),
            Data::Union(_) => Vec::new(),
        }
    }
}

fn fields<'i>(fields: &'i Fields, derive: Derive, errors: &Errors) -> Vec<Field<'i>> {
    fields
        .members()
        .zip(fields)
        .map(|(member, field)| Field {
            member,
            ty: &field.ty,
            attributes: FieldAttributes::parse(&field.attrs, derive, errors),
            writes: !derive.reads(),
        })
        .collect()
}

impl Field<'_> {
    /// Its own span: of its name, or of its type where it has none.
    pub(crate) fn span(&self) -> Span {
        match &self.member {
            Member::Named(ident) => ident.span(),
            Member::Unnamed(_) => self.ty.span(),
        }
    }

    pub(crate) fn is_phantom(&self) -> bool {
        is_phantom(self.ty)
    }

    /// Not read by a derive that reads, not written by one that writes.
    pub(crate) fn is_left_out(&self) -> bool {
        let FieldAttributes { skip, skip_to_sql, skip_from_sql, .. } = &self.attributes;
        let one_way = if self.writes { skip_to_sql } else { skip_from_sql };
        skip.is_some() || one_way.is_some() || is_phantom(self.ty)
    }

    /// What says how it is written or read, and has no effect since it isn't; and why.
    pub(crate) fn idle(&self) -> (&'static str, Vec<(&'static str, Span)>) {
        let FieldAttributes { name, aliases, skip, skip_to_sql, skip_from_sql, default, flatten, conversion } =
            &self.attributes;
        let mut idle = vec![
            ("name", name.as_ref().map(|given| given.key)),
            ("alias", aliases.first().map(LitStr::span)),
            // What a function gives is the field, whether it is looked for or not.
            ("default", default.as_ref().filter(|given| given.value.is_none()).map(|given| given.key)),
            ("flatten", flatten.as_ref().map(|given| given.key)),
            ("skip_to_sql", skip_to_sql.as_ref().map(|given| given.key)),
            ("skip_from_sql", skip_from_sql.as_ref().map(|given| given.key)),
        ];
        idle.extend(conversion.given().into_iter().map(|(key, at)| (key, Some(at))));
        let (why, kept): (_, &[&str]) = match (skip, skip_to_sql, skip_from_sql) {
            (Some(_), ..) => ("the field is skipped", &[]),
            _ if is_phantom(self.ty) => ("PhantomData is neither written nor read", &[]),
            (_, Some(_), Some(skip)) => {
                return (
                    "`skip_to_sql` is there too, and both are `skip`",
                    vec![("skip_from_sql", skip.key)],
                );
            }
            (_, Some(_), None) => (
                "the field is not written",
                &["name", "alias", "default", "flatten", "from", "try_from", "skip_to_sql"],
            ),
            (_, None, Some(_)) => ("the field is not read", &["name", "alias", "into", "skip_from_sql"]),
            (None, None, None) => return ("", Vec::new()),
        };
        // One that goes both ways is of use in the other.
        let both_ways = ["json", "with", "foreign"];
        let one_way = !kept.is_empty();
        let is_idle = |key: &str| !(kept.contains(&key) || one_way && both_ways.contains(&key));
        (
            why,
            idle.into_iter()
                .filter(|(key, _)| is_idle(key))
                .filter_map(|(key, at)| Some((key, at?)))
                .collect(),
        )
    }
}

/// `PhantomData<..>` holds nothing, so it is no attribute and no column.
fn is_phantom(ty: &Type) -> bool {
    last_segment(ty).is_some_and(|segment| segment.ident == "PhantomData")
}

/// The `T` of `Option<T>`.
pub(crate) fn option_of(ty: &Type) -> Option<&Type> {
    let segment = last_segment(ty).filter(|segment| segment.ident == "Option")?;
    let syn::PathArguments::AngleBracketed(arguments) = &segment.arguments else {
        return None;
    };
    match arguments.args.first() {
        Some(syn::GenericArgument::Type(inner)) if arguments.args.len() == 1 => Some(inner),
        _ => None,
    }
}

/// The name of a type that is written as one.
pub(crate) fn type_name_of(ty: &Type) -> Option<String> {
    last_segment(ty).filter(|segment| segment.arguments.is_empty()).map(|segment| segment.ident.to_string())
}

fn last_segment(ty: &Type) -> Option<&syn::PathSegment> {
    match ty {
        Type::Path(path) if path.qself.is_none() => path.path.segments.last(),
        // A type that a macro_rules! macro passed on stands in an invisible group.
        Type::Group(group) => last_segment(&group.elem),
        _ => None,
    }
}
