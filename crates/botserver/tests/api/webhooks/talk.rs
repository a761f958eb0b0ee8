//! What is told of conversations.

use super::*;

#[each_database]
fn what_happens_in_a_conversation_is_told_in_order() {
    hooked(async |app: App| {
        let (admin, mut receiver) = (app.admin(), Receiver::start().await);
        let bot = app.bot("Echo", "DO\nHEAR x\nTALK \"You said \" + x\nLOOP").await;
        let ann = app.user("ann").await;
        made(&admin, receiver.hook(&["conversation.*", "message.*"])).await;

        let started = ann.converse(&bot).await;
        ann.say(&started, "hi").await;
        let path = format!("/conversations/{}", started["conversation_id"].as_str().expect("an id"));
        ann.post(format!("{path}/rating"), json!({ "score": 4, "comment": "Good." })).await.assert_ok();
        ann.post(format!("{path}/archive"), json!({})).await.assert_ok();
        ann.post(format!("{path}/archive"), json!({})).await.assert_ok();
        ann.post(format!("{path}/end"), json!({})).await.assert_ok();
        all_told(&app).await;

        let told: Vec<_> = receiver.rest().iter().map(super::receiver::Heard::json).collect();
        let events: Vec<_> = told.iter().map(|body| body["event"].as_str().expect("a name")).collect();
        assert_eq!(
            events,
            [
                "conversation.started",
                "message.received",
                "message.sent",
                "conversation.rated",
                "conversation.archived",
                "conversation.ended",
            ]
        );
        assert!(told.iter().all(|body| body["data"]["conversation_id"] == started["conversation_id"]));
        assert_eq!(
            (&told[1]["data"]["content"], &told[2]["data"]["content"]),
            (&json!("hi"), &json!("You said hi"))
        );
        assert_eq!((&told[3]["data"]["score"], &told[3]["data"]["comment"]), (&json!(4), &json!("Good.")));
    });
}
