//! Commands over rows that are in memory: they need no host.
//!
//! MERGE and AGGREGATE also work on tables; the host performs them unless they are given values.

use chrono::FixedOffset;

use super::Machine;
use super::fault::{Checked, Fault};
use super::heap::{Heap, Object};
use super::value::Value;
use crate::filter::Fields;
use crate::functions::{self, Context};
use crate::program::Site;
use crate::scalar::Scalar;

/// Characters of a field's name in a template of FILL.
const MAX_FIELD_NAME: usize = 200;

/// A row as filters see it.
struct Row<'a> {
    heap: &'a Heap,
    value: Value,
}

impl Fields for Row<'_> {
    fn field(&self, column: &str) -> Scalar<'_> {
        let mut value = self.value;
        for part in column.split('.') {
            value = self.heap.field_of(value, part);
        }
        match self.heap.body(value) {
            Value::Bool(truth) => Scalar::Boolean(truth),
            Value::Text { place, length } => Scalar::Text(self.heap.str(place, length)),
            value => match (value.number(), value.date()) {
                (Some(number), _) => Scalar::Number(number),
                (_, Some(date)) => Scalar::Date(date),
                _ => Scalar::Null,
            },
        }
    }
}

impl Heap {
    /// A field of an object by its name, exactly, else ignoring case; null where there is none.
    fn field_of(&self, value: Value, name: &str) -> Value {
        let Some(object) = self.fields(value) else { return Value::Null };
        let exact = object.keys.iter().position(|&key| self.symbol_name(key) == name);
        let found = exact.or_else(|| {
            let wanted = super::fold(name);
            object.keys.iter().position(|&key| self.symbol_name(self.folded(key)) == wanted)
        });
        found.and_then(|at| object.values.get(at)).copied().unwrap_or(Value::Null)
    }
}

impl Machine {
    /// The value of a command that needs no host, or nothing where it does.
    pub(super) fn in_memory(&mut self, site: &Site, base: usize) -> Checked<Option<Value>> {
        let arguments = self.values(base, site.first, site.arguments).to_vec();
        let rows =
            |heap: &Heap, at: usize| arguments.get(at).is_some_and(|&value| heap.items(value).is_some());
        Ok(Some(match (site.command.phrase, arguments.as_slice()) {
            ("FILTER", [all, ..]) => self.filtered(site, base, *all)?,
            ("AGGREGATE", [operation, all, field]) if rows(&self.heap, 1) => {
                let name = self.heap.display(*operation)?.to_lowercase();
                let known = matches!(name.as_str(), "sum" | "avg" | "average" | "count" | "min" | "max");
                let Some(function) = functions::find(&name).filter(|_| known) else {
                    return Err(Fault::argument("AGGREGATE knows SUM, AVG, COUNT, MIN and MAX"));
                };
                let mut context = Context { heap: &mut self.heap, now: self.now, random: &mut self.random };
                (function.run)(&mut context, &[*all, *field])?
            }
            ("MERGE", [a, b]) if rows(&self.heap, 0) && rows(&self.heap, 1) => {
                let mut context = Context { heap: &mut self.heap, now: self.now, random: &mut self.random };
                functions::merge(&mut context, *a, *b)?
            }
            ("GROUP BY", [all, field]) if rows(&self.heap, 0) => self.grouped(*all, *field)?,
            ("MAP", [all, mapping]) if rows(&self.heap, 0) => self.mapped(*all, *mapping)?,
            ("PIVOT", [all, row, column, rest @ ..]) if rows(&self.heap, 0) => {
                self.pivoted(*all, *row, *column, rest.first().copied())?
            }
            ("FILL", [_]) => return Err(Fault::argument("FILL needs rows and a template")),
            ("FILL", [all, template]) => {
                let first = match self.heap.items(*all) {
                    Some(items) => items.first().copied().unwrap_or(Value::Null),
                    None => *all,
                };
                self.filled(*template, first, 0)?
            }
            _ => return Ok(None),
        }))
    }

    fn offset(&self) -> FixedOffset {
        *self.now.offset()
    }

    fn filtered(&mut self, site: &Site, base: usize, all: Value) -> Checked<Value> {
        let filter = self
            .filter(site, base)?
            .ok_or_else(|| Fault::argument("FILTER needs a condition such as \"a > 1\""))?;
        let items = self.heap.items(all).unwrap_or_default();
        let views: Vec<Row<'_>> = items.iter().map(|&value| Row { heap: &self.heap, value }).collect();
        self.heap.spend(items.len() * 4);
        let chosen = filter.select(&views, self.now);
        let chosen = chosen.into_iter().filter_map(|at| items.get(at).copied()).collect();
        Ok(self.heap.array(chosen))
    }

    /// A copy of the rows, so that the heap can change beside them.
    fn rows_of(&self, all: Value) -> Vec<Value> {
        let items = self.heap.items(all).unwrap_or_default();
        self.heap.spend(items.len() * 4);
        items.to_vec()
    }

    /// The name that a value is, which takes room as long as the run lasts.
    fn name_of(&mut self, value: Value) -> Checked<u32> {
        let name = self.heap.display(value)?.into_owned();
        let symbol = self.heap.intern(&name);
        self.heap.check_work()?;
        self.heap.check_room()?;
        Ok(symbol)
    }

