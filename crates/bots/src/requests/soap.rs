//! SOAP: what the description of a service (WSDL 1.1) says of an operation, the envelope that asks for it, and what comes
//! back. Pure.
//!
//! SOAP 1.1 and 1.2 over HTTP, document and rpc style with literal bodies. What a description imports is not fetched: an
//! element that is not declared in it is taken to be of its target namespace.

use basic::Data;
use quick_xml::escape::escape;

use super::xml::{Element, Namespace};

const ENVELOPE_11: &str = "http://schemas.xmlsoap.org/soap/envelope/";
const ENVELOPE_12: &str = "http://www.w3.org/2003/05/soap-envelope";

/// Why a service can't be asked.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(super) enum NotAsked {
    #[error("the description has no operation {0} over SOAP")]
    Unknown(String),
    #[error("the description says no address for the operation {0}")]
    Nowhere(String),
    #[error("{0} is no name of an element")]
    BadName(String),
    #[error("the parameters of an operation are an object")]
    NotNamed,
}

/// An operation of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Operation {
    /// Where it is asked for.
    pub(super) address: String,
    /// What it is called in the header.
    action: String,
    is_12: bool,
    /// The element that holds the parameters.
    element: String,
    namespace: String,
    /// Do the names of the parameters have the namespace, too?
    is_qualified: bool,
}

impl Operation {
    /// The operation of that name, as the description has it.
    pub(super) fn of(description: &Element, name: &str) -> Result<Self, NotAsked> {
        let found = [Namespace::Soap11, Namespace::Soap12].into_iter().find_map(|soap| {
            let bindings =
                description.all("binding").filter(move |binding| in_soap(binding, "binding", soap).is_some());
            bindings.into_iter().find_map(|binding| {
                let operation = named(binding, "operation", name)?;
                Some((soap, binding, operation))
            })
        });
        let (soap, binding, operation) = found.ok_or_else(|| NotAsked::Unknown(name.to_owned()))?;
        // As it is written there.
        let name = operation.attribute("name").unwrap_or(name);
        let address = address(description, binding, soap);
        let address = address.ok_or_else(|| NotAsked::Nowhere(name.to_owned()))?.to_owned();
        let target = description.attribute("targetNamespace").unwrap_or_default();
        let of_operation = in_soap(operation, "operation", soap);
        let of_binding = in_soap(binding, "binding", soap);
        let style = [of_operation, of_binding].into_iter().flatten().find_map(|of| of.attribute("style"));
        let action = of_operation.and_then(|of| of.attribute("soapAction")).unwrap_or_default().to_owned();
        let is_12 = soap == Namespace::Soap12;
        if style == Some("rpc") {
            let body = operation.child("input").and_then(|input| in_soap(input, "body", soap));
            let namespace = body.and_then(|body| body.attribute("namespace")).unwrap_or(target).to_owned();
            let element = name.to_owned();
            return Ok(Self { address, action, is_12, element, namespace, is_qualified: false });
        }
        let element = input_element(description, binding, name).unwrap_or(name).to_owned();
        let schemas = description.all("types").flat_map(|types| types.all("schema"));
        let mut declaring = schemas.filter(|schema| named_exactly(schema, "element", &element).is_some());
        let (namespace, is_qualified) = match declaring.next() {
            Some(schema) => (
                schema.attribute("targetNamespace").unwrap_or(target),
                schema.attribute("elementFormDefault") == Some("qualified"),
            ),
            None => (target, true),
        };
        Ok(Self { address, action, is_12, namespace: namespace.to_owned(), element, is_qualified })
    }

    /// The headers of the request: the type of its body, and what SOAP 1.1 calls the operation by.
    pub(super) fn headers(&self) -> Vec<(&'static str, String)> {
        // What would end the quoted text is no part of an address.
        let action = self.action.replace(['"', '\\', '\r', '\n'], "");
        if self.is_12 {
            return vec![(
                "content-type",
                format!("application/soap+xml; charset=utf-8; action=\"{action}\""),
            )];
        }
        vec![("content-type", "text/xml; charset=utf-8".to_owned()), ("soapaction", format!("\"{action}\""))]
    }

    /// The envelope with these parameters.
    pub(super) fn envelope(&self, parameters: &Data) -> Result<String, NotAsked> {
        let fields = match parameters {
            Data::Object(fields) => fields.as_slice(),
            Data::Null => &[],
            _ => return Err(NotAsked::NotNamed),
        };
        let envelope = if self.is_12 { ENVELOPE_12 } else { ENVELOPE_11 };
        let (element, namespace) = (checked(&self.element)?, escape(self.namespace.as_str()));
        let prefix = if self.is_qualified { "m:" } else { "" };
        let mut body = String::new();
        for (name, value) in fields {
            write(&mut body, prefix, name, value)?;
        }
        Ok(format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?><s:Envelope xmlns:s=\"{envelope}\"><s:Body>\
             <m:{element} xmlns:m=\"{namespace}\">{body}</m:{element}></s:Body></s:Envelope>"
        ))
    }
}

