//! By which codec a value is written and read: its type's own, or that of a conversion.

use super::{Expansion, at, ends, local};
use crate::attributes::Conversion;
use crate::input::{Field, option_of};
use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::{Path, Type};

/// The same tokens at another place: an error is shown where a type's first token stands.
fn placed(tokens: TokenStream, at: Span) -> TokenStream {
    let place = |mut token: TokenTree| {
        token.set_span(at);
        token
    };
    tokens.into_iter().map(place).collect()
}

enum Codec<'i> {
    /// `<T as Adapter>` or `<T as Typecaster>`.
    Own,
    /// `<Codec as AdapterOf<T>>` or `<Codec as TypecasterOf<T>>`.
    Of(TokenStream, Span),
    /// Functions of a module.
    With { module: &'i Path, optional: bool },
}

impl<'i> Expansion<'i> {
    fn codec<'c>(&self, ty: &Type, conversion: &'c Conversion) -> Codec<'c> {
        let pg = &self.pg;
        let optional = option_of(ty).is_some();
        if let Some(module) = &conversion.with {
            return Codec::With { module: &module.value, optional };
        }
        if let Some(json) = &conversion.json {
            let codec = match json.value {
                true => quote_spanned!(json.key=> #pg::Nullable::<#pg::ThroughJson>),
                false => quote_spanned!(json.key=> #pg::ThroughJson),
            };
            return Codec::Of(placed(codec, json.key), json.key);
        }
        if let Some(foreign) = &conversion.foreign {
            let codec = match optional {
                true => quote_spanned!(foreign.key=> #pg::Nullable::<#pg::Foreign>),
                false => quote_spanned!(foreign.key=> #pg::Foreign),
            };
            return Codec::Of(placed(codec, foreign.key), foreign.key);
        }
        let (name, by) = match (self.reads(), &conversion.into, &conversion.from, &conversion.try_from) {
            (false, Some(into), ..) => ("Converted", into),
            (true, _, Some(from), _) => ("Converted", from),
            (true, _, _, Some(try_from)) => ("TryConverted", try_from),
            _ => return Codec::Own,
        };
        let (name, by) = (Ident::new(name, at(&by.value)), &by.value);
        let codec = quote!(#pg::#name::<#by>);
        // NULL is None, unless the conversion takes it itself.
        match optional && option_of(by).is_none() {
            true => Codec::Of(placed(quote!(#pg::Nullable::<#codec>), at(by)), at(by)),
            false => Codec::Of(placed(codec, at(by)), at(by)),
        }
    }

    /// Where a field's codec stands, from its first token to its last: what it lacks is said there, and nowhere else.
    pub(super) fn ends_of(&self, field: &Field<'_>) -> (Span, Span) {
        match self.codec(field.ty, &field.attributes.conversion) {
            Codec::Own => ends(field.ty),
            Codec::Of(_, span) => (span, span),
            Codec::With { module, .. } => ends(module),
        }
    }

    /// What a field's codec has: a constant, or a function to hand on. The lifetime of a field's typecaster is inferred,
    /// since it may be shorter than the row's.
    ///
    /// All uses of a type have the very same span, and functions are handed over in place of bounds, so that the
    /// compiler reports a type without a derive once.
    pub(super) fn of_codec(&self, field: &Field<'_>, item: &str) -> TokenStream {
        self.of_conversion(field.ty, &field.attributes.conversion, item)
    }

    pub(super) fn of_codec_all<const N: usize>(
        &self,
        field: &Field<'_>,
        items: [&str; N],
    ) -> [TokenStream; N] {
        items.map(|item| self.of_codec(field, item))
    }

    /// As [`Expansion::of_codec`], for a value of any place.
    pub(super) fn of_conversion(&self, ty: &Type, conversion: &Conversion, item: &str) -> TokenStream {
        let pg = &self.pg;
        match self.codec(ty, conversion) {
            Codec::Own => {
                let (from, to) = ends(ty);
                let item = Ident::new(item, to);
                match self.reads() {
                    false => quote_spanned!(from=> <#ty as #pg::Adapter>::#item),
                    true => quote_spanned!(from=> <#ty as #pg::Typecaster<'_>>::#item),
                }
            }
            Codec::Of(codec, span) => {
                let item = Ident::new(item, span);
                match self.reads() {
                    false => quote_spanned!(span=> <#codec as #pg::AdapterOf<#ty>>::#item),
                    true => quote_spanned!(span=> <#codec as #pg::TypecasterOf<'_, #ty>>::#item),
                }
            }
            Codec::With { module, optional } => {
                let (value, to, raw) = (local("value"), local("to"), local("raw"));
                let span = at(module);
                let codec = match self.reads() {
                    false => quote_spanned!(span=> #pg::with::written(#module::to_sql)),
                    true => quote_spanned!(span=> #pg::with::read(#module::from_sql)),
                };
                match (item, optional) {
                    ("TYPE", _) => quote_spanned!(span=> #codec.type_name),
                    ("TEXT_ONLY", _) => quote_spanned!(span=> #codec.text_only),
                    ("plan", _) => quote_spanned!(span=> #codec.plan()),
                    ("encode", false) => quote_spanned!(span=> |#value, #to| #codec.encode(#value, #to)),
                    ("encode", true) => {
                        quote_spanned!(span=> |#value, #to| #codec.encode_option(#value, #to))
                    }
                    ("decode", false) => quote_spanned!(span=> |#raw| #codec.decode(#raw)),
                    ("decode", true) => {
                        quote_spanned!(span=> |#raw| #codec.decode(#raw).map(::core::option::Option::Some))
                    }
                    ("takes_null", false) => quote_spanned!(span=> || #codec.null().is_ok()),
                    ("takes_null", true) => quote_spanned!(span=> || true),
                    (_, false) => quote_spanned!(span=> || #codec.null()),
                    (_, true) => {
                        quote_spanned!(span=> || ::core::result::Result::Ok(::core::option::Option::None))
                    }
                }
            }
        }
    }

    /// A call of one of a codec's functions.
    pub(super) fn call_codec(
        &self,
        ty: &Type,
        conversion: &Conversion,
        item: &str,
        arguments: &TokenStream,
    ) -> TokenStream {
        let function = self.of_conversion(ty, conversion, item);
        if let Codec::With { .. } = self.codec(ty, conversion) {
            // A closure is bound first: lints are against one that is called where it stands.
            let name = local("codec");
            return quote!({ let #name = #function; #name(#arguments) });
        }
        quote!(#function(#arguments))
    }

    /// `EXPECTS` of a field's type; a conversion says nothing of its own.
    pub(super) fn expects(&self, field: &Field<'_>) -> TokenStream {
        let pg = &self.pg;
        if self.is_own(field) { self.of_codec(field, "EXPECTS") } else { quote!(#pg::Expects::Existence) }
    }

    /// Whether the codec is the type's own.
    pub(super) fn is_own(&self, field: &Field<'_>) -> bool {
        matches!(self.codec(field.ty, &field.attributes.conversion), Codec::Own)
    }

    /// Asks of a field's type what the derived trait needs of a value inside.
    pub(super) fn require_codec(&mut self, field: &Field<'_>) {
        self.require_conversion(field.ty, field.ty.to_token_stream(), &field.attributes.conversion);
    }

    /// As [`Expansion::require_codec`]; `written` is how the type is called in a where clause.
    pub(super) fn require_conversion(&mut self, ty: &Type, written: TokenStream, conversion: &Conversion) {
        let (pg, row) = (&self.pg, &self.row);
        let predicate = match (self.codec(ty, conversion), self.reads()) {
            (Codec::Own, false) => quote!(#written: #pg::Adapter),
            (Codec::Own, true) => quote!(#written: #pg::Typecaster<#row>),
            (Codec::Of(codec, _), false) => quote!(#codec: #pg::AdapterOf<#written>),
            (Codec::Of(codec, _), true) => quote!(#codec: #pg::TypecasterOf<#row, #written>),
            (Codec::With { .. }, _) => return,
        };
        self.bounds.require_predicate(predicate);
    }
}
