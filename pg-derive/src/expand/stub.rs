//! An impl that says nothing, for an input with mistakes: they are reported once, and not again at each use of the type.

use super::Expansion;
use crate::input::Derive;
use proc_macro2::TokenStream;
use quote::quote;

pub(super) fn expand(to: &mut Expansion<'_>) -> TokenStream {
    let (pg, row) = (to.pg.clone(), to.row.clone());
    let items = match to.input.derive {
        Derive::ToSql => quote! {
            const TYPE: #pg::TypeName = #pg::TypeName::Inferred;

            fn encode(&self, _: &mut #pg::Encode<'_>) -> #pg::Result<#pg::IsNull> {
                ::core::unreachable!()
            }
        },
        Derive::FromSql => quote! {
            const TYPE: #pg::TypeName = #pg::TypeName::Inferred;

            fn decode(_: #pg::RawValue<#row, '_>) -> #pg::Result<Self> {
                ::core::unreachable!()
            }
        },
        Derive::Params => quote! {
            fn write(&self, _: &mut #pg::ParamWriter<'_>) -> #pg::Result<()> {
                ::core::unreachable!()
            }
        },
        Derive::CopyRow => quote! {
            const FIELDS: &'static [#pg::CopyField] = &[];

            fn write(&self, _: &mut #pg::CopyWriter<'_>) -> #pg::Result<()> {
                ::core::unreachable!()
            }
        },
        Derive::FromRow => quote! {
            const SHAPE: &'static #pg::Shape = &#pg::Shape::DYNAMIC;

            fn from_row(_: &mut #pg::RowReader<#row, '_>) -> #pg::Result<Self> {
                ::core::unreachable!()
            }
        },
    };
    to.implement(false, &items)
}
