//! Rows of COPY: the columns as a constant, and the values in the same order.

use super::{Expansion, at, call, local};
use crate::check::Named;
use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};

pub(super) fn expand(to: &mut Expansion<'_>, columns: &[Named<'_>]) -> TokenStream {
    for column in columns {
        to.require_codec(column.field);
    }
    let (pg, writer) = (to.pg.clone(), local("to"));
    let table = columns.iter().map(|Named { field, name }| {
        let [type_name, plan] = to.of_codec_all(field, ["TYPE", "plan"]);
        quote_spanned!(at(field.ty)=> #pg::CopyColumn { name: #name, type_name: #type_name, plan: #plan })
    });
    let writes = columns.iter().map(|Named { field, .. }| {
        let (member, encode) = (&field.member, to.of_codec(field, "encode"));
        let write =
            call(field.ty, &writer, "value_by", quote_spanned!(at(field.ty)=> &self.#member, #encode));
        quote!(#write?;)
    });
    let typed = to.typed();
    let items = quote! {
        const COLUMNS: &'static [#pg::CopyColumn] = &[#(#table),*];

        fn write(&self, #writer: &mut #pg::CopyWriter<'_>) -> #pg::Result<()> {
            #typed
            #(#writes)*
            ::core::result::Result::Ok(())
        }
    };
    to.implement(false, &items)
}
