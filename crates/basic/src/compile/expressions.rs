//! Expressions to code.

use super::{Compiler, Variable};
use crate::functions;
use crate::program::Question;
use crate::program::code::{self, Builtin, Global, Op, Proc, Reg, Target};
use crate::syntax::tree::{Binary, Expr, ExprKind, Hear, Unary};
use crate::syntax::{Name, Span};

impl Compiler<'_> {
    /// The register that holds a value: its own for a local variable, else a new one.
    pub(super) fn value(&mut self, expression: &Expr) -> Reg {
        if let ExprKind::Variable(name) = expression.kind
            && (!self.is_special(name) || self.is_variable(name))
            && let Variable::Local(register) = self.variable(name)
        {
            return register;
        }
        let to = self.reserve();
        self.value_to(expression, to);
        to
    }

    /// As [`Self::value`], but safe against what `after` may do to variables before the value is used.
    fn value_before(&mut self, expression: &Expr, after: &Expr) -> Reg {
        if matches!(expression.kind, ExprKind::Variable(_)) && self.may_assign(after) {
            let to = self.reserve();
            self.value_to(expression, to);
            return to;
        }
        self.value(expression)
    }

    /// Whether evaluating may run a procedure, which may assign variables.
    fn may_assign(&self, expression: &Expr) -> bool {
        if self.procedures.is_empty() {
            return false;
        }
        match &expression.kind {
            ExprKind::Call { name, arguments } => {
                self.procedures.contains_key(name) || arguments.iter().any(|one| self.may_assign(one))
            }
            ExprKind::Null
            | ExprKind::Bool(_)
            | ExprKind::Integer(_)
            | ExprKind::Float(_)
            | ExprKind::Text(_)
            | ExprKind::Bare(..)
            | ExprKind::Variable(_) => false,
            ExprKind::Member(of, _) | ExprKind::Unary(_, of) => self.may_assign(of),
            ExprKind::Binary(_, a, b) | ExprKind::Index(a, b) => self.may_assign(a) || self.may_assign(b),
            _ => true,
        }
    }

    pub(super) fn value_to(&mut self, expression: &Expr, to: Reg) {
        let mark = self.mark();
        match &expression.kind {
            ExprKind::Null | ExprKind::Error => {
                self.emit(Op::LoadNull { to });
            }
            ExprKind::Bool(value) => {
                self.emit(Op::LoadBool { to, value: *value });
            }
            ExprKind::Integer(value) => self.load_integer(*value, to),
            ExprKind::Float(value) => self.load_float(*value, to),
            ExprKind::Text(text) => self.load_text(text, to),
            ExprKind::Joined(parts) => self.joined(parts, to),
            ExprKind::Variable(name) => self.read(*name, to),
            ExprKind::Bare(name, spelled) => {
                if self.is_variable(*name) {
                    self.read(*name, to);
                } else {
                    self.load_text(spelled, to);
                }
            }
            ExprKind::Member(of, member) => {
                let object = self.value(of);
                let symbol = self.symbol(member);
                self.emit(Op::GetMember { to, object, symbol });
            }
            ExprKind::Index(of, index) => {
                let object = self.value_before(of, index);
                let index = self.value(index);
                self.emit(Op::GetIndex { to, object, index });
            }
            ExprKind::Call { name, arguments } => self.call(*name, arguments, expression.span, to),
            ExprKind::Method { receiver, name, arguments } => {
                self.method(receiver, *name, arguments, expression.span, to);
            }
            ExprKind::Unary(operator, operand) => {
                let a = self.value(operand);
                self.emit(match operator {
                    Unary::Minus => Op::Negate { to, a },
                    Unary::Plus => Op::Plus { to, a },
                    Unary::Not => Op::Not { to, a },
                });
            }
            ExprKind::Binary(operator, a, b) => self.binary(*operator, a, b, to),
            ExprKind::And(a, b) => self.either(a, b, to, |a| Op::JumpIfNot { a, target: Target(0) }),
            ExprKind::Or(a, b) => self.either(a, b, to, |a| Op::JumpIf { a, target: Target(0) }),
            ExprKind::Coalesce(a, b) => self.either(a, b, to, |a| Op::JumpIfSome { a, target: Target(0) }),
            ExprKind::Choose(condition, yes, no) => self.choose(condition, yes, no, to),
            ExprKind::Between(..) | ExprKind::OneOf(..) => {
                let mut otherwise = Vec::new();
                self.branch(expression, false, &mut otherwise);
                self.emit(Op::LoadBool { to, value: true });
                let end = self.jump();
                self.land(otherwise);
                self.emit(Op::LoadBool { to, value: false });
                self.land([end]);
            }
            ExprKind::IsNull(of) => {
                let a = self.value(of);
                self.emit(Op::IsNull { to, a });
            }
            ExprKind::Array(items) => self.array(items, to),
            ExprKind::Object(fields) => {
                let object = self.reserve();
                self.emit(Op::NewObject { to: object });
                for (name, value) in fields {
                    let inner = self.mark();
                    let from = self.value(value);
                    let symbol = self.symbol(name);
                    self.emit(Op::InitMember { object, symbol, from });
                    self.release(inner);
                }
                self.emit(Op::Move { to, from: object });
            }
            ExprKind::Command(call) => self.command(call, expression.span, Some(to)),
            ExprKind::Hear(hear) => self.hear(hear, String::new(), to),
        }
        self.release(mark);
    }

    fn either(&mut self, a: &Expr, b: &Expr, to: Reg, jump: impl FnOnce(Reg) -> Op) {
        // Not into the place itself: `x = a OR x` still needs the old value.
        let result = self.reserve();
        self.value_to(a, result);
        let end = self.emit(jump(result));
        self.value_to(b, result);
        self.land([end]);
        self.emit(Op::Move { to, from: result });
    }

    fn choose(&mut self, condition: &Expr, yes: &Expr, no: &Expr, to: Reg) {
        let mut otherwise = Vec::new();
        self.branch(condition, false, &mut otherwise);
        self.value_to(yes, to);
        let end = self.jump();
        self.land(otherwise);
        self.value_to(no, to);
        self.land([end]);
    }

    fn joined(&mut self, parts: &[Expr], to: Reg) {
        if parts.is_empty() {
            self.load_text("", to);
            return;
        }
        let first = Reg(self.mark());
        for part in parts {
            let register = self.reserve();
            self.value_to(part, register);
        }
        self.emit(Op::Join { to, first, count: parts.len() as u16 });
    }

    fn array(&mut self, items: &[Expr], to: Reg) {
        // Few at a time, so that a long list needs few registers.
        const CHUNK: usize = 64;
        let array = self.reserve();
        // Even an empty run of registers begins at one that exists.
        let first = if items.is_empty() { array } else { Reg(self.mark()) };
        let mark = self.mark();
        let head = items.len().min(CHUNK);
        for item in &items[..head] {
            let register = self.reserve();
            self.value_to(item, register);
        }
        self.emit(Op::NewArray { to: array, first, count: head as u16 });
        self.release(mark);
        for chunk in items[head..].chunks(CHUNK) {
            let receiver = self.reserve();
            self.emit(Op::Move { to: receiver, from: array });
            for item in chunk {
                let register = self.reserve();
                self.value_to(item, register);
            }
            let function = Builtin(functions::number_of("push").unwrap_or_default());
            self.emit(Op::Function { function, first: receiver, count: chunk.len() as u16 + 1 });
            self.release(mark);
        }
        self.emit(Op::Move { to, from: array });
    }

    pub(super) fn read(&mut self, name: Name, to: Reg) {
        if !self.is_variable(name) && self.is_special(name) {
            let word = self.names.get(name);
            match word {
                "error" => {
                    self.emit(Op::GetError { to });
                }
                "err" => {
                    self.emit(Op::GetErrorNumber { to });
                }
                "error message" => {
                    self.emit(Op::GetErrorMessage { to });
                }
                _ => {
                    if let Some(function) = functions::number_of(word) {
                        let first = self.reserve();
                        self.emit(Op::Function { function: Builtin(function), first, count: 0 });
                        self.emit(Op::Move { to, from: first });
                    }
                }
            }
            return;
        }
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

    fn binary(&mut self, operator: Binary, a: &Expr, b: &Expr, to: Reg) {
        if let Some(small) = small_integer(b) {
            let left = match operator {
                Binary::Add | Binary::Subtract | Binary::Multiply => Some(self.value(a)),
                _ => None,
            };
            if let Some(left) = left {
                self.emit(match operator {
                    Binary::Add => Op::AddInt { to, a: left, b: small },
                    // The smallest number has no opposite in sixteen bits.
                    Binary::Subtract => Op::AddInt { to, a: left, b: -small },
                    _ => Op::MultiplyInt { to, a: left, b: small },
                });
                return;
            }
        }
        let left = self.value_before(a, b);
        let right = self.value(b);
        let (a, b) = (left, right);
        self.emit(match operator {
            Binary::Add => Op::Add { to, a, b },
            Binary::Subtract => Op::Subtract { to, a, b },
            Binary::Multiply => Op::Multiply { to, a, b },
            Binary::Divide => Op::Divide { to, a, b },
            Binary::Modulo => Op::Modulo { to, a, b },
            Binary::Power => Op::Power { to, a, b },
            Binary::Concat => Op::Concat { to, a, b },
            Binary::Equal => Op::Equal { to, a, b },
            Binary::NotEqual => Op::NotEqual { to, a, b },
            Binary::Less => Op::Less { to, a, b },
            Binary::LessEqual => Op::LessEqual { to, a, b },
            Binary::Greater => Op::Less { to, a: b, b: a },
            Binary::GreaterEqual => Op::LessEqual { to, a: b, b: a },
            Binary::Xor => Op::Xor { to, a, b },
            Binary::In => Op::In { to, a, b },
            Binary::Like => Op::Like { to, a, b },
            Binary::Contains => Op::Contains { to, a, b },
            Binary::StartsWith => Op::StartsWith { to, a, b },
            Binary::EndsWith => Op::EndsWith { to, a, b },
        });
    }

    /// Jumps when the truth of a condition is `when`, else goes on. The jumps are left to be landed.
    pub(super) fn branch(&mut self, condition: &Expr, when: bool, jumps: &mut Vec<usize>) {
        let mark = self.mark();
        match &condition.kind {
            ExprKind::Unary(Unary::Not, inner) => self.branch(inner, !when, jumps),
            ExprKind::And(a, b) | ExprKind::Or(a, b) => {
                // With AND one false side decides, with OR one true side.
                let decides = matches!(condition.kind, ExprKind::Or(..));
                if when == decides {
                    self.branch(a, when, jumps);
                    self.branch(b, when, jumps);
                } else {
                    let mut decided = Vec::new();
                    self.branch(a, decides, &mut decided);
                    self.branch(b, when, jumps);
                    self.land(decided);
                }
            }
            ExprKind::Binary(
                operator @ (Binary::Equal
                | Binary::NotEqual
                | Binary::Less
                | Binary::LessEqual
                | Binary::Greater
                | Binary::GreaterEqual),
                a,
                b,
            ) => self.compare_branch(*operator, a, b, when, jumps),
            ExprKind::Between(value, low, high) => {
                let value = self.value_before(value, low);
                let from = self.reserve();
                let to = self.reserve();
                self.value_to(low, from);
                self.value_to(high, to);
                self.emit(Op::TestRange { a: value, low: from });
                if when {
                    let outside = self.jump();
                    jumps.push(self.jump());
                    self.land([outside]);
                } else {
                    jumps.push(self.jump());
                }
            }
            ExprKind::OneOf(value, options) => {
                let a = self.value(value);
                let mut found = Vec::new();
                for option in options {
                    let inner = self.mark();
                    let b = self.value(option);
                    self.emit(Op::TestEqual { a, b, want: false });
                    found.push(self.jump());
                    self.release(inner);
                }
                if when {
                    jumps.extend(found);
                } else {
                    jumps.push(self.jump());
                    self.land(found);
                }
            }
            _ => {
                let a = self.value(condition);
                let target = Target(0);
                let op = if when { Op::JumpIf { a, target } } else { Op::JumpIfNot { a, target } };
                jumps.push(self.emit(op));
            }
        }
        self.release(mark);
    }

    /// A test skips the jump behind it when the outcome is what it wants.
    fn compare_branch(&mut self, operator: Binary, a: &Expr, b: &Expr, when: bool, jumps: &mut Vec<usize>) {
        let want = !when;
        let small = small_integer(b);
        let left = self.value_before(a, b);
        let op = match (operator, small) {
            (Binary::Equal, Some(b)) => Op::TestEqualInt { a: left, b, want },
            (Binary::NotEqual, Some(b)) => Op::TestEqualInt { a: left, b, want: !want },
            (Binary::Less, Some(b)) => Op::TestLessInt { a: left, b, want },
            (Binary::GreaterEqual, Some(b)) => Op::TestLessInt { a: left, b, want: !want },
            (Binary::Greater, Some(b)) => Op::TestGreaterInt { a: left, b, want },
            (Binary::LessEqual, Some(b)) => Op::TestGreaterInt { a: left, b, want: !want },
            _ => {
                let right = self.value(b);
                let (a, b) = (left, right);
                match operator {
                    Binary::Equal => Op::TestEqual { a, b, want },
                    Binary::NotEqual => Op::TestEqual { a, b, want: !want },
                    Binary::Less => Op::TestLess { a, b, want },
                    Binary::LessEqual => Op::TestLessEqual { a, b, want },
                    Binary::Greater => Op::TestLess { a: b, b: a, want },
                    _ => Op::TestLessEqual { a: b, b: a, want },
                }
            }
        };
        self.emit(op);
        jumps.push(self.jump());
    }

    // ---- calls ----

    fn call(&mut self, name: Name, arguments: &[Expr], span: Span, to: Reg) {
        if let Some(&(procedure, parameters)) = self.procedures.get(&name) {
            if arguments.len() > usize::from(parameters) {
                let message = format!(
                    "{} takes {parameters} arguments, found {}",
                    self.names.get(name),
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
        self.emit(Op::Function { function: Builtin(function), first, count: arguments.len() as u16 });
        self.emit(Op::Move { to, from: first });
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
        self.reports.error(code, span, format!("{name} takes {wanted} arguments, found {given}"));
        false
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

    fn method(&mut self, receiver: &Expr, name: Name, arguments: &[Expr], span: Span, to: Reg) {
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
            self.emit(Op::Function { function: Builtin(function), first, count: 1 });
            self.emit(Op::Move { to, from: first });
            return;
        }
        let Some(function) = functions::number_of(word) else {
            let message = format!("there is no function {word}");
            self.reports.warn("B105", span, message, None);
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
        self.emit(Op::Function { function: Builtin(function), first, count: arguments.len() as u16 + 1 });
        self.emit(Op::Move { to, from: first });
    }

    // ---- HEAR ----

    pub(super) fn hear(&mut self, hear: &Hear, variable: String, to: Reg) {
        let mark = self.mark();
        let first_option = Reg(self.mark());
        for option in &hear.options {
            let register = self.reserve();
            self.value_to(option, register);
        }
        let given = |expression: &Option<Expr>, compiler: &mut Self| {
            expression.as_ref().map(|expression| {
                let register = compiler.reserve();
                compiler.value_to(expression, register);
                register
            })
        };
        let prompt = given(&hear.prompt, self);
        let default = given(&hear.default, self);
        let timeout = given(&hear.timeout, self);
        let number = self.questions.len();
        self.questions.push(Question {
            variable,
            kind: hear.kind,
            first_option,
            options: hear.options.len() as u16,
            prompt,
            default,
            timeout,
            to,
            live: self.mark(),
        });
        let question = code::Question(u16::try_from(number).unwrap_or_else(|_| {
            self.full = true;
            0
        }));
        self.emit(Op::Hear { question });
        self.release(mark);
    }
}

fn small_integer(expression: &Expr) -> Option<i16> {
    match expression.kind {
        ExprKind::Integer(value) => i16::try_from(value).ok().filter(|value| *value != i16::MIN),
        _ => None,
    }
}
