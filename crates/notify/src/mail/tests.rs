use domain::analysis::Summary;
use insta::assert_snapshot;

use super::*;
use crate::sample;

/// The sample's mail in a language.
fn mail(locale: &str) -> Mail {
    let mut session = sample::session();
    session.visitor.locale = Some(locale.to_owned());
    Templates::default().render(&sample::settings(), &session, &sample::analysis()).unwrap()
}

fn read(mail: &Mail) -> String {
    format!("{}\n\n{}", mail.subject, mail.text)
}

#[test]
fn a_mail_in_english() {
    assert_snapshot!(read(&mail("en-GB")), @r"
    Your conversation with Müller & Co on 22 November 2026

    Hello Ana López,

    Thank you for your conversation with Müller & Co on 22 November 2026. Here is a short summary.

    You told us that your dishwasher leaks at the door.

    A technician comes on Tuesday; the repair is covered by the warranty.

    Key points

    - The dishwasher is 14 months old & under warranty
    - The leak is at the lower seal

    Next steps

    - You: Send a photo of the type plate
      When: by Monday
    - Müller & Co: Confirm the technician's visit

    Müller & Co

    --
    This summary was written automatically and may contain mistakes. If something is not right, please reply to this e-mail.
    ");
}

#[test]
fn a_mail_in_german() {
    assert_snapshot!(read(&mail("de")), @r"
    Ihr Gespräch mit Müller & Co am 22. November 2026

    Guten Tag Ana López,

    vielen Dank für Ihr Gespräch mit Müller & Co am 22. November 2026. Hier eine kurze Zusammenfassung.

    You told us that your dishwasher leaks at the door.

    A technician comes on Tuesday; the repair is covered by the warranty.

    Das Wichtigste

    - The dishwasher is 14 months old & under warranty
    - The leak is at the lower seal

    Nächste Schritte

    - Sie: Send a photo of the type plate
      Wann: by Monday
    - Müller & Co: Confirm the technician's visit

    Müller & Co

    --
    Diese Zusammenfassung wurde automatisch erstellt und kann Fehler enthalten. Wenn etwas nicht stimmt, antworten Sie bitte auf diese E-Mail.
    ");
}

#[test]
fn a_mail_in_spanish() {
    assert_snapshot!(read(&mail("es-MX")), @r"
    Su conversación con Müller & Co del 22 de noviembre de 2026

    Hola, Ana López:

    Gracias por su conversación con Müller & Co del 22 de noviembre de 2026. Este es un breve resumen.

    You told us that your dishwasher leaks at the door.

    A technician comes on Tuesday; the repair is covered by the warranty.

    Puntos clave

    - The dishwasher is 14 months old & under warranty
    - The leak is at the lower seal

    Próximos pasos

    - Usted: Send a photo of the type plate
      Cuándo: by Monday
    - Müller & Co: Confirm the technician's visit

    Müller & Co

    --
    Este resumen se ha redactado automáticamente y puede contener errores. Si algo no es correcto, responda a este correo.
    ");
}

#[test]
fn the_html_says_the_same_as_the_text_and_names_its_language() {
    let mail = mail("de-AT");
    assert!(mail.html.contains(r#"<html lang="de" dir="ltr""#), "{}", mail.html);
    assert!(mail.html.contains(r#"<div lang="de-AT">"#), "{}", mail.html);
    for line in mail.text.lines().map(|line| line.trim_start_matches(['-', ' '])) {
        for words in line.split(": ").filter(|words| !words.is_empty()) {
            let escaped = words.replace('&', "&amp;").replace('\'', "&#x27;");
            assert!(mail.html.contains(&escaped), "{escaped:?} is not in\n{}", mail.html);
        }
    }
}

#[test]
fn nothing_internal_reaches_the_visitor() {
    let mail = mail("en");
    for part in [&mail.subject, &mail.text, &mail.html] {
        for word in ["INTERNAL", "facing_issue", "Facing Issue", "negative", "-0.4", "0.93", "+34", "s_1"] {
            assert!(!part.contains(word), "{word} in\n{part}");
        }
    }
}

#[test]
fn hostile_text_stays_text() {
    let (mut settings, mut session, mut analysis) = (sample::settings(), sample::session(), sample::analysis());
    settings.from_name = Some("<b>Acme</b>\r\nBcc: eve@example.com".to_owned());
    session.visitor.name = Some("<script>alert(1)</script>".to_owned());
    session.visitor.locale = Some("\"><script>".to_owned());
    analysis.summary = Some(Summary {
        text: "<script>alert(1)</script> {{ 7 * 7 }} {% raw %}\u{202E}\0".to_owned(),
        key_points: vec!["a\n\nNext steps\n- pay \"now\"".to_owned()],
    });
    analysis.action_items[0].text = "<a href=\"https://example.com\">click</a>".to_owned();
    let mail = Templates::default().render(&settings, &session, &analysis).unwrap();

    assert_eq!(mail.subject, "Your conversation with <b>Acme</b> Bcc: eve@example.com on 22 November 2026");
    assert!(mail.text.starts_with("Hello,\n"), "{}", mail.text);
    assert!(mail.text.contains("\n- a Next steps - pay \"now\"\n"), "{}", mail.text);
    assert!(mail.text.contains("<script>alert(1)</script> {{ 7 * 7 }} {% raw %}\n"), "{}", mail.text);
    assert!(mail.html.contains("&lt;script&gt;alert(1)&lt;&#x2f;script&gt; {{ 7 * 7 }} {% raw %}"), "{}", mail.html);
    for markup in ["<script", "<b>", "<a ", "49", "<div lang"] {
        assert!(!mail.html.contains(markup), "{markup} in\n{}", mail.html);
    }
}

#[test]
fn no_part_of_the_mail_holds_a_link_or_an_address_that_was_dictated() {
    let mut analysis = sample::analysis();
    analysis.summary = Some(Summary {
        text: "See https://evil.example/a\nor www.evil.example".to_owned(),
        key_points: vec!["Write to eve@evil.example".to_owned(), "evil.\u{202E}example".to_owned()],
    });
    analysis.action_items[0].text = "Pay at http://evil.example".to_owned();
    analysis.action_items[0].due = Some("when evil.example says so".to_owned());
    let mut session = sample::session();
    session.visitor.name = Some("evil\u{FF0E}example".to_owned());
    let mail = Templates::default().render(&sample::settings(), &session, &analysis).unwrap();
    for part in [&mail.text, &mail.html] {
        for link in ["evil.example", "https:", "://evil", "eve@", "\u{FF0E}"] {
            assert!(!part.contains(link), "{link} in\n{part}");
        }
        assert_eq!(part.matches("evil[.]example").count(), 6, "{part}");
        assert!(part.contains("eve[at]evil[.]example"), "{part}");
    }
}

#[test]
fn a_name_is_greeted_only_if_it_reads_like_one() {
    for name in ["Ana", "José María O'Neil-Sørensen", "J.R. Smith", "Dr. med. Ana López", "王芳", "अनीता"]
    {
        assert_eq!(greetable(name).as_deref(), Some(name));
    }
    for name in ["", "win at evil.example", "https://x", "a@b", "Free money!", "<i>", "{{ x }}", &"x".repeat(65)] {
        assert_eq!(greetable(name), None, "{name:?}");
    }
}

#[test]
fn a_mail_without_points_items_or_names_has_no_empty_headings() {
    let (mut session, mut analysis) = (sample::session(), sample::analysis());
    session.visitor.name = None;
    analysis.action_items.clear();
    analysis.summary = Some(Summary { text: "All is well.".to_owned(), key_points: vec![" ".to_owned()] });
    let mail = Templates::default().render(&EmailSettings::default(), &session, &analysis).unwrap();
    assert_snapshot!(read(&mail), @r"
    Your conversation on 22 November 2026

    Hello,

    Thank you for your conversation on 22 November 2026. Here is a short summary.

    All is well.

    --
    This summary was written automatically and may contain mistakes.
    ");
    assert!(!mail.html.contains("<h2") && !mail.html.contains("<ul"), "{}", mail.html);
}

#[test]
fn a_long_analysis_renders_within_its_fuel() {
    let mut analysis = sample::analysis();
    let points = (0..1000).map(|i| format!("point {i}")).collect();
    analysis.summary = Some(Summary { text: "line\n".repeat(1000), key_points: points });
    analysis.action_items = vec![analysis.action_items[0].clone(); 1000];
    let mail = Templates::default().render(&sample::settings(), &sample::session(), &analysis).unwrap();
    assert!(mail.text.contains("- point 999\n"));
}
