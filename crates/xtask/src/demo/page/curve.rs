//! The geometry of a sentiment curve, in the units of its SVG.

use std::fmt::Write;

use domain::analysis::Sentiment;
use serde::Serialize;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 230.0;
/// Room for the labels of the axes.
const LEFT: f64 = 66.0;
const RIGHT: f64 = 18.0;
const TOP: f64 = 18.0;
const BOTTOM: f64 = 36.0;
/// More labels than this run into each other.
const MAX_TICKS: usize = 14;
/// Scores nearer to 0 than this are drawn as neutral.
const NEUTRAL: f64 = 0.15;

const SPARK_WIDTH: f64 = 84.0;
const SPARK_HEIGHT: f64 = 22.0;
const SPARK_MARGIN: f64 = 3.0;

#[derive(Serialize)]
pub(super) struct Curve {
    width: f64,
    height: f64,
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
    zero_y: f64,
    average_y: f64,
    average: String,
    /// The curve as a path.
    line: String,
    /// The curve and the zero line around the area between them.
    area: String,
    points: Vec<Point>,
    ticks: Vec<Tick>,
    shifts: Vec<ShiftMark>,
    /// What the picture says, for those who do not see it.
    description: String,
    spark: Spark,
}

#[derive(Serialize)]
struct Point {
    x: f64,
    y: f64,
    turn: usize,
    score: String,
    emotion: String,
    tone: &'static str,
}

#[derive(Serialize)]
struct Tick {
    x: f64,
    turn: usize,
}

/// A change of sentiment, as a band over the turns it lies between.
#[derive(Serialize)]
struct ShiftMark {
    x: f64,
    width: f64,
    middle: f64,
    number: usize,
    up: bool,
}

/// The curve again, small, for tables.
#[derive(Serialize)]
struct Spark {
    width: f64,
    height: f64,
    zero_y: f64,
    line: String,
    last_x: f64,
    last_y: f64,
}

/// `positive`, `neutral` or `negative`.
pub(super) fn tone(score: f64) -> &'static str {
    match score {
        score if score >= NEUTRAL => "positive",
        score if score <= -NEUTRAL => "negative",
        _ => "neutral",
    }
}

/// With its sign and two decimals, the minus as it is printed.
pub(super) fn signed(score: f64) -> String {
    let text = format!("{score:+.2}");
    if text == "-0.00" { "0.00".into() } else { text.replace('-', "\u{2212}").replace("+0.00", "0.00") }
}

impl Curve {
    /// `None` when no turn was scored.
    pub(super) fn of(sentiment: &Sentiment) -> Option<Self> {
        let (first, last) = (sentiment.timeline.first()?.turn, sentiment.timeline.last()?.turn);
        let x = |turn: usize| round(along(turn, first, last, LEFT, WIDTH - RIGHT));
        let y = |score: f64| round(down(score, TOP, HEIGHT - BOTTOM));
        let points: Vec<_> = sentiment
            .timeline
            .iter()
            .map(|feeling| Point {
                x: x(feeling.turn),
                y: y(feeling.score.get()),
                turn: feeling.turn,
                score: signed(feeling.score.get()),
                emotion: feeling.emotion.clone(),
                tone: tone(feeling.score.get()),
            })
            .collect();
        let line = path(points.iter().map(|point| (point.x, point.y)));
        let area = format!("{line} L{} {zero} L{} {zero} Z", x(last), x(first), zero = y(0.0));
        Some(Self {
            width: WIDTH,
            height: HEIGHT,
            left: LEFT,
            right: WIDTH - RIGHT,
            top: TOP,
            bottom: HEIGHT - BOTTOM,
            zero_y: y(0.0),
            average_y: y(sentiment.average.get()),
            average: signed(sentiment.average.get()),
            ticks: ticks(&points),
            shifts: shifts(sentiment, x),
            description: describe(&points),
            spark: Spark::of(sentiment, first, last),
            line,
            area,
            points,
        })
    }
}

impl Spark {
    fn of(sentiment: &Sentiment, first: usize, last: usize) -> Self {
        let points: Vec<_> = sentiment
            .timeline
            .iter()
            .map(|feeling| {
                let x = along(feeling.turn, first, last, SPARK_MARGIN, SPARK_WIDTH - SPARK_MARGIN);
                (round(x), round(down(feeling.score.get(), SPARK_MARGIN, SPARK_HEIGHT - SPARK_MARGIN)))
            })
            .collect();
        let (last_x, last_y) = points.last().copied().unwrap_or_default();
        let zero_y = SPARK_HEIGHT / 2.0;
        Self { width: SPARK_WIDTH, height: SPARK_HEIGHT, zero_y, line: path(points.into_iter()), last_x, last_y }
    }
}