    fn grouped(&mut self, all: Value, field: Value) -> Checked<Value> {
        let field = self.name_of(field)?;
        let offset = self.offset();
        let groups = self.heap.object(Object::default());
        for row in self.rows_of(all) {
            let key = self.heap.member(row, field, offset)?;
            let key = self.name_of(key)?;
            let known = self
                .heap
                .fields(groups)
                .and_then(|object| object.exact(key).and_then(|at| object.values.get(at)).copied());
            let group = match known {
                Some(group) => group,
                None => {
                    let group = self.heap.array(Vec::new());
                    self.heap.set_field(groups, key, group)?;
                    group
                }
            };
            if let Some(items) = self.heap.items_mut(group) {
                items.push(row);
            }
            self.heap.grown(std::mem::size_of::<Value>());
        }
        Ok(groups)
    }

    /// `"a->b, c->d"`: fields with other names; the others stay.
    fn mapped(&mut self, all: Value, mapping: Value) -> Checked<Value> {
        let text = self.heap.display(mapping)?.into_owned();
        let mut names = Vec::new();
        for pair in text.split(',') {
            let Some((from, to)) = pair.split_once("->") else {
                return Err(Fault::argument("MAP needs \"old->new\", parted by commas"));
            };
            names.push((super::fold(from.trim()), self.heap.intern(to.trim())));
        }
        let mut mapped = Vec::new();
        for row in self.rows_of(all) {
            let Some(object) = self.heap.fields(row).cloned() else {
                mapped.push(row);
                continue;
            };
            self.heap.spend(object.keys.len() * (1 + (names.len() >> 3)));
            self.heap.check_work()?;
            let renamed = self.heap.object(Object::default());
            for (key, value) in object.keys.into_iter().zip(object.values) {
                let folded = self.heap.symbol_name(self.heap.folded(key));
                let name = names.iter().find(|(from, _)| from == folded).map_or(key, |(_, to)| *to);
                self.heap.set_field(renamed, name, value)?;
            }
            mapped.push(renamed);
        }
        Ok(self.heap.array(mapped))
    }

    /// One row for each value of `row`, with a column for each value of `column`: sums of a field, or counts.
    fn pivoted(&mut self, all: Value, row: Value, column: Value, summed: Option<Value>) -> Checked<Value> {
        let (row_field, column_field) = (self.name_of(row)?, self.name_of(column)?);
        let summed = summed.map(|field| self.name_of(field)).transpose()?;
        let offset = self.offset();
        let mut order: Vec<Value> = Vec::new();
        let mut places: std::collections::HashMap<String, usize> = std::collections::HashMap::new();
        let mut room = self.heap.copy_limit();
        for item in self.rows_of(all) {
            let key = self.heap.member(item, row_field, offset)?;
            let shown = self.heap.display(key)?.into_owned();
            room = room
                .checked_sub(shown.len())
                .ok_or_else(|| Fault::limit("the values of the field are too large"))?;
            let place = match places.get(&shown) {
                Some(&place) => place,
                None => {
                    let object = self.heap.object(Object::default());
                    self.heap.set_field(object, row_field, key)?;
                    order.push(object);
                    places.insert(shown, order.len() - 1);
                    order.len() - 1
                }
            };
            let Some(&object) = order.get(place) else { continue };
            let name = self.heap.member(item, column_field, offset)?;
            let name = self.name_of(name)?;
            let more = match summed {
                Some(field) => self.heap.member(item, field, offset)?,
                None => Value::Int(1),
            };
            let more = if self.heap.is_missing(more) { Value::Null } else { more };
            let so_far = self.heap.member(object, name, offset)?;
            let total = crate::scalar::math::add(self.heap.to_number(so_far)?, self.heap.to_number(more)?)?;
            self.heap.set_field(object, name, total.into())?;
        }
        Ok(self.heap.array(order))
    }

    /// A template with `{{field}}` and `${field}` filled from a row.
    fn filled(&mut self, template: Value, row: Value, depth: usize) -> Checked<Value> {
        if depth > 100 {
            return Err(Fault::argument("the template contains itself"));
        }
        // Shared parts are filled at each place they stand, so a small template could take very long.
        self.heap.spend(1);
        self.heap.check_work()?;
        match template {
            Value::Text { place, length } => {
                let text = self.heap.str(place, length).to_owned();
                let filled = self.fill_text(&text, row)?;
                self.heap.checked_text(filled)
            }
            Value::Object(_) => {
                let object = self.heap.fields(template).cloned().unwrap_or_default();
                let copy = self.heap.object(Object::default());
                for (key, value) in object.keys.into_iter().zip(object.values) {
                    let value = self.filled(value, row, depth + 1)?;
                    self.heap.set_field(copy, key, value)?;
                }
                Ok(copy)
            }
            Value::Array(_) => {
                let items = self.heap.items(template).unwrap_or_default().to_vec();
                let items = items
                    .into_iter()
                    .map(|item| self.filled(item, row, depth + 1))
                    .collect::<Checked<_>>()?;
                Ok(self.heap.array(items))
            }
            value => Ok(value),
        }
    }

    fn fill_text(&self, text: &str, row: Value) -> Checked<String> {
        self.heap.spend_on_text(text.len());
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find(['{', '$']) {
            let (before, after) = rest.split_at(at);
            out.push_str(before);
            let marks = [("{{", "}}"), ("${", "}")];
            let field = marks.iter().find_map(|(open, close)| {
                let name = after.strip_prefix(open)?;
                let end = name.char_indices().take(MAX_FIELD_NAME).map(|(at, _)| at);
                let end = end.take_while(|&at| !name[at..].starts_with('\n'));
                let end = end.into_iter().find(|&at| name[at..].starts_with(close))?;
                Some((&name[..end], &name[end + close.len()..]))
            });
            if let Some((name, behind)) = field {
                self.heap.display_into(self.heap.field_of(row, name.trim()), &mut out)?;
                rest = behind;
            } else {
                out.push_str(&after[..1]);
                rest = &after[1..];
            }
        }
        out.push_str(rest);
        Ok(out)
    }
}
