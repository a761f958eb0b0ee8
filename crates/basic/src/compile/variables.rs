//! Variables: which names are some, the registers they live in, reading and writing them.

use std::collections::{HashMap, HashSet};

use indexmap::IndexSet;

use super::Compiler;
use super::names::{self, Use};
use crate::functions;
use crate::program::code::{Global, Op, Reg, Target};
use crate::syntax::tree::{Procedure, Script};
use crate::syntax::{Name, Span};

/// Where a variable lives.
#[derive(Clone, Copy)]
pub(super) enum Variable {
    Local(Reg),
    Global(u16),
}

/// The uses of variables: the first place each is read and written at.
#[derive(Default)]
struct Found {
    order: Vec<Name>,
    reads: HashMap<Name, Span>,
    writes: HashMap<Name, Span>,
    mentions: HashSet<Name>,
}

impl Found {
    fn note(&mut self, name: Name, span: Span, how: Use) {
        let first = !self.reads.contains_key(&name) && !self.writes.contains_key(&name);
        match how {
            Use::Read => self.reads.entry(name).or_insert(span),
            Use::Write => self.writes.entry(name).or_insert(span),
            Use::Mention => {
                self.mentions.insert(name);
                return;
            }
        };
        if first {
            self.order.push(name);
        }
    }
}

