' Tells the kitchen of an order. If it can't be reached the order stands all the same, and the log says so.
PARAM number AS INTEGER DESCRIPTION "The number of the order"
DESCRIPTION "Tells the kitchen of an order"

order = FIND "orders" WHERE number = number FIRST
lines = FIND "lines" WHERE order_id = order.id ORDER BY dish
dishes = NEW ARRAY
FOR EACH line IN lines
    dishes.push(#{ dish: line.dish, count: line.count })
NEXT line

ON ERROR RESUME NEXT
answer = POST kitchen, #{ number: number, who: order.who, dishes: dishes }
IF ERROR THEN
    PRINT "The kitchen was not told of order ${number}: " + ERROR MESSAGE
ELSE IF NOT answer THEN
    PRINT "The kitchen did not take order ${number}: ${answer.http_status}"
ELSE
    UPDATE "orders" SET status = "cooking" WHERE number = number
END IF
