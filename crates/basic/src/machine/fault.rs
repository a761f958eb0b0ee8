//! Errors inside a machine, before they have a place in the script.

use crate::scalar::text::TooLong;
use crate::scalar::{DateError, MathError};
use crate::step::ErrorCode;

/// An error of a run.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fault {
    pub(crate) code: ErrorCode,
    pub(crate) message: String,
}

/// A result that fits into registers.
pub(crate) type Checked<T> = Result<T, Box<Fault>>;

impl Fault {
    pub(crate) fn new(code: ErrorCode, message: impl Into<String>) -> Box<Self> {
        Box::new(Self { code, message: message.into() })
    }

    pub(crate) fn type_of(message: impl Into<String>) -> Box<Self> {
        Self::new(ErrorCode::Type, message)
    }

    pub(crate) fn argument(message: impl Into<String>) -> Box<Self> {
        Self::new(ErrorCode::Argument, message)
    }

    pub(crate) fn limit(message: impl Into<String>) -> Box<Self> {
        Self::new(ErrorCode::Limit, message)
    }

    /// What sound programs never meet; a forged one ends here.
    pub(crate) fn unsound() -> Box<Self> {
        Self::new(ErrorCode::Unknown, "the program is damaged")
    }
}

impl From<MathError> for Box<Fault> {
    fn from(error: MathError) -> Self {
        let code = match error {
            MathError::DivisionByZero => ErrorCode::DivisionByZero,
            MathError::OutOfRange | MathError::Undefined => ErrorCode::Argument,
        };
        Fault::new(code, error.to_string())
    }
}

impl From<DateError> for Box<Fault> {
    fn from(error: DateError) -> Self {
        Fault::argument(error.to_string())
    }
}

impl From<TooLong> for Box<Fault> {
    fn from(error: TooLong) -> Self {
        Fault::limit(error.to_string())
    }
}
