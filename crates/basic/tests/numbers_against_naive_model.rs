//! Arithmetic and comparison of numbers in scripts against exact integers of any length, as taught at school: what a
//! float operation gives has to be the float that is nearest to the exact result.
#![expect(clippy::unwrap_used, clippy::panic, reason = "clippy knows only functions marked as tests")]

use std::cmp::Ordering;
use std::sync::{Arc, LazyLock};

use basic::{Answer, Data, ErrorCode, Known, Limits, Machine, Program, Resume, Step};
use chrono::{DateTime, FixedOffset};
use proptest::prelude::*;

/// A whole number of any length: its sign, and its digits to the base 2³², the lowest first.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Exact {
    negative: bool,
    digits: Vec<u32>,
}

fn trimmed(mut digits: Vec<u32>) -> Vec<u32> {
    while digits.last() == Some(&0) {
        digits.pop();
    }
    digits
}

fn compare_sizes(a: &[u32], b: &[u32]) -> Ordering {
    a.len().cmp(&b.len()).then_with(|| a.iter().rev().cmp(b.iter().rev()))
}

fn add_sizes(a: &[u32], b: &[u32]) -> Vec<u32> {
    let mut carry = 0;
    let mut sum = Vec::new();
    for at in 0..=a.len().max(b.len()) {
        let digit = |digits: &[u32]| u64::from(digits.get(at).copied().unwrap_or(0));
        let total = digit(a) + digit(b) + carry;
        sum.push(total as u32);
        carry = total >> 32;
    }
    trimmed(sum)
}

/// `a - b`, where that is not negative.
fn subtract_sizes(a: &[u32], b: &[u32]) -> Vec<u32> {
    let mut borrow = 0;
    let mut rest = Vec::new();
    for (at, &digit) in a.iter().enumerate() {
        let taken = u64::from(b.get(at).copied().unwrap_or(0)) + borrow;
        borrow = u64::from(u64::from(digit) < taken);
        rest.push((u64::from(digit) + (borrow << 32) - taken) as u32);
    }
    trimmed(rest)
}

fn shift(digits: &[u32], bits: usize) -> Vec<u32> {
    let mut shifted = vec![0; bits / 32];
    let mut carry = 0;
    for &digit in digits {
        let wide = (u64::from(digit) << (bits % 32)) | carry;
        shifted.push(wide as u32);
        carry = wide >> 32;
    }
    shifted.push(carry as u32);
    trimmed(shifted)
}

impl Exact {
    fn new(negative: bool, digits: Vec<u32>) -> Self {
        let digits = trimmed(digits);
        Self { negative: negative && !digits.is_empty(), digits }
    }

    fn plus(&self, other: &Self) -> Self {
        if self.negative == other.negative {
            return Self::new(self.negative, add_sizes(&self.digits, &other.digits));
        }
        let (larger, smaller) = match compare_sizes(&self.digits, &other.digits) {
            Ordering::Less => (other, self),
            _ => (self, other),
        };
        Self::new(larger.negative, subtract_sizes(&larger.digits, &smaller.digits))
    }

    fn negated(&self) -> Self {
        Self::new(!self.negative, self.digits.clone())
    }

    fn times(&self, other: &Self) -> Self {
        let mut product = Vec::new();
        for (place, &digit) in self.digits.iter().enumerate() {
            let mut carry = 0;
            let mut line = vec![0; place];
            for &other in &other.digits {
                let total = u64::from(digit) * u64::from(other) + carry;
                line.push(total as u32);
                carry = total >> 32;
            }
            line.push(carry as u32);
            product = add_sizes(&product, &line);
        }
        Self::new(self.negative != other.negative, product)
    }

    /// What is left after dividing by another, with the sign of this one.
    fn rest_of_division(&self, other: &Self) -> Self {
        let mut rest = Vec::new();
        for &digit in self.digits.iter().rev() {
            for bit in (0..32).rev() {
                rest = add_sizes(&shift(&rest, 1), &trimmed(vec![(digit >> bit) & 1]));
                if compare_sizes(&rest, &other.digits) != Ordering::Less {
                    rest = subtract_sizes(&rest, &other.digits);
                }
            }
        }
        Self::new(self.negative, rest)
    }

    fn order(&self, other: &Self) -> Ordering {
        let difference = self.plus(&other.negated());
        match (difference.digits.is_empty(), difference.negative) {
            (true, _) => Ordering::Equal,
            (_, true) => Ordering::Less,
            (_, false) => Ordering::Greater,
        }
    }

    fn distance(&self, other: &Self) -> Vec<u32> {
        self.plus(&other.negated()).digits
    }

    /// The same number in units that are so many bits finer.
    fn finer(&self, bits: usize) -> Self {
        Self::new(self.negative, shift(&self.digits, bits))
    }
}

/// Bits of the unit that all floats are whole multiples of.
const UNIT: usize = 1074;

