//! Latency and memory over the time of a run, with the faults marked, as SVG.

use std::fmt::Write;

use super::ledger::Ledger;
use super::project::Route;

const WIDTH: f64 = 1000.0;
const HEIGHT: f64 = 180.0;
const LEFT: f64 = 70.0;
const TOP: f64 = 24.0;
/// Points of one line.
const STEPS: usize = 460;

/// A line of a panel.
struct Line {
    label: &'static str,
    colour: &'static str,
    points: Vec<(f64, f64)>,
}

/// Draws both panels.
pub fn svg(ledger: &Ledger, memory: &[(u32, u64)], end: u32) -> String {
    let end = f64::from(end.max(1));
    let pass = latency(ledger, end, 0.5, "route pass, median, ms", "#1f77b4", |route| route == Route::Pass);
    let worst = latency(ledger, end, 0.99, "all routes, 99th percentile, ms", "#d62728", |_| true);
    let points = memory.iter().map(|(at, kib)| (f64::from(*at) / end, *kib as f64 / 1024.0)).collect();
    let resident = Line { label: "resident memory of the bus, MiB", colour: "#2ca02c", points };
    let height = 2.0 * (HEIGHT + TOP) + 40.0;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {height}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n",
        LEFT + WIDTH + 10.0
    );
    for window in &ledger.windows {
        let x = LEFT + WIDTH * f64::from(window.began) / end;
        let width = (WIDTH * f64::from(window.flowing - window.began) / end).max(1.0);
        let _infallible = writeln!(
            text,
            "<rect x=\"{x:.1}\" y=\"{TOP}\" width=\"{width:.1}\" height=\"{:.1}\" fill=\"#ff7f0e\" opacity=\"0.15\"><title>{} at {:.1} s</title></rect>",
            2.0 * HEIGHT + TOP,
            window.kind.name(),
            f64::from(window.began) / 1e3
        );
    }
    panel(&mut text, TOP, &[worst, pass], true);
    panel(&mut text, 2.0 * TOP + HEIGHT, &[resident], false);
    for part in 0..=5 {
        let x = LEFT + WIDTH * f64::from(part) / 5.0;
        let at = end / 1e3 * f64::from(part) / 5.0;
        let _infallible =
            writeln!(text, "<text x=\"{x:.0}\" y=\"{:.0}\" text-anchor=\"middle\">{at:.0} s</text>", height - 18.0);
    }
    text.push_str("</svg>\n");
    text
}

fn latency(
    ledger: &Ledger,
    end: f64,
    share: f64,
    label: &'static str,
    colour: &'static str,
    wanted: impl Fn(Route) -> bool,
) -> Line {
    let mut buckets: Vec<Vec<u32>> = vec![Vec::new(); STEPS];
    for (at, took, _) in ledger.latencies.iter().filter(|(_, _, route)| wanted(*route)) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index")]
        let bucket = (f64::from(*at) / end * STEPS as f64) as usize;
        if let Some(bucket) = buckets.get_mut(bucket.min(STEPS - 1)) {
            bucket.push(*took);
        }
    }
    let filled = buckets.iter_mut().enumerate().filter(|(_, bucket)| !bucket.is_empty());
    let points = filled.map(|(at, bucket)| {
        bucket.sort_unstable();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index")]
        let rank = ((bucket.len() - 1) as f64 * share) as usize;
        (at as f64 / STEPS as f64, f64::from(bucket[rank]).max(1.0))
    });
    Line { label, colour, points: points.collect() }
}

/// A panel with its lines, its axis in powers of ten or from zero.
fn panel(text: &mut String, top: f64, lines: &[Line], powers: bool) {
    let values = lines.iter().flat_map(|line| line.points.iter().map(|(_, value)| *value));
    let most = values.fold(1.0, f64::max);
    let highest = if powers { 10f64.powf(most.log10().ceil().max(1.0)) } else { (most / 10.0).ceil() * 10.0 };
    let share = |value: f64| if powers { value.log10() / highest.log10() } else { value / highest };
    let y = |value: f64| top + HEIGHT * (1.0 - share(value));
    #[expect(clippy::cast_possible_truncation, reason = "a few powers")]
    let marks: Vec<f64> = if powers {
        (0..=highest.log10() as i32).map(|power| 10f64.powi(power)).collect()
    } else {
        (0..=4).map(|part| highest * f64::from(part) / 4.0).collect()
    };
    for mark in marks {
        let _infallible = writeln!(
            text,
            "<line x1=\"{LEFT}\" x2=\"{:.0}\" y1=\"{:.1}\" y2=\"{:.1}\" stroke=\"#ddd\"/><text x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\">{mark:.0}</text>",
            LEFT + WIDTH,
            y(mark),
            y(mark),
            LEFT - 6.0,
            y(mark) + 4.0
        );
    }
    for (number, line) in lines.iter().enumerate() {
        let points: Vec<String> =
            line.points.iter().map(|(x, value)| format!("{:.1},{:.1}", LEFT + WIDTH * x, y(*value))).collect();
        let _infallible = writeln!(
            text,
            "<polyline fill=\"none\" stroke=\"{}\" points=\"{}\"/><text x=\"{:.0}\" y=\"{:.0}\" fill=\"{}\">{}</text>",
            line.colour,
            points.join(" "),
            LEFT + 8.0 + 260.0 * number as f64,
            top - 6.0,
            line.colour,
            line.label
        );
    }
}