impl Compiler<'_> {
    /// Gives the variables of the script their registers, and warns about names that are only read or only assigned.
    pub(super) fn find_variables(&mut self, script: &Script) -> Vec<String> {
        let mut found = Found::default();
        for param in &script.params {
            found.note(param.name, param.span, Use::Write);
        }
        for name in &self.known.variables {
            if let Some(name) = self.names.find(&crate::machine::fold(name)) {
                found.note(name, Span::default(), Use::Write);
            }
        }
        names::in_block(&script.body, &mut |name, span, how| found.note(name, span, how));
        // Handlers run with a copy of the script's variables.
        for handler in script.procedures.iter().filter(|procedure| procedure.handler.is_some()) {
            names::in_block(&handler.body, &mut |name, span, how| found.note(name, span, how));
        }
        let provided = |name: &&Name| is_provided(self.names.get(**name));
        self.shared = found.reads.keys().filter(provided).chain(found.writes.keys()).copied().collect();
        let mut local = Found::default();
        for procedure in script.procedures.iter().filter(|procedure| procedure.handler.is_none()) {
            let own = self.own_names(procedure);
            names::in_block(&procedure.body, &mut |name, span, how| {
                // What a procedure reads and never assigns can only be the script's or the host's.
                let place = if own.contains(&name) { &mut local } else { &mut found };
                place.note(name, span, how);
            });
            for parameter in &procedure.parameters {
                local.note(*parameter, procedure.span, Use::Read);
            }
        }
        // In a script with errors the names of what could not be read seem to be missing.
        if !self.reports.has_errors() {
            self.warn_about_names(&found, &local, script);
        }
        self.assigned = found.writes.keys().copied().collect();
        let mut order = found.order;
        order.retain(|&name| self.assigned.contains(&name) || !self.is_special(name));
        if order.len() > 20_000 {
            self.full = true;
            order.truncate(20_000);
        }
        self.globals = order.iter().copied().zip(0u16..).collect();
        order.iter().map(|&name| self.names.get(name).to_owned()).collect()
    }

    /// What a procedure calls its own: its parameters, and what it assigns that is not the script's.
    pub(super) fn own_names(&self, procedure: &Procedure) -> IndexSet<Name> {
        let mut own: IndexSet<Name> = procedure.parameters.iter().copied().collect();
        names::in_block(&procedure.body, &mut |name, _, how| {
            if how == Use::Write && !self.shared.contains(&name) {
                own.insert(name);
            }
        });
        own
    }

    fn warn_about_names(&mut self, found: &Found, local: &Found, script: &Script) {
        for name in &found.order {
            let Some(span) = found.reads.get(name).filter(|_| !found.writes.contains_key(name)) else {
                continue;
            };
            let shown = self.names.get(*name);
            if !is_provided(shown) {
                let message = format!("{shown} is read and never assigned; it is null");
                self.reports.warn("B101", *span, message, None);
            }
        }
        let params: HashSet<Name> = script.params.iter().map(|param| param.name).collect();
        let is_read = |name: &Name| {
            [found, local].iter().any(|uses| uses.reads.contains_key(name) || uses.mentions.contains(name))
        };
        let mut unread: Vec<_> = found
            .writes
            .iter()
            .chain(&local.writes)
            .filter(|(name, span)| !is_read(name) && span.end > 0 && !params.contains(name))
            .collect();
        unread.sort_by_key(|(_, span)| span.start);
        for (name, span) in unread {
            let message = format!("{} is assigned and never read", self.names.get(*name));
            self.reports.warn("B102", *span, message, None);
        }
    }

    /// Names that mean something where no variable has them.
    pub(super) fn is_special(&self, name: Name) -> bool {
        matches!(
            self.names.get(name),
            "today" | "now" | "uuid" | "guid" | "rnd" | "pi" | "error" | "err" | "error message"
        )
    }

    pub(super) fn variable(&mut self, name: Name) -> Variable {
        if let Some(&register) = self.frame.locals.get(&name) {
            return Variable::Local(register);
        }
        match self.globals.get(&name) {
            Some(&global) if self.frame.is_script => Variable::Local(Reg(global)),
            Some(&global) => Variable::Global(global),
            None => {
                // A name that no walk over the tree has seen: it has no value.
                let register = self.reserve();
                self.emit(Op::LoadNull { to: register });
                self.frame.locals.insert(name, register);
                Variable::Local(register)
            }
        }
    }

    /// Whether a name is a variable rather than a word that stands for itself.
    pub(super) fn is_variable(&self, name: Name) -> bool {
        self.assigned.contains(&name) || self.frame.locals.contains_key(&name)
    }

    pub(super) fn read(&mut self, name: Name, to: Reg) {
        if !self.is_special(name) {
            self.read_variable(name, to);
        } else if !self.is_variable(name) {
            self.read_special(name, to);
        } else {
            // `today = TODAY`: before it has a value, such a name means what it means without a variable.
            self.read_variable(name, to);
            let given = self.emit(Op::JumpIfSome { a: to, target: Target(0) });
            self.read_special(name, to);
            self.land([given]);
        }
    }

    fn read_special(&mut self, name: Name, to: Reg) {
        match self.names.get(name) {
            "error" => {
                self.emit(Op::GetError { to });
            }
            "err" => {
                self.emit(Op::GetErrorNumber { to });
            }
            "error message" => {
                self.emit(Op::GetErrorMessage { to });
            }
            word => {
                if let Some(function) = functions::number_of(word) {
                    let first = self.reserve();
                    self.function(function, first, 0, to);
                }
            }
        }
    }

    fn read_variable(&mut self, name: Name, to: Reg) {
        match self.variable(name) {
            Variable::Local(from) if from == to => {}
            Variable::Local(from) => {
                self.emit(Op::Move { to, from });
            }
            Variable::Global(global) => {
                self.emit(Op::GetGlobal { to, global: Global(global) });
            }
        }
    }

    pub(super) fn write(&mut self, name: Name, from: Reg) {
        match self.variable(name) {
            Variable::Local(to) if from == to => {}
            Variable::Local(to) => {
                self.emit(Op::Move { to, from });
            }
            Variable::Global(global) => {
                self.emit(Op::SetGlobal { global: Global(global), from });
            }
        }
    }
}

/// Names that every host provides.
fn is_provided(name: &str) -> bool {
    matches!(
        name,
        "user"
            | "username"
            | "mobile"
            | "from"
            | "admin"
            | "hour"
            | "session"
            | "today"
            | "now"
            | "uuid"
            | "guid"
            | "rnd"
            | "pi"
            | "fields"
            | "form"
            | "metadata"
            | "report"
            | "json"
            | "params"
            | "body"
            | "headers"
            | "method"
            | "path"
            | "error"
            | "err"
            | "error message"
    )
}
