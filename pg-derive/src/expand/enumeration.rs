//! Enums: one match each way. Plans are the traits' own.

use super::{Expansion, literal, local};
use crate::input::Derive;
use proc_macro2::{Ident, TokenStream};
use quote::quote;

pub(super) fn expand(to: &mut Expansion<'_>, labels: &[(&Ident, String)]) -> TokenStream {
    let (pg, row) = (to.pg.clone(), to.row.clone());
    let trait_ = to.trait_();
    let name = to.type_name(&quote!(#pg::NamedKind::Enum));
    let variants = labels.iter().map(|(variant, _)| variant);
    let names: Vec<_> = labels.iter().map(|(_, label)| literal(label)).collect();
    let value = match to.input.derive {
        Derive::ToSql => {
            let out = local("to");
            quote! {
                fn encode(&self, #out: &mut #pg::Encode<'_>) -> #pg::Result<#pg::IsNull> {
                    #out.bytes(::core::primitive::str::as_bytes(match self {
                        #(Self::#variants {} => #names,)*
                    }))
                }
            }
        }
        _ => {
            let (raw, label) = (local("raw"), local("label"));
            quote! {
                fn decode(#raw: #pg::RawValue<#row, '_>) -> #pg::Result<Self> {
                    match #raw.text()? {
                        #(#names => ::core::result::Result::Ok(Self::#variants {}),)*
                        #label => ::core::result::Result::Err(
                            #pg::enumeration::unknown::<Self>(<Self as #trait_>::TYPE, #label, &[#(#names),*])
                        ),
                    }
                }
            }
        }
    };
    to.implement(false, &quote!(const TYPE: #pg::TypeName = #name; #value))
}