/// What stands in the body of an answer, as fields of an object: those of its one element. None if it is no envelope.
pub(super) fn answered(document: &str) -> Option<Vec<(String, Data)>> {
    let envelope = Element::read(document).ok().filter(|envelope| envelope.name == "Envelope")?;
    let body = envelope.child("Body")?;
    Some(body.children.first().map(Element::fields).unwrap_or_default())
}

/// The child that SOAP has put into an element of the description.
fn in_soap<'a>(element: &'a Element, name: &str, soap: Namespace) -> Option<&'a Element> {
    element.children.iter().find(|child| child.name == name && child.namespace == soap)
}

fn named_exactly<'a>(element: &'a Element, kind: &'a str, name: &str) -> Option<&'a Element> {
    element.all(kind).find(|child| child.attribute("name") == Some(name))
}

/// The child of that kind and name; names of operations are told apart by case only where both are there.
fn named<'a>(element: &'a Element, kind: &'a str, name: &str) -> Option<&'a Element> {
    let alike =
        |child: &&Element| child.attribute("name").is_some_and(|known| known.eq_ignore_ascii_case(name));
    named_exactly(element, kind, name).or_else(|| element.all(kind).find(alike))
}

/// A name without the prefix that says whose it is.
fn bare(name: &str) -> &str {
    name.rsplit_once(':').map_or(name, |(_, bare)| bare)
}

/// Where the port of a binding is.
fn address<'a>(description: &'a Element, binding: &Element, soap: Namespace) -> Option<&'a str> {
    let name = binding.attribute("name")?;
    let ports = description.all("service").flat_map(|service| service.all("port"));
    let mut of_binding = ports.filter(|port| port.attribute("binding").is_some_and(|of| bare(of) == name));
    of_binding.find_map(|port| in_soap(port, "address", soap)?.attribute("location"))
}

/// The element that the input of an operation is, by its port type and message.
fn input_element<'a>(description: &'a Element, binding: &Element, name: &str) -> Option<&'a str> {
    let port_type = named_exactly(description, "portType", bare(binding.attribute("type")?))?;
    let input = named(port_type, "operation", name)?.child("input")?;
    let message = named_exactly(description, "message", bare(input.attribute("message")?))?;
    message.all("part").find_map(|part| part.attribute("element")).map(bare)
}

/// A value as elements: an array is one for each, an object holds one for each field, and nothing is none.
fn write(body: &mut String, prefix: &str, name: &str, value: &Data) -> Result<(), NotAsked> {
    let name = checked(name)?;
    match value {
        Data::Null => {}
        Data::Array(items) => {
            for item in items {
                write(body, prefix, name, item)?;
            }
        }
        Data::Object(fields) => {
            body.extend(["<", prefix, name, ">"]);
            for (field, value) in fields {
                write(body, prefix, field, value)?;
            }
            body.extend(["</", prefix, name, ">"]);
        }
        other => {
            let text = other.to_string();
            body.extend(["<", prefix, name, ">", &escape(text.as_str()), "</", prefix, name, ">"]);
        }
    }
    Ok(())
}

