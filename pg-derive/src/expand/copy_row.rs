//! Rows of COPY: the columns as a constant, and the values in the same order.

use super::{Expansion, at, call, local};
use crate::check::{Column, Named};
use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};

pub(super) fn expand(to: &mut Expansion<'_>, columns: &[Column<'_>]) -> TokenStream {
    for column in columns {
        to.require_codec(column.field());
    }
    let (pg, writer) = (to.pg.clone(), local("row"));
    let table = columns.iter().map(|column| {
        let ty = column.field().ty;
        let [type_name, plan] = to.of_codec_all(column.field(), ["TYPE", "plan"]);
        let name = match column {
            Column::Named(Named { name, .. }) => quote!(::core::option::Option::Some(#name)),
            Column::Next(_) | Column::Flattened { .. } => quote!(::core::option::Option::None),
        };
        quote_spanned!(at(ty)=> #pg::CopyField::of(#name, #type_name, #plan, ::core::any::type_name::<#ty>))
    });
    let writes = columns.iter().map(|column| {
        let field = column.field();
        let (member, encode) = (&field.member, to.of_codec(field, "encode"));
        let ends = to.ends_of(field);
        let write = call(ends, &writer, "value_by", quote_spanned!(ends.0=> &self.#member, #encode));
        quote!(#write?;)
    });
    let typed = to.typed();
    let items = quote! {
        const FIELDS: &'static [#pg::CopyField] = &[#(#table),*];

        fn write(&self, #writer: &mut #pg::CopyWriter<'_>) -> #pg::Result<()> {
            #typed
            #(#writes)*
            ::core::result::Result::Ok(())
        }
    };
    to.implement(false, &items)
}
