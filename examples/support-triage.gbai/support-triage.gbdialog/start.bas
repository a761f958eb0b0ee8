' Finds out what is wrong and how bad it is, tries what helps most often, and opens a case if it did not.

name = RECALL "name"
IF name IS NULL THEN
    HEAR name AS NAME WITH "Hello, this is the help desk. Who are you?"
    REMEMBER "name", name
ELSE
    TALK "Welcome back, ${name}."
END IF

last = RECALL "last case"
IF last IS NOT NULL THEN
    HEAR solved AS BOOLEAN WITH "Last time we opened case ${last.number} for your ${last.about}. Is it solved?"
    IF NOT solved THEN
        TALK "I have told our people that you are waiting. For anything urgent call ${hotline}."
        last.reminders = last.reminders + 1
        REMEMBER "last case", last
        EXIT
    END IF
    REMEMBER "last case", NULL
END IF

HEAR about AS "computer", "network", "printer", "something else" WITH "What is it about?"
CALL "first aid", about
HEAR helped AS BOOLEAN WITH "Did that help?"
IF helped THEN
    TALK "Glad to hear it, ${name}. Have a good day!"
    EXIT
END IF

HEAR urgency AS "I can't work", "It is in my way", "It can wait" WITH "How bad is it?"
HEAR words AS TEXT WITH "Describe it in a sentence or two, please."

number = GET BOT MEMORY("cases") + 1
SET BOT MEMORY "cases", number
SET BOT MEMORY "case ${number}", #{ who: name, about: about, urgency: urgency, words: words }
REMEMBER "last case", #{ number: number, about: about, reminders: 0 }

TALK "Thank you. This is case ${number}."
IF urgency = "I can't work" THEN TALK "That is urgent: somebody calls you within the hour, or call ${hotline}."
