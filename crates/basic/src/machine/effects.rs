//! Messages and commands: what the machine hands out, with values that no longer belong to it.

use std::borrow::Cow;

use super::fault::{Checked, Fault};
use super::value::Value;
use super::{Machine, Pending};
use crate::data::Data;
use crate::filter::{self, BoundFilter, Constant, Filter};
use crate::program::code::{self, Reg};
use crate::program::{Program, Site, SiteFilter};
use crate::step::{Clause, Command, Position, Step};

impl Machine {
    /// The text of a value, which is to be said.
    pub(super) fn say(&mut self, value: Value) -> Checked<String> {
        let text = self.heap.display(value)?.into_owned();
        self.pending = Pending::Said;
        Ok(text)
    }

    /// Does what a command asks for if that is only about rows in memory; else gives the command for the host.
    pub(super) fn effect(
        &mut self,
        program: &Program,
        site: code::Site,
        base: usize,
    ) -> Checked<Option<Step>> {
        let given = &program.sites[usize::from(site.0)];
        if let Some(value) = self.in_memory(given, base)? {
            self.stack[base + usize::from(given.to.0)] = value;
            return Ok(None);
        }
        let position = self.frames.last().map(|frame| self.position_of(frame)).unwrap_or_default();
        let command = self.command(given, base, position)?;
        self.pending = Pending::Effect(site.0);
        Ok(Some(Step::Command(Box::new(command))))
    }

    fn data_of(&self, base: usize, first: Reg, count: u16, budget: &mut usize) -> Checked<Vec<Data>> {
        let values = self.values(base, first, count).iter();
        values.map(|&value| self.heap.to_data_within(value, budget)).collect()
    }

    /// The command of a site, with its values detached.
    fn command(&self, site: &Site, base: usize, position: Position) -> Checked<Command> {
        // A value that is given several times is copied as often.
        let mut budget = self.heap.copy_limit();
        let mut clauses = Vec::with_capacity(site.clauses.len());
        for clause in &site.clauses {
            let values = self.data_of(base, clause.first, clause.count, &mut budget)?;
            let content = match &clause.fields {
                Some(names) => Clause::Fields(names.iter().cloned().zip(values).collect()),
                None => Clause::Values(values),
            };
            clauses.push((clause.name, content));
        }
        Ok(Command {
            keyword: site.command,
            name: site.name.clone(),
            arguments: self.data_of(base, site.first, site.arguments, &mut budget)?,
            clauses,
            filter: self.filter(site, base)?,
            position,
        })
    }

    /// What the condition of a command asks for, with its values.
    pub(super) fn filter(&self, site: &Site, base: usize) -> Checked<Option<BoundFilter>> {
        let (filter, values) = match &site.filter {
            None => return Ok(None),
            Some(SiteFilter::Bound { filter, first }) => {
                let values = self.values(base, *first, filter.holes as u16);
                let mut budget = self.heap.copy_limit();
                let values: Vec<_> =
                    values.iter().map(|&value| self.constant(value, &mut budget)).collect::<Checked<_>>()?;
                (Cow::Borrowed(filter), values)
            }
            Some(SiteFilter::Text { argument }) => {
                let value = self.register(base, Reg(site.first.0 + argument));
                // Where a key may stand, a text without an operator is one.
                let keyed = !matches!(site.command.phrase, "FIND" | "FILTER" | "AGGREGATE");
                let is_filter = |text: &&str| {
                    if keyed { filter::has_operator(text) } else { !text.trim().is_empty() }
                };
                let Some(text) = self.heap.as_str(value).filter(is_filter) else {
                    return Ok(None);
                };
                let filter = Filter::parse_text(text)
                    .map_err(|error| Fault::argument(format!("the filter cannot be read: {error}")))?;
                (Cow::Owned(filter), Vec::new())
            }
        };
        let bound = filter.bind(&values).map_err(|error| Fault::argument(error.to_string()))?;
        Ok(Some(bound))
    }

    /// A value to compare with; lists hold plain values, since an array could contain itself.
    fn constant(&self, value: Value, budget: &mut usize) -> Checked<Constant> {
        let value = self.heap.body(value);
        match self.heap.items(value) {
            Some(items) => {
                self.heap.spend(items.len());
                let items = items.iter().map(|&item| self.plain_constant(item, budget));
                Ok(Constant::List(items.collect::<Checked<_>>()?))
            }
            None => self.plain_constant(value, budget),
        }
    }

    fn plain_constant(&self, value: Value, budget: &mut usize) -> Checked<Constant> {
        let value = self.heap.body(value);
        let constant = match value {
            Value::Null => Constant::Null,
            Value::Bool(truth) => Constant::Boolean(truth),
            _ => match (value.number(), value.date()) {
                (Some(number), _) => Constant::Number(number),
                (_, Some(date)) => Constant::Date(date),
                _ => Constant::Text(self.heap.display(value)?.into_owned()),
            },
        };
        let text = if let Constant::Text(text) = &constant { text.len() } else { 0 };
        *budget = budget
            .checked_sub(std::mem::size_of::<Constant>() + text)
            .ok_or_else(|| Fault::limit("the values of the condition are too large"))?;
        Ok(constant)
    }
}
