//! Enums: one match each way.

use super::{Expansion, at, literal, local};
use crate::check::{Label, Number, Other, Rest};
use crate::input::Derive;
use crate::rename::plain;
use proc_macro2::{Ident, Literal, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::Type;

pub(super) fn labels(
    to: &mut Expansion<'_>,
    is_text: bool,
    labels: &[Label<'_>],
    rest: &Rest<'_>,
) -> TokenStream {
    let (pg, row) = (to.pg.clone(), to.row.clone());
    let other = rest.other.as_ref();
    let skipped = skipped(to, rest);
    let trait_ = to.trait_();
    let variants = labels.iter().map(|label| label.variant);
    let names: Vec<_> = labels.iter().map(|label| literal(&label.label)).collect();
    let value = match to.input.derive {
        Derive::ToSql => {
            let (out, label) = (local("to"), local("label"));
            let others = other.is_some();
            let other = other.map(|Other { variant, field }| {
                let (ty, member) = (field.ty, &field.member);
                to.bounds.require(ty, &quote!(::core::convert::AsRef<::core::primitive::str>));
                let text = quote_spanned!(at(ty)=> #pg::enumeration::kept_label::<#ty>(#label));
                quote!(Self::#variant { #member: #label } => #text,)
            });
            let text = quote! {
                match self {
                    #(Self::#variants {} => #names,)*
                    #other
                    #skipped
                }
            };
            let write = match other {
                Some(_) => quote!(#pg::enumeration::write(#text, #out)),
                None => quote!(#out.bytes(::core::primitive::str::as_bytes(#text))),
            };
            let aliases = labels.iter().flat_map(|label| &label.aliases).map(|alias| literal(alias));
            // A text enum's labels are the program's alone.
            let expects = (!is_text).then(|| {
                quote! {
                    const EXPECTS: #pg::Expects = #pg::Expects::Labels {
                        labels: &[#(#names),*],
                        aliases: &[#(#aliases),*],
                        others: #others,
                    };
                }
            });
            quote! {
                #expects

                fn encode(&self, #out: &mut #pg::Encode<'_>) -> #pg::Result<#pg::IsNull> {
                    #write
                }
            }
        }
        _ => {
            let (raw, label) = (local("raw"), local("label"));
            let all = labels.iter().map(|label| {
                // As bytes: what is one of the labels need not be checked for UTF-8.
                let bytes = |label: &str| Literal::byte_string(label.as_bytes());
                let (name, aliases) = (bytes(&label.label), label.aliases.iter().map(|alias| bytes(alias)));
                quote!(#name #(| #aliases)*)
            });
            let unknown = match other {
                Some(Other { variant, field }) => {
                    let (ty, member) = (field.ty, &field.member);
                    to.bounds.require(ty, &quote!(::core::convert::From<&#row ::core::primitive::str>));
                    let kept = quote_spanned!(at(ty)=> #pg::enumeration::keep_label::<#ty>(#label));
                    quote!(::core::result::Result::Ok(Self::#variant { #member: #kept }))
                }
                None => quote! {
                    ::core::result::Result::Err(
                        #pg::enumeration::unknown::<Self>(<Self as #trait_>::TYPE, #label, &[#(#names),*])
                    )
                },
            };
            quote! {
                fn decode(#raw: #pg::RawValue<#row, '_>) -> #pg::Result<Self> {
                    match #raw.bytes {
                        #(#all => ::core::result::Result::Ok(Self::#variants {}),)*
                        _ => {
                            let #label = #raw.text()?;
                            #unknown
                        }
                    }
                }
            }
        }
    };
    if !is_text {
        let name = to.type_name(&quote!(#pg::NamedKind::Enum));
        return to.implement(false, &quote!(const TYPE: #pg::TypeName = #name; #value));
    }
    let (type_, planner) = (local("type"), local("planner"));
    let (type_name, plan) = match to.input.derive {
        Derive::ToSql => (quote!(<::core::primitive::str as #pg::Adapter>::TYPE), quote!(write_text_plan)),
        _ => (quote!(<&::core::primitive::str as #pg::Typecaster<'_>>::TYPE), quote!(read_text_plan)),
    };
    let items = quote! {
        const TYPE: #pg::TypeName = #type_name;

        fn plan(#type_: &#pg::Type, #planner: &#pg::Planner<'_>) -> #pg::Result<#pg::Plan> {
            #pg::enumeration::#plan::<Self>(#type_, #planner)
        }

        #value
    };
    to.implement(false, &items)
}

/// What writing a variant comes to that is skipped.
fn skipped(to: &Expansion<'_>, rest: &Rest<'_>) -> TokenStream {
    let (pg, skipped) = (&to.pg, &rest.skipped);
    let names = skipped.iter().map(|variant| plain(variant));
    quote! {
        #(Self::#skipped { .. } => {
            return ::core::result::Result::Err(#pg::enumeration::skipped::<Self>(#names));
        })*
    }
}

pub(super) fn numbers(
    to: &mut Expansion<'_>,
    repr: &Type,
    numbers: &[Number<'_>],
    rest: &Rest<'_>,
) -> TokenStream {
    let (pg, row) = (to.pg.clone(), to.row.clone());
    let other = rest.other.as_ref();
    let skipped = skipped(to, rest);
    let names: Vec<Ident> = (0..numbers.len()).map(|at| format_ident!("__{at}")).collect();
    let variants: Vec<_> = numbers.iter().map(|number| number.variant).collect();
    let constants = numbers.iter().zip(&names).map(
        |(Number { variant, number }, name)| quote_spanned!(at(variant)=> const #name: #repr = #number;),
    );
    let number = local("number");
    let trait_ = match to.input.derive {
        Derive::ToSql => quote!(#pg::Adapter),
        _ => quote!(#pg::Typecaster<'_>),
    };
    let value = match to.input.derive {
        Derive::ToSql => {
            let out = local("to");
            let other = other.map(|Other { variant, field }| {
                let (member, ty) = (&field.member, field.ty);
                let kept = quote_spanned!(at(ty)=> #pg::enumeration::kept_number::<#ty, #repr>(#number));
                quote!(Self::#variant { #member: #number } => #kept,)
            });
            quote! {
                fn encode(&self, #out: &mut #pg::Encode<'_>) -> #pg::Result<#pg::IsNull> {
                    #(#constants)*
                    let #number: &#repr = match self {
                        #(Self::#variants {} => &#names,)*
                        #other
                        #skipped
                    };
                    <#repr as #trait_>::encode(#number, #out)
                }
            }
        }
        _ => {
            let raw = local("raw");
            let unknown = match other {
                Some(Other { variant, field }) => {
                    let (member, ty) = (&field.member, field.ty);
                    let kept = quote_spanned!(at(ty)=> #pg::enumeration::keep_number::<#ty, #repr>(#number));
                    quote!(::core::result::Result::Ok(Self::#variant { #member: #kept }))
                }
                None => quote! {
                    ::core::result::Result::Err(#pg::enumeration::unknown_number::<Self>(&#number, &[#(&#names),*]))
                },
            };
            quote! {
                fn decode(#raw: #pg::RawValue<#row, '_>) -> #pg::Result<Self> {
                    #(#constants)*
                    match <#repr as #trait_>::decode(#raw)? {
                        #(#names => ::core::result::Result::Ok(Self::#variants {}),)*
                        #number => #unknown,
                    }
                }
            }
        }
    };
    let (type_, planner) = (local("type"), local("planner"));
    let items = quote! {
        const TYPE: #pg::TypeName = <#repr as #trait_>::TYPE;

        fn plan(#type_: &#pg::Type, #planner: &#pg::Planner<'_>) -> #pg::Result<#pg::Plan> {
            <#repr as #trait_>::plan(#type_, #planner)
        }

        #value
    };
    to.implement(false, &items)
}
