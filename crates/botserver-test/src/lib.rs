//! `#[botserver_test]`: a test with a server of its own.

use proc_macro::TokenStream;
use quote::quote;
use syn::{ItemFn, parse_macro_input};

/// Turns `async fn claim(app: App)` into a test that starts a server in the process, on a free port and a fresh
/// folder, and hands it over. The function may return a `Result`.
#[proc_macro_attribute]
pub fn botserver_test(_: TokenStream, function: TokenStream) -> TokenStream {
    let ItemFn { attrs, vis, sig, block, .. } = parse_macro_input!(function as ItemFn);
    let (name, inputs, output) = (&sig.ident, &sig.inputs, &sig.output);
    quote! {
        #(#attrs)*
        #[test]
        #vis fn #name() #output {
            async fn claim(#inputs) #output #block
            crate::support::run(|app| claim(app))
        }
    }
    .into()
}
