//! Whether a program looks at its input.

use std::collections::BTreeMap;

use super::node::{Arg, Def, Kind, Node, Part, Piece, Step};

/// Whether the outputs of a node depend on its input. `known` remembers the answer for each function.
pub(super) fn reads(node: &Node, defs: &[Option<Def>], known: &mut BTreeMap<usize, bool>) -> bool {
    let mut any = |nodes: &[&Node]| nodes.iter().any(|node| reads(node, defs, known));
    match &node.kind {
        Kind::Empty | Kind::Const(_) | Kind::Var(_) | Kind::Global(_) | Kind::Break(_) => false,
        // A filter parameter is looked at where it is handed over.
        Kind::Closure(_) => false,
        Kind::Identity | Kind::Recurse | Kind::Format(_) | Kind::Native(..) | Kind::Special(..) => true,
        Kind::Regex(..) | Kind::Table(..) => true,
        Kind::Assign(..) | Kind::Update(..) | Kind::UpdateMath(..) | Kind::UpdateAlternative(..) => true,
        Kind::Not(inner) | Kind::Array(inner) | Kind::Negate(inner) | Kind::Label(inner) => any(&[inner]),
        Kind::Path(base, steps) => any(&[base]) || steps.iter().flat_map(indices).any(|index| any(&[index])),
        // What stands to the right of a pipe has the left side's outputs as its input.
        Kind::Pipe(left, _) => any(&[left]),
        Kind::Bind(source, _, body) => any(&[source, body]),
        Kind::Comma(parts) => parts.iter().any(|part| any(&[part])),
        Kind::Record(_, values) => values.iter().any(|value| any(&[value])),
        Kind::Object(entries) => entries.iter().any(|(key, value)| any(&[key, value])),
        Kind::Interpolate(_, pieces) => pieces.iter().any(|piece| match piece {
            Piece::Text(_) => false,
            Piece::Node(node) => any(&[node]),
        }),
        Kind::Math(_, left, right, _) | Kind::Compare(_, left, right) => any(&[left, right]),
        Kind::And(left, right) | Kind::Or(left, right) | Kind::Alternative(left, right) => any(&[left, right]),
        Kind::If(condition, then, otherwise) => any(&[condition, then, otherwise]),
        Kind::Try(body, _) => any(&[body]),
        Kind::Reduce(fold) | Kind::Foreach(fold, _) => any(&[&fold.source, &fold.init]),
        Kind::Call(def, args, _) => {
            let by_args = args.iter().any(|arg| match arg {
                Arg::Value(node) | Arg::Filter(node) => any(&[node]),
            });
            by_args || reads_body(*def, defs, known)
        }
    }
}

fn reads_body(def: usize, defs: &[Option<Def>], known: &mut BTreeMap<usize, bool>) -> bool {
    if let Some(answer) = known.get(&def) {
        return *answer;
    }
    let answer = defs.get(def).and_then(Option::as_ref).is_none_or(|def| reads(&def.body, defs, known));
    known.insert(def, answer);
    answer
}

fn indices(step: &Step) -> impl Iterator<Item = &Node> {
    let nodes = match &step.part {
        Part::Key(_) | Part::Iterate => [None, None],
        Part::Index(index) => [Some(index), None],
        Part::Slice(from, to) => [from.as_ref(), to.as_ref()],
    };
    nodes.into_iter().flatten()
}
