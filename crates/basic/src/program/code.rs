//! Instructions: eight bytes each, over the registers of a frame.
//!
//! Tests come in pairs: the test, then a jump that is taken when it fails. `Loop` is a jump backwards; only it and
//! calls are charged to the limits.

use super::codec::{Corrupt, Decoded, Reader, Writer};

/// A register of the running frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reg(pub(crate) u16);

/// A register of the script's own frame, seen from a procedure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Global(pub(crate) u16);

/// A place in the code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Target(pub(crate) u32);

macro_rules! indexes {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => { $(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) struct $name(pub(crate) u16);
    )* };
}

indexes! {
    /// An entry of the constant pool.
    Constant,
    /// A member name.
    Symbol,
    /// A procedure.
    Proc,
    /// A built-in function.
    Builtin,
    /// What a command is given.
    Site,
    /// What a HEAR asks.
    Question,
}

/// What an operand must not exceed, for checking code that was loaded.
pub(crate) struct Bounds {
    pub(crate) registers: u16,
    pub(crate) globals: u16,
    pub(crate) start: u32,
    pub(crate) end: u32,
    pub(crate) constants: usize,
    pub(crate) symbols: usize,
    pub(crate) procedures: usize,
    pub(crate) builtins: usize,
    pub(crate) sites: usize,
    pub(crate) questions: usize,
}

