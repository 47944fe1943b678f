//! Whatever a program gives is in the shape that is told of it: for every example of the language, and for random
//! programs over random documents.

use super::super::Program;
use super::super::tests::{AGREED, OURS, json, tables};
use super::shape::Shape;
use super::walk::Walk;
use crate::message::{Limits, Value};

/// A shape around a value that says less: types and names instead of values.
fn blurred(value: &Value) -> Shape {
    match value {
        Value::String(_) => Shape::text(),
        Value::Number(_) => Shape::number(),
        Value::Bool(_) => Shape::truth(),
        Value::Array(items) => {
            let items = items.iter().map(blurred).reduce(Shape::join).unwrap_or_default();
            Shape::list(super::lazy::Lazy::of(items), false, None)
        }
        Value::Object(_) | Value::Null => Shape::exactly(value, None),
    }
}

/// Every output is in the shape.
fn holds(text: &str, input: &Value) {
    let Ok(program) = Program::compile(text, &["headers"], &tables()) else { return };
    let limits = Limits { steps: 200_000, ..Limits::default() };
    let mut outputs = Vec::new();
    // What came before a failure counts too.
    let _failed = program.each(input, &[Value::Null], &limits, |value| {
        outputs.push(value);
        true
    });
    for shape in [Shape::exactly(input, None), blurred(input), Shape::anything()] {
        for tells in [true, false] {
            let mut walk = Walk::new(&program.code, text);
            walk.tells = tells;
            let made = walk.program(&shape);
            for output in &outputs {
                assert!(made.admits(output), "{text} for {input:?}: {output:?} is not in {made:?}, from {shape:?}");
            }
        }
    }
}

#[test]
fn every_example_of_the_language_is_in_its_shape() {
    let ours = OURS.iter().map(|(program, input, ..)| (*program, *input));
    let all: Vec<(&str, &str)> = AGREED.iter().map(|(program, input, _)| (*program, *input)).chain(ours).collect();
    assert!(all.len() > 120, "{} examples", all.len());
    for (program, input) in all {
        holds(program, &json(input));
    }
}

proptest::proptest! {
    #[test]
    fn every_random_program_is_in_its_shape(
        program in super::super::differential::program(),
        input in super::super::differential::document(),
    ) {
        holds(&program, &json(&input));
    }
}
