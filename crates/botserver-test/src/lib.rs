//! `#[each_database]` and `#[botserver_test]`: tests that hold on both databases.

use proc_macro::TokenStream;
use proc_macro2::TokenStream as Tokens;
use quote::quote;
use syn::{ItemFn, parse_macro_input};

/// Makes two tests of `fn claim()` or `async fn claim()`: `claim::sqlite` and `claim::postgres`. The function may
/// return a `Result`. What it calls asks `test_database::Engine::current()` which database it is about.
#[proc_macro_attribute]
pub fn each_database(_: TokenStream, function: TokenStream) -> TokenStream {
    let function = parse_macro_input!(function as ItemFn);
    let name = &function.sig.ident;
    let run = if function.sig.asyncness.is_some() { quote!(block_on) } else { quote!(run) };
    tests(&function, |engine| quote!(::test_database::Engine::#engine.#run(super::#name))).into()
}

/// Makes two tests of `async fn claim(app: App)`, each with a server of its own in the process, on a free port, a fresh
/// folder and a fresh database. The function may return a `Result`.
#[proc_macro_attribute]
pub fn botserver_test(_: TokenStream, function: TokenStream) -> TokenStream {
    let function = parse_macro_input!(function as ItemFn);
    let name = &function.sig.ident;
    tests(
        &function,
        |engine| quote!(::test_database::Engine::#engine.run(|| crate::support::run(super::#name))),
    )
    .into()
}

fn tests(function: &ItemFn, run: impl Fn(Tokens) -> Tokens) -> Tokens {
    let (attributes, (name, output)) = (&function.attrs, (&function.sig.ident, &function.sig.output));
    let (vis, sig, block) = (&function.vis, &function.sig, &function.block);
    let (sqlite, postgres) = (run(quote!(Sqlite)), run(quote!(Postgres)));
    quote! {
        #vis #sig #block

        mod #name {
            #[allow(unused_imports)]
            use super::*;

            #(#attributes)*
            #[test]
            fn sqlite() #output {
                #sqlite
            }

            #(#attributes)*
            #[test]
            fn postgres() #output {
                #postgres
            }
        }
    }
}
