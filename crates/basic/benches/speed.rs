//! Speed against rhai, and Lua as the far mark, in one run: `cargo bench -p basic`.
//!
//! Each program is written in all three languages; the best of several runs counts, as the machine is shared. The geometric
//! mean of the ratios is the number to watch.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a program that prints measurements"
)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use basic::{Answer, Data, Known, Limits, Machine, Program, Resume, Step};

const ROUNDS: usize = 7;

fn limits() -> Limits {
    Limits { instructions_per_stop: u64::MAX, instructions_per_run: u64::MAX, ..Limits::default() }
}

fn compile(script: &str) -> Arc<Program> {
    let compiled = basic::compile("bench", script, &Known::default());
    let reports: String = compiled.diagnostics.iter().map(|d| d.render("bench", script)).collect();
    Arc::new(compiled.program.unwrap_or_else(|| panic!("{reports}")))
}

fn resume(answer: Answer) -> Resume {
    Resume { now: chrono::DateTime::UNIX_EPOCH.fixed_offset(), seed: 1, answer }
}

fn best(mut run: impl FnMut() -> String) -> (Duration, String) {
    let mut shortest = Duration::MAX;
    let mut result = String::new();
    for _ in 0..ROUNDS {
        let begin = Instant::now();
        result = run();
        shortest = shortest.min(begin.elapsed());
    }
    (shortest, result)
}

fn ours(script: &str) -> (Duration, String) {
    let program = compile(script);
    best(|| match Machine::start(Arc::clone(&program), limits(), Vec::new()).run(resume(Answer::Start)) {
        Step::Finished(value) => value.to_string(),
        step => panic!("{step:?}"),
    })
}

fn theirs(script: &str) -> (Duration, String) {
    let mut engine = rhai::Engine::new();
    engine.set_max_expr_depths(0, 0);
    let tree = engine.compile(script).unwrap();
    best(|| engine.eval_ast::<rhai::Dynamic>(&tree).unwrap().to_string())
}

fn lua(script: &str) -> (Duration, String) {
    let lua = mlua::Lua::new();
    let program = lua.load(script).into_function().unwrap();
    best(|| program.call::<mlua::Value>(()).unwrap().to_string().unwrap())
}

/// What is run: a name, and the same program in three languages.
const PROGRAMS: &[(&str, &str, &str, &str)] = &[
    (
        "nested loops, arithmetic",
        "t = 0\nFOR i = 1 TO 1000\nFOR j = 1 TO 300\nt = t + i * j MOD 7\nNEXT\nNEXT\nRETURN t",
        "let t = 0; for i in 1..=1000 { for j in 1..=300 { t = t + i * j % 7; } } t",
        "local t = 0; for i = 1, 1000 do for j = 1, 300 do t = t + i * j % 7 end end return t",
    ),
    (
        "string building",
        "s = \"\"\nFOR i = 1 TO 100000\ns = s + \"ab\" + i\nNEXT\nRETURN LEN(s)",
        "let s = \"\"; for i in 1..=100000 { s += \"ab\" + i; } s.len()",
        "local s = {}; for i = 1, 100000 do s[#s + 1] = \"ab\" .. i end return #table.concat(s)",
    ),
    (
        "recursion",
        "RETURN fib(24)\nFUNCTION fib(n)\nIF n < 2 THEN RETURN n\nRETURN fib(n - 1) + fib(n - 2)\nEND FUNCTION",
        "fn fib(n) { if n < 2 { return n; } fib(n - 1) + fib(n - 2) } fib(24)",
        "local function fib(n) if n < 2 then return n end return fib(n - 1) + fib(n - 2) end return fib(24)",
    ),
    (
        "sort in the script",
        "a = []\nx = 42\nFOR i = 1 TO 400\nx = (x * 1103 + 12345) MOD 65536\na.push(x)\nNEXT\nFOR i = 0 TO 398\nFOR j = 0 TO 398 - i\nIF a[j] > a[j + 1] THEN\nb = a[j]\na[j] = a[j + 1]\na[j + 1] = b\nEND IF\nNEXT\nNEXT\nRETURN a[200]",
        "let a = []; let x = 42; for i in 1..=400 { x = (x * 1103 + 12345) % 65536; a.push(x); } for i in 0..=398 { for j in 0..=(398 - i) { if a[j] > a[j + 1] { let b = a[j]; a[j] = a[j + 1]; a[j + 1] = b; } } } a[200]",
        "local a = {}; local x = 42; for i = 1, 400 do x = (x * 1103 + 12345) % 65536; a[#a + 1] = x end for i = 0, 398 do for j = 1, 399 - i do if a[j] > a[j + 1] then a[j], a[j + 1] = a[j + 1], a[j] end end end return a[201]",
    ),
    (
        "members of objects",
        "o = { a: 1, b: { c: 2 }, n: 0 }\nFOR i = 1 TO 100000\no.n = o.n + o.a + o.b.c\nNEXT\nRETURN o.n",
        "let o = #{ a: 1, b: #{ c: 2 }, n: 0 }; for i in 1..=100000 { o.n = o.n + o.a + o.b.c; } o.n",
        "local o = { a = 1, b = { c = 2 }, n = 0 }; for i = 1, 100000 do o.n = o.n + o.a + o.b.c end return o.n",
    ),
];