/// A float in units of 2⁻¹⁰⁷⁴.
fn float(value: f64) -> Exact {
    let bits = value.to_bits();
    let (exponent, fraction) = ((bits >> 52) as usize & 0x7ff, bits & ((1 << 52) - 1));
    let (mantissa, by) = if exponent == 0 { (fraction, 0) } else { (fraction | (1 << 52), exponent - 1) };
    Exact::new(value.is_sign_negative(), shift(&[mantissa as u32, (mantissa >> 32) as u32], by))
}

/// An integer in units of 2⁻¹⁰⁷⁴.
fn integer(value: i64) -> Exact {
    let size = value.unsigned_abs();
    Exact::new(value < 0, shift(&trimmed(vec![size as u32, (size >> 32) as u32]), UNIT))
}

/// A number as scripts have it.
#[derive(Debug, Clone, Copy)]
enum Given {
    Integer(i64),
    Float(f64),
}

impl Given {
    fn exact(self) -> Exact {
        match self {
            Self::Integer(value) => integer(value),
            Self::Float(value) => float(value),
        }
    }

    /// As an operand of an operation on floats: the nearest float.
    fn as_float(self) -> Exact {
        match self {
            Self::Integer(value) => {
                assert!(is_nearest(value as f64, &integer(value), float), "{value}");
                float(value as f64)
            }
            Self::Float(value) => float(value),
        }
    }

    fn data(self) -> Data {
        match self {
            Self::Integer(value) => Data::Integer(value),
            Self::Float(value) => Data::Number(value),
        }
    }
}

/// Whether no float is nearer to the exact result, and of two that are as near this is the even one.
fn is_nearest(found: f64, exact: &Exact, scaled: impl Fn(f64) -> Exact) -> bool {
    let distance = scaled(found).distance(exact);
    [found.next_up(), found.next_down()].into_iter().filter(|other| other.is_finite()).all(|other| {
        match compare_sizes(&distance, &scaled(other).distance(exact)) {
            Ordering::Less => true,
            Ordering::Equal => found.to_bits() & 1 == 0,
            Ordering::Greater => false,
        }
    })
}

fn program(source: &str) -> Arc<Program> {
    let known = Known { variables: vec!["a", "b"], ..Known::default() };
    Arc::new(basic::compile("numbers.bas", source, &known).program.unwrap())
}

fn run(program: &Arc<Program>, a: Given, b: Given) -> Result<Data, ErrorCode> {
    let inputs = vec![("a".to_owned(), a.data()), ("b".to_owned(), b.data())];
    let mut machine = Machine::start(Arc::clone(program), Limits::default(), inputs);
    let now: DateTime<FixedOffset> = DateTime::UNIX_EPOCH.fixed_offset();
    match machine.run(Resume { now, seed: 1, answer: Answer::Start }) {
        Step::Finished(value) => Ok(value),
        Step::Failed(error) => Err(error.code),
        step => panic!("{step:?}"),
    }
}

static OPERATIONS: LazyLock<[Arc<Program>; 5]> =
    LazyLock::new(|| ["+", "-", "*", "/", "MOD"].map(|operator| program(&format!("RETURN a {operator} b"))));

static COMPARISONS: LazyLock<[Arc<Program>; 2]> = LazyLock::new(|| {
    let tests = ["<", "<=", "=", "<>", ">=", ">"].map(|operator| format!("a {operator} b"));
    let branches = tests.iter().map(|test| format!("IF {test} THEN r.push(TRUE) ELSE r.push(FALSE)\n"));
    [
        program(&format!("RETURN [{}]", tests.join(", "))),
        program(&format!("r = []\n{}RETURN r", branches.collect::<String>())),
    ]
});

/// Comparisons with a number that is written there, which have instructions of their own.
static WRITTEN: LazyLock<Arc<Program>> = LazyLock::new(|| {
    let branches = ["<", "<=", "=", "<>", ">=", ">"]
        .map(|operator| format!("IF a {operator} 7 THEN r.push(TRUE) ELSE r.push(FALSE)\n"));
    program(&format!("r = [b]\n{}RETURN r", branches.concat()))
});

fn outcomes(order: Ordering) -> Vec<Data> {
    [order.is_lt(), order.is_le(), order.is_eq(), order.is_ne(), order.is_ge(), order.is_gt()]
        .map(Data::Bool)
        .into()
}

/// Whether two integers have a result that is an integer of 64 bits.
fn is_whole(operation: usize, a: Given, b: Given) -> bool {
    let (Given::Integer(a), Given::Integer(b)) = (a, b) else { return false };
    let (a, b) = (i128::from(a), i128::from(b));
    let result = match operation {
        0 => a + b,
        1 => a - b,
        2 => a * b,
        3 if a % b != 0 => return false,
        3 => a / b,
        _ => a % b,
    };
    i64::try_from(result).is_ok()
}

