//! What is true of organizations without a server. The rest is tried over HTTP.

use kernel::FieldErrors;
use serde_json::{Value, json};

use super::{
    model::{Described, NewOrganization, OrganizationPatch},
    settings::Decided,
};

fn decided(patch: Value) -> Result<Decided, kernel::Error> {
    let mut wrong = FieldErrors::default();
    let decided = Decided::default().patched(serde_json::from_value(patch).unwrap(), &mut wrong);
    wrong.finish().map(|()| decided)
}

#[test]
fn addresses_are_of_the_domains_that_are_named() {
    let anybody = decided(json!({})).unwrap();
    let ours = decided(json!({ "allowed_email_domains": ["Example.com ", "example.com", "b.example.org"] }))
        .unwrap();

    assert!(anybody.takes_address("ann@elsewhere.org"));
    assert!(ours.takes_address("ann@EXAMPLE.com") && ours.takes_address("ann@b.example.org"));
    assert!(!ours.takes_address("ann@sub.example.com") && !ours.takes_address("ann@example.com.evil.org"));
}

#[test]
fn what_is_no_domain_and_no_network_is_named() {
    let refused = decided(json!({ "allowed_email_domains": ["a@b", "x y", ""], "ip_whitelist": ["home"] }));

    let fields = refused.unwrap_err().details()["fields"].clone();
    assert_eq!(fields["allowed_email_domains"].as_array().unwrap().len(), 3);
    assert_eq!(fields["ip_whitelist"].as_array().unwrap().len(), 1);
}

#[test]
fn a_description_is_read_whole_and_what_must_be_there_stays() {
    let new: NewOrganization = serde_json::from_value(json!({
        "name": " Example Ltd ", "description": "  ", "website": "https://example.com",
    }))
    .unwrap();
    let described = Described::new(&new).unwrap();
    assert_eq!((described.name.as_str(), &described.description), ("Example Ltd", &None));

    let wrong =
        json!({ "name": null, "slug": "A b", "website": "http://x", "logo_url": "x", "description": "a\nb" });
    let patch: OrganizationPatch = serde_json::from_value(wrong).unwrap();
    let refused: kernel::Error = described.clone().patched(&patch).unwrap_err().into();

    assert_eq!(refused.details()["fields"].as_object().unwrap().len(), 5);
    let patch: OrganizationPatch = serde_json::from_value(json!({ "website": null })).unwrap();
    assert_eq!(described.clone().patched(&patch).unwrap(), Described { website: None, ..described });
}
