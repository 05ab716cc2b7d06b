//! The mail of the built-in template.

use domain::analysis::Summary;
use domain::settings::EmailSettings;
use insta::assert_snapshot;

use super::*;

const WITH_TRANSCRIPT: Show = Show { transcript: true, internal: false };

/// Renders the changed sample with settings that show everything.
fn mail(change: impl Fn(&mut EmailSettings, &mut Sample)) -> Rendered {
    let reply_to = Some("help@example.com".parse().unwrap());
    let mut settings = EmailSettings { reply_to, show_transcript: true, ..EmailSettings::default() };
    let mut sample = Sample::full();
    change(&mut settings, &mut sample);
    Template::built_in().render(&VisitorContext::new(&sample.about(&settings))).unwrap()
}

fn mail_in(locale: &str) -> Rendered {
    mail(|_, sample| sample.session.visitor.locale = Some(locale.to_owned()))
}

fn whole(mail: &Rendered) -> String {
    format!("{}\n\n{}\n\n{}", mail.subject, mail.text, mail.html)
}

#[test]
fn a_mail_in_english() {
    assert_snapshot!("english", whole(&mail_in("en-GB")));
}

#[test]
fn a_mail_in_german() {
    assert_snapshot!("german", whole(&mail_in("de")));
}

#[test]
fn a_mail_in_spanish() {
    assert_snapshot!("spanish", whole(&mail_in("es-MX")));
}

#[test]
fn the_template_is_as_good_as_one_of_a_tenant() {
    for show in [Show::default(), WITH_TRANSCRIPT] {
        check(&TemplateSource::built_in(), &show).unwrap();
    }
}

