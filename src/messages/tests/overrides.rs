//! The operator's files: what they can change, and how mistakes are reported.

use super::*;

const LOGIN: Message<'static> = Message::code(CodePurpose::Login, "123456", 10);

fn refusal(files: &[(&str, &str)]) -> String {
    let (directory, loaded) = in_directory(files);
    let path = format!("{}/", directory.path().display());
    match loaded {
        Ok(_) => "accepted".to_owned(),
        Err(error) => error.to_string().replace(&path, ""),
    }
}

#[test]
fn templates_and_words_of_ones_own_go_first() {
    let (_directory, templates) = in_directory(&[
        ("mail.txt", "{{ heading }}\n{{ code }}\n{{ link }}\n"),
        (
            "en.ftl",
            "login-code =\n    .heading = Come in to { -product }\nfooter =\n    Bye\n",
        ),
        (
            "fr-CA.ftl",
            "\u{feff}login-code =\r\n    .subject = Code\r\n",
        ),
        ("en.ftl~", "what an editor left behind {"),
        (".hidden.ftl", "{"),
        ("README.md", "notes"),
    ]);
    let templates = templates.unwrap();
    let english = templates.render(&to(Channel::Email, "en"), &LOGIN);
    assert_eq!(english.text, format!("Come in to {PRODUCT}\n123456\n"));
    assert_eq!(english.subject, "Your code to sign in");
    assert!(english.html.contains("Bye"));
    let canadian = templates.render(&to(Channel::Email, "fr-CA"), &LOGIN);
    assert_eq!(canadian.subject, "Code");
    // Missing words of an added language come from the default one.
    assert!(canadian.html.contains(&format!("Come in to {PRODUCT}")));
}

#[test]
fn a_language_from_the_right_says_so() {
    let (_directory, templates) = in_directory(&[("ar.ftl", "footer = وداعا\n")]);
    let body = templates
        .unwrap()
        .render(&to(Channel::Email, "ar-EG"), &LOGIN);
    assert!(body.html.contains("<html lang=\"ar\" dir=\"rtl\""));
    assert!(body.html.contains("وداعا"));
}

#[test]
fn the_default_language_may_be_an_added_one() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("de.ftl"), "footer = Ende\n").unwrap();
    let settings = Messages {
        default_locale: "de-DE".to_owned(),
        templates_dir: Some(directory.path().to_owned()),
        ..settings()
    };
    let templates = Templates::load(&settings, HOST).unwrap();
    assert!(
        templates
            .render(&to(Channel::Email, "ja"), &LOGIN)
            .html
            .contains("Ende")
    );
    let nowhere = Messages {
        templates_dir: None,
        ..settings
    };
    insta::assert_snapshot!(Templates::load(&nowhere, HOST).unwrap_err());
}

#[test]
fn every_mistake_is_told_with_its_place_and_a_remedy() {
    let mistakes = [
        (
            "broken template",
            vec![("mail.html", "<p>\n{% if code %}\n")],
        ),
        (
            "unknown value",
            vec![("mail.txt", "a\nb {{ kode }}\n{{ link }}\n{{ code }}\n")],
        ),
        ("no link", vec![("mail.txt", "{{ heading }} {{ code }}")]),
        (
            "link in a sentence",
            vec![("mail.txt", "{{ code }}\nGo to {{ link }}.")],
        ),
        (
            "no code",
            vec![("mail.html", "<a href=\"{{ link }}\">x</a>")],
        ),
        (
            "markup let through",
            vec![(
                "mail.html",
                "{% for one in intro %}{{ one | safe }}{% endfor %}{{ link }}{{ code }}",
            )],
        ),
        (
            "no words",
            vec![("sms.txt", "Hello\n@{{ host }} #{{ code }}\n{{ link }}")],
        ),
        (
            "host is not last",
            vec![(
                "sms.txt",
                "{{ sms }}\n@{{ host }} #{{ code }}\n{{ link }}\nbye",
            )],
        ),
        (
            "broken words",
            vec![(
                "en.ftl",
                "footer = Bye\nlogin-code =\n    .subject { oops\n",
            )],
        ),
        (
            "mistyped name",
            vec![("de.ftl", "# Deutsch\nlogin-cod =\n    .subject = Code\n")],
        ),
        (
            "mistyped part",
            vec![("de.ftl", "login-code =\n    .subjekt = Code\n")],
        ),
        (
            "unknown placeholder",
            vec![("de.ftl", "login-code =\n    .validity = { $zeit }\n")],
        ),
        (
            "code in a subject",
            vec![("en.ftl", "login-code =\n    .subject = Code { $code }\n")],
        ),
        (
            "no code in words",
            vec![("fr.ftl", "login-code =\n    .sms = Bonjour\n")],
        ),
        ("name of the service", vec![("en.ftl", "-product = Mine\n")]),
        ("words twice", vec![("de.ftl", "footer = a\nfooter = b\n")]),
        ("mistyped file", vec![("mial.html", "x")]),
        ("no language", vec![("our words.ftl", "footer = x\n")]),
        (
            "two for one language",
            vec![("de.ftl", "footer = a\n"), ("DE.ftl", "footer = b\n")],
        ),
        ("nothing of use", vec![("notes.md", "x")]),
        ("broken page", vec![("page.html", "{% if form %}")]),
        (
            "unknown value of a page",
            vec![("page.html", "{{ titel }}")],
        ),
        ("page of nothing", vec![("page.html", "<p>Hello</p>")]),
        (
            "page that lets markup through",
            vec![(
                "page.html",
                "{{ heading | safe }}{{ heading }}{{ intro }}<form method=\"post\" \
                 action=\"{{ form.action }}\"><input name=\"token\" value=\"{{ form.token }}\">\
                 {% for field in form.fields %}<input name=\"{{ field.name }}\">\
                 {{ field.problem }}{% endfor %}</form><script>1</script>",
            )],
        ),
        (
            "unknown placeholder of a page",
            vec![("de.ftl", "page-problem =\n    .too-many = { $zeit }\n")],
        ),
    ];
    let mut told = String::new();
    for (what, files) in mistakes {
        let _ = write!(told, "{what}\n  {}\n\n", refusal(&files));
    }
    insta::assert_snapshot!(without_directories(&told));
}

