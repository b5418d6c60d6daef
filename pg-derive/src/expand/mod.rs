//! Writing the impl. Expansions are small: tables and calls of plain functions, with full paths and no names of their
//! own in the user's module.

mod codec;
mod composite;
mod converted;
mod copy_row;
mod enumeration;
mod newtype;
mod packed;
mod params;
mod row;
mod stub;
mod text;

use crate::attributes::Given;
use crate::bounds::{Bounds, fresh_lifetime};
use crate::check::{self, Form};
use crate::errors::Errors;
use crate::input::{Data, Derive, Field, Input};
use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::{DeriveInput, Lifetime};

/// Parses, checks and expands one input.
pub(crate) fn derive(derive: Derive, host: &str, tokens: &DeriveInput) -> TokenStream {
    let errors = Errors::default();
    let input = Input::parse(derive, tokens, &errors);
    let form = check::check(&input, &errors);
    let mut to = Expansion::new(&input, host, fresh_lifetime(tokens));
    if let Some(errors) = errors.report() {
        let stub = stub::expand(&mut to);
        return quote!(#errors #stub);
    }
    match form {
        Some(Form::Composite { attributes, by_position }) => {
            composite::expand(&mut to, &attributes, by_position)
        }
        Some(Form::Labels { is_text, labels, rest }) => enumeration::labels(&mut to, is_text, &labels, &rest),
        Some(Form::Numbers { repr, numbers, rest }) => enumeration::numbers(&mut to, repr, &numbers, &rest),
        Some(Form::Packed(fields)) => packed::expand(&mut to, &fields),
        Some(Form::Transparent(field)) => newtype::transparent(&mut to, field),
        Some(Form::Domain(field)) => newtype::domain(&mut to, field),
        Some(Form::Range(field)) => newtype::range(&mut to, field),
        Some(Form::Text(field)) => text::expand(&mut to, field),
        Some(Form::Converted) => converted::expand(&mut to),
        Some(Form::Row(columns)) => row::expand(&mut to, &columns),
        Some(Form::Params(columns)) => params::expand(&mut to, &columns),
        Some(Form::CopyRow(columns)) => copy_row::expand(&mut to, &columns),
        // Refused without a reason: no path leads here, and a missing impl is not silent.
        None => TokenStream::new(),
    }
}

/// What all expansions need.
struct Expansion<'i> {
    input: &'i Input<'i>,
    /// The host crate's `__private`, which re-exports all that expansions name.
    pg: TokenStream,
    /// The lifetime of the row's bytes.
    row: Lifetime,
    bounds: Bounds,
}

