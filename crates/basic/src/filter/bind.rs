//! Filling the holes of a filter.

use super::{Comparison, Condition, Constant, Filter, Limit, Operand, Piece};

/// A filter without holes: what a host evaluates or turns into a query.
///
/// No [`Operand::Hole`], [`Operand::Joined`] or [`Limit::Hole`] is left in it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct BoundFilter(pub(super) Filter);

impl BoundFilter {
    /// The filter, to be read.
    pub fn filter(&self) -> &Filter {
        &self.0
    }

    /// How many rows at most.
    pub fn limit(&self) -> Option<u64> {
        match self.0.limit {
            Some(Limit::Rows(rows)) => Some(rows),
            _ => None,
        }
    }
}

/// Why a filter cannot be filled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BindError {
    /// There are not as many values as holes.
    #[error("the filter has {holes} values to fill, but {given} were given")]
    Count {
        /// Holes of the filter.
        holes: usize,
        /// Values given.
        given: usize,
    },
    /// The value after LIMIT is no whole number from 0.
    #[error("LIMIT needs a whole number, not {0}")]
    Limit(String),
    /// A list stands where a single value must.
    #[error("a list fits only after IN")]
    List,
}

impl Filter {
    /// Puts the values into the holes, in their order.
    pub fn bind(&self, values: &[Constant]) -> Result<BoundFilter, BindError> {
        if values.len() != self.holes {
            return Err(BindError::Count { holes: self.holes, given: values.len() });
        }
        let limit = match self.limit {
            Some(Limit::Hole(hole)) => {
                let value = value(values, hole)?;
                let Ok(rows) = value.as_scalar().to_text().trim().parse() else {
                    return Err(BindError::Limit(value.to_string()));
                };
                Some(Limit::Rows(rows))
            }
            other => other,
        };
        let condition = self.condition.as_ref().map(|condition| condition.bind(values)).transpose()?;
        Ok(BoundFilter(Filter { condition, order: self.order.clone(), limit, holes: 0 }))
    }
}

fn value(values: &[Constant], hole: usize) -> Result<&Constant, BindError> {
    values.get(hole).ok_or(BindError::Count { holes: hole + 1, given: values.len() })
}

impl Condition {
    fn bind(&self, values: &[Constant]) -> Result<Self, BindError> {
        let each = |all: &[Self]| all.iter().map(|one| one.bind(values)).collect::<Result<Vec<_>, _>>();
        Ok(match self {
            Self::And(all) => Self::And(each(all)?),
            Self::Or(all) => Self::Or(each(all)?),
            Self::Not(inner) => Self::Not(Box::new(inner.bind(values)?)),
            Self::Always(truth) => Self::Always(*truth),
            Self::Compare { left, operator, right } => {
                let (left, operator, right) = (left.bind(values)?, *operator, right.bind(values)?);
                match (&left, operator, &right) {
                    // What is the same for every row is known now.
                    (
                        Operand::Constant(Constant::Boolean(left)),
                        Comparison::Equal,
                        Operand::Constant(Constant::Boolean(right)),
                    ) => Self::Always(left == right),
                    _ => Self::Compare { left, operator, right },
                }
            }
            Self::In { left, list } => Self::In { left: left.bind(values)?, list: bind_list(list, values)? },
            Self::IsNull(operand) => Self::IsNull(operand.bind(values)?),
        })
    }
}

/// A hole in a list may bring several values.
fn bind_list(list: &[Operand], values: &[Constant]) -> Result<Vec<Operand>, BindError> {
    let mut bound = Vec::with_capacity(list.len());
    for operand in list {
        match operand {
            Operand::Hole(hole) => match value(values, *hole)? {
                Constant::List(several) => bound.extend(several.iter().cloned().map(Operand::Constant)),
                single => bound.push(Operand::Constant(single.clone())),
            },
            other => bound.push(other.bind(values)?),
        }
    }
    Ok(bound)
}

impl Operand {
    fn bind(&self, values: &[Constant]) -> Result<Self, BindError> {
        Ok(match self {
            Self::Column(_) | Self::Constant(_) => self.clone(),
            Self::Hole(hole) => match value(values, *hole)? {
                Constant::List(_) => return Err(BindError::List),
                single => Self::Constant(single.clone()),
            },
            Self::Joined(pieces) => {
                let mut text = String::new();
                for piece in pieces {
                    match piece {
                        Piece::Text(part) => text.push_str(part),
                        Piece::Hole(hole) => match value(values, *hole)? {
                            Constant::List(_) => return Err(BindError::List),
                            single => text.push_str(&single.as_scalar().to_text()),
                        },
                    }
                }
                Self::Constant(Constant::Text(text))
            }
            Self::Call(function, arguments) => {
                let arguments = arguments.iter().map(|a| a.bind(values)).collect::<Result<_, _>>()?;
                Self::Call(*function, arguments)
            }
        })
    }
}
