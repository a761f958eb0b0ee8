//! Emitting: registers, constants, jumps.

use super::Compiler;
use crate::program::Constant;
use crate::program::code::{self, Op, Reg, Symbol, Target};

impl Compiler<'_> {
    pub(super) fn emit(&mut self, op: Op) -> usize {
        self.code.push(op);
        self.code.len() - 1
    }

    /// A register until the mark taken before is given back.
    pub(super) fn reserve(&mut self) -> Reg {
        if self.frame.next >= 60_000 {
            self.full = true;
            return Reg(self.frame.next);
        }
        let register = Reg(self.frame.next);
        self.frame.next += 1;
        self.frame.most = self.frame.most.max(self.frame.next);
        register
    }

    pub(super) fn mark(&self) -> u16 {
        self.frame.next
    }

    pub(super) fn release(&mut self, mark: u16) {
        self.frame.next = mark;
    }

    fn constant(&mut self, constant: Constant) -> u16 {
        let Ok(number) = u16::try_from(self.constants.len()) else {
            self.full = true;
            return 0;
        };
        self.constants.push(constant);
        number
    }

    pub(super) fn text_constant(&mut self, text: &str) -> code::Constant {
        if let Some(&number) = self.text_constants.get(text) {
            return code::Constant(number);
        }
        let number = self.constant(Constant::Text(self.texts.len() as u32));
        self.texts.push(text.into());
        self.text_constants.insert(text.into(), number);
        code::Constant(number)
    }

    pub(super) fn load_text(&mut self, text: &str, to: Reg) {
        let constant = self.text_constant(text);
        self.emit(Op::LoadConstant { to, constant });
    }

    pub(super) fn load_integer(&mut self, value: i64, to: Reg) {
        if let Ok(value) = i32::try_from(value) {
            self.emit(Op::LoadInt { to, value });
            return;
        }
        let number = match self.number_constants.get(&(true, value as u64)) {
            Some(&number) => number,
            None => self.constant(Constant::Integer(value)),
        };
        self.number_constants.insert((true, value as u64), number);
        self.emit(Op::LoadConstant { to, constant: code::Constant(number) });
    }

    pub(super) fn load_float(&mut self, value: f64, to: Reg) {
        let number = match self.number_constants.get(&(false, value.to_bits())) {
            Some(&number) => number,
            None => self.constant(Constant::Float(value)),
        };
        self.number_constants.insert((false, value.to_bits()), number);
        self.emit(Op::LoadConstant { to, constant: code::Constant(number) });
    }

    pub(super) fn symbol(&mut self, name: &str) -> Symbol {
        let number = self.symbols.intern(name);
        Symbol(u16::try_from(number).unwrap_or_else(|_| {
            self.full = true;
            0
        }))
    }

    /// A jump whose target is set by [`Self::land`].
    pub(super) fn jump(&mut self) -> usize {
        self.emit(Op::Jump { target: Target(0) })
    }

    pub(super) fn here(&self) -> u32 {
        self.code.len() as u32
    }

    /// Lets jumps go to the next instruction.
    pub(super) fn land(&mut self, jumps: impl IntoIterator<Item = usize>) {
        let here = Target(self.here());
        for at in jumps {
            if let Some(
                Op::Jump { target }
                | Op::Loop { target }
                | Op::JumpIf { target, .. }
                | Op::JumpIfNot { target, .. }
                | Op::JumpIfSome { target, .. },
            ) = self.code.get_mut(at)
            {
                *target = here;
            }
        }
    }

    pub(super) fn loop_to(&mut self, target: u32) {
        self.emit(Op::Loop { target: Target(target) });
    }
}
