//! What the language does not have, by name, with what to use instead.

/// Why a function of jq is refused, and the way to do without.
pub(super) fn function(name: &str) -> Option<&'static str> {
    Some(match name {
        "repeat" | "while" | "until" => "count with `range(n)` or iterate over the document with `.[]`",
        "recurse" => "use `..` for all values, or `walk(f)` to rebuild them",
        "recurse_down" => "use `..`",
        "infinite" | "nan" => "numbers of a message are always finite: use `null` or a string instead",
        "env" | "getenv" => "pass what the mapping needs in the message's headers, as `$headers.name`",
        "input" | "inputs" | "input_line_number" | "input_filename" => "a mapping has one input: `.`",
        "halt" | "halt_error" => "use `error(\"why\")` to fail this message",
        "debug" | "stderr" => "use the route's step `log`",
        "now" => "use `$message.received`",
        "localtime" | "strflocaltime" => "the machine's time zone is no part of a message: use `gmtime` or `strftime`",
        "get_search_list" | "modulemeta" | "getsearchlist" => "a mapping is one program, without modules",
        "scalb" | "scalbln" | "nearbyint" | "gamma" | "lgamma" | "tgamma" | "lgamma_r" | "frexp" | "ldexp" | "drem"
        | "nexttoward" | "nextafter" | "logb" | "modf" | "significand" | "j0" | "j1" | "y0" | "y1" => {
            "compute it outside of the mapping"
        }
        "tobytes" | "SQL" | "tostream" | "fromstream" | "truncate_stream" => {
            "work on the document itself: it is in memory as a whole"
        }
        _ => return None,
    })
}

/// Why a variable of jq is refused.
pub(super) fn variable(name: &str) -> Option<&'static str> {
    Some(match name {
        "ENV" => "pass what the mapping needs in the message's headers, as `$headers.name`",
        "__loc__" => "failures name their place by themselves",
        "__prog_args" | "__prog_name" | "ARGS" | "named" => "a mapping has no command line: use `$headers` or `tables`",
        _ => return None,
    })
}
