//! XML as a tree of elements, for what SOAP reads. Pure.
//!
//! Entities are the five of XML and references to characters: a document that declares others is refused, so that none
//! grows when it is read, and none names a file.

use basic::Data;
use quick_xml::{
    NsReader, XmlVersion,
    escape::resolve_predefined_entity,
    events::{BytesStart, Event},
    name::ResolveResult,
};

/// How deep elements stand in each other.
const DEPTH: usize = 100;
/// Elements of a document, each of which takes more memory than its text may.
const MOST: usize = 200_000;
/// Bytes of a namespace. It is compared for each element that stands in it.
const NAMESPACE: usize = 1 << 10;

const WSDL_SOAP_11: &[u8] = b"http://schemas.xmlsoap.org/wsdl/soap/";
const WSDL_SOAP_12: &[u8] = b"http://schemas.xmlsoap.org/wsdl/soap12/";

/// Why a text is no XML that is read here.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotXml {
    #[error("it is no XML: {0}")]
    Malformed(#[from] quick_xml::Error),
    #[error("it is no XML: it has no end")]
    Unended,
    #[error("it is no XML: nobody knows &{0};")]
    Unknown(String),
    #[error("it declares a document type")]
    Declares,
    #[error("its elements stand more than {DEPTH} deep")]
    TooDeep,
    #[error("it has more than {MOST} elements")]
    TooMany,
    #[error("it has a namespace of more than {NAMESPACE} bytes")]
    LongNamespace,
}

/// Which of the namespaces that are told apart an element is in. A copy of its name for each element could take as much
/// memory as the square of the document.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Namespace {
    /// What descriptions say of SOAP 1.1.
    Soap11,
    /// What descriptions say of SOAP 1.2.
    Soap12,
    /// Any other, or none.
    #[default]
    Other,
}

impl Namespace {
    fn of(resolved: &ResolveResult<'_>) -> Result<Self, NotXml> {
        match resolved {
            ResolveResult::Bound(name) if name.as_ref().len() > NAMESPACE => Err(NotXml::LongNamespace),
            ResolveResult::Bound(name) if name.as_ref() == WSDL_SOAP_11 => Ok(Self::Soap11),
            ResolveResult::Bound(name) if name.as_ref() == WSDL_SOAP_12 => Ok(Self::Soap12),
            _ => Ok(Self::Other),
        }
    }
}

/// An element.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Element {
    /// Its name without a prefix.
    pub(super) name: String,
    /// The namespace of its name.
    pub(super) namespace: Namespace,
    /// By their names without prefixes.
    attributes: Vec<(String, String)>,
    pub(super) children: Vec<Element>,
    text: String,
}

impl Element {
    /// Reads a document.
    pub(super) fn read(document: &str) -> Result<Self, NotXml> {
        let mut reader = NsReader::from_str(document);
        let mut open: Vec<Self> = Vec::new();
        let mut count = 0;
        loop {
            let (resolved, event) = reader.read_resolved_event()?;
            let namespace = Namespace::of(&resolved)?;
            if matches!(event, Event::Start(_) | Event::Empty(_)) {
                count += 1;
                if count > MOST {
                    return Err(NotXml::TooMany);
                }
            }
            let closed = match event {
                Event::Start(start) => {
                    if open.len() >= DEPTH {
                        return Err(NotXml::TooDeep);
                    }
                    open.push(Self::begun(&start, namespace)?);
                    continue;
                }
                Event::Empty(start) => Self::begun(&start, namespace)?,
                Event::End(_) => open.pop().ok_or(NotXml::Unended)?,
                Event::DocType(_) => return Err(NotXml::Declares),
                Event::Eof => return Err(NotXml::Unended),
                other => {
                    if let Some(within) = open.last_mut() {
                        within.text.push_str(&text_of(&other)?);
                    }
                    continue;
                }
            };
            match open.last_mut() {
                Some(within) => within.children.push(closed),
                None => return Ok(closed),
            }
        }
    }

