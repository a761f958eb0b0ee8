' Closes what is left over at night.
SET SCHEDULE "every day at 10pm"

closed = UPDATE "orders" SET status = "closed" WHERE status <> "closed"
PRINT "Closed ${closed} orders."
