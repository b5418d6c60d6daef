//! Packed types: a table of parts for the plan, and the parts in a row.

use super::{Expansion, at, call, local};
use crate::check::Named;
use crate::input::Derive;
use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};

pub(super) fn expand(to: &mut Expansion<'_>, parts: &[Named<'_>]) -> TokenStream {
    for part in parts {
        to.require_codec(part.field);
    }
    let pg = to.pg.clone();
    let trait_ = to.trait_();
    let name = to.type_name(&quote!(#pg::NamedKind::Packed));
    let table = parts.iter().map(|part| {
        let name = &part.name;
        let (type_name, plan) = (to.of_codec(part.field, "TYPE"), to.of_codec(part.field, "plan"));
        quote_spanned! {at(part.field.ty)=>
            #pg::packed::PackedField { name: #name, type_name: #type_name, plan: #plan }
        }
    });
    let plan = match to.input.derive {
        Derive::ToSql => quote!(write_plan),
        _ => quote!(read_plan),
    };
    let (type_, planner) = (local("type"), local("planner"));
    let items = quote! {
        const TYPE: #pg::TypeName = #name;

        fn plan(#type_: &#pg::Type, #planner: &#pg::Planner<'_>) -> #pg::Result<#pg::Plan> {
            #pg::packed::#plan::<Self>(<Self as #trait_>::TYPE, &[#(#table),*], #type_, #planner)
        }
    };
    let value = match to.input.derive {
        Derive::ToSql => {
            let encode = encode(to, parts);
            quote!(const EXPECTS: #pg::Expects = #pg::Expects::Packed; #encode)
        }
        _ => decode(to, parts),
    };
    to.implement(false, &quote!(#items #value))
}

fn encode(to: &Expansion<'_>, parts: &[Named<'_>]) -> TokenStream {
    let pg = &to.pg;
    let (out, writer) = (local("to"), local("parts"));
    let writes = parts.iter().map(|Named { field: part, .. }| {
        let (member, encode) = (&part.member, to.of_codec(part, "encode"));
        let ends = to.ends_of(part);
        let write = call(ends, &writer, "write", quote_spanned!(ends.0=> &self.#member, #encode));
        quote!(#write?;)
    });
    quote! {
        fn encode(&self, #out: &mut #pg::Encode<'_>) -> #pg::Result<#pg::IsNull> {
            let mut #writer = #pg::packed::PackedEncode::new(#out)?;
            #(#writes)*
            #writer.finish()
        }
    }
}

fn decode(to: &mut Expansion<'_>, parts: &[Named<'_>]) -> TokenStream {
    let (raw, reader) = (local("raw"), local("parts"));
    let values: Vec<_> = parts
        .iter()
        .map(|Named { field: part, .. }| {
            let value = call(to.ends_of(part), &reader, "next", to.of_codec(part, "decode"));
            (*part, quote!(#value?))
        })
        .collect();
    let value = to.construct(&values);
    let (pg, row) = (&to.pg, &to.row);
    quote! {
        fn decode(#raw: #pg::RawValue<#row, '_>) -> #pg::Result<Self> {
            let mut #reader = #pg::packed::Parts::new(#raw)?;
            ::core::result::Result::Ok(#value)
        }
    }
}