/// Without the parts that differ between runs.
fn without_directories(told: &str) -> String {
    let lines = told
        .lines()
        .map(|line| match line.split_once(": the directory has") {
            Some((_, rest)) => format!("    DIRECTORY: the directory has{rest}"),
            None => line.to_owned(),
        });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn a_page_of_ones_own_has_its_words_and_its_layout() {
    let layout = "<main data-nonce=\"{{ nonce }}\">{{ product }}|{{ heading }}|\
                  {% for one in intro %}{{ one }}{% endfor %}{{ problem }}{% if form %}\
                  <form method=\"post\" action=\"{{ form.action }}\">\
                  <input name=\"token\" value=\"{{ form.token }}\">\
                  {% for field in form.fields %}<input name=\"{{ field.name }}\">\
                  {{ field.problem }}{% endfor %}</form>{% endif %}</main>";
    let words = "page-home =\n    .heading = Guten Tag\n";
    let (_directory, loaded) = in_directory(&[("page.html", layout), ("de.ftl", words)]);
    let templates = loaded.unwrap();
    for (languages, said) in [("de-AT, en;q=0.5", "Guten Tag"), ("en", "signs people in")] {
        let voice = templates.voice(languages);
        let page = Page {
            heading: voice.say("page-home.heading"),
            nonce: "n0nce".to_owned(),
            ..Page::default()
        };
        let html = voice.render(&page);
        assert!(html.contains(said), "{html}");
        assert!(
            html.starts_with(&format!("<main data-nonce=\"n0nce\">{PRODUCT}|")),
            "{html}"
        );
    }
}

#[test]
fn a_layout_that_fails_after_all_gives_way_to_the_built_in_one() {
    // Fails on pages without a form, unlike the sample that is validated.
    let layout = "{{ heading }}{{ intro[0] }}<form method=\"post\" action=\"{{ form.action }}\">\
                  <input name=\"token\" value=\"{{ form.token }}\">\
                  <input name=\"{{ form.fields[0].name }}\">{{ form.fields[0].problem }}</form>";
    let (_directory, loaded) = in_directory(&[("page.html", layout)]);
    let templates = loaded.unwrap();
    let page = Page {
        heading: "Done <b>".to_owned(),
        ..Page::default()
    };
    let html = templates.voice("en").render(&page);
    assert!(html.contains("<h1>Done &lt;b&gt;</h1>"), "{html}");
}

#[test]
fn what_cannot_be_read_is_refused() {
    let absent = load_from(Path::new("/nonexistent/templates"))
        .unwrap_err()
        .to_string();
    assert!(
        absent.contains("/nonexistent/templates: the directory cannot be read"),
        "{absent}"
    );
    assert!(absent.contains("messages.templates_dir"), "{absent}");
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("mail.txt"), b"\xff\xfe").unwrap();
    fs::write(directory.path().join("sms.txt"), "x".repeat(1_048_577)).unwrap();
    fs::create_dir(directory.path().join("de.ftl")).unwrap();
    let refused = load_from(directory.path()).unwrap_err();
    assert_eq!(refused.iter().count(), 3, "{refused}");
}

#[test]
fn a_template_that_fails_after_all_gives_way_to_the_bare_words() {
    let (_directory, templates) = in_directory(&[(
        "mail.html",
        "{{ link }}{{ code }}{% if code == '654321' %}{{ nothing }}{% endif %}",
    )]);
    let message = Message::code(CodePurpose::Login, "654321", 10);
    let body = templates
        .unwrap()
        .render(&to(Channel::Email, "en"), &message);
    assert!(body.html.starts_with("<pre>Sign in"), "{}", body.html);
    assert!(body.html.contains("654321") && body.text.contains("654321"));
}