    fn begun(start: &BytesStart<'_>, namespace: Namespace) -> Result<Self, NotXml> {
        let name = |name: &[u8]| String::from_utf8_lossy(name).into_owned();
        let mut attributes = Vec::new();
        // Looking for names that come twice takes the square of their number.
        for attribute in start.attributes().with_checks(false) {
            let attribute = attribute.map_err(quick_xml::Error::from)?;
            let value = attribute.normalized_value(XmlVersion::Implicit1_0)?;
            attributes.push((name(attribute.key.local_name().as_ref()), value.into_owned()));
        }
        Ok(Self { name: name(start.local_name().as_ref()), namespace, attributes, ..Self::default() })
    }

    /// The value of an attribute.
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The children of that name.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The first child of that name.
    pub(super) fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// As scripts see it: a text, or an object of its children, where those of one name are an array.
    pub(super) fn to_data(&self) -> Data {
        if self.children.is_empty() {
            return if self.attribute("nil") == Some("true") {
                Data::Null
            } else {
                Data::Text(self.text.trim().replace('\0', "\u{fffd}"))
            };
        }
        Data::Object(self.fields())
    }

    /// Its children as fields of an object.
    pub(super) fn fields(&self) -> Vec<(String, Data)> {
        let mut fields: Vec<(String, Data)> = Vec::new();
        let mut places = std::collections::HashMap::new();
        for child in &self.children {
            let value = child.to_data();
            match places.get(child.name.as_str()).copied() {
                None => {
                    places.insert(child.name.as_str(), (fields.len(), false));
                    fields.push((child.name.clone(), value));
                }
                Some((place, is_array)) => {
                    let (_, known) = &mut fields[place];
                    match known {
                        Data::Array(items) if is_array => items.push(value),
                        first => {
                            *first = Data::Array(vec![std::mem::take(first), value]);
                            places.insert(child.name.as_str(), (place, true));
                        }
                    }
                }
            }
        }
        fields
    }
}

fn text_of(event: &Event<'_>) -> Result<String, NotXml> {
    Ok(match event {
        Event::Text(text) => text.xml10_content().map_err(quick_xml::Error::from)?.into_owned(),
        Event::CData(data) => data.xml10_content().map_err(quick_xml::Error::from)?.into_owned(),
        Event::GeneralRef(reference) => {
            if let Some(character) = reference.resolve_char_ref()? {
                return Ok(character.into());
            }
            let name = reference.decode().map_err(quick_xml::Error::from)?;
            let known = resolve_predefined_entity(&name);
            known.ok_or_else(|| NotXml::Unknown(name.into_owned()))?.to_owned()
        }
        _ => String::new(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(document: &str) -> serde_json::Value {
        Element::read(document).unwrap().to_data().to_json()
    }

    #[test]
    fn elements_are_objects_and_those_of_one_name_an_array() {
        let document = r#"<?xml version="1.0"?><a xmlns="http://schemas.xmlsoap.org/wsdl/soap/"><b>1</b><c> t &amp; &#x41;<![CDATA[<d>]]></c>
            <b>2</b><e><f/></e><b>3</b><g nil="true"/></a>"#;

        assert_eq!(
            read(document),
            json!({ "b": ["1", "2", "3"], "c": "t & A<d>", "e": { "f": "" }, "g": null })
        );
        assert_eq!(Element::read(document).unwrap().namespace, Namespace::Soap11);
    }

    #[test]
    fn what_is_no_xml_or_would_grow_is_refused() {
        for document in [
            "",
            "<a>",
            "<a></b>",
            "<a>&lol;</a>",
            "<!DOCTYPE a [<!ENTITY b SYSTEM \"file:///etc/passwd\">]><a>&b;</a>",
            "plain text",
        ] {
            assert!(Element::read(document).is_err(), "{document}");
        }
        let deep = format!("{}{}", "<a>".repeat(DEPTH + 1), "</a>".repeat(DEPTH + 1));
        assert!(matches!(Element::read(&deep), Err(NotXml::TooDeep)));
    }

    #[test]
    fn a_long_namespace_is_not_read_for_each_element_that_has_it() {
        let elements = "<b/>".repeat(MOST - 1);
        let document = |namespace: usize| format!("<a xmlns=\"{}\">{elements}</a>", "n".repeat(namespace));

        let read = Element::read(&document(NAMESPACE)).unwrap();

        assert_eq!((read.namespace, read.children.len()), (Namespace::Other, MOST - 1));
        assert!(matches!(Element::read(&document(NAMESPACE + 1)), Err(NotXml::LongNamespace)));
    }
}
