//! What somebody would try who wants in, or up.

mod assignment;
mod guessing;
mod names;
mod races;
mod tokens;
