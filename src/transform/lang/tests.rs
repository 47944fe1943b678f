//! Every builtin with its expected outputs, agreed with jaq unless a difference is named.

use super::*;
use crate::message::{Members, Number};

/// jaq, which these tests trust.
pub(super) mod oracle {
    use jaq_core::data::JustLut;
    use jaq_core::load::{Arena, File, Loader};
    use jaq_core::{Compiler, Ctx, Vars, unwrap_valr};
    use jaq_json::Val;

    /// The outputs up to the first failure, as JSON, and whether there was one. Nothing where jaq does not compile.
    pub(crate) fn run(program: &str, input: &str) -> Option<(Vec<String>, bool)> {
        let arena = Arena::default();
        let defs = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs());
        let modules = Loader::new(defs).load(&arena, File { code: program, path: () }).ok()?;
        let funs = jaq_core::funs::<JustLut<Val>>().chain(jaq_std::funs()).chain(jaq_json::funs());
        let filter = Compiler::default().with_funs(funs).compile(modules).ok()?;
        let input = jaq_json::read::parse_single(input.as_bytes()).unwrap();
        let mut outputs = Vec::new();
        for output in filter.id.run((Ctx::<JustLut<Val>>::new(&filter.lut, Vars::new([])), input)).take(10_000) {
            match unwrap_valr(output) {
                Ok(value) => outputs.push(value.to_string()),
                Err(_) => return Some((outputs, true)),
            }
        }
        Some((outputs, false))
    }
}