/// Where a turn lies between `from` and `to`; in the middle if it is the only one.
fn along(turn: usize, first: usize, last: usize, from: f64, to: f64) -> f64 {
    if last == first {
        return f64::midpoint(from, to);
    }
    let share = (turn.saturating_sub(first)) as f64 / (last - first) as f64;
    from + share.min(1.0) * (to - from)
}

/// Where a score lies between `top`, which is 1, and `bottom`, which is -1.
fn down(score: f64, top: f64, bottom: f64) -> f64 {
    top + (1.0 - score) / 2.0 * (bottom - top)
}

/// A smooth path that is level at every point, so that it never shows a score beyond those given.
fn path(points: impl Iterator<Item = (f64, f64)>) -> String {
    let mut path = String::new();
    let mut before: Option<(f64, f64)> = None;
    for (x, y) in points {
        // Writing to a string cannot fail.
        let _ = match before {
            None => write!(path, "M{x} {y}"),
            Some((x0, y0)) => {
                let middle = round(f64::midpoint(x0, x));
                write!(path, " C{middle} {y0} {middle} {y} {x} {y}")
            }
        };
        before = Some((x, y));
    }
    path
}

fn ticks(points: &[Point]) -> Vec<Tick> {
    let every = points.len().div_ceil(MAX_TICKS).max(1);
    points.iter().step_by(every).map(|point| Tick { x: point.x, turn: point.turn }).collect()
}

fn shifts(sentiment: &Sentiment, x: impl Fn(usize) -> f64) -> Vec<ShiftMark> {
    (1..)
        .zip(&sentiment.shifts)
        .map(|(number, shift)| {
            let (from, to) = (x(shift.from_turn), x(shift.to_turn));
            let (x, end) = (from.min(to), from.max(to));
            let up = shift.to.get() >= shift.from.get();
            ShiftMark { x, width: round(end - x), middle: round(f64::midpoint(x, end)), number, up }
        })
        .collect()
}

fn describe(points: &[Point]) -> String {
    let spoken: Vec<_> =
        points.iter().map(|point| format!("turn {} {}, {}", point.turn, point.score, point.emotion)).collect();
    format!("Sentiment of the visitor by turn: {}", spoken.join("; "))
}

/// A tenth of a unit is finer than a pixel.
fn round(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sentiment(timeline: &[(usize, f64)]) -> Sentiment {
        let timeline: Vec<_> =
            timeline.iter().map(|(turn, score)| json!({"turn": turn, "score": score, "emotion": "calm"})).collect();
        let shift = json!({"from_turn": 1, "to_turn": 3, "from": 1, "to": -1, "cause": "bad news"});
        serde_json::from_value(json!({
            "average": 0, "label": "mixed", "timeline": timeline, "shifts": [shift], "patterns": [],
        }))
        .unwrap()
    }

    #[test]
    fn a_curve_stays_inside_its_frame() {
        let curve = Curve::of(&sentiment(&[(1, 1.0), (3, -1.0), (5, 0.0)])).unwrap();
        let places: Vec<_> = curve.points.iter().map(|point| (point.x, point.y)).collect();
        assert_eq!(places, [(LEFT, TOP), (384.0, HEIGHT - BOTTOM), (WIDTH - RIGHT, curve.zero_y)]);
        assert_eq!(curve.line, "M66 18 C225 18 225 194 384 194 C543 194 543 106 702 106");
        assert!(!curve.shifts[0].up);
    }

    #[test]
    fn a_single_score_is_drawn_in_the_middle() {
        let curve = Curve::of(&sentiment(&[(4, 0.5)])).unwrap();
        assert_eq!((curve.points[0].x, curve.ticks.len()), (384.0, 1));
    }

    #[test]
    fn nothing_scored_makes_no_curve() {
        assert!(Curve::of(&sentiment(&[])).is_none());
    }

    #[test]
    fn long_conversations_have_few_labels() {
        let timeline: Vec<_> = (0..200).map(|turn| (turn * 2, 0.1)).collect();
        assert!(Curve::of(&sentiment(&timeline)).unwrap().ticks.len() <= MAX_TICKS);
    }

    #[test]
    fn numbers_are_printed_with_their_sign() {
        assert_eq!([0.25, -0.5, 0.001, -0.001].map(signed), ["+0.25", "\u{2212}0.50", "0.00", "0.00"]);
    }
}
