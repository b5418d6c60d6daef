//! Lists of parameters: what is known of each as a constant, and the values in the same order.

use super::{Expansion, at, call, local};
use crate::check::{Column, Named};
use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};

pub(super) fn expand(to: &mut Expansion<'_>, columns: &[Column<'_>]) -> TokenStream {
    for column in columns {
        to.require_codec(column.field());
        to.bounds.require(column.field().ty, &quote!(::core::marker::Send));
    }
    let mut columns: Vec<&Column<'_>> = columns.iter().collect();
    // Parameters are numbered by their names, so that the number of a name depends on nothing but the SQL. Fields
    // without a name keep their order.
    columns.sort_by_key(|column| name(column));
    let (pg, writer) = (to.pg.clone(), local("to"));
    let fields = columns.iter().map(|column| {
        let field = column.field();
        let [type_name, plan] = to.of_codec_all(field, ["TYPE", "plan"]);
        let name = match name(column) {
            Some(name) => quote!(::core::option::Option::Some(#name)),
            None => quote!(::core::option::Option::None),
        };
        quote_spanned!(at(field.ty)=> #pg::ParamField { name: #name, type_name: #type_name, plan: #plan })
    });
    let writes = columns.iter().map(|column| {
        let field = column.field();
        let (member, encode) = (&field.member, to.of_codec(field, "encode"));
        let ends = to.ends_of(field);
        let value = quote_spanned!(ends.0=> &self.#member, #encode);
        let write = match name(column) {
            Some(name) => call(ends, &writer, "named_by", quote_spanned!(ends.0=> #name, #value)),
            None => call(ends, &writer, "value_by", value),
        };
        quote!(#write?;)
    });
    let typed = to.typed();
    let items = quote! {
        const FIELDS: ::core::option::Option<&'static [#pg::ParamField]> =
            ::core::option::Option::Some(&[#(#fields),*]);

        fn write(&self, #writer: &mut #pg::ParamWriter<'_>) -> #pg::Result<()> {
            #typed
            #(#writes)*
            ::core::result::Result::Ok(())
        }
    };
    to.implement(false, &items)
}

fn name<'c>(column: &'c Column<'_>) -> Option<&'c str> {
    match column {
        Column::Named(Named { name, .. }) => Some(name),
        Column::Next(_) | Column::Flattened { .. } => None,
    }
}
