//! Places of values in HTML.

use super::*;

fn checked_html(html: &str) -> Result<(), String> {
    check(&with_html(html), &Show { transcript: true, internal: true }).map_err(|error| error.problem)
}

#[test]
fn values_are_text_and_quoted_attributes_that_are_only_read() {
    for html in [
        "<p>{{ date }}</p><title>{{ date }}</title>",
        "<p title=\"{{ date }}\" lang='{{ lang }}' aria-label = \"{{ date }}\">a < b {{ date }}</p>",
        "<!doctype html><!-- > --><br/>{{ date }}<style>p > a { }</style><script>if (a < b) '</scrip'</script >{{ date }}",
        "<img alt=\"a > b {{ date }}\" src=x>{{ date }}",
        "<!--[if mso]><table><![endif]-->{{ date }}<!--[if !mso]><!-->{{ date }}<!--<![endif]-->",
        "{% if unsubscribe_url %}<a href=\"{{ unsubscribe_url }}\">{{ unsubscribe_url }}</a>{% endif %}x",
        "<title>a <b> {{ date }}</title>{{ date }}<!---->{{ date }}</>{{ date }}",
        "<p {% if visitor %}title=\"{{ visitor }}\"{% endif %}>x</p>",
    ] {
        assert_eq!(checked_html(html), Ok(()), "{html}");
    }
}

#[test]
fn values_that_escaping_does_not_make_safe_are_refused() {
    let quotes = "needs quotes";
    let tag = "a value cannot stand in a tag outside of the quotes of an attribute";
    let comment = "a value cannot stand in a comment";
    for (html, problem) in [
        ("<p title={{ date }}>", quotes),
        ("<p title=x{{ date }}>", quotes),
        ("<p title= {{ date }}>", quotes),
        ("<p {{ date }}>", tag),
        ("<p {{ date }}=\"x\">", tag),
        ("<p x{{ date }}>", tag),
        ("<p title=\"x\"{{ date }}>", tag),
        ("<{{ lang }}>", tag),
        ("<p{{ lang }}>", tag),
        ("</{{ lang }}>", tag),
        ("<a href=\"{{ date }}\">", "only `unsubscribe_url` can be a link: the value stands in `href`"),
        (
            "<a HREF='https://example.com/?q={{ date }}'>",
            "only `unsubscribe_url` can be a link: the value stands in `href`",
        ),
        (
            "{% if unsubscribe_url %}<a href=\"{{ unsubscribe_url }}{{ date }}\">{% endif %}x",
            "only `unsubscribe_url` can be",
        ),
        ("<img src=\"{{ date }}\">", "a value cannot stand in the attribute `src`"),
        (
            "{% if unsubscribe_url %}<img src=\"{{ unsubscribe_url }}\">{% endif %}x",
            "a value cannot stand in the attribute `src`",
        ),
        ("<p style=\"color: {{ date }}\">", "a value cannot stand in the attribute `style`"),
        ("<p onclick=\"{{ date }}\">", "a value cannot stand in the attribute `onclick`"),
        ("<meta http-equiv=refresh content=\"{{ date }}\">", "a value cannot stand in the attribute `content`"),
        ("<iframe srcdoc=\"{{ date }}\">", "a value cannot stand in the attribute `srcdoc`"),
        ("<style>{{ date }}</style>", "a value cannot stand in <style>"),
        ("<STYLE type=\"text/css\">p { color: {{ date }} }</STYLE>", "a value cannot stand in <style>"),
        ("<script>let a = \"{{ date }}\"</script>", "a value cannot stand in <script>"),
        ("<script>'</scrip'; {{ date }}</script>", "a value cannot stand in <script>"),
        ("<!-- {{ date }} -->", comment),
        ("<!-- > {{ date }}", comment),
        ("<!--[if mso]>{{ date }}<![endif]-->", comment),
        ("<!{{ date }}>", comment),
        ("<!-- --!><a href=\"-->{{ date }}\">", "only `unsubscribe_url` can be a link"),
        ("<!--><a href=\"-->{{ date }}\">", "only `unsubscribe_url` can be a link"),
        ("<!--!><p title=\"--><a href='{{ date }}'>\">", "only `unsubscribe_url` can be a link"),
        ("<?-- ><a href=\"-->{{ date }}\">", "only `unsubscribe_url` can be a link"),
        ("</ title=\"><a href='{{ date }}'>\">", "only `unsubscribe_url` can be a link"),
        ("<title><a title=\"</title><a href='{{ date }}'>\">", "only `unsubscribe_url` can be a link"),
        ("<style></stylex>{{ date }}</style>", "a value cannot stand in <style>"),
        ("<a title / =\"{{ date }}\">", tag),
        ("<?{{ date }}>", comment),
    ] {
        let error = checked_html(html).expect_err(html);
        assert!(error.contains(problem), "{html}: {error}");
    }
}

#[test]
fn a_branch_that_no_sample_takes_is_refused_when_a_mail_takes_it() {
    let source = with_html("{% if lang == \"de\" %}<a href=\"{{ date }}\">{% endif %}x");
    assert_eq!(check(&source, &Show::default()), Ok(()));
    let mut sample = Sample::full();
    sample.session.visitor.locale = Some("de".to_owned());
    let error = Template::parse(&source).unwrap().render(&sample.context(&Show::default())).unwrap_err();
    assert_eq!(
        error.to_string(),
        "invalid html part, line 1: only `unsubscribe_url` can be a link: the value stands in `href`"
    );
}
