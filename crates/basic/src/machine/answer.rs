//! Taking the answer of the host: values, changes of arguments, replies to HEAR.

use super::fault::{Checked, Fault};
use super::value::Value;
use super::{Machine, Pending};
use crate::data::Data;
use crate::hear::{self, HearKind, HearValue, PASSWORD_TEXT, TRIES};
use crate::program::Question;
use crate::program::code::Reg;
use crate::step::{Answer, Attachment, Change, Hear, Reply, Step};

impl Machine {
    /// Takes an answer. Gives a step where the same command stops again, as HEAR does.
    pub(super) fn take(&mut self, answer: Answer) -> Checked<Option<Step>> {
        match self.pending {
            Pending::Start | Pending::Over => Ok(None),
            Pending::Said => match answer {
                Answer::Failed(error) => Err(Fault::new(error.code, error.message)),
                _ => Ok(None),
            },
            Pending::Effect(site) => self.take_value(site, answer).map(|()| None),
            Pending::Asking(question, attempt) => self.ask(question, attempt).map(Some),
            Pending::Hearing(question, attempt) => self.take_reply(question, attempt, answer),
        }
    }

    fn base(&self) -> usize {
        self.frames.last().map_or(0, |frame| frame.base as usize)
    }

    fn put(&mut self, register: Reg, value: Value) {
        let at = self.base() + usize::from(register.0);
        if let Some(slot) = self.stack.get_mut(at) {
            *slot = value;
        }
    }

    fn take_value(&mut self, site: u16, answer: Answer) -> Checked<()> {
        let program = std::sync::Arc::clone(&self.program);
        let Some(site) = program.sites.get(usize::from(site)) else {
            return Err(Fault::unsound());
        };
        let value = match answer {
            Answer::Start | Answer::Done | Answer::Reply(_) => Data::Null,
            Answer::Value(value) => value,
            Answer::Changed { value, changes } => {
                for change in changes {
                    self.change(site.first, site.arguments, change)?;
                }
                value
            }
            Answer::Failed(error) => return Err(Fault::new(error.code, error.message)),
        };
        let rows = match &value {
            Data::Rows(rows) => rows.rows.len(),
            _ => 0,
        };
        if rows > self.limits.rows {
            return Err(Fault::limit(format!("more than {} rows; use LIMIT", self.limits.rows)));
        }
        let value = self.heap.take_data(value)?;
        self.put(site.to, value);
        Ok(())
    }

    /// Sets a member of an argument, as SAVE does with the id.
    fn change(&mut self, first: Reg, arguments: u16, change: Change) -> Checked<()> {
        let Some(argument) = u16::try_from(change.argument).ok().filter(|&argument| argument < arguments)
        else {
            return Err(Fault::argument("the host changed an argument that was not given"));
        };
        let mut target = self.register(self.base(), Reg(first.0 + argument));
        if let Some(element) = change.element {
            target =
                self.heap.items(target).and_then(|items| items.get(element)).copied().unwrap_or(Value::Null);
        }
        if matches!(self.heap.body(target), Value::Object(_)) {
            let value = self.heap.take_data(change.value)?;
            let symbol = self.heap.intern(&change.member);
            self.heap.set_member(target, symbol, value)?;
        }
        Ok(())
    }

    /// Begins a HEAR: its prompt is said first.
    pub(super) fn begin_hear(&mut self, question: u16) -> Checked<Step> {
        let program = std::sync::Arc::clone(&self.program);
        let Some(asked) = program.questions.get(usize::from(question)) else {
            return Err(Fault::unsound());
        };
        if let Some(prompt) = asked.prompt {
            let prompt = self.heap.display(self.register(self.base(), prompt))?.into_owned();
            if !prompt.is_empty() {
                self.pending = Pending::Asking(question, 1);
                return Ok(Step::Talk(prompt));
            }
        }
        self.ask(question, 1)
    }

    /// Waits for the reply.
    fn ask(&mut self, question: u16, attempt: u8) -> Checked<Step> {
        let program = std::sync::Arc::clone(&self.program);
        let Some(asked) = program.questions.get(usize::from(question)) else {
            return Err(Fault::unsound());
        };
        let base = self.base();
        let prompt = asked.prompt.map(|prompt| self.heap.display(self.register(base, prompt))).transpose()?;
        let prompt = prompt.map(std::borrow::Cow::into_owned);
        let timeout =
            asked.timeout.map(|seconds| self.heap.to_integer(self.register(base, seconds))).transpose()?;
        self.pending = Pending::Hearing(question, attempt);
        Ok(Step::Hear(Hear {
            variable: asked.variable.clone(),
            kind: asked.kind,
            options: self.options(asked, base)?,
            prompt,
            attempt,
            timeout_seconds: timeout.map(|seconds| u32::try_from(seconds.max(0)).unwrap_or(u32::MAX)),
        }))
    }