/// Reads JSON by jaq's reader.
pub(super) fn json(text: &str) -> Value {
    fn of(value: &jaq_json::Val) -> Value {
        use jaq_json::Val;
        match value {
            Val::Null => Value::Null,
            Val::Bool(truth) => Value::Bool(*truth),
            Val::Num(number) => Value::Number(Number::parse(&number.to_string()).expect("a finite number")),
            Val::TStr(text) | Val::BStr(text) => Value::from(std::str::from_utf8(text).unwrap()),
            Val::Arr(items) => items.iter().map(of).collect(),
            Val::Obj(members) => Value::object(
                members
                    .iter()
                    .map(|(key, item)| (Text::from(of(key).as_str().unwrap()), of(item)))
                    .collect::<Members>(),
            ),
        }
    }
    of(&jaq_json::read::parse_single(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}")))
}

pub(super) fn written(value: &Value) -> String {
    let (code, limits) = (Code::default(), Limits::default());
    format::encode(&run::Run::new(&code, &[], &limits), node::Format::Json, value).map(String::from).unwrap_or_default()
}

pub(super) fn tables() -> Tables {
    let mut tables = Tables::new();
    let channel = [("web", "W"), ("store", "S")].map(|(key, value)| (Text::from(key), Value::from(value)));
    tables.insert("channel".into(), channel.into_iter().collect());
    tables
}

fn compile(program: &str) -> Program {
    Program::compile(program, &["headers"], &tables()).unwrap_or_else(|errors| panic!("{program}: {errors:?}"))
}

/// The outputs separated by spaces, or the failure.
fn run(program: &str, input: &str) -> Result<String, RunError> {
    let outputs = compile(program).run(&json(input), &[json(r#"{"kind":"test"}"#)], &Limits::default())?;
    Ok(outputs.iter().map(written).collect::<Vec<_>>().join(" "))
}

/// Program, input, outputs: jaq gives the same.
pub(super) const AGREED: &[(&str, &str, &str)] = &[
    // paths
    (".", "1", "1"),
    (".a", r#"{"a":1}"#, "1"),
    (".a.b.c", r#"{"a":{"b":{"c":2}}}"#, "2"),
    (".a.b", "null", "null"),
    (r#"."a b""#, r#"{"a b":1}"#, "1"),
    (r#".["@id"]"#, r##"{"@id":1}"##, "1"),
    (r#".a["b"]"#, r#"{"a":{"b":1}}"#, "1"),
    (".[0], .[-1], .[5]", "[1,2,3]", "1 3 null"),
    ("[.a[0].b, (.a[-1] | .b), .a[7].b]", r#"{"a":[{"b":1},{"b":2}]}"#, "[1,2,null]"),
    ("[.[] | select(.a) | .b]", r#"[{"a":1,"b":2},{"b":3}]"#, "[2]"),
    ("[to_entries[] | .key as $k | .value | {$k} + .]", r#"[{"a":1},{"k":7}]"#, r#"[{"k":0,"a":1},{"k":7}]"#),
    (".[1:], .[:-1], .[1:2]", "[1,2,3]", "[2,3] [1,2] [2]"),
    (".[1:3]", r#""äöüß""#, r#""öü""#),
    (".[]", r#"{"a":1,"b":[2]}"#, "1 [2]"),
    ("[.[]?]", "1", "[]"),
    ("[.a?]", "[]", "[]"),
    ("[..]", r#"{"a":[1]}"#, r#"[{"a":[1]},[1],1]"#),
    (".[.i]", r#"{"i":"x","x":7}"#, "7"),
    (".a[.i]", r#"{"a":[3,4],"i":1}"#, "4"),
    (".a as [$x, {b: $y}] | [$x, $y]", r#"{"a":[1,{"b":2}]}"#, "[1,2]"),
    (". as {a: $x, $b, \"c\": [$z]} | [$x,$b,$z]", r#"{"a":1,"b":2,"c":[3]}"#, "[1,2,3]"),
    (". as {$k, (.k): $v} | [$k, $v]", r#"{"k":"x","x":1}"#, r#"["x",1]"#),
    // construction
    ("[1, .a, [2]]", r#"{"a":3}"#, "[1,3,[2]]"),
    ("[]", "null", "[]"),
    ("{}", "null", "{}"),
    ("{a, \"b\": 2, (.k): 3, \"x\\(1+1)\": 4}", r#"{"a":1,"k":"z"}"#, r#"{"a":1,"b":2,"z":3,"x2":4}"#),
    ("1 as $x | {$x, y: $x}", "null", r#"{"x":1,"y":1}"#),
    ("{a: (1,2), b: (3,4)}", "null", r#"{"a":1,"b":3} {"a":1,"b":4} {"a":2,"b":3} {"a":2,"b":4}"#),
    ("{\"a\": 1, \"a\": 2}", "null", r#"{"a":2}"#),
    ("\"a\\(.x)b\\(.y)\"", r#"{"x":1,"y":"z"}"#, r#""a1bz""#),
    ("\"\\(1,2)-\\(3,4)\"", "null", r#""1-3" "1-4" "2-3" "2-4""#),
    // operators
    ("1 + 2, 5 - 3, 4 * 2, 7 % 3, -(1)", "null", "3 2 8 1 -1"),
    ("\"a\" + \"b\", null + 1, 1 + null, [1] + [2], {a:1} + {a:2,b:3}", "null", r#""ab" 1 1 [1,2] {"a":2,"b":3}"#),
    (
        "{a: .x, b: 1} + {b: .y, c: 2} + (if .y then {a: 3, d: .y} else {} end) + null + {d: 5}",
        r#"{"x":1,"y":2}"#,
        r#"{"a":3,"b":2,"c":2,"d":5}"#,
    ),
    ("{a: .x} + ({b: .x} + {a: 2}) + .y + {e: 1}", r#"{"x":1,"y":{"e":0,"b":3}}"#, r#"{"a":2,"b":3,"e":1}"#),
    ("{a: 1} + {b: (1,2)}", "null", r#"{"a":1,"b":1} {"a":1,"b":2}"#),
    ("try ({a: .} + {b: .} + .) catch \"no\"", "1", r#""no""#),
    ("[1,2,3,2] - [2]", "null", "[1,3]"),
    ("{a:{b:1,c:2}} * {a:{b:3}}", "null", r#"{"a":{"b":3,"c":2}}"#),
    ("\"ab\" * 3, \"ab\" * 0", "null", r#""ababab" null"#),
    ("\"a,b\" / \",\"", "null", r#"["a","b"]"#),
    ("1 == 1.0, 1 < 2, \"a\" >= \"b\", [1] != [1]", "null", "true true false false"),
    ("[null,false,true,0,\"\",[],{}] | . == sort", "null", "true"),
    ("true and false, true or false, (null or false), (1 and 1)", "null", "false true false true"),
    ("(true, false) and (true, false)", "null", "true false false"),
    ("not", "null", "true"),
    (".a // 1, (.b // 2), (false // 3), (1, null, 2) // 9", r#"{"b":5}"#, "1 5 3 1 2"),
    ("[.a // empty, (.b // empty), (.c // (1,2)), .d // (3,4)]", r#"{"a":0,"b":false,"d":5}"#, "[0,1,2,5]"),
    ("[(.a // empty | {a: .}), (.b.c // (1,2) | . + 1)]", r#"{"a":[1]}"#, r#"[{"a":[1]},2,3]"#),
    ("[(.a // empty) as $x | $x, 7], [.a | (.b // (1,2)) as $x | [$x]]", "null", "[] [[1],[2]]"),
    ("(1,2) + (10,20)", "null", "11 21 12 22"),
    ("1 as $x | 2 as $y | $x + $y * 10", "null", "21"),
    // control
    ("if . then 1 else 2 end, (if .a? then 1 end)", "null", "2 null"),
    ("if . == 1 then \"one\" elif . == 2 then \"two\" else \"many\" end", "2", r#""two""#),
    ("if (true,false) then 1 else 2 end", "null", "1 2"),
    ("try error(\"x\") catch ., (try (1, error(2), 3) catch .)", "null", r#""x" 1 2"#),
    ("try error({a:1}) catch .a", "null", "1"),
    ("reduce .[] as $x (0; . + $x)", "[1,2,3]", "6"),
    ("reduce .[] as [$a,$b] ({}; .[$a] = $b)", r#"[["x",1],["y",2]]"#, r#"{"x":1,"y":2}"#),
    ("[foreach .[] as $x (0; . + $x)], [foreach .[] as $x (0; . + $x; [$x, .])]", "[1,2]", "[1,3] [[1,1],[2,3]]"),
    ("label $out | 1, 2, break $out, 3", "null", "1 2"),
    ("[label $a | label $b | 1, break $a, 2]", "null", "[1]"),
    ("def f: . + 1; def g(h): h | h; def k($x; y): $x + y; f, g(f), k(1; .)", "3", "4 5 4"),
    ("def f($a; $b): [$a, $b]; f(1,2; 3)", "null", "[1,3] [2,3]"),
    ("def f(g): 1 as $x | g + $x; f(f(2))", "null", "4"),
    ("def f: def g: 3; g; def g: 4; f + g", "null", "7"),
    (
        "[limit(2; .[])], [first(.[])], [last(.[])], [skip(1; .[])], [limit(0; .[])]",
        "[1,2,3]",
        "[1,2] [1] [3] [2,3] []",
    ),
    ("[range(3)], [range(1;3)], [range(0;10;4)], [range(3;0;-1)]", "null", "[0,1,2] [1,2] [0,4,8] [3,2,1]"),
    ("first, last, nth(1), nth(1; .[])", "[1,2,3]", "1 3 2 2"),
    ("isempty(empty), isempty(1)", "null", "true false"),
    // updates
    (
        ".a = 1, .a |= 2, (.b += 1), (.b -= 1), (.b *= 3), (.b %= 3), (.c //= 4)",
        r#"{"a":0,"b":5}"#,
        r#"{"a":1,"b":5} {"a":2,"b":5} {"a":0,"b":6} {"a":0,"b":4} {"a":0,"b":15} {"a":0,"b":2} {"a":0,"b":5,"c":4}"#,
    ),
    (".[] |= . + 1, (.[] += 1), (map_values(. * 2))", "[1,2]", "[2,3] [2,3] [2,4]"),
    (".a[1:] |= map(. * 2), (.[\"a\"][0] = 9)", r#"{"a":[1,2,3]}"#, r#"{"a":[1,4,6]} {"a":[9,2,3]}"#),
    ("(.a, .b) |= . + 1", r#"{"a":1,"b":2}"#, r#"{"a":2,"b":3}"#),
    ("(.[] | select(. > 1)) |= 0", "[1,2,3]", "[1,0,0]"),
    ("(.a | .b) = 1, (.a // .c) = 2", r#"{"a":{"b":0}}"#, r#"{"a":{"b":1}} {"a":2}"#),
    (".. |= (numbers |= . + 1)", r#"[1,{"a":2}]"#, r#"[2,{"a":3}]"#),
    (
        "del(.a), del(.b, .c), del(.a.x)",
        r#"{"a":{"x":1},"b":2,"c":3}"#,
        r#"{"b":2,"c":3} {"a":{"x":1}} {"a":{},"b":2,"c":3}"#,
    ),
    ("del(.[0]), del(.[] | select(. == 2))", "[1,2,3]", "[2,3] [1,3]"),
    ("[.[] |= empty]", "[1,2]", "[[]]"),
    (". as $d | .a = (1,2)", "{}", r#"{"a":1} {"a":2}"#),
    (
        "setpath([\"a\",0]; 1), delpaths([[\"b\"]]), getpath([\"b\",\"x\"])",
        r#"{"a":[5],"b":null}"#,
        r#"{"a":[1],"b":null} {"a":[5]} null"#,
    ),
    ("[paths], [paths(type == \"number\")]", r#"{"a":[1]}"#, r#"[["a"],["a",0]] [["a",0]]"#),
    (
        "[path(.a[0].b)], [path(..)], [path(.[1:])?]",
        r#"{"a":[{"b":1}]}"#,
        r#"[["a",0,"b"]] [[],["a"],["a",0],["a",0,"b"]] []"#,
    ),
    ("pick(.a.b), pick(.a)", r#"{"a":{"b":1,"c":2},"d":3}"#, r#"{"a":{"b":1}} {"a":{"b":1,"c":2}}"#),
    // arrays and objects
    ("map(. + 1), map(empty)", "[1,2]", "[2,3] []"),
    (
        "length, (.[1] | length), (.[2] | length), (.[3] | length), (.[4]|length)",
        r#"[null,"äb",{"a":1},-5,[1]]"#,
        "5 2 1 5 1",
    ),
    ("utf8bytelength", r#""äb""#, "3"),
    ("keys, keys_unsorted", r#"{"b":1,"a":2}"#, r#"["a","b"] ["b","a"]"#),
    ("keys", "[5,6]", "[0,1]"),
    ("has(\"a\"), has(\"z\")", r#"{"a":null}"#, "true false"),
    ("has(0), has(2)", "[1,2]", "true false"),
    ("map(in([7,8])), (\"a\" | in({a:1}))", "[0,5]", "[true,false] true"),
    (
        "to_entries, with_entries(.value += 1), (to_entries | from_entries)",
        r#"{"a":1}"#,
        r#"[{"key":"a","value":1}] {"a":2} {"a":1}"#,
    ),
    ("add, (map(tostring) | add), ([] | add), add(.[] * 2)", "[1,2]", r#"3 "12" null 6"#),
    ("any, all, any(. > 1), all(. > 0), any(.[]; . == 2), all(.[]; . == 2)", "[1,2]", "true true true true true false"),
    ("flatten, flatten(1)", "[1,[2,[3]]]", "[1,2,3] [1,2,[3]]"),
    (
        "sort, sort_by(-.), group_by(. % 2), unique, unique_by(. % 2), min, max, min_by(-.), max_by(-.)",
        "[3,1,2,3]",
        "[1,2,3,3] [3,3,2,1] [[2],[3,1,3]] [1,2,3] [2,3] 1 3 3 1",
    ),
    ("[] | min, max, sort, unique, group_by(.)", "null", "null null [] [] []"),
    ("reverse, transpose", "[[1],[2,3]]", "[[2,3],[1]] [[1,2],[null,3]]"),
    ("contains([\"b\"]), (.[0] | contains(\"oo\")), inside([\"bar\",\"foo\",1])", r#"["foo","bar"]"#, "true true true"),
    ("{a:[1,2],b:\"xyz\"} | contains({a:[1]}), contains({b:\"q\"})", "null", "true false"),
    ("indices(1), index(1), rindex(1), indices([1,2])", "[1,2,1]", "[0,2] 0 2 [0]"),
    ("indices(\"a\"), index(\"a\"), rindex(\"a\")", r#""äabca""#, "[1,4] 1 4"),
    ("indices(\"aa\"), indices(\"äa\"), indices(\"x\")", r#""aaaäaaäa""#, "[0,1,4] [3,6] []"),
    ("bsearch(2), bsearch(5)", "[1,2,3]", "1 -4"),
    (
        "[combinations], ([[0,1] | combinations(2)])",
        "[[1,2],[3,4]]",
        "[[1,3],[1,4],[2,3],[2,4]] [[0,0],[0,1],[1,0],[1,1]]",
    ),
    ("walk(if type == \"number\" then . + 1 else . end)", r#"{"a":[1,{"b":2}]}"#, r#"{"a":[2,{"b":3}]}"#),
    (
        "[.[] | values], [.[] | nulls], [.[] | booleans], [.[] | numbers], [.[] | strings], [.[] | arrays], [.[] | objects], [.[] | iterables], [.[] | scalars]",
        r#"[null,true,1,"a",[],{}]"#,
        r#"[true,1,"a",[],{}] [null] [true] [1] ["a"] [[]] [{}] [[],{}] [null,true,1,"a"]"#,
    ),
    ("[.[] | select(. > 1)], [recurse]", "[1,2]", "[2] [[1,2],1,2]"),
    // strings
    (
        "startswith(\"ab\"), endswith(\"bc\"), ltrimstr(\"a\"), rtrimstr(\"c\"), ltrimstr(\"x\")",
        r#""abc""#,
        r#"true true "bc" "ab" "abc""#,
    ),
    ("trim, ltrim, rtrim", r#""  a ""#, r#""a" "a " "  a""#),
    ("ascii_downcase, ascii_upcase, explode, (explode | implode)", r#""aBä""#, r#""abä" "ABä" [97,66,228] "aBä""#),
    ("split(\",\"), split(\"\"), (\"\" | split(\",\"))", r#""a,b""#, r#"["a","b"] ["a",",","b"] []"#),
    ("join(\"-\")", r#"["a",1,true]"#, r#""a-1-true""#),
    (
        "tostring, tojson, (tojson | tojson)",
        r#"{"a":[1,"x\n"]}"#,
        r#""{\"a\":[1,\"x\\n\"]}" "{\"a\":[1,\"x\\n\"]}" "\"{\\\"a\\\":[1,\\\"x\\\\n\\\"]}\"""#,
    ),
    ("map(tonumber)", r#"["1","1.10",2,"-5e3"]"#, "[1,1.10,2,-5e3]"),
    ("map(type)", r#"[null,true,1,"a",[],{}]"#, r#"["null","boolean","number","string","array","object"]"#),
    ("@text, @json, @base64, @uri", r#""a b&ä""#, r#""a b&ä" "\"a b&ä\"" "YSBiJsOk" "a%20b%26%C3%A4""#),
    ("@base64d, @base64 \"x\\(.)\"", r#""YSBi""#, r#""a b" "xWVNCaQ==""#),
    ("@sh", r#"["it's",1]"#, r#""'it'\\''s' 1""#),
    ("toboolean", "\"true\"", "true"),
    (
        "map(fromjson), map(try fromjson catch \"no\")",
        r#"["{\"a\":[1.10]}", "null"]"#,
        r#"[{"a":[1.10]},null] [{"a":[1.10]},null]"#,
    ),
    ("try fromjson catch \"no\"", r#""{a""#, r#""no""#),
    // regular expressions
    ("test(\"b+\"), test(\"B\"; \"i\"), test(\"^b\")", r#""abba""#, "true true false"),
    ("[scan(\"[a-z]\\\\d\")], [scan(\"([a-z])(\\\\d)\")]", r#""a1b2""#, r#"["a1","b2"] [["a","1"],["b","2"]]"#),
    (
        "capture(\"(?<x>[a-z])(?<y>\\\\d)\"), sub(\"(?<x>[a-z])\"; \"<\\(.x)>\"), gsub(\"\\\\d\"; \"#\")",
        r#""a1b2""#,
        r##"{"x":"a","y":"1"} "<a>1b2" "a#b#""##,
    ),
    ("[splits(\", *\")], split(\", *\"; \"\")", r#""a, b,c""#, r#"["a","b","c"] ["a","b","c"]"#),
    ("gsub(\"\"; \"-\"), gsub(\"^\"; \">\")", r#""ab""#, r#""-a-b-" ">ab""#),
    ("[match(\"b\"; \"g\") | .offset, .length, .string]", r#""äbb""#, r#"[1,1,"b",2,1,"b"]"#),
    // dates
    (
        "todate, gmtime, (gmtime | mktime), strftime(\"%Y-%m-%d %H:%M:%S %A\")",
        "1425599621",
        r#""2015-03-05T23:53:41Z" [2015,2,5,23,53,41,4,63] 1425599621 "2015-03-05 23:53:41 Thursday""#,
    ),
    (
        "fromdate, fromdateiso8601, (strptime(\"%Y-%m-%dT%H:%M:%SZ\") | mktime)",
        r#""2015-03-05T23:51:47Z""#,
        "1425599507 1425599507 1425599507",
    ),
    // numbers
    ("floor, ceil, round, trunc", "-1.5", "-2 -1 -2 -1"),
    ("sqrt, pow(.; 2), log2, exp10", "16", "4 256 4 10000000000000000"),
    ("abs, fabs", "-3", "3 3"),
    ("12345678901234567890 + 1, 9007199254740993", "null", "12345678901234567891 9007199254740993"),
    (".", "1.10", "1.10"),
    (".id", r#"{"id":12345678901234567890123}"#, "12345678901234567890123"),
];

/// Program, input, outputs where jaq differs, and why ours is right.
pub(super) const OURS: &[(&str, &str, &str, &str)] = &[
    ("0.1 + 0.2, 1.10 * 3, 0.3 - 0.1", "null", "0.3 3.3 0.2", "decimals are exact"),
    ("1 / 4, 6 / 3, 1 / 3, 10 / 4", "null", "0.25 2 0.3333333333333333 2.5", "quotients are exact where they end"),
    ("5.9 % 2", "null", "1", "jq takes the remainder of integer parts"),
    ("-0", "null", "0", "there is one zero"),
    ("1.5 + 1.5", "null", "3", "computed numbers are in their shortest form"),
    ("1 == 1.0000000000000000000001", "null", "false", "numbers compare by value"),
    (".a |= 1, (.[\"b\"][1] = 2)", "null", r#"{"a":1} {"b":[null,2]}"#, "jq makes what a path needs"),
    (".[1:2], .a[0:3]", "null", "null null", "a slice of null is null in jq"),
    ("del(.[0, 1])", "[1,2,3]", "[3]", "jq removes all at once"),
    ("error(\"x\") // 1", "null", "1", "jq's // catches"),
    ("join(\",\")", r#"[null,"a",null]"#, r#"",a,""#, "null joins as nothing in jq"),
    ("@html", r#""<'\"&>""#, r#""&lt;&#39;&quot;&amp;&gt;""#, "jq's entity for an apostrophe"),
    ("@csv, @tsv", r#"[1,"a\"b",null,true]"#, r#""1,\"a\"\"b\",,true" "1\ta\"b\t\ttrue""#, "jaq has these elsewhere"),
    ("map(tonumber)", r#"["007","+5","0.50","00","-007"]"#, "[7,5,0.50,0,-7]", "leading zeros have a value"),
    ("ltrimstr(1), rtrimstr(\"a\")", "5", "5 5", "jq leaves what is not a string"),
    (
        "from_entries",
        r#"[{"name":"a","value":1},{"k":"b","v":2},{"key":3}]"#,
        r#"{"a":1,"b":2,"3":null}"#,
        "jq's spellings",
    ),
    ("capture(\"(?<x>a)?(?<y>b)\")", r#""b""#, r#"{"x":null,"y":"b"}"#, "jq names groups that did not match"),
    (
        "match(\"(?<x>b)\")",
        r#""äb""#,
        r#"{"offset":1,"length":1,"string":"b","captures":[{"offset":1,"length":1,"string":"b","name":"x"}]}"#,
        "jq names every group",
    ),
    ("1425599621.678 | todate", "null", r#""2015-03-05T23:53:41Z""#, "jq writes whole seconds"),
    ("\"2015-03-05T23:51:47.25+01:00\" | fromdate", "null", "1425595907.25", "fractions are exact"),
    (
        "reduce range(3) as $x (0; empty), [foreach range(2) as $x (0; $x, 9)]",
        "null",
        "null [0,9,1,9]",
        "jq's state after several outputs is the last, after none null",
    ),
    (".channel | table(\"channel\")", r#"{"channel":"web"}"#, r#""W""#, "ours"),
    ("decimal(2; \"half_even\"), decimal(0; \"half_up\"), decimal(3; \"down\")", "2.345", "2.34 2 2.345", "ours"),
    ("decimal(2; \"half_even\")", "1.1", "1.10", "ours"),
    ("$headers.kind", "null", r#""test""#, "ours"),
    ("toarray, trimstr(\"a\")", r#""aba""#, r#"["aba"] "b""#, "newer than jaq"),
    ("IN(1,2), IN(.; 3), INDEX([{id:1}][]; .id)", "2", r#"true false {"1":{"id":1}}"#, "jaq has these elsewhere"),
    ("[leaf_paths], ascii", "65", r#"[] "A""#, "jaq has these elsewhere"),
    (
        "isvalid(error), isvalid(1), isinfinite, isnan, isnormal, have_literal_numbers",
        "1",
        "false true false false true true",
        "numbers are finite",
    ),
    ("@urid", r#""a%20b""#, r#""a b""#, "same"),
    (
        "date, todateiso8601, have_decnum, isfinite",
        "0",
        r#""1970-01-01T00:00:00Z" "1970-01-01T00:00:00Z" true true"#,
        "same",
    ),
    ("[.[] | finites], [.[] | normals]", r#"[0,1,"a"]"#, "[0,1] [1]", "same"),
];

#[test]
fn gives_what_jaq_gives() {
    let mut wrong = Vec::new();
    for (program, input, expected) in AGREED {
        match run(program, input) {
            Ok(found) if found == *expected => {}
            found => wrong.push(format!("{program}\n   ours {found:?}\n   want {expected}")),
        }
        let (theirs, failed) = oracle::run(program, input).unwrap_or_else(|| panic!("jaq: {program}"));
        let same = theirs.iter().map(|text| json(text)).eq(expected_values(expected));
        if failed || !same {
            wrong.push(format!("{program}\n   jaq {theirs:?} {failed}\n   want {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// JSON values after each other.
fn expected_values(text: &str) -> Vec<Value> {
    let values = jaq_json::read::parse_many(text.as_bytes());
    values.map(|value| json(&value.unwrap().to_string())).collect()
}

#[test]
fn differs_where_that_is_better() {
    let mut wrong = Vec::new();
    for (program, input, expected, why) in OURS {
        match run(program, input) {
            Ok(found) if found == *expected => {}
            found => wrong.push(format!("{program} ({why})\n   ours {found:?}\n   want {expected}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_function_has_its_case() {
    let cases: String =
        AGREED.iter().map(|case| case.0).chain(OURS.iter().map(|case| case.0)).collect::<Vec<_>>().join("\n");
    let words: std::collections::BTreeSet<&str> = cases.split(|c: char| !(c.is_alphanumeric() || c == '_')).collect();
    let math = [
        "cbrt", "exp", "exp2", "expm1", "log", "log10", "log1p", "sin", "cos", "tan", "asin", "acos", "atan", "sinh",
        "cosh", "tanh", "asinh", "acosh", "atanh", "atan2", "hypot", "fmin", "fmax", "fmod", "copysign", "rint",
    ];
    let missing: Vec<_> = call::functions().filter(|(name, _)| !words.contains(name) && !math.contains(name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
