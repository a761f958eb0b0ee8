//! Expressions to code.

use super::Compiler;
use super::variables::Variable;
use crate::functions;
use crate::program::code::{Builtin, Op, Reg, Target};
use crate::syntax::tree::{Binary, Expr, ExprKind, Unary};

impl Compiler<'_> {
    /// The register that holds a value: its own for a local variable, else a new one.
    pub(super) fn value(&mut self, expression: &Expr) -> Reg {
        if let ExprKind::Variable(name) = expression.kind
            && !self.is_special(name)
            && let Variable::Local(register) = self.variable(name)
        {
            return register;
        }
        let to = self.reserve();
        self.value_to(expression, to);
        to
    }

    /// As [`Self::value`], but safe against what `after` may do to variables before the value is used.
    pub(super) fn value_before(&mut self, expression: &Expr, after: &Expr) -> Reg {
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

    pub(super) fn choose(&mut self, condition: &Expr, yes: &Expr, no: &Expr, to: Reg) {
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

    fn binary(&mut self, operator: Binary, a: &Expr, b: &Expr, to: Reg) {
        if let Some(small) = small_integer(b) {
            let left = match operator {
                Binary::Add | Binary::Subtract | Binary::Multiply => Some(self.value(a)),
                _ => None,
            };
            if let Some(left) = left {
                self.emit(match operator {
                    Binary::Add => Op::AddInt { to, a: left, b: small },
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
}

/// A literal that an instruction can hold itself. The smallest number is none: it has no opposite in sixteen bits.
pub(super) fn small_integer(expression: &Expr) -> Option<i16> {
    match expression.kind {
        ExprKind::Integer(value) => i16::try_from(value).ok().filter(|value| *value != i16::MIN),
        _ => None,
    }
}