impl<'i> Expansion<'i> {
    fn new(input: &'i Input<'i>, host: &str, row: Lifetime) -> Expansion<'i> {
        let pg = match &input.attributes.krate {
            Some(path) => {
                let path = &path.value;
                quote!(#path::__private)
            }
            None => {
                let host = format_ident!("{host}");
                quote!(::#host::__private)
            }
        };
        let bounds = Bounds::new(input.generics, input.attributes.bound.as_ref().map(|given| &given.value));
        Expansion { input, pg, row, bounds }
    }

    fn reads(&self) -> bool {
        self.input.derive.reads()
    }

    /// `Adapter`, or `Typecaster` of the row.
    fn trait_(&self) -> TokenStream {
        let (pg, row) = (&self.pg, &self.row);
        match self.input.derive {
            Derive::ToSql => quote!(#pg::Adapter),
            Derive::FromSql => quote!(#pg::Typecaster<#row>),
            Derive::FromRow => quote!(#pg::FromRow<#row>),
            Derive::Params => quote!(#pg::Params),
            Derive::CopyRow => quote!(#pg::CopyRow),
        }
    }

    /// `TypeName::Named(..)` of the type.
    fn type_name(&self, kind: &TokenStream) -> TokenStream {
        let pg = &self.pg;
        let name = check::type_name(self.input);
        let schema = match &self.input.attributes.schema {
            Some(schema) => {
                let schema = &schema.value;
                quote!(::core::option::Option::Some(#schema))
            }
            None => quote!(::core::option::Option::None),
        };
        quote!(#pg::TypeName::Named(&#pg::NamedType { schema: #schema, name: #name, kind: #kind }))
    }

    /// `Self { .. }`: the given values, and defaults for the fields that are left out.
    fn construct(&mut self, values: &[(&Field<'_>, TokenStream)]) -> TokenStream {
        let mut all: Vec<TokenStream> = values
            .iter()
            .map(|(field, value)| {
                let member = &field.member;
                quote!(#member: #value)
            })
            .collect();
        if let Data::Struct(_, fields) = &self.input.data {
            for field in fields.iter().filter(|field| field.is_left_out()) {
                let member = &field.member;
                let default = self.default(field);
                all.push(quote!(#member: #default));
            }
        }
        quote!(Self { #(#all),* })
    }

    /// What a field is that isn't read: by its own `default`, by the type's, or by its type's.
    fn default(&mut self, field: &Field<'_>) -> TokenStream {
        let (pg, ty, member) = (&self.pg, field.ty, &field.member);
        match (&field.attributes.default, &self.input.attributes.default) {
            (Some(Given { value: Some(path), .. }), _) => quote_spanned!(at(path)=> #path()),
            (None, Some(Given { value: Some(path), .. })) => {
                let whole = local("default");
                quote_spanned!(at(path)=> { let #whole: Self = #path(); #whole.#member })
            }
            (None, Some(Given { value: None, key })) => {
                let (ident, (_, arguments, _)) = (self.input.ident, self.input.generics.split_for_impl());
                self.bounds.require_predicate(quote!(#ident #arguments: ::core::default::Default));
                quote_spanned!(*key=> #pg::wanted::default::<Self>().#member)
            }
            (Some(Given { value: None, .. }), _) | (None, None) => {
                if !field.is_phantom() {
                    self.bounds.require(ty, &quote!(::core::default::Default));
                }
                quote_spanned!(at(ty)=> #pg::wanted::default::<#ty>())
            }
        }
    }

    /// Whether a field has a default where what it is read from is missing.
    fn has_default(&self, field: &Field<'_>) -> bool {
        field.attributes.default.is_some() || self.input.attributes.default.is_some()
    }

    /// What says something of a SQL type stands beside a derive of rows or parameters only where the type is a SQL type
    /// too.
    fn typed(&self) -> TokenStream {
        let (pg, attributes) = (&self.pg, &self.input.attributes);
        let named = attributes.name.as_ref().or(attributes.schema.as_ref()).map(|given| at(&given.value));
        let allowed = attributes.allow_extra.as_ref().or(attributes.allow_missing.as_ref());
        match (named.or(allowed.map(|given| given.key)), self.reads()) {
            (Some(span), true) => quote_spanned!(span=> let _ = <Self as #pg::Typecaster<'_>>::TYPE;),
            (Some(span), false) => quote_spanned!(span=> let _ = <Self as #pg::Adapter>::TYPE;),
            (None, _) => TokenStream::new(),
        }
    }

    /// The impl around its items, and that of postgres-types' trait beside it. `equal` is [`Bounds::add_row`]'s.
    fn implement(&mut self, equal: bool, items: &TokenStream) -> TokenStream {
        if self.reads() {
            self.bounds.add_row(&self.row, equal);
        }
        let (trait_, ident) = (self.trait_(), self.input.ident);
        let (parameters, clause) = self.bounds.of_impl();
        let (_, arguments, _) = self.input.generics.split_for_impl();
        let native = self.native();
        // A deprecated type, field or variant was marked for its users, not for its own impls.
        quote! {
            #[automatically_derived]
            #[allow(deprecated)]
            impl #parameters #trait_ for #ident #arguments #clause {
                #items
            }

            #native
        }
    }

    /// postgres-types' `ToSql` or `FromSql`, by our own trait.
    fn native(&mut self) -> TokenStream {
        let (pg, row, ident) = (self.pg.clone(), self.row.clone(), self.input.ident);
        let (type_, to, raw) = (local("type"), local("to"), local("raw"));
        let (trait_, items) = match self.input.derive {
            Derive::ToSql => {
                // A type without Debug has all but this: a bound that has a lifetime of its own may be false.
                self.bounds.require_always(quote!(for<#row> Self: ::core::fmt::Debug));
                let outcome = quote! {
                    ::core::result::Result<#pg::postgres_types::IsNull, #pg::derived::AnyError>
                };
                let write = quote!((&self, #type_: &#pg::Type, #to: &mut #pg::BytesMut) -> #outcome {
                    #pg::derived::to_sql(self, #type_, #to)
                });
                let items = quote! {
                    fn to_sql #write

                    fn to_sql_checked #write

                    fn accepts(#type_: &#pg::Type) -> bool {
                        #pg::derived::writes::<Self>(#type_)
                    }
                };
                (quote!(ToSql), items)
            }
            Derive::FromSql => {
                let outcome = quote!(::core::result::Result<Self, #pg::derived::AnyError>);
                let items = quote! {
                    fn from_sql(#type_: &#pg::Type, #raw: &#row [::core::primitive::u8]) -> #outcome {
                        #pg::derived::from_sql(#type_, #raw)
                    }

                    fn from_sql_null(_: &#pg::Type) -> #outcome {
                        #pg::derived::from_null()
                    }

                    fn accepts(#type_: &#pg::Type) -> bool {
                        #pg::derived::reads::<Self>(#type_)
                    }
                };
                (quote!(FromSql<#row>), items)
            }
            _ => return TokenStream::new(),
        };
        let (parameters, clause) = self.bounds.of_impl();
        let (_, arguments, _) = self.input.generics.split_for_impl();
        quote! {
            #[automatically_derived]
            #[allow(deprecated)]
            impl #parameters #pg::postgres_types::#trait_ for #ident #arguments #clause {
                #items
            }
        }
    }
}

/// Where the user's tokens begin and end. (Joining spans needs a nightly compiler; an expression reaches from its first
/// token to its last.)
fn ends(tokens: &impl ToTokens) -> (Span, Span) {
    let mut tokens = tokens.to_token_stream().into_iter();
    let Some(first) = tokens.next() else { return (Span::call_site(), Span::call_site()) };
    let last = tokens.last();
    let to = match last.as_ref().unwrap_or(&first) {
        TokenTree::Group(group) => group.span_close(),
        token => token.span(),
    };
    let from = match &first {
        TokenTree::Group(group) => group.span_open(),
        token => token.span(),
    };
    (from, to)
}

fn at(tokens: &impl ToTokens) -> Span {
    ends(tokens).0
}

/// A call whose expression reaches from one place to another: `receiver.method(arguments)`.
fn call((from, to): (Span, Span), receiver: &Ident, method: &str, arguments: TokenStream) -> TokenStream {
    let receiver = Ident::new(&receiver.to_string(), from);
    let method = Ident::new(method, to);
    let mut arguments = proc_macro2::Group::new(proc_macro2::Delimiter::Parenthesis, arguments);
    arguments.set_span(to);
    quote_spanned!(from=> #receiver.#method #arguments)
}

/// A name for a local variable, which no item of the user's can be taken for.
fn local(name: &str) -> Ident {
    Ident::new(&format!("__{name}"), Span::call_site())
}

/// Whether any of the types has only a text form.
fn any_text_only(to: &Expansion<'_>, fields: &[&Field<'_>]) -> TokenStream {
    let each = fields.iter().map(|field| to.of_codec(field, "TEXT_ONLY"));
    quote!(#(#each)||*)
}

fn literal(text: &str) -> TokenStream {
    proc_macro2::Literal::string(text).to_token_stream()
}
