//! A number as the decimal digits that people see, for rounding and formatting.
//!
//! Rounding works on the shortest decimal text of a float, not on its binary value: `1.005` is a hair below that in
//! binary, but a person who reads 1.005 expects 1.01.

use super::number::Number;

/// Decimal digits with a position of the point.
///
/// The digits have no leading or trailing zeros; zero has no digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decimal {
    /// Whether a minus sign stands before the digits; never for zero.
    pub negative: bool,
    /// Digits as values 0 to 9, most significant first.
    digits: Vec<u8>,
    /// How many of the digits stand before the point; may be negative or larger than their count.
    point: i32,
}

impl Decimal {
    /// The digits of a number, as its text shows them. Not-a-number and infinity give zero.
    pub fn of(number: Number) -> Self {
        match number.simplified() {
            Number::Int(i) => Self::from_parts(i < 0, &i.unsigned_abs().to_string(), 0),
            Number::Float(f) if !f.is_finite() => Self::from_parts(false, "", 0),
            Number::Float(f) => {
                // `1.2345e-7`: the shortest digits that read back, and where the point goes.
                let text = format!("{:e}", f.abs());
                let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
                let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
                let exponent: i32 = exponent.parse().unwrap_or(0);
                Self::from_parts(f < 0.0, &format!("{whole}{fraction}"), exponent - fraction.len() as i32)
            }
        }
    }

    /// Digits scaled by a power of ten: `digits * 10^exponent`.
    fn from_parts(negative: bool, digits: &str, exponent: i32) -> Self {
        let point = digits.len() as i32 + exponent;
        let digits = digits.bytes().map(|b| b - b'0').collect();
        Self { negative, digits, point }.normalized()
    }

    fn normalized(mut self) -> Self {
        let zeros = self.digits.iter().take_while(|d| **d == 0).count();
        self.digits.drain(..zeros);
        self.point -= zeros as i32;
        while self.digits.last() == Some(&0) {
            self.digits.pop();
        }
        if self.digits.is_empty() {
            self.negative = false;
            self.point = 0;
        }
        self
    }

    /// The same digits times 10^`power`, as a percent sign does with 2.
    #[must_use]
    pub fn scaled(mut self, power: i32) -> Self {
        if !self.digits.is_empty() {
            self.point += power;
        }
        self
    }

    /// Rounded to `places` digits after the point (before it, if negative), half away from zero.
    #[must_use]
    pub fn rounded(mut self, places: i32) -> Self {
        let keep = self.point.saturating_add(places);
        if keep < 0 {
            self.digits.clear();
            return self.normalized();
        }
        let keep = keep as usize;
        if keep >= self.digits.len() {
            return self;
        }
        let up = self.digits[keep] >= 5;
        self.digits.truncate(keep);
        if up {
            self.increment();
        }
        self.normalized()
    }

    /// Adds one to the last kept digit.
    fn increment(&mut self) {
        for digit in self.digits.iter_mut().rev() {
            if *digit < 9 {
                *digit += 1;
                return;
            }
            *digit = 0;
        }
        self.digits.insert(0, 1);
        self.point += 1;
    }

    /// The digits before the point as text, empty for a number below one.
    pub fn whole(&self) -> String {
        (0..self.point).map(|at| self.digit(at)).collect()
    }

    /// Exactly `places` digits after the point, zeros appended; what goes beyond is cut off, so round first.
    pub fn fraction(&self, places: usize) -> String {
        (self.point..self.point.saturating_add(places as i32)).map(|at| self.digit(at)).collect()
    }

    fn digit(&self, at: i32) -> char {
        let digit = usize::try_from(at).ok().and_then(|at| self.digits.get(at)).copied().unwrap_or(0);
        char::from(b'0' + digit)
    }

    /// The nearest number: an integer where it is one and fits.
    pub fn to_number(&self) -> Number {
        let sign = if self.negative { "-" } else { "" };
        let places = self.digits.len() as i32 - self.point;
        if places <= 0
            && self.point <= 19
            && let Ok(int) = format!("{sign}{}", self.whole()).parse()
        {
            return Number::Int(int);
        }
        if self.digits.is_empty() {
            return Number::Int(0);
        }
        let digits: String = self.digits.iter().map(|d| char::from(b'0' + d)).collect();
        let value = format!("{sign}{digits}e{}", -places).parse().unwrap_or(0.0);
        Number::Float(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(number: Number, places: usize) -> String {
        let decimal = Decimal::of(number).rounded(places as i32);
        let sign = if decimal.negative { "-" } else { "" };
        format!("{sign}{}.{}", decimal.whole(), decimal.fraction(places))
    }

    #[test]
    fn a_half_goes_away_from_zero_as_it_reads() {
        assert_eq!(text(Number::Float(1.005), 2), "1.01");
        assert_eq!(text(Number::Float(-2.5), 0), "-3.");
        assert_eq!(text(Number::Float(0.05), 1), ".1");
        assert_eq!(text(Number::Float(0.04), 1), ".0");
        assert_eq!(text(Number::Float(-0.04), 1), ".0");
        assert_eq!(text(Number::Float(999.995), 2), "1000.00");
        assert_eq!(text(Number::Float(5e-324), 3), ".000");
    }

    proptest! {
        #[test]
        fn digits_give_back_the_number(float in proptest::num::f64::NORMAL, int: i64) {
            prop_assert_eq!(Decimal::of(Number::Float(float)).to_number(), Number::Float(float));
            prop_assert_eq!(Decimal::of(Number::Int(int)).to_number(), Number::Int(int));
        }

        #[test]
        fn rounding_integers_agrees_with_integer_arithmetic(int in -1_000_000_i64..1_000_000, power in 0_u32..8) {
            let unit = 10_i64.pow(power);
            let naive = (int.abs() + unit / 2) / unit * unit * int.signum();
            prop_assert_eq!(Decimal::of(Number::Int(int)).rounded(-(power as i32)).to_number(), Number::Int(naive));
        }
    }
}