    fn options(&self, asked: &Question, base: usize) -> Checked<Vec<String>> {
        let mut budget = self.heap.copy_limit();
        let mut shown = |value: Value| -> Checked<String> {
            let option = self.heap.display(value)?.into_owned();
            budget = budget
                .checked_sub(std::mem::size_of::<String>() + option.len())
                .ok_or_else(|| Fault::limit("the options of HEAR are too large"))?;
            Ok(option)
        };
        let mut options = Vec::new();
        for &value in self.values(base, asked.first_option, asked.options) {
            // An array stands for its elements.
            match self.heap.items(value) {
                Some(items) => {
                    for &item in items {
                        options.push(shown(item)?);
                    }
                }
                None => options.push(shown(value)?),
            }
        }
        Ok(options)
    }

    fn take_reply(&mut self, question: u16, attempt: u8, answer: Answer) -> Checked<Option<Step>> {
        let program = std::sync::Arc::clone(&self.program);
        let Some(asked) = program.questions.get(usize::from(question)) else {
            return Err(Fault::unsound());
        };
        let base = self.base();
        let reply = match answer {
            Answer::Reply(reply) => reply,
            // What the host finished by itself: a sign-in, a transcript.
            Answer::Value(value) => {
                let value = self.heap.take_data(value)?;
                self.put(asked.to, value);
                return Ok(None);
            }
            Answer::Failed(error) => return Err(Fault::new(error.code, error.message)),
            // The time is over.
            Answer::Start | Answer::Done | Answer::Changed { .. } => {
                let value = asked.default.map_or(Value::Null, |default| self.register(base, default));
                self.put(asked.to, value);
                return Ok(None);
            }
        };
        let empty = reply.text.trim().is_empty() && reply.attachments.is_empty();
        if empty && let Some(default) = asked.default {
            let value = self.register(base, default);
            self.put(asked.to, value);
            return Ok(None);
        }
        let options = self.options(asked, base)?;
        match self.judge(asked.kind, &options, &reply)? {
            Ok(value) => {
                self.put(asked.to, value);
                Ok(None)
            }
            Err(message) if u32::from(attempt) < TRIES => {
                self.pending = Pending::Asking(question, attempt + 1);
                Ok(Some(Step::Talk(message)))
            }
            Err(_) => {
                let value = match asked.default {
                    Some(default) => self.register(base, default),
                    None => self.heap.text(String::new()),
                };
                self.put(asked.to, value);
                Ok(None)
            }
        }
    }

    /// The value of a reply, or what to say before asking again.
    fn judge(&mut self, kind: HearKind, options: &[String], reply: &Reply) -> Checked<Result<Value, String>> {
        let attached: Vec<(String, String)> = reply
            .attachments
            .iter()
            .map(|attachment| {
                let field =
                    |name| attachment.file.get(name).and_then(Data::as_text).unwrap_or_default().to_owned();
                let filename = Some(field("filename")).filter(|name| !name.is_empty());
                (field("mime_type"), filename.unwrap_or_else(|| field("name")))
            })
            .collect();
        let attachments: Vec<hear::Attachment<'_>> =
            attached.iter().map(|(mime_type, filename)| hear::Attachment { mime_type, filename }).collect();
        let value = match hear::validate(kind, options, &reply.text, &attachments, self.now) {
            Ok(value) => value,
            Err(message) => return Ok(Err(message.in_language(&self.language))),
        };
        let attachment = |at: usize| -> Option<Attachment> { reply.attachments.get(at).cloned() };
        Ok(Ok(match value {
            HearValue::Text(text) => self.heap.checked_text(text)?,
            HearValue::Number(number) => number.into(),
            HearValue::Boolean(truth) => Value::Bool(truth),
            HearValue::Date(date) => date.into(),
            HearValue::Secret => self.heap.text(PASSWORD_TEXT),
            HearValue::File(at) => match attachment(at) {
                Some(attachment) => self.heap.take_data(Data::File(Box::new(attachment.file)))?,
                None => Value::Null,
            },
            HearValue::TextOf(at) => match attachment(at) {
                Some(Attachment { text: Some(text), .. }) => self.heap.checked_text(text)?,
                Some(attachment) => self.heap.take_data(Data::File(Box::new(attachment.file)))?,
                None => Value::Null,
            },
        }))
    }
}
