//! Newtypes: a transparent one passes everything on, a domain has a name and a plan of its own.

use super::{Expansion, local};
use crate::input::{Derive, Field};
use proc_macro2::TokenStream;
use quote::quote;

pub(super) fn transparent(to: &mut Expansion<'_>, field: &Field<'_>) -> TokenStream {
    to.require_codec(field);
    let (pg, row) = (to.pg.clone(), to.row.clone());
    let [type_name, text_only, plan] = to.of_codec_all(field, ["TYPE", "TEXT_ONLY", "plan"]);
    let (type_, planner) = (local("type"), local("planner"));
    let own = to.is_own(field);
    let value = match to.input.derive {
        Derive::ToSql => {
            let expects = to.expects(field);
            let (member, out, array) = (&field.member, local("to"), local("array"));
            let encode = apply(to, field, "encode", &quote!(&self.#member, #out));
            let encode_nested = apply(to, field, "encode_nested", &quote!(&self.#member, #array));
            let nested = own.then(|| {
                quote! {
                    #[inline]
                    fn encode_nested(&self, #array: &mut #pg::ArrayWriter<'_>) -> #pg::Result<()> {
                        #encode_nested
                    }
                }
            });
            quote! {
                const EXPECTS: #pg::Expects = #expects;

                #[inline]
                fn encode(&self, #out: &mut #pg::Encode<'_>) -> #pg::Result<#pg::IsNull> {
                    #encode
                }

                #nested
            }
        }
        _ => {
            let (raw, array, wrap) = (local("raw"), local("array"), wrap(to, field));
            let decode = apply(to, field, "decode", &quote!(#raw));
            let decode_nested = apply(to, field, "decode_nested", &quote!(#array));
            let null = apply(to, field, "null", &TokenStream::new());
            let nested = own.then(|| {
                quote! {
                    #[inline]
                    fn decode_nested(#array: &mut #pg::ArrayReader<#row, '_>) -> #pg::Result<Self> {
                        #decode_nested.map(#wrap)
                    }
                }
            });
            quote! {
                #[inline]
                fn decode(#raw: #pg::RawValue<#row, '_>) -> #pg::Result<Self> {
                    #decode.map(#wrap)
                }

                #nested

                fn null() -> #pg::Result<Self> {
                    #null.map(#wrap)
                }
            }
        }
    };
    let is_option = is_option(to, field);
    let items = quote! {
        const TYPE: #pg::TypeName = #type_name;
        const TEXT_ONLY: bool = #text_only;
        #is_option

        fn plan(#type_: &#pg::Type, #planner: &#pg::Planner<'_>) -> #pg::Result<#pg::Plan> {
            #plan(#type_, #planner)
        }

        #value
    };
    // An array's reader is passed on as it is, so the row's lifetime must be the field's own.
    to.implement(true, &items)
}

pub(super) fn domain(to: &mut Expansion<'_>, field: &Field<'_>) -> TokenStream {
    to.require_codec(field);
    let (pg, row) = (to.pg.clone(), to.row.clone());
    let trait_ = to.trait_();
    let [type_name, text_only, plan] = to.of_codec_all(field, ["TYPE", "TEXT_ONLY", "plan"]);
    let name = to.type_name(&quote!(#pg::domain::kind(#type_name)));
    let (type_, planner) = (local("type"), local("planner"));
    let value = match to.input.derive {
        Derive::ToSql => {
            let (expects, member, out) = (to.expects(field), &field.member, local("to"));
            let encode = apply(to, field, "encode", &quote!(&self.#member, &mut #pg::domain::encode(#out)));
            quote! {
                const EXPECTS: #pg::Expects = #pg::Expects::DomainOver(&#type_name, &#expects);

                fn encode(&self, #out: &mut #pg::Encode<'_>) -> #pg::Result<#pg::IsNull> {
                    #encode
                }
            }
        }
        _ => {
            let (raw, wrap) = (local("raw"), wrap(to, field));
            let decode = apply(to, field, "decode", &quote!(#pg::domain::decode(#raw)));
            let null = apply(to, field, "null", &TokenStream::new());
            quote! {
                fn decode(#raw: #pg::RawValue<#row, '_>) -> #pg::Result<Self> {
                    #decode.map(#wrap)
                }

                fn null() -> #pg::Result<Self> {
                    #null.map(#wrap)
                }
            }
        }
    };
    let is_option = is_option(to, field);
    let items = quote! {
        const TYPE: #pg::TypeName = #name;
        const TEXT_ONLY: bool = #text_only;
        #is_option

        fn plan(#type_: &#pg::Type, #planner: &#pg::Planner<'_>) -> #pg::Result<#pg::Plan> {
            #pg::domain::plan(<Self as #trait_>::TYPE, #type_name, #plan, #type_, #planner)
        }

        #value
    };
    to.implement(false, &items)
}

/// A range that was created: it has a name, and is written and read as its field.
pub(super) fn range(to: &mut Expansion<'_>, field: &Field<'_>) -> TokenStream {
    to.require_codec(field);
    let (pg, row) = (to.pg.clone(), to.row.clone());
    let trait_ = to.trait_();
    let [text_only, plan] = to.of_codec_all(field, ["TEXT_ONLY", "plan"]);
    let name = to.type_name(&quote!(#pg::NamedKind::Range));
    let (type_, planner) = (local("type"), local("planner"));
    let (by, value) = match to.input.derive {
        Derive::ToSql => {
            let (member, out) = (&field.member, local("to"));
            let encode = apply(to, field, "encode", &quote!(&self.#member, #out));
            let encode = quote! {
                fn encode(&self, #out: &mut #pg::Encode<'_>) -> #pg::Result<#pg::IsNull> {
                    #encode
                }
            };
            (quote!(write_plan), encode)
        }
        _ => {
            let (raw, wrap) = (local("raw"), wrap(to, field));
            let decode = apply(to, field, "decode", &quote!(#raw));
            let null = apply(to, field, "null", &TokenStream::new());
            let decode = quote! {
                fn decode(#raw: #pg::RawValue<#row, '_>) -> #pg::Result<Self> {
                    #decode.map(#wrap)
                }

                fn null() -> #pg::Result<Self> {
                    #null.map(#wrap)
                }
            };
            (quote!(read_plan), decode)
        }
    };
    let items = quote! {
        const TYPE: #pg::TypeName = #name;
        const TEXT_ONLY: bool = #text_only;

        fn plan(#type_: &#pg::Type, #planner: &#pg::Planner<'_>) -> #pg::Result<#pg::Plan> {
            #pg::range::#by::<Self>(<Self as #trait_>::TYPE, #plan, #type_, #planner)
        }

        #value
    };
    to.implement(false, &items)
}

/// Whether its NULL is the newtype's, which then can't be in an `Option`.
fn is_option(to: &Expansion<'_>, field: &Field<'_>) -> Option<TokenStream> {
    to.is_own(field).then(|| {
        let is_option = to.of_codec(field, "IS_OPTION");
        quote!(const IS_OPTION: bool = #is_option;)
    })
}

/// A call of a function of the field's codec.
fn apply(to: &Expansion<'_>, field: &Field<'_>, item: &str, arguments: &TokenStream) -> TokenStream {
    to.call_codec(field.ty, &field.attributes.conversion, item, arguments)
}

/// From the field's value to the newtype's.
pub(super) fn wrap(to: &mut Expansion<'_>, field: &Field<'_>) -> TokenStream {
    let value = local("value");
    let newtype = to.construct(&[(field, quote!(#value))]);
    quote!(|#value| #newtype)
}