/// A name of an element, which can't become anything else.
fn checked(name: &str) -> Result<&str, NotAsked> {
    let begins = |first: char| first.is_alphabetic() || first == '_';
    let goes_on = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    let mut characters = name.chars();
    let is_name = characters.next().is_some_and(begins) && characters.all(goes_on);
    if is_name { Ok(name) } else { Err(NotAsked::BadName(name.to_owned())) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const PRICES: &str = r#"<?xml version="1.0"?>
<wsdl:definitions xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/"
    xmlns:soap12="http://schemas.xmlsoap.org/wsdl/soap12/" xmlns:tns="urn:prices" xmlns:xs="http://www.w3.org/2001/XMLSchema"
    targetNamespace="urn:prices">
  <wsdl:types><xs:schema targetNamespace="urn:prices:types" elementFormDefault="qualified">
    <xs:element name="GetPrice"/><xs:element name="GetPriceResponse"/></xs:schema></wsdl:types>
  <wsdl:message name="GetPriceIn"><wsdl:part name="parameters" element="tns:GetPrice"/></wsdl:message>
  <wsdl:portType name="PricesPort"><wsdl:operation name="Price"><wsdl:input message="tns:GetPriceIn"/></wsdl:operation></wsdl:portType>
  <wsdl:binding name="Prices12" type="tns:PricesPort"><soap12:binding/>
    <wsdl:operation name="Price"><soap12:operation soapAction="urn:prices#Price12"/></wsdl:operation></wsdl:binding>
  <wsdl:binding name="Prices11" type="tns:PricesPort"><soap:binding style="document"/>
    <wsdl:operation name="Price"><soap:operation soapAction="urn:prices#Price"/></wsdl:operation></wsdl:binding>
  <wsdl:service name="Prices">
    <wsdl:port binding="tns:Prices12"><soap12:address location="https://prices.test/12"/></wsdl:port>
    <wsdl:port binding="tns:Prices11"><soap:address location="https://prices.test/11"/></wsdl:port>
  </wsdl:service>
</wsdl:definitions>"#;

    fn operation(description: &str, name: &str) -> Result<Operation, NotAsked> {
        Operation::of(&Element::read(description).unwrap(), name)
    }

    #[test]
    fn an_operation_is_asked_for_as_its_description_says() {
        let price = operation(PRICES, "price").unwrap();

        assert_eq!(price.address, "https://prices.test/11");
        let soap_action = ("soapaction", "\"urn:prices#Price\"".to_owned());
        assert_eq!(price.headers(), [("content-type", "text/xml; charset=utf-8".to_owned()), soap_action]);
        let parameters =
            json!({ "item": "tea & <cake>", "sizes": [1, 2], "of": { "shop": "s1" }, "none": null });
        let envelope = price.envelope(&Data::from_json(parameters)).unwrap();
        let body = "<m:GetPrice xmlns:m=\"urn:prices:types\"><m:item>tea &amp; &lt;cake&gt;</m:item>\
                    <m:sizes>1</m:sizes><m:sizes>2</m:sizes><m:of><m:shop>s1</m:shop></m:of></m:GetPrice>";
        assert!(envelope.contains(&format!("<s:Body>{body}</s:Body>")), "{envelope}");
    }

    #[test]
    fn soap_12_is_taken_where_there_is_nothing_else_and_rpc_has_the_operations_name() {
        let only_12 = PRICES.replace("http://schemas.xmlsoap.org/wsdl/soap/", "urn:other");
        let price = operation(&only_12, "Price").unwrap();
        assert_eq!(price.address, "https://prices.test/12");
        let content_type = "application/soap+xml; charset=utf-8; action=\"urn:prices#Price12\"".to_owned();
        assert_eq!(price.headers(), [("content-type", content_type)]);
        assert!(price.envelope(&Data::Null).unwrap().contains(ENVELOPE_12));

        let rpc = PRICES.replace("style=\"document\"", "style=\"rpc\"");
        let envelope = operation(&rpc, "Price").unwrap().envelope(&Data::from_json(json!({ "item": 1 })));
        let body = "<m:Price xmlns:m=\"urn:prices\"><item>1</item></m:Price>";
        assert!(envelope.unwrap().contains(body));
    }

    #[test]
    fn what_is_not_there_and_what_is_no_name_is_refused() {
        assert_eq!(operation(PRICES, "Buy"), Err(NotAsked::Unknown("Buy".into())));
        let nowhere = PRICES.replace("tns:Prices11\"><soap:address", "tns:Prices11\"><soap:other");
        assert_eq!(operation(&nowhere, "Price"), Err(NotAsked::Nowhere("Price".into())));
        let price = operation(PRICES, "Price").unwrap();
        for name in ["", "a b", "a><evil", "1a", "a:b"] {
            let parameters = Data::Object(vec![(name.to_owned(), Data::Integer(1))]);
            assert_eq!(price.envelope(&parameters), Err(NotAsked::BadName(name.into())));
        }
        assert_eq!(price.envelope(&Data::Integer(1)), Err(NotAsked::NotNamed));
    }

    #[test]
    fn an_answer_is_what_stands_in_its_body() {
        let answer = r#"<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Header/><s:Body>
            <r:GetPriceResponse xmlns:r="urn:x"><r:price>3.50</r:price><r:per><r:unit>cup</r:unit></r:per></r:GetPriceResponse>
            </s:Body></s:Envelope>"#;

        let fields = answered(answer).unwrap();

        let expected = json!({ "price": "3.50", "per": { "unit": "cup" } });
        assert_eq!(Data::Object(fields).to_json(), expected);
        assert_eq!(answered("<html/>"), None);
        assert_eq!(answered("no XML"), None);
    }
}
