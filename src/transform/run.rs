//! Running a transform on a document.

use super::Transform;
use crate::message::{Failure, Limits, Value};

impl Transform {
    /// Maps a document. `variables` are the values of [`super::VARIABLES`] in their order.
    ///
    /// # Errors
    /// A mapping gives exactly one document: none or several are a failure, as is everything that goes wrong in it.
    /// The failure's reason begins with the place, as `transforms/chat/order.yaml:12:7: …`.
    pub fn run(&self, input: &Value, variables: &[Value], limits: &Limits) -> Result<Value, Failure> {
        self.map.only(input, variables, limits)?.map_err(|count| {
            let made = if count == 0 { "no document".to_owned() } else { format!("{count} documents") };
            self.map.failure(&format!("the mapping made {made}, it must make one"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::Registry;
    use crate::diagnostic::SourceFile;
    use crate::format::json::compact;

    fn registry() -> Registry {
        let text = r#"<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"><xs:element name="a" type="xs:string"/></xs:schema>"#;
        let schema = |name: &str| (name.into(), SourceFile::new(format!("schemas/{name}"), text));
        Registry::new([schema("a.xsd"), schema("b.xsd")].into_iter().collect())
    }

    fn transform(map: &str) -> Result<Transform, Vec<String>> {
        let text = format!("from: a#a\nto: b#a\ntables:\n  rate: {{ low: 1.10, high: 20 }}\nmap: |\n{map}\n");
        let file = SourceFile::new("transforms/x.yaml", text);
        Transform::compile("x", &file, &registry()).map_err(|wrong| {
            let line = |found: &crate::diagnostic::Diagnostic| {
                let (line, column) = file.line_column(found.span.start);
                format!("{line}:{column} {} {}", found.code, found.message)
            };
            wrong.iter().map(line).collect()
        })
    }

    fn run(map: &str) -> Result<String, String> {
        let input = [("k".into(), Value::from("low"))].into_iter().collect();
        let outcome = transform(map).expect("compiles").run(&input, &[], &Limits::default());
        outcome.map(|value| compact(&value)).map_err(|failure| failure.to_string())
    }

    #[test]
    fn maps_with_tables_as_written() {
        let made = run("  { rate: (.k | table(\"rate\")) }").expect("maps");
        assert_eq!(made, r#"{"rate":1.10}"#);
    }

    #[test]
    fn fails_with_the_place_in_the_file() {
        let failure = run("  { a: 1,\n    b: (.z | table(\"rate\")) }").expect_err("has no such key");
        assert_eq!(
            failure,
            "permanent failure (mapping): transforms/x.yaml:7:14: the key of table `rate` is a string, not null"
        );
        let failure = run("  empty").expect_err("makes nothing");
        assert!(
            failure.ends_with("transforms/x.yaml:6:3: the mapping made no document, it must make one"),
            "{failure}"
        );
        let failure = run("  {}, {}").expect_err("makes two");
        assert!(failure.ends_with("the mapping made 2 documents, it must make one"), "{failure}");
    }

    #[test]
    fn finds_all_that_is_wrong() {
        let wrong = transform("  .a | lenght\n  | table(\"rates\")").expect_err("is wrong");
        assert_eq!(wrong, ["6:8 TL302 no function `lenght`", "7:11 TL305 no table `rates`"]);
    }
}
