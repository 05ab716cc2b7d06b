//! The language of templates, and the errors that its authors see.

use super::*;

#[test]
fn a_template_that_uses_everything_there_is_is_fine() {
    let text = r#"
{{ lang }} {{ dir }} {{ date }} {{ phrases.greeting }} {{ phrases["closing"] }}
{% set name = visitor or business or "you" %}{{ name|upper|lower|capitalize|trim }}
{% for line in summary %}{{ loop.index }} {{ line }}{% if not loop.last %}, {% endif %}{% else %}nothing{% endfor %}
{% for item in action_items if item.due %}{{ item.owner }}: {{ item.text }} ({{ item.due }}){% endfor %}
{{ key_points|length }} {% if key_points %}{{ key_points|first }} {{ key_points[0] }} {{ key_points|join("; ") }}{% endif %}
{% if transcript %}{% for turn in transcript %}{{ turn.speaker }}{% if turn.time %} {{ turn.time }}{% endif %}: {{ turn.text }}{% endfor %}{% endif %}
{% if internal.sentiment and internal.sentiment.average < -0.1 and (internal.sentiment.label == "mixed" or true) %}{{ internal.sentiment.average|round(1) }}{% endif %}
{% if internal.category is not none %}{{ internal.category.label }}: {{ internal.category.reasoning }}{% endif %}
{% for name, metric in internal.custom_metrics|items %}{% if metric.value is not none %}{{ name }}={{ metric.value }}{% endif %}{% endfor %}
{{ "one" if loop_is_not_here is none else "two" }}{% raw %}{{ raw }}{% endraw %}{# a comment #}
"#;
    assert_eq!(checked(&text.replace("loop_is_not_here", "content_lang")), Ok(()));
}

#[test]
fn an_error_names_the_part_the_line_and_what_is_wrong() {
    for (text, error) in [
        (
            "a\n{{ visitr }}",
            "invalid text part, line 2: unknown name `visitr`; known are lang, dir, content_lang, business, visitor, date, summary, key_points, action_items, phrases, unsubscribe_url, transcript, internal",
        ),
        (
            "{% for item in action_items %}\n{{ item.ownr }}{% endfor %}",
            "invalid text part, line 2: unknown name `ownr`; known are owner, text, due",
        ),
        (
            "{% if action_items[0].ownr == \"You\" %}x{% endif %}",
            "invalid text part, line 1: unknown name `ownr`; known are owner, text, due",
        ),
        (
            "\n\nHello {{ visitor }}",
            "invalid text part, line 3: the value may be missing: show it only in `{% if … %}`",
        ),
        ("{{ summary }}", "invalid text part, line 1: a sequence cannot be shown; use `for` or name one of its values"),
        ("{{ summary[7] }}", "invalid text part, line 1: unknown value"),
        (
            "{{ key_points|first }}",
            "invalid text part, line 1: the list may be empty: check it with `{% if … %}` first",
        ),
        ("{% if visitor %}", "invalid text part, line 1: unexpected end of input, expected end of block"),
        (" \n", "invalid text part: it is empty"),
    ] {
        assert_eq!(refusal(text), error, "{text}");
    }
    let subject = |subject: &str| {
        let source = TemplateSource { subject: subject.to_owned(), ..with_html("h") };
        check(&source, &Show::default()).map_err(|error| error.to_string())
    };
    assert_eq!(subject("  One line\n"), Ok(()));
    assert_eq!(subject("Two\nlines"), Err("invalid subject part: it has more than one line".to_owned()));
    assert_eq!(
        subject("{% if visitor %}{{ visitor }}{% endif %}"),
        Err("invalid subject part: it is empty".to_owned())
    );
    assert_eq!(subject(&"x".repeat(2001)), Err("invalid subject part: it has more than 2000 bytes".to_owned()));
}

#[test]
fn what_is_internal_exists_only_where_it_is_shown() {
    let source = with_html("{% if internal.category %}{{ internal.category.label }}{% endif %}x");
    assert_eq!(check(&source, &Show { internal: true, transcript: false }), Ok(()));
    let error = check(&source, &Show::default()).unwrap_err();
    assert_eq!((error.part, error.line), (TemplatePart::Html, Some(1)));
    assert!(error.problem.starts_with("unknown name `internal`; known are lang"), "{error}");
}

#[test]
fn what_is_not_on_the_list_is_refused_wherever_it_stands() {
    for (template, problem) in [
        ("{% include 'x' %}", "unknown statement `include`"),
        ("{% import 'x' as y %}", "unknown statement `import`"),
        ("{% from 'x' import y %}", "unknown statement `from`"),
        ("{% extends 'x' %}", "unknown statement `extends`"),
        ("{% block x %}{% endblock %}", "unknown statement `block`"),
        ("{% macro x() %}{% endmacro %}", "unknown statement `macro`"),
        ("{% call x() %}{% endcall %}", "unknown statement `call`"),
        ("{% autoescape false %}{% endautoescape %}", "unknown statement `autoescape`"),
        ("{% filter upper %}x{% endfilter %}", "unknown statement `filter`"),
        ("{% with x = 1 %}{% endwith %}", "unknown statement `with`"),
        ("{% do x() %}", "unknown statement `do`"),
        ("{% set x %}y{% endset %}", "`set` must be of the form"),
        ("{{ visitor|safe }}", "unknown filter `safe`"),
        ("{{ visitor|default('x') }}", "unknown filter `default`"),
        ("{{ visitor|replace('a', 'b') }}", "unknown filter `replace`"),
        ("{% if visitor is defined %}{% endif %}", "unknown test `defined`"),
        ("{% if visitor is not defined %}{% endif %}", "unknown test `defined`"),
        ("{{ range(9) }}", "nothing can be called"),
        ("{{ lang.upper() }}", "nothing can be called"),
        ("{{ ('x')('y') }}", "nothing can be called"),
        ("{{ summary[0]('y') }}", "nothing can be called"),
        ("{% for x in summary recursive %}{{ loop(summary) }}{% endfor %}", "a loop cannot be recursive"),
        ("{{ [1, 2] }}", "a list cannot be made"),
        ("{{ {'a': 1} }}", "`{` cannot be used here"),
        ("{{ summary[1:] }}", "`:` cannot be used here"),
        ("{{ 1 + 1 }}", "nothing can be computed with `+`"),
        ("{{ 'x' * 9 }}", "nothing can be computed with `*`"),
        ("{{ 2 ** 9 }}", "nothing can be computed with `**`"),
        ("{{ -lang }}", "nothing can be computed with `-`"),
        ("{{ lang ~ lang }}", "`~` cannot be used"),
        ("{% if lang == dir %}{% endif %}", "a comparison must be with a text in quotes or with a number"),
        ("{% if 'a' in lang %}{% endif %}", "`in` can only be used in `for`"),
    ] {
        let error = refusal(&format!("{{% if false %}}\n{template}\n{{% endif %}}x"));
        assert!(error.starts_with(&format!("invalid text part, line 2: {problem}")), "{template}: {error}");
    }
}
