' What helps most often, by what it is about.
PARAM about AS STRING DESCRIPTION "What is broken"
DESCRIPTION "Says what to try first"

SELECT CASE about
    CASE "computer"
        TALK "Please restart it. Press the power button for ten seconds if nothing else helps."
    CASE "network"
        TALK "Please switch the wireless network off and on again, and look whether a colleague has the same trouble."
    CASE "printer"
        TALK "Please look for paper, then for toner, then switch it off and on again."
    CASE ELSE
        TALK "Please close the program and open it again."
END SELECT
