//! HEAR: its prompt, its options and what it takes, as one question.

use super::Compiler;
use crate::program::Question;
use crate::program::code::{self, Op, Reg};
use crate::syntax::tree::{Expr, Hear};

impl Compiler<'_> {
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
