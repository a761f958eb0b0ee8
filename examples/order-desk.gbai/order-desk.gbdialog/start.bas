' Takes an order: dishes of the menu until the guest is done, then stores it and tells the kitchen.

HEAR who AS NAME WITH "Welcome to the order desk! What is your name?"

order = #{ number: next_number(), who: who, total: 0 }
SAVE "orders", order

DO
    menu = FIND "menu.csv"
    FOR EACH offer IN menu
        ADD SUGGESTION offer.dish AS offer.dish + " " + FORMAT(offer.price, "0.00")
    NEXT offer
    HEAR dish WITH "What would you like?"
    CLEAR SUGGESTIONS
    offer = FIND "menu.csv" WHERE dish = LCASE(dish) FIRST
    IF NOT offer THEN
        TALK "We do not have ${dish} today."
        CONTINUE
    END IF
    HEAR count AS INTEGER WITH "How many?" DEFAULT 1
    IF count < 1 THEN CONTINUE
    INSERT INTO "lines" WITH order_id = order.id, dish = offer.dish, count = count, price = offer.price
    UPDATE "orders" SET total = order.total + count * offer.price WHERE id = order.id
    order.total = order.total + count * offer.price
    HEAR more AS BOOLEAN WITH "Anything else?"
LOOP WHILE more

lines = FIND "lines" WHERE order_id = order.id ORDER BY dish
FOR EACH line IN lines
    TALK "${line.count} × ${line.dish}"
NEXT line
TALK "Order ${order.number} for ${who}: ${FORMAT(order.total, "0.00")} in all."
IF kitchen <> "off" THEN CALL "tell kitchen", order.number

FUNCTION next_number()
    RETURN NVL(AGGREGATE("orders", "MAX", "number"), 0) + 1
END FUNCTION
