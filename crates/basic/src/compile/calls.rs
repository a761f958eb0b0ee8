//! Calls of the script's procedures and of built-in functions, also as methods.

use super::Compiler;
use crate::functions;
use crate::program::code::{self, Builtin, Op, Proc, Reg};
use crate::syntax::tree::{Expr, ExprKind};
use crate::syntax::{Name, Span, nearest, plural};

/// Names among which a misspelt one is looked for; with more it takes too long.
pub(super) const MOST_COMPARED: usize = 1000;

impl Compiler<'_> {
    pub(super) fn call(&mut self, name: Name, arguments: &[Expr], span: Span, to: Reg) {
        if let Some(&(procedure, parameters)) = self.procedures.get(&name) {
            if arguments.len() > usize::from(parameters) {
                let message = format!(
                    "{} takes {parameters} {}, found {}",
                    self.names.get(name),
                    plural(usize::from(parameters)),
                    arguments.len()
                );
                self.reports.error("B021", span, message);
                return;
            }
            let first = self.arguments(arguments);
            self.emit(Op::Call { procedure: Proc(procedure), first, count: arguments.len() as u16 });
            self.emit(Op::Move { to, from: first });
            return;
        }
        let word = self.names.get(name);
        if let ("iif", [condition, yes, no]) = (word, arguments) {
            self.choose(condition, yes, no, to);
            return;
        }
        let Some(function) = functions::number_of(word) else {
            self.extension(name, arguments, span, to);
            return;
        };
        if !self.check_count(function, arguments.len(), word, span) {
            return;
        }
        let first = self.arguments(arguments);
        self.function(function, first, arguments.len(), to);
    }

    pub(super) fn unknown_function(&mut self, word: &str, span: Span) {
        let hint = || {
            let builtin = functions::ALL.iter().flat_map(|function| function.names.iter().copied());
            let own = self.procedures.keys().map(|name| self.names.get(*name));
            let near = nearest(word, own.chain(builtin))?;
            let shown = if functions::find(near).is_some() { near.to_uppercase() } else { near.to_owned() };
            Some(format!("did you mean {shown}?"))
        };
        let looks = self.reports.has_room_for_warnings() && self.procedures.len() <= MOST_COMPARED;
        let near = if looks { hint() } else { None };
        self.reports.warn("B105", span, format!("there is no function {word}"), near.as_deref());
    }

    fn check_count(&mut self, function: u16, given: usize, word: &str, span: Span) -> bool {
        let Some(spec) = functions::ALL.get(usize::from(function)) else {
            return false;
        };
        if (spec.minimum..=spec.maximum).contains(&given) {
            return true;
        }
        let name = word.to_uppercase();
        let wanted = if spec.minimum == spec.maximum {
            spec.minimum.to_string()
        } else {
            format!("{} to {}", spec.minimum, spec.maximum)
        };
        let code = if given < spec.minimum { "B020" } else { "B021" };
        self.reports.error(
            code,
            span,
            format!("{name} takes {wanted} {}, found {given}", plural(spec.maximum)),
        );
        false
    }

    /// Calls a built-in function whose arguments stand in `count` registers from `first` on.
    pub(super) fn function(&mut self, function: u16, first: Reg, count: usize, to: Reg) {
        self.emit(Op::Function { function: Builtin(function), first, count: count as u16 });
        self.emit(Op::Move { to, from: first });
    }

    /// Arguments in consecutive registers, of which there is at least one.
    fn arguments(&mut self, arguments: &[Expr]) -> Reg {
        let first = self.reserve();
        for (index, argument) in arguments.iter().enumerate() {
            let register = if index == 0 { first } else { self.reserve() };
            self.value_to(argument, register);
        }
        first
    }

    pub(super) fn method(&mut self, receiver: &Expr, name: Name, arguments: &[Expr], span: Span, to: Reg) {
        let word = self.names.get(name);
        // `JSON.stringify(v)` and `JSON.parse(s)` are habits from another language.
        let script_json = matches!(receiver.kind, ExprKind::Variable(name) if !self.is_variable(name) && self.names.get(name) == "json");
        let json = match word {
            "stringify" if script_json => functions::number_of("json"),
            "parse" if script_json => functions::number_of("fromjson"),
            _ => None,
        };
        if let (Some(function), [value]) = (json, arguments) {
            let first = self.reserve();
            self.value_to(value, first);
            self.function(function, first, 1, to);
            return;
        }
        let Some(function) = functions::number_of(word) else {
            self.unknown_function(word, span);
            let name = self.text_constant(word);
            self.emit(Op::UnknownFunction { name: code::Constant(name.0) });
            return;
        };
        if !self.check_count(function, arguments.len() + 1, word, span) {
            return;
        }
        let first = self.reserve();
        self.value_to(receiver, first);
        for argument in arguments {
            let register = self.reserve();
            self.value_to(argument, register);
        }
        self.function(function, first, arguments.len() + 1, to);
    }
}
