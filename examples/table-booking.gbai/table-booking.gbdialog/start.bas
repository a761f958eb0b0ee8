' Books a table: asks for what the kitchen needs to know, repeats it, and goes back to the questions if it is wrong.

HEAR name WITH "Welcome to the Blue Door! What is your name?"

confirmed = FALSE
DO
    HEAR day AS "today", "tomorrow", "Friday", "Saturday" WITH "Nice to meet you, ${name}. For which day?"
    HEAR guests AS INTEGER WITH "For how many people?"
    DO WHILE guests < 1 OR guests > 12
        HEAR guests AS INTEGER WITH "We have room for 1 to 12 people at a table. How many will you be?"
    LOOP
    HEAR place AS "inside", "outside" WITH "Where would you like to sit?"

    BEGIN TALK
        Let me repeat:

        - Name: ${name}
        - Day: ${day}
        - Guests: ${guests}
        - Table: ${table_for(guests)}, ${place}
    END TALK
    HEAR confirmed AS BOOLEAN WITH "Is that right?"
LOOP UNTIL confirmed

TALK "Thank you, ${name}. Your table is booked. See you!"

FUNCTION table_for(guests)
    SELECT CASE guests
        CASE 1, 2
            RETURN "a small one"
        CASE 3 TO 6
            RETURN "a round one"
        CASE ELSE
            RETURN "the long one"
    END SELECT
END FUNCTION
