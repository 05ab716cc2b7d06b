//! Templates made to use up memory or time.

use std::time::{Duration, Instant};

use domain::transcript::{Role, Transcript, Turn};

use super::*;

/// Far longer than any template takes, and far shorter than these templates would like.
const PATIENCE: Duration = Duration::from_secs(20);

/// Returns the error of rendering a text for a huge transcript.
fn refused(text: &str) -> String {
    let mut sample = Sample::full();
    let turn = Turn { role: Role::Visitor, text: "word ".repeat(80), started_ms: None, ended_ms: None };
    sample.transcript = Some(Transcript::new(vec![turn; 1000]));
    let started = Instant::now();
    let source = TemplateSource { text: text.to_owned(), ..with_html("h") };
    let rendered = Template::parse(&source)
        .and_then(|template| template.render(&sample.context(&Show { transcript: true, internal: true })));
    assert!(started.elapsed() < PATIENCE, "{text}");
    rendered.map(|_| ()).expect_err(&text[..text.len().min(100)]).problem
}

#[test]
fn texts_that_multiply_are_refused_before_they_are_made() {
    for text in
        ["{{ \"x\" * 1000000000 }}", "{{ 1000000000 * \"x\" }}", "{% if true %}{{ (\"x\") * 1000000000 }}{% endif %}"]
    {
        assert!(refused(text).contains("nothing can be computed with `*`"), "{text}");
    }
    assert!(refused("{{ range(1000000000) }}").contains("nothing can be called"));
    assert!(refused("{% set x %}{{ lang }}{% endset %}").contains("`set`"));
}

#[test]
fn loops_in_loops_run_out_of_fuel() {
    let text = "{% for a in transcript %}{% for b in transcript %}{% for c in transcript %}{% endfor %}{% endfor %}{% endfor %}x";
    assert_eq!(refused(text), "it takes too long");
}

#[test]
fn an_output_without_end_is_cut_off() {
    let text = "{% for a in transcript %}{% for b in transcript %}{{ b.text }}{% endfor %}{% endfor %}";
    assert_eq!(refused(text), "it becomes larger than 16777216 bytes");
}

#[test]
fn filters_have_a_bound_of_their_own() {
    for filter in
        ["|upper|lower|upper|lower|upper|lower|upper|lower|capitalize", "|trim|trim|trim|trim|trim|trim|length"]
    {
        let text = format!(
            "{{% for a in transcript %}}{{% for b in transcript %}}{{% if b.text{filter} %}}{{% endif %}}{{% endfor %}}{{% endfor %}}x"
        );
        assert_eq!(refused(&text), "the filters have too much to do", "{filter}");
    }
    let text = "{% for a in transcript %}{% for b in transcript %}{% if summary|join(a.text)|length %}{% endif %}{% endfor %}{% endfor %}x";
    assert_eq!(refused(text), "the filters have too much to do");
}

#[test]
fn nesting_and_chains_end_in_an_error_and_not_in_the_stack() {
    let deep = |open: &str, close: &str, times: usize| format!("{}x{}", open.repeat(times), close.repeat(times));
    for text in [
        deep("{% if lang %}", "{% endif %}", 3000),
        deep("{% for x in summary %}", "{% endfor %}", 2000),
        format!("{{{{ {}lang{} }}}}", "(".repeat(5000), ")".repeat(5000)),
        format!("{{{{ lang{} }}}}", " and lang".repeat(5000)),
        format!("{{{{ lang{} }}}}", "|upper".repeat(5000)),
        format!("{{{{ lang{} }}}}", ".a".repeat(5000)),
        format!("{{% if {}lang %}}{{% endif %}}", "not ".repeat(5000)),
        format!("{{% if lang %}}{}{{% endif %}}", "{% elif lang %}".repeat(5000)),
    ] {
        let problem = refused(&text);
        let known = ["more than 100 words and signs", "maximum recursion", "more than 50 `elif`"];
        assert!(known.iter().any(|known| problem.contains(known)), "{problem}");
    }
}

#[test]
fn a_source_has_a_bound() {
    assert_eq!(refused(&"x".repeat(100_001)), "it has more than 100000 bytes");
    let widest = "{{ lang }}".repeat(10_000);
    assert!(Template::parse(&TemplateSource { text: widest, ..with_html("h") }).is_ok());
}

#[test]
fn the_built_in_template_renders_the_longest_transcripts_and_goes_without_longer_ones() {
    let mut sample = Sample::full();
    let turn = Turn { role: Role::Visitor, text: "'".repeat(50), started_ms: Some(1), ended_ms: None };
    let longest = vec![turn.clone(); 20_000];
    let unseen = Turn { role: Role::Tool, text: "x".repeat(2_000_000), ..turn.clone() };
    for (transcript, shown) in [([longest.clone(), vec![unseen]].concat(), 20_000), ([longest, vec![turn]].concat(), 0)]
    {
        sample.transcript = Some(Transcript::new(transcript));
        let mail = Template::built_in().render(&sample.context(&Show { transcript: true, internal: false })).unwrap();
        assert_eq!(mail.text.matches("Ana López (0:00): ''").count(), shown);
    }
}
