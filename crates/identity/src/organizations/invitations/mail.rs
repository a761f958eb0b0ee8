//! The mail that brings an invitation.

use kernel::{Error, Id, Timestamp, id::kind};
use platform::{
    db::Unit,
    mail::{Mail, Mailer, Template},
};
use serde_json::json;

use crate::tokens::Disclosed;

static INVITATION: Template = Template {
    name: "organization_invitation",
    subject: "Invitation to {{ organization }}",
    text: "\
{{ inviter }} invites you to {{ organization }}.
{% if message %}
{{ message }}
{% endif %}
Look at it and answer until {{ until }}:
{{ link }}

If you don't know what this is about, you need do nothing.
",
    html: "\
{% extends \"layout.html\" %}
{% block content %}
<p>{{ inviter }} invites you to <strong>{{ organization }}</strong>.</p>
{% if message %}<p>{{ message }}</p>{% endif %}
<p>The invitation waits for your answer until {{ until }}. If you don't know what this is about, you need do nothing.</p>
{% endblock %}
{% block action %}Look at the invitation{% endblock %}
",
};

/// What a mail says of an invitation.
pub(super) struct Said<'a> {
    pub(super) to: &'a str,
    pub(super) organization: &'a str,
    pub(super) inviter: &'a str,
    pub(super) message: Option<&'a str>,
    pub(super) id: Id<kind::Invitation>,
    pub(super) token: &'a Disclosed,
    pub(super) until: Timestamp,
}

/// Has the mail sent, if mail can be sent. Gives whether it can.
pub(super) fn send(
    mailer: &Mailer,
    public_url: &str,
    unit: &Unit<'_>,
    said: &Said<'_>,
) -> Result<bool, Error> {
    if !mailer.is_configured() {
        return Ok(false);
    }
    // The token stands behind `#`, where browsers keep it from servers, their logs and the next page.
    let link = format!("{public_url}/invitation#id={}&token={}", said.id, said.token.reveal());
    let values = json!({
        "organization": said.organization, "inviter": said.inviter, "message": said.message, "link": link,
        "until": said.until.format("%Y-%m-%d %H:%M UTC").to_string(),
    });
    mailer.enqueue(unit, &Mail::new(said.to, &INVITATION, values).until(said.until))?;
    Ok(true)
}