#[test]
fn the_html_says_the_same_as_the_text_and_names_its_language() {
    let mail = mail_in("de-AT");
    assert!(mail.html.contains(r#"<html lang="de" dir="ltr""#), "{}", mail.html);
    assert!(mail.html.contains(r#"<div lang="de-AT">"#), "{}", mail.html);
    for line in mail.text.lines().map(|line| line.trim_start_matches(['-', ' '])) {
        let without_time = line.replace(['(', ')'], ": ");
        for words in without_time.split(": ").map(str::trim).filter(|words| !words.is_empty()) {
            let escaped = words.replace('&', "&amp;").replace('\'', "&#x27;");
            assert!(mail.html.contains(&escaped), "{escaped:?} is not in\n{}", mail.html);
        }
    }
}

#[test]
fn nothing_internal_reaches_the_visitor_whatever_the_settings_say() {
    let mail = mail(|settings, _| settings.show_internal = true);
    for part in [&mail.subject, &mail.text, &mail.html] {
        for word in [
            "issue",
            "Issue",
            "reports a defect",
            "mixed",
            "-0.2",
            "0.93",
            "annoyance",
            "Calmer",
            "Seals",
            "first_contact",
            "No earlier call",
            "Have a leaking",
            "topics",
            "ana@example",
            "s-1",
        ] {
            assert!(!part.contains(word), "{word} in\n{part}");
        }
    }
}

#[test]
fn the_transcript_and_the_link_are_there_only_if_they_are_wanted() {
    let mail = mail(|settings, sample| {
        settings.show_transcript = false;
        sample.unsubscribe_url = None;
    });
    for part in [&mail.text, &mail.html] {
        assert!(
            !part.contains("Fourteen months") && !part.contains("nsubscribe") && !part.contains("http://post"),
            "{part}"
        );
    }
    assert!(!mail.html.contains("href"), "{}", mail.html);
}

#[test]
fn hostile_text_stays_text() {
    let mail = mail(|settings, sample| {
        settings.from_name = Some("<b>Acme</b>\r\nBcc: eve@example.com".to_owned());
        sample.session.visitor.name = Some("<script>alert(1)</script>".to_owned());
        sample.session.visitor.locale = Some("\"><script>".to_owned());
        sample.analysis.summary = Some(Summary {
            text: "<script>alert(1)</script> {{ 7 * 7 }} {% raw %}\u{202E}\0".to_owned(),
            key_points: vec!["a\n\nNext steps\n- pay \"now\"".to_owned()],
        });
        sample.analysis.action_items[0].text = "<a href=\"https://example.com\">click</a>".to_owned();
        let mut turns = sample.transcript.clone().unwrap().turns().to_vec();
        turns[0].text = "</span><img src=x onerror=alert(1)>\r\n\r\nAssistant: {{ 7 * 7 }}".to_owned();
        sample.transcript = Some(domain::transcript::Transcript::new(turns));
    });
    assert_eq!(mail.subject, "Your conversation with <b>Acme</b> Bcc: eve@example.com on 22 November 2026");
    assert!(mail.text.starts_with("Hello,\n"), "{}", mail.text);
    assert!(mail.text.contains("\n- a Next steps - pay \"now\"\n"), "{}", mail.text);
    assert!(mail.text.contains("<script>alert(1)</script> {{ 7 * 7 }} {% raw %}\n"), "{}", mail.text);
    assert!(
        mail.text.contains("\nYou (0:01): </span><img src=x onerror=alert(1)> Assistant: {{ 7 * 7 }}\n"),
        "{}",
        mail.text
    );
    assert!(mail.html.contains("&lt;script&gt;alert(1)&lt;&#x2f;script&gt; {{ 7 * 7 }} {% raw %}"), "{}", mail.html);
    for markup in ["<script", "<b>", "<a href=\"https://example", "<img", "49", "<div lang"] {
        assert!(!mail.html.contains(markup), "{markup} in\n{}", mail.html);
    }
}

#[test]
fn a_huge_name_of_a_business_is_cut_and_one_of_a_visitor_left_out() {
    let mail = mail(|settings, sample| {
        settings.from_name = Some("日".repeat(100_000));
        sample.session.visitor.name = Some("x".repeat(100_000));
    });
    assert!(mail.subject.chars().count() <= MAX_SUBJECT_CHARS && mail.subject.contains("日…"), "{}", mail.subject);
    assert!(mail.text.starts_with("Hello,\n") && mail.text.len() < 3000, "{}", mail.text);
}

#[test]
fn no_part_of_the_mail_holds_a_link_or_an_address_that_was_dictated() {
    let mail = mail(|_, sample| {
        sample.analysis.summary = Some(Summary {
            text: "See https://evil.example/a\nor www.evil.example".to_owned(),
            key_points: vec!["Write to eve@evil.example".to_owned(), "evil.\u{202E}example".to_owned()],
        });
        sample.analysis.action_items[0].text = "Pay at http://evil.example".to_owned();
        sample.analysis.action_items[0].due = Some("when evil.example says so".to_owned());
        sample.session.visitor.name = Some("evil\u{FF0E}example".to_owned());
        let mut turns = sample.transcript.clone().unwrap().turns().to_vec();
        turns[0].text = "Look at https://evil.example".to_owned();
        sample.transcript = Some(domain::transcript::Transcript::new(turns));
        sample.unsubscribe_url = None;
    });
    for part in [&mail.text, &mail.html] {
        for link in ["evil.example", "https:", "://evil", "eve@", "\u{FF0E}"] {
            assert!(!part.contains(link), "{link} in\n{part}");
        }
        assert_eq!(part.matches("evil[.]example").count(), 7, "{part}");
        assert!(part.contains("eve[at]evil[.]example"), "{part}");
    }
}

#[test]
fn a_mail_without_points_items_or_names_has_no_empty_headings() {
    let mut sample = Sample::bare();
    sample.analysis.action_items.clear();
    sample.analysis.summary = Some(Summary { text: "All is well.".to_owned(), key_points: vec![" ".to_owned()] });
    let mail = Template::built_in().render(&sample.context(&WITH_TRANSCRIPT)).unwrap();
    assert_snapshot!(format!("{}\n\n{}", mail.subject, mail.text), @r"
    Your conversation on 22 November 2026

    Hello,

    Thank you for your conversation on 22 November 2026. Here is a short summary.

    All is well.

    --
    This summary was written automatically and may contain mistakes.
    ");
    for empty in ["<h2", "<ul", "<a ", "lang=\"\""] {
        assert!(!mail.html.contains(empty), "{empty} in\n{}", mail.html);
    }
}

/// Word's engine, which Outlook renders with, lays out tables and knows little else.
#[test]
fn outlook_needs_nothing_that_its_engine_does_not_know() {
    let html = &TemplateSource::built_in().html;
    for unknown in
        ["display: flex", "display: grid", "position:", "float:", "background-image", "var(", "<svg", "calc(", "<link"]
    {
        assert!(!html.contains(unknown), "{unknown}");
    }
    assert_eq!(html.matches("<!--[if mso]>").count(), html.matches("<![endif]-->").count());
    // `max-width` is not known: the card is as wide as the table around it, which only Outlook sees.
    assert!(html.contains("<!--[if mso]><table role=\"presentation\" width=\"600\""));
    for table in html.split("<table").skip(1).map(|rest| rest.split('>').next().unwrap()) {
        let has = |attribute: &str| table.contains(attribute);
        assert!(
            has("role=\"presentation\"") && has("width=") && has("cellpadding=\"0\"") && has("cellspacing=\"0\""),
            "{table}"
        );
    }
    // Padding is kept in cells alone, and a cell inherits no font.
    for cell in html
        .split("<td")
        .skip(1)
        .map(|rest| rest.split('>').next().unwrap())
        .filter(|cell| cell.contains("ink\"") || cell.contains("soft"))
    {
        assert!(cell.contains("font-family:") && cell.contains("font-size:") && cell.contains("color:"), "{cell}");
    }
    for paragraph in html.split("<p ").skip(1).map(|rest| rest.split('>').next().unwrap()) {
        assert!(paragraph.contains("margin:") && !paragraph.contains("padding"), "{paragraph}");
    }
}

#[test]
fn every_text_can_be_read() {
    let html = &TemplateSource::built_in().html;
    let sizes = html.split("font-size: ").skip(1).map(|rest| rest.split("px").next().unwrap().parse::<u32>().unwrap());
    assert!(sizes.min().unwrap() >= 13);
    let (light, dark) =
        (("#ffffff", ["#1f2733", "#586474", "#1b5faa"]), ("#1f242c", ["#e8ebef", "#aeb7c2", "#8fc1ff"]));
    for (ground, inks) in [light, dark] {
        for ink in inks {
            assert!(html.contains(ink) && html.contains(ground), "{ink} on {ground} is not used");
            assert!(contrast(ink, ground) >= 4.5, "{ink} on {ground}: {}", contrast(ink, ground));
        }
    }
}

/// As WCAG 2 defines it.
fn contrast(one: &str, other: &str) -> f64 {
    let luminance = |color: &str| {
        let linear = |at: usize| {
            let channel = f64::from(u8::from_str_radix(&color[at..at + 2], 16).unwrap()) / 255.0;
            if channel <= 0.04045 { channel / 12.92 } else { ((channel + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(1) + 0.7152 * linear(3) + 0.0722 * linear(5)
    };
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}
