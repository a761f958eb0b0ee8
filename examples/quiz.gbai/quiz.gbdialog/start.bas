' Asks questions one after another, gives a hint for a wrong answer, and keeps the best score of all players.

questions = [
    #{ text: "Which planet is closest to the sun?", answers: ["mercury"], hint: "It is named after a messenger." },
    #{ text: "How many legs has a spider?", answers: ["8", "eight"], hint: "More than an insect." },
    #{ text: "Which city is the capital of Peru?", answers: ["lima"], hint: "There is a bean of that name." },
    #{ text: "In which year did people first walk on the moon?", answers: ["1969", "69"], hint: "In the sixties." },
    #{ text: "What is the square root of 144?", answers: ["12", "twelve"], hint: "A dozen." }
]

TALK "Welcome to the quiz! ${UBOUND(questions)} questions, two points each, one if you need a hint."
points = 0
FOR EACH question IN questions
    points = points + ask(question)
NEXT question

TALK "You have ${points} of ${2 * UBOUND(questions)} points. ${praise(points, 2 * UBOUND(questions))}"
best = GET BOT MEMORY("best")
IF best IS NULL OR points > best THEN
    SET BOT MEMORY "best", points
    TALK "That is the best score so far!"
ELSE
    TALK "The best score is ${best}."
END IF

' Asks until the answer is right or the hint is used up; gives the points.
FUNCTION ask(question)
    HEAR answer WITH question.text
    IF is_right(question, answer) THEN
        TALK "Right!"
        RETURN 2
    END IF
    HEAR answer WITH "Not quite. A hint: ${question.hint}"
    IF is_right(question, answer) THEN
        TALK "Right!"
        RETURN 1
    END IF
    TALK "It would have been: ${question.answers[0]}."
    RETURN 0
END FUNCTION

FUNCTION is_right(question, answer)
    given = LCASE(TRIM(answer))
    FOR EACH possible IN question.answers
        IF given = possible THEN RETURN TRUE
    NEXT possible
    RETURN FALSE
END FUNCTION

FUNCTION praise(points, most)
    IF points = most THEN RETURN "Perfect!"
    IF points * 2 >= most THEN RETURN "Well done."
    RETURN "Better luck next time."
END FUNCTION