/// Ten thousand lines of what scripts are made of.
fn long_script() -> String {
    let lines = [
        "total = total + price * qty",
        "IF total > 100 AND customer.name <> \"\" THEN",
        "    TALK \"Dear ${customer.name}, your total is \" + FORMAT(total, \"#,##0.00\")",
        "    SET BOT MEMORY \"last\", total",
        "ELSE",
        "    rows = FIND \"orders\" WHERE id = 7 ORDER BY date DESC LIMIT 10",
        "END IF",
        "FOR EACH row IN rows",
        "    price = row.price",
        "NEXT row",
    ];
    let mut script = "total = 0\nprice = 1\nqty = 2\ncustomer = { name: \"Ann\" }\nrows = []\n".to_owned();
    for _ in 0..1000 {
        script.push_str(&lines.join("\n"));
        script.push('\n');
    }
    script
}

fn main() {
    println!("{:<28}{:>12}{:>12}{:>8}{:>12}{:>8}", "", "basic", "rhai", "ratio", "Lua", "ratio");
    let (mut rhais, mut luas) = (0.0, 0.0);
    for (name, script, rhai, lua_script) in PROGRAMS {
        let (own, result) = ours(script);
        let (rhai, rhai_result) = theirs(rhai);
        let (lua, lua_result) = lua(lua_script);
        assert_eq!((&result, &result), (&rhai_result, &lua_result), "{name}");
        let ratio = |other: Duration| other.as_secs_f64() / own.as_secs_f64();
        rhais += ratio(rhai).ln();
        luas += ratio(lua).ln();
        println!("{name:<28}{own:>12.1?}{rhai:>12.1?}{:>8.2}{lua:>12.1?}{:>8.2}", ratio(rhai), ratio(lua));
    }
    let mean = |logarithms: f64| (logarithms / PROGRAMS.len() as f64).exp();
    println!(
        "geometric means: {:.2} times as fast as rhai, {:.2} times as fast as Lua",
        mean(rhais),
        mean(luas)
    );

    let script = long_script();
    let (compiling, _) =
        best(|| basic::compile("long", &script, &Known::default()).diagnostics.len().to_string());
    println!("compile {} lines: {compiling:.1?}", script.lines().count());

    turn();
}

/// A turn of a waiting machine: load, resume to the next HEAR, store.
fn turn() {
    let script = "orders = []\nlog = []\nFOR i = 1 TO 33\nlog.push(\"what was said in line \" + i)\norders.push({ dish: \"soup number \" + i, n: i, done: FALSE })\nNEXT\nWHILE TRUE\nHEAR n AS INTEGER\nlast = orders[n MOD 30]\nlast.n = n\nWEND";
    let program = compile(script);
    let mut machine = Machine::start(Arc::clone(&program), limits(), Vec::new());
    assert!(matches!(machine.run(resume(Answer::Start)), Step::Hear(_)));
    let state = machine.save();
    let count = 2000;
    let (time, _) = best(|| {
        for _ in 0..count {
            let mut machine = Machine::load(Arc::clone(&program), limits(), &state).unwrap();
            let step = machine.run(resume(Answer::Reply("7".into())));
            assert!(matches!(step, Step::Hear(_)));
            assert!(!machine.save().is_empty());
        }
        Data::Null.to_string()
    });
    println!(
        "turn of a waiting machine, which is {} bytes and nothing else: {:.1?}",
        state.len(),
        time / count
    );
}
