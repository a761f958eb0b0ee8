' What is ordered, and the lines of each order.
TABLE orders
    id        uuid PRIMARY KEY
    number    integer UNIQUE NOT NULL
    who       string(100) NOT NULL
    total     number(10,2) DEFAULT 0
    status    string(20) DEFAULT "open"
    ordered   datetime DEFAULT NOW()
END TABLE

TABLE lines
    id        uuid PRIMARY KEY
    order_id  orders ON DELETE CASCADE
    dish      string(50) NOT NULL
    count     integer NOT NULL
    price     number(10,2) NOT NULL
    CHECK (count > 0)
END TABLE
