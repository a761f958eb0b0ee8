//! Speed against rhai, in one run: `cargo bench -p basic`.
//!
//! Each program is written in both languages; the best of several runs counts, as the machine is shared. The geometric
//! mean of the ratios is the number to watch.

#![allow(
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

const PROGRAMS: &[(&str, &str, &str)] = &[
    (
        "nested loops, arithmetic",
        "t = 0\nFOR i = 1 TO 1000\nFOR j = 1 TO 300\nt = t + i * j MOD 7\nNEXT\nNEXT\nRETURN t",
        "let t = 0; for i in 1..=1000 { for j in 1..=300 { t = t + i * j % 7; } } t",
    ),
    (
        "string building",
        "s = \"\"\nFOR i = 1 TO 100000\ns = s + \"ab\" + i\nNEXT\nRETURN LEN(s)",
        "let s = \"\"; for i in 1..=100000 { s += \"ab\" + i; } s.len()",
    ),
    (
        "recursion",
        "RETURN fib(24)\nFUNCTION fib(n)\nIF n < 2 THEN RETURN n\nRETURN fib(n - 1) + fib(n - 2)\nEND FUNCTION",
        "fn fib(n) { if n < 2 { return n; } fib(n - 1) + fib(n - 2) } fib(24)",
    ),
    (
        "sort in the script",
        "a = []\nx = 42\nFOR i = 1 TO 400\nx = (x * 1103 + 12345) MOD 65536\na.push(x)\nNEXT\nFOR i = 0 TO 398\nFOR j = 0 TO 398 - i\nIF a[j] > a[j + 1] THEN\nb = a[j]\na[j] = a[j + 1]\na[j + 1] = b\nEND IF\nNEXT\nNEXT\nRETURN a[200]",
        "let a = []; let x = 42; for i in 1..=400 { x = (x * 1103 + 12345) % 65536; a.push(x); } for i in 0..=398 { for j in 0..=(398 - i) { if a[j] > a[j + 1] { let b = a[j]; a[j] = a[j + 1]; a[j + 1] = b; } } } a[200]",
    ),
    (
        "members of objects",
        "o = { a: 1, b: { c: 2 }, n: 0 }\nFOR i = 1 TO 100000\no.n = o.n + o.a + o.b.c\nNEXT\nRETURN o.n",
        "let o = #{ a: 1, b: #{ c: 2 }, n: 0 }; for i in 1..=100000 { o.n = o.n + o.a + o.b.c; } o.n",
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
    println!("{:<28}{:>12}{:>12}{:>8}", "", "basic", "rhai", "ratio");
    let mut logarithms = 0.0;
    for (name, script, other) in PROGRAMS {
        let (own, result) = ours(script);
        let (others, other_result) = theirs(other);
        assert_eq!(result, other_result, "{name}");
        let ratio = others.as_secs_f64() / own.as_secs_f64();
        logarithms += ratio.ln();
        println!("{name:<28}{own:>12.1?}{others:>12.1?}{ratio:>8.2}");
    }
    println!("geometric mean {:.2}", (logarithms / PROGRAMS.len() as f64).exp());

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
    println!("turn of a state of {} bytes: {:.1?}", state.len(), time / count);
}
