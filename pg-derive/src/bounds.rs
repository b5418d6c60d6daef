//! The impl's generics: the user's own, bounds on the field types that mention a type parameter (a parameter that no
//! field sends or reads stays free), and for readers the lifetime of the row, under a name that nobody has taken.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::ToTokens;
use std::collections::HashSet;
use syn::punctuated::Punctuated;
use syn::{
    DeriveInput, GenericParam, Generics, Lifetime, LifetimeParam, Token, Type, WherePredicate, parse_quote,
};

/// The generics of an impl.
pub(crate) struct Bounds {
    parameters: HashSet<String>,
    /// `bound = ".."` stands in place of what would be found.
    given: bool,
    seen: HashSet<String>,
    generics: Generics,
}

impl Bounds {
    pub(crate) fn new(generics: &Generics, given: Option<&Punctuated<WherePredicate, Token![,]>>) -> Bounds {
        let mut generics = generics.clone();
        if let Some(given) = given {
            generics.make_where_clause().predicates.extend(given.iter().cloned());
        }
        Bounds {
            parameters: generics.type_params().map(|parameter| parameter.ident.to_string()).collect(),
            given: given.is_some(),
            seen: HashSet::new(),
            generics,
        }
    }

    /// Asks `bound` of a field's type, if it depends on a type parameter.
    pub(crate) fn require(&mut self, ty: &Type, bound: &TokenStream) {
        self.require_predicate(quote::quote!(#ty: #bound));
    }

    /// Asks for a predicate, if it depends on a type parameter.
    pub(crate) fn require_predicate(&mut self, predicate: TokenStream) {
        if self.given || !mentions(predicate.clone(), &self.parameters) {
            return;
        }
        if self.seen.insert(predicate.to_string()) {
            self.generics.make_where_clause().predicates.push(parse_quote!(#predicate));
        }
    }

    /// Asks for a predicate, whatever it depends on.
    pub(crate) fn require_always(&mut self, predicate: TokenStream) {
        self.generics.make_where_clause().predicates.push(parse_quote!(#predicate));
    }

    /// Adds the row's lifetime, which outlives all that the type borrows for. `equal` makes them one: where a reader is
    /// passed on by mutable reference, it can't be narrowed.
    pub(crate) fn add_row(&mut self, row: &Lifetime, equal: bool) {
        let mut parameter = LifetimeParam::new(row.clone());
        let own: Vec<Lifetime> = self.generics.lifetimes().map(|own| own.lifetime.clone()).collect();
        parameter.bounds.extend(own.iter().cloned());
        self.generics.params.insert(0, GenericParam::Lifetime(parameter));
        if equal {
            let predicates = &mut self.generics.make_where_clause().predicates;
            predicates.extend(own.iter().map(|own| -> WherePredicate { parse_quote!(#own: #row) }));
        }
    }

    /// `<..>` behind `impl`, and the where clause.
    pub(crate) fn of_impl(&self) -> (TokenStream, TokenStream) {
        let (parameters, _, clause) = self.generics.split_for_impl();
        (parameters.to_token_stream(), clause.to_token_stream())
    }
}

/// Whether one of the names occurs. A path that merely shares the name costs a bound that holds anyway.
fn mentions(tokens: TokenStream, names: &HashSet<String>) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => names.contains(&ident.to_string()),
        TokenTree::Group(group) => mentions(group.stream(), names),
        TokenTree::Punct(_) | TokenTree::Literal(_) => false,
    })
}

/// A lifetime that occurs nowhere in the input, not even bound by a `for<..>` inside a field's type.
pub(crate) fn fresh_lifetime(input: &DeriveInput) -> Lifetime {
    let mut taken = HashSet::new();
    lifetimes(input.to_token_stream(), &mut taken);
    let mut name = String::from("pg");
    while taken.contains(&name) {
        name.push('_');
    }
    Lifetime::new(&format!("'{name}"), Span::call_site())
}

fn lifetimes(tokens: TokenStream, found: &mut HashSet<String>) {
    let mut after_quote = false;
    for token in tokens {
        match &token {
            TokenTree::Ident(ident) if after_quote => {
                found.insert(ident.to_string());
            }
            TokenTree::Group(group) => lifetimes(group.stream(), found),
            _ => {}
        }
        after_quote = matches!(&token, TokenTree::Punct(punct) if punct.as_char() == '\'');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rows_lifetime_avoids_all_others() {
        let input: DeriveInput = parse_quote! {
            struct Item<'pg> { name: &'pg str, call: PhantomData<for<'pg_> fn(&'pg_ str)> }
        };
        assert_eq!(fresh_lifetime(&input).to_string(), "'pg__");
    }

    #[test]
    fn only_field_types_that_depend_on_a_parameter_are_bounded() {
        let input: DeriveInput = parse_quote!(
            struct Page<'a, T: Clone, U>
            where
                U: Copy,
            {
                x: &'a T,
                y: U,
            }
        );
        let mut bounds = Bounds::new(&input.generics, None);
        let bound = quote::quote!(Adapter);
        bounds.require(&parse_quote!(Vec<T>), &bound);
        bounds.require(&parse_quote!(Vec<T>), &bound);
        bounds.require(&parse_quote!(Vec<u8>), &bound);
        bounds.add_row(&parse_quote!('pg), true);
        let (parameters, clause) = bounds.of_impl();
        assert_eq!(parameters.to_string(), quote::quote!(<'pg: 'a, 'a, T: Clone, U>).to_string());
        assert_eq!(clause.to_string(), quote::quote!(where U: Copy, Vec<T>: Adapter, 'a: 'pg).to_string());
    }
}