fn check(operation: usize, a: Given, b: Given) {
    let found = run(&OPERATIONS[operation], a, b);
    if operation >= 3 && b.exact().digits.is_empty() {
        assert_eq!(found, Err(ErrorCode::DivisionByZero));
        return;
    }
    let exactly = |a: &Exact, b: &Exact| match operation {
        0 => a.plus(b),
        1 => a.plus(&b.negated()),
        2 => a.times(b),
        3 => a.finer(UNIT),
        _ => a.rest_of_division(b),
    };
    let divisor = if matches!(found, Ok(Data::Integer(_))) { b.exact() } else { b.as_float() };
    // Products come in finer units; a quotient is compared after multiplying with the divisor.
    let scaled = |value: Exact| match operation {
        2 => value.finer(UNIT),
        3 => value.times(&divisor),
        _ => value,
    };
    match found {
        Ok(Data::Integer(value)) => {
            let expected = exactly(&a.exact(), &b.exact());
            assert_eq!(scaled(integer(value)), expected, "{a:?} {operation} {b:?}");
        }
        Ok(Data::Number(value)) => {
            let expected = exactly(&a.as_float(), &b.as_float());
            assert!(
                is_nearest(value, &expected, |value| scaled(float(value))),
                "{a:?} {operation} {b:?} = {value}"
            );
            assert!(!is_whole(operation, a, b), "{a:?} {operation} {b:?} = {value}");
        }
        Err(ErrorCode::Argument) => {
            // From half a step above the largest float on a result is none.
            let limit = Exact::new(false, shift(&[u32::MAX, (1 << 22) - 1], 970 + UNIT));
            let size = exactly(&a.as_float(), &b.as_float()).digits;
            let large = compare_sizes(&size, &scaled(limit).digits) != Ordering::Less;
            assert!(large, "{a:?} {operation} {b:?}");
        }
        other => panic!("{a:?} {operation} {b:?} = {other:?}"),
    }
}

/// Numbers of all sizes, and above all those where something changes.
fn number() -> impl Strategy<Value = Given> {
    let near = |value: i64| (-3_i64..=3).prop_map(move |by| Given::Integer(value.saturating_add(by)));
    prop_oneof![
        any::<i64>().prop_map(Given::Integer),
        (-20_i64..20).prop_map(Given::Integer),
        near(1 << 53),
        near(-(1 << 53)),
        near(i64::MAX),
        near(i64::MIN),
        any::<f64>().prop_filter("finite", |value| value.is_finite()).prop_map(Given::Float),
        (-2000_i32..2000).prop_map(|cents| Given::Float(f64::from(cents) / 100.0)),
        any::<i64>().prop_map(|value| Given::Float(value as f64)),
        prop::sample::select(vec![
            0.0,
            -0.0,
            f64::MAX,
            f64::MIN,
            f64::MIN_POSITIVE,
            5e-324,
            7.0,
            9_007_199_254_740_993.0,
            9_223_372_036_854_775_808.0
        ])
        .prop_map(Given::Float),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn operators_give_the_nearest_number(operation in 0_usize..5, a in number(), b in number()) {
        check(operation, a, b);
    }

    #[test]
    fn comparisons_are_exact(a in number(), b in number()) {
        let expected = Data::Array(outcomes(a.exact().order(&b.exact())));
        for comparison in &*COMPARISONS {
            prop_assert_eq!(&run(comparison, a, b), &Ok(expected.clone()));
        }
        let mut written = vec![b.data()];
        written.extend(outcomes(a.exact().order(&integer(7))));
        prop_assert_eq!(run(&WRITTEN, a, b), Ok(Data::Array(written)));
    }
}

#[test]
fn the_model_calculates_as_taught_at_school() {
    let whole = |value: i64| {
        Exact::new(value < 0, vec![value.unsigned_abs() as u32, (value.unsigned_abs() >> 32) as u32])
    };
    for (a, b) in [(7, 3), (-7, 3), (1 << 40, 12_345), (-(1 << 61), 1 << 31), (0, 5)] {
        assert_eq!(whole(a).plus(&whole(b)), whole(a + b));
        assert_eq!(whole(a).plus(&whole(b).negated()), whole(a - b));
        assert_eq!(whole(a).rest_of_division(&whole(b)), whole(a % b));
        assert_eq!(whole(a).order(&whole(b)), a.cmp(&b));
    }
    assert_eq!(whole(-123_456).times(&whole(654_321)), whole(-123_456 * 654_321));
    assert_eq!(float(1.5), Exact::new(false, shift(&[3], UNIT - 1)));
    assert!(is_nearest(0.1 + 0.2, &float(0.1).plus(&float(0.2)), float));
    assert!(!is_nearest(0.3, &float(0.1).plus(&float(0.2)), float));
}
