//! Types that a conversion writes and reads as a whole.

use super::{Expansion, local};
use crate::input::Derive;
use proc_macro2::TokenStream;
use quote::quote;
use syn::{Type, parse_quote};

pub(super) fn expand(to: &mut Expansion<'_>) -> TokenStream {
    let (input, pg, row) = (to.input, to.pg.clone(), to.row.clone());
    let conversion = &input.attributes.conversion;
    let (ident, (_, arguments, _)) = (input.ident, input.generics.split_for_impl());
    let this: Type = parse_quote!(Self);
    to.require_conversion(&this, quote!(#ident #arguments), conversion);
    let [type_name, text_only, plan] =
        ["TYPE", "TEXT_ONLY", "plan"].map(|item| to.of_conversion(&this, conversion, item));
    let (type_, planner) = (local("type"), local("planner"));
    let value = match input.derive {
        Derive::ToSql => {
            let out = local("to");
            let encode = to.call_codec(&this, conversion, "encode", &quote!(self, #out));
            quote! {
                fn encode(&self, #out: &mut #pg::Encode<'_>) -> #pg::Result<#pg::IsNull> {
                    #encode
                }
            }
        }
        _ => {
            let raw = local("raw");
            let decode = to.call_codec(&this, conversion, "decode", &quote!(#raw));
            let null = to.call_codec(&this, conversion, "null", &TokenStream::new());
            quote! {
                fn decode(#raw: #pg::RawValue<#row, '_>) -> #pg::Result<Self> {
                    #decode
                }

                fn null() -> #pg::Result<Self> {
                    #null
                }
            }
        }
    };
    let items = quote! {
        const TYPE: #pg::TypeName = #type_name;
        const TEXT_ONLY: bool = #text_only;

        fn plan(#type_: &#pg::Type, #planner: &#pg::Planner<'_>) -> #pg::Result<#pg::Plan> {
            #plan(#type_, #planner)
        }

        #value
    };
    to.implement(false, &items)
}