pub(crate) trait Operand: Sized + Copy {
    fn write(self, writer: &mut Writer);
    fn read(reader: &mut Reader<'_>) -> Decoded<Self>;
    fn fits(self, bounds: &Bounds) -> bool;
}

macro_rules! operand {
    ($($type:ty: $inner:ident => |$value:ident, $bounds:ident| $fits:expr;)*) => { $(
        impl Operand for $type {
            fn write(self, writer: &mut Writer) {
                writer.number(u64::from(self.0));
            }
            fn read(reader: &mut Reader<'_>) -> Decoded<Self> {
                Ok(Self(reader.number_as::<$inner>()?))
            }
            fn fits(self, $bounds: &Bounds) -> bool {
                let $value = self.0;
                $fits
            }
        }
    )* };
}

operand! {
    Reg: u16 => |value, bounds| value < bounds.registers;
    Global: u16 => |value, bounds| value < bounds.globals;
    Target: u32 => |value, bounds| (bounds.start..bounds.end).contains(&value);
    Constant: u16 => |value, bounds| usize::from(value) < bounds.constants;
    Symbol: u16 => |value, bounds| usize::from(value) < bounds.symbols;
    Proc: u16 => |value, bounds| usize::from(value) < bounds.procedures;
    Builtin: u16 => |value, bounds| usize::from(value) < bounds.builtins;
    Site: u16 => |value, bounds| usize::from(value) < bounds.sites;
    Question: u16 => |value, bounds| usize::from(value) < bounds.questions;
}

macro_rules! plain_operand {
    ($($type:ty),*) => { $(
        impl Operand for $type {
            fn write(self, writer: &mut Writer) {
                writer.signed(i64::from(self));
            }
            fn read(reader: &mut Reader<'_>) -> Decoded<Self> {
                Self::try_from(reader.signed()?).map_err(|_| Corrupt)
            }
            fn fits(self, _: &Bounds) -> bool {
                true
            }
        }
    )* };
}

plain_operand!(i16, i32, u16);

impl Operand for bool {
    fn write(self, writer: &mut Writer) {
        writer.byte(u8::from(self));
    }
    fn read(reader: &mut Reader<'_>) -> Decoded<Self> {
        reader.bool()
    }
    fn fits(self, _: &Bounds) -> bool {
        true
    }
}

macro_rules! instructions {
    ($($(#[$doc:meta])* $name:ident { $($field:ident: $type:ty),* } = $tag:literal;)*) => {
        /// One instruction.
        #[derive(Debug, Clone, Copy, PartialEq)]
        pub(crate) enum Op {
            $($(#[$doc])* $name { $($field: $type),* },)*
        }

        impl Op {
            pub(crate) fn write(self, writer: &mut Writer) {
                match self {
                    $(Self::$name { $($field),* } => {
                        writer.byte($tag);
                        $($field.write(writer);)*
                    })*
                }
            }

            pub(crate) fn read(reader: &mut Reader<'_>) -> Decoded<Self> {
                Ok(match reader.byte()? {
                    $($tag => Self::$name { $($field: <$type>::read(reader)?),* },)*
                    _ => return Err(Corrupt),
                })
            }

            /// Whether every operand exists.
            pub(crate) fn fits(self, bounds: &Bounds) -> bool {
                match self {
                    $(Self::$name { $($field),* } => {
                        let _ = bounds;
                        true $(&& $field.fits(bounds))*
                    })*
                }
            }
        }
    };
}

instructions! {
    LoadNull { to: Reg } = 0;
    LoadBool { to: Reg, value: bool } = 1;
    LoadInt { to: Reg, value: i32 } = 2;
    LoadConstant { to: Reg, constant: Constant } = 3;
    Move { to: Reg, from: Reg } = 4;
    GetGlobal { to: Reg, global: Global } = 5;
    SetGlobal { global: Global, from: Reg } = 6;

    Add { to: Reg, a: Reg, b: Reg } = 10;
    Subtract { to: Reg, a: Reg, b: Reg } = 11;
    Multiply { to: Reg, a: Reg, b: Reg } = 12;
    Divide { to: Reg, a: Reg, b: Reg } = 13;
    Modulo { to: Reg, a: Reg, b: Reg } = 14;
    Power { to: Reg, a: Reg, b: Reg } = 15;
    Concat { to: Reg, a: Reg, b: Reg } = 16;
    AddInt { to: Reg, a: Reg, b: i16 } = 17;
    Negate { to: Reg, a: Reg } = 18;
    Plus { to: Reg, a: Reg } = 19;
    Not { to: Reg, a: Reg } = 20;
    /// The texts of consecutive registers, joined.
    Join { to: Reg, first: Reg, count: u16 } = 21;
    MultiplyInt { to: Reg, a: Reg, b: i16 } = 22;

    Equal { to: Reg, a: Reg, b: Reg } = 30;
    NotEqual { to: Reg, a: Reg, b: Reg } = 31;
    Less { to: Reg, a: Reg, b: Reg } = 32;
    LessEqual { to: Reg, a: Reg, b: Reg } = 33;
    Xor { to: Reg, a: Reg, b: Reg } = 34;
    In { to: Reg, a: Reg, b: Reg } = 35;
    Like { to: Reg, a: Reg, b: Reg } = 36;
    Contains { to: Reg, a: Reg, b: Reg } = 37;
    StartsWith { to: Reg, a: Reg, b: Reg } = 38;
    EndsWith { to: Reg, a: Reg, b: Reg } = 39;
    IsNull { to: Reg, a: Reg } = 40;

    Jump { target: Target } = 50;
    Loop { target: Target } = 51;
    JumpIf { a: Reg, target: Target } = 52;
    JumpIfNot { a: Reg, target: Target } = 53;
    JumpIfSome { a: Reg, target: Target } = 54;
    TestEqual { a: Reg, b: Reg, want: bool } = 55;
    TestLess { a: Reg, b: Reg, want: bool } = 56;
    TestLessEqual { a: Reg, b: Reg, want: bool } = 57;
    TestEqualInt { a: Reg, b: i16, want: bool } = 58;
    TestLessInt { a: Reg, b: i16, want: bool } = 59;
    TestGreaterInt { a: Reg, b: i16, want: bool } = 60;
    /// A test of CASE: 0 to 5 for `= <> < <= > >=`. What cannot be compared does not match.
    TestCase { a: Reg, b: Reg, operator: u16 } = 61;
    TestRange { a: Reg, low: Reg } = 62;

    /// Checks the bounds of a numeric loop in `counter`, `state` (limit) and `state + 1` (step); fails when it has no turn.
    ForPrepare { counter: Reg, state: Reg } = 70;
    /// Counts on; the loop after it is taken while there is a turn.
    ForNext { counter: Reg, state: Reg } = 71;
    /// Makes `state` (what is walked), `state + 1` (index), `state + 2` (length) of a value.
    EachPrepare { state: Reg, from: Reg } = 72;
    /// The same for the last elements only; their number is in `state + 2`.
    EachPrepareLast { state: Reg, from: Reg } = 73;
    /// The next element; fails when there is none.
    EachNext { state: Reg, to: Reg } = 74;

    NewArray { to: Reg, first: Reg, count: u16 } = 80;
    NewObject { to: Reg } = 81;
    InitMember { object: Reg, symbol: Symbol, from: Reg } = 82;
    GetMember { to: Reg, object: Reg, symbol: Symbol } = 83;
    SetMember { object: Reg, symbol: Symbol, from: Reg } = 84;
    GetIndex { to: Reg, object: Reg, index: Reg } = 85;
    SetIndex { object: Reg, index: Reg, from: Reg } = 86;

    /// Runs a procedure whose arguments begin at `first`, where its result goes.
    Call { procedure: Proc, first: Reg, count: u16 } = 90;
    Return { from: Reg } = 91;
    Finish { from: Reg } = 92;
    /// Runs a function; the result goes to `first`.
    Function { function: Builtin, first: Reg, count: u16 } = 93;
    Talk { from: Reg } = 94;
    Print { from: Reg } = 95;
    Effect { site: Site } = 96;
    Hear { question: Question } = 97;
    Throw { from: Reg } = 98;
    AssertFailed { message: Reg } = 99;
    UnknownFunction { name: Constant } = 100;

    OnErrorResume {} = 110;
    OnErrorStop {} = 111;
    OnErrorGoto { target: Target } = 112;
    ClearError {} = 113;
    GetError { to: Reg } = 114;
    GetErrorMessage { to: Reg } = 115;
    GetErrorNumber { to: Reg } = 116;
}
