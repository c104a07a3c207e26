//! Documents and variables that are rejected before execution, and others that must not be.

use serde_json::json;

use super::*;

pub(super) const LIMITS: Limits = Limits {
    metadata: &crate::schema::METADATA,
    introspection: true,
    depth: 8,
    aliases: 3,
    root_fields: 4,
    directives: 3,
    tokens: 500,
    expanded_nodes: 50,
    cost: 200,
    representations: 5,
    variables: 4,
    variable_depth: 3,
    variable_values: 20,
};

fn refusal(text: &str) -> Option<ErrorCode> {
    Document::prepare(text.to_owned(), &LIMITS)
        .err()
        .map(|refusal| Error::from(refusal).code)
}

#[test]
fn an_ordinary_document_passes() {
    assert_eq!(refusal("{ me { id email } }"), None);
    assert_eq!(
        refusal("mutation { login(input: { x: \"{{{{{{{{\" }) { __typename } }"),
        None
    );
}

#[test]
fn fragments_that_double_at_every_level_are_refused_at_once() {
    let levels = (0..60).map(|level| {
        let next = level + 1;
        format!("fragment f{level} on Query{{...f{next} ...f{next}}}")
    });
    let mut text = levels.fold("{ ...f0 }".to_owned(), |text, level| text + &level);
    text.push_str("fragment f60 on Query { me { id } }");
    assert_eq!(refusal(&text), Some(ErrorCode::QueryTooExpensive));
}

#[test]
fn a_fragment_in_itself_is_refused() {
    let text = "{ ...a } fragment a on Query { ...b } fragment b on Query { ...a }";
    assert_eq!(refusal(text), Some(ErrorCode::ValidationFailed));
}

#[test]
fn two_credential_mutations_are_refused_however_they_hide() {
    let login = |alias: &str| format!("{alias}: login(input: {{}}) {{ __typename }}");
    for text in [
        format!("mutation {{ {} {} }}", login("a"), login("b")),
        format!(
            "mutation {{ {} ...f }} fragment f on Mutation {{ {} }}",
            login("a"),
            login("b")
        ),
        format!(
            "mutation {{ {} ... on Mutation {{ {} }} }}",
            login("a"),
            login("b")
        ),
        "mutation { login { x } register { x } }".to_owned(),
    ] {
        assert_eq!(refusal(&text), Some(ErrorCode::QueryTooExpensive), "{text}");
    }
    assert_eq!(refusal("mutation { login { x } logout { x } }"), None);
}

#[test]
fn every_limit_bites_and_what_fits_passes() {
    assert_eq!(refusal("{a{a{a{a{a{a{a{a}}}}}}}}"), None);
    assert_eq!(
        refusal("{a{a{a{a{a{a{a{a{a}}}}}}}}}"),
        Some(ErrorCode::QueryTooExpensive)
    );
    assert_eq!(refusal("{x:a y:a z:a}"), None);
    assert_eq!(
        refusal("{x:a y:a z:a w:a}"),
        Some(ErrorCode::QueryTooExpensive)
    );
    assert_eq!(refusal("{a b c d e}"), Some(ErrorCode::QueryTooExpensive));
    assert_eq!(refusal("{a @x @x @x}"), None);
    assert_eq!(
        refusal("{a @x @x ...f} fragment f on Q { b @x @x }"),
        Some(ErrorCode::QueryTooExpensive)
    );
    let wide = format!("{{a{{{}}}}}", "b ".repeat(60));
    assert_eq!(refusal(&wide), Some(ErrorCode::QueryTooExpensive));
    let long = format!("{{a(x:[{}])}}", "1,".repeat(600));
    assert_eq!(refusal(&long), Some(ErrorCode::QueryTooExpensive));
}

#[test]
fn a_missing_required_variable_is_refused_before_anything_runs() {
    let text = "query A($a: Int!, $b: Int, $c: Int! = 1) { f(a: $a, b: $b, c: $c) }";
    let document = Document::prepare(text.to_owned(), &LIMITS).unwrap();
    let check = |variables: serde_json::Value| {
        document.check_variables(None, &Variables::from_json(variables), &LIMITS)
    };
    assert!(check(serde_json::json!({ "a": 1 })).is_ok());
    for missing in [
        serde_json::json!({}),
        serde_json::json!({ "a": null, "b": 1 }),
    ] {
        let refusal = check(missing).unwrap_err();
        assert_eq!(Error::from(refusal).code, ErrorCode::BadUserInput);
    }
}

#[test]
fn introspection_may_be_deep_but_not_go_in_circles() {
    let chain = "ofType{".repeat(9) + "name" + &"}".repeat(9);
    let tool = format!("{{__schema{{types{{fields{{args{{type{{{chain}}}}}}}}}}}}}");
    assert_eq!(refusal(&tool), None);
    let circle = "fields{type{".repeat(4) + "name" + &"}}".repeat(4);
    let text = format!("{{__type(name: \"User\"){{{circle}}}}}");
    assert_eq!(refusal(&text), Some(ErrorCode::QueryTooExpensive));
}

#[test]
fn a_list_costs_as_much_as_its_page_may_hold() {
    let nested = |size: &str| {
        format!("query A($n: Int, $m: Int = 50) {{ a(first: {size}) {{ nodes {{ b c }} }} }}")
    };
    assert_eq!(refusal(&nested("50")), None);
    assert_eq!(refusal(&nested("100")), Some(ErrorCode::QueryTooExpensive));
    assert_eq!(
        refusal("{ a { nodes { b c d e f g h i j k } } }"),
        Some(ErrorCode::QueryTooExpensive)
    );
    let by_variable = Document::prepare(nested("$n"), &LIMITS).unwrap();
    let cost = |n: serde_json::Value| {
        let variables = Variables::from_json(serde_json::json!({ "n": n }));
        by_variable
            .check_variables(None, &variables, &LIMITS)
            .map_err(|refusal| Error::from(refusal).code)
    };
    assert_eq!(cost(serde_json::json!(50)), Ok(()));
    assert_eq!(
        cost(serde_json::json!(100)),
        Err(ErrorCode::QueryTooExpensive)
    );
    assert_eq!(cost(serde_json::Value::Null), Ok(()));
    let by_default = Document::prepare(nested("$m"), &LIMITS).unwrap();
    assert!(
        by_default
            .check_variables(None, &Variables::default(), &LIMITS)
            .is_ok()
    );
}

#[test]
fn the_operation_is_the_named_or_the_only_one() {
    let both = Document::prepare("query A {a} mutation B {b}".to_owned(), &LIMITS).unwrap();
    assert!(both.operation(None).is_err());
    assert!(both.operation(Some("C")).is_err());
    assert_eq!(
        both.operation(Some("B")).unwrap().kind,
        OperationType::Mutation
    );
    let only = Document::prepare("{a}".to_owned(), &LIMITS).unwrap();
    assert_eq!(only.operation(None).unwrap().name, None);
}

#[test]
fn brackets_are_counted_before_the_parser_takes_stack_for_them() {
    let wide = Limits {
        tokens: 10_000_000,
        ..LIMITS
    };
    let refusal = |text: String| {
        let refusal = Document::prepare(text, &wide).unwrap_err();
        Error::from(refusal).code
    };
    for (open, close) in [
        ("{a", "}"),
        ("{a(x:[", "])}"),
        ("{... on Query", "}"),
        ("query A($x: [", "]) {a}"),
        ("{a(x:{y:", "}) }"),
    ] {
        for levels in [100, 100_000] {
            let text = format!("{}{}", open.repeat(levels), close.repeat(levels));
            let code = refusal(text);
            assert_eq!(code, ErrorCode::QueryTooExpensive, "{open}");
            let unclosed = refusal(open.repeat(levels));
            assert_eq!(unclosed, ErrorCode::QueryTooExpensive, "{open}");
        }
        for inside in ["[", "{y:"] {
            let text = format!("{{a(x:{}", inside.repeat(100_000));
            assert_eq!(refusal(text), ErrorCode::QueryTooExpensive, "{inside}");
        }
    }
}

#[test]
fn a_long_chain_of_fragments_takes_no_stack() {
    let wide = Limits {
        tokens: 10_000_000,
        expanded_nodes: 10_000_000,
        ..LIMITS
    };
    for levels in [40, 20_000] {
        let chain = (0..levels).map(|at| format!("fragment f{at} on Query{{...f{}}}", at + 1));
        let text = chain.fold("{...f0}".to_owned(), |text, next| text + &next);
        let text = format!("{text} fragment f{levels} on Query{{a}}");
        let refusal = Document::prepare(text, &wide).unwrap_err();
        assert_eq!(Error::from(refusal).code, ErrorCode::QueryTooExpensive);
    }
}

#[test]
fn what_many_operations_of_one_document_amount_to_is_added_up() {
    let fragment = format!("fragment f on Query {{ {} }}", "a ".repeat(20));
    let operations = |count: usize| {
        let named = (0..count).map(|at| format!("query Q{at} {{ b {{ ...f }} }}"));
        named.collect::<String>() + &fragment
    };
    assert_eq!(refusal(&operations(2)), None);
    assert_eq!(refusal(&operations(3)), Some(ErrorCode::QueryTooExpensive));
}

#[test]
fn directives_count_wherever_they_stand() {
    for text in [
        "query @a @a @a @a { b }",
        "query A($x: Int @a @a @a @a) { b(x: $x) }",
        "{ b } fragment f on Query @a @a @a @a { b }",
        "{ ...f } fragment f on Query { b @a @a ... @a { c @a } }",
        "{ ...f ...f } fragment f on Query { b @a @a }",
    ] {
        assert_eq!(refusal(text), Some(ErrorCode::QueryTooExpensive), "{text}");
    }
}

#[test]
fn variables_are_bounded_in_number_depth_and_values() {
    let document = Document::prepare("{ a }".to_owned(), &LIMITS).unwrap();
    let check = |variables: serde_json::Value| {
        let outcome = document.check_variables(None, &Variables::from_json(variables), &LIMITS);
        match outcome {
            Ok(()) => None,
            Err(Refusal::Limit { limit, .. }) => Some(limit),
            Err(Refusal::Error(error)) => panic!("{error:?}"),
        }
    };
    assert_eq!(check(json!({ "a": 1, "b": 1, "c": 1, "d": 1 })), None);
    let five = json!({ "a": 1, "b": 1, "c": 1, "d": 1, "e": 1 });
    assert_eq!(check(five), Some(Limit::Variables));
    assert_eq!(check(json!({ "a": [[{ "b": 1 }]] })), None);
    assert_eq!(
        check(json!({ "a": [[{ "b": [] }]] })),
        Some(Limit::VariableDepth)
    );
    assert_eq!(check(json!({ "a": vec![0; 19] })), None);
    assert_eq!(
        check(json!({ "a": vec![0; 20] })),
        Some(Limit::VariableValues)
    );
}

#[test]
fn a_page_is_as_large_as_its_resolver_reads_its_arguments() {
    let cost = |arguments: &str, variables: serde_json::Value| {
        let text = format!(
            "query A($n: Int, $d: Int = 7) {{ a{arguments} {{ nodes {{ b }} }} x(n: $n, d: $d) }}"
        );
        let document = Document::prepare(text, &LIMITS).unwrap();
        let variables = Variables::from_json(variables);
        // Without the list, its page, and the sibling field.
        document.cost(None, &variables).unwrap() - 3
    };
    let none = || serde_json::json!({});
    assert_eq!(cost("", none()), 20);
    assert_eq!(cost("(first: 5)", none()), 5);
    assert_eq!(cost("(last: 5)", none()), 5);
    assert_eq!(cost("(first: null, last: 90)", none()), 90);
    assert_eq!(cost("(first: null)", none()), 20);
    assert_eq!(cost("(first: $n, last: 90)", none()), 90);
    let null = serde_json::json!({ "n": null, "d": null });
    assert_eq!(cost("(first: $n, last: 90)", null.clone()), 90);
    assert_eq!(cost("(first: $d)", none()), 7);
    assert_eq!(cost("(first: $d)", null), 20);
    assert_eq!(cost("(first: $n)", serde_json::json!({ "n": 9 })), 9);
}

#[test]
fn lists_without_a_page_count_as_well() {
    let cost = |text: &str| {
        let document = Document::prepare(text.to_owned(), &LIMITS).unwrap();
        document.cost(None, &Variables::default()).unwrap()
    };
    assert_eq!(cost("{ me { identities { id email } } }"), 2 + 20 * 2);
    assert_eq!(cost("{ me { staffFunctions } }"), 2 + 8);
    // Fields outside the entries count once.
    let page = "{ users(first: 9) { nodes { id } pageInfo { endCursor } totalCount } }";
    assert_eq!(cost(page), 1 + 1 + 9 + 2 + 1);
}

#[test]
fn a_syntax_error_says_where_and_does_not_repeat_the_document() {
    let message = |text: &str| {
        let refusal = Document::prepare(text.to_owned(), &LIMITS).unwrap_err();
        Error::from(refusal).message
    };
    let text = format!("{{ a(b: \"{}\" ", "secret".repeat(100));
    let said = message(&text);
    assert!(
        said.starts_with("Syntax error at line 1, column "),
        "{said}"
    );
    assert!(said.len() < 200 && !said.contains("secret"), "{said}");
    assert_eq!(
        message("fragment f on Q { a }"),
        "Syntax error: document does not contain an operation"
    );
}

#[test]
fn entities_are_counted_however_they_are_written() {
    let entities = |representations: &str| {
        format!(
            "query($r: [_Any!]! = [1, 2, 3]) {{ \
             _entities(representations: {representations}) {{ a }} }}"
        )
    };
    assert_eq!(refusal(&entities("[{}, {}, {}, {}, {}]")), None);
    assert_eq!(
        refusal(&entities("[{}, {}, {}, {}, {}, {}]")),
        Some(ErrorCode::QueryTooExpensive)
    );
    let parts = "a: _entities(representations: [{}, {}, {}]) { a }";
    let spread = format!(
        "{{ {parts} ...f }} fragment f on Query {{ b: {} }}",
        &parts[3..]
    );
    assert_eq!(refusal(&spread), Some(ErrorCode::QueryTooExpensive));
    let by_variable = Document::prepare(entities("$r"), &LIMITS).unwrap();
    let code = |variables: serde_json::Value| {
        let variables = Variables::from_json(variables);
        let checked = by_variable.check_variables(None, &variables, &LIMITS);
        checked.err().map(|refusal| Error::from(refusal).code)
    };
    let many = |count: usize| json!({ "r": vec![1; count] });
    assert_eq!((code(json!({})), code(many(5))), (None, None));
    assert_eq!(code(many(6)), Some(ErrorCode::QueryTooExpensive));
    // Cost counts only the requested fields.
    let wide = format!(
        "{{ _entities(representations: [1, 2, 3, 4]) {{ {} }} }}",
        "a ".repeat(49)
    );
    assert_eq!(refusal(&wide), None);
    let limits = Limits {
        cost: 190,
        ..LIMITS
    };
    assert!(Document::prepare(wide, &limits).is_err());
}

#[test]
fn a_subscription_is_about_one_field_that_stands_at_its_root() {
    let topic = |text: &str| {
        let document = Document::prepare(text.to_owned(), &LIMITS);
        document
            .and_then(|document| Ok(document.topic(None)?))
            .map_err(|refusal| Error::from(refusal).code)
    };
    assert_eq!(
        topic("subscription { x: auditEvents { id } }"),
        Ok(Topic::Audit)
    );
    assert_eq!(topic("subscription A { unknown }"), Ok(Topic::Nothing));
    for text in [
        "subscription { sessionEvents { at } auditEvents { id } }",
        "subscription { a: sessionEvents { at } b: sessionEvents { at } }",
        "subscription { ...f } fragment f on Subscription { sessionEvents { at } }",
        "subscription { ... on Subscription { sessionEvents { at } } }",
        "subscription { __typename }",
        "subscription { sessionEvents @skip(if: true) { at } }",
        "subscription ($a: Boolean!) { sessionEvents @include(if: $a) { at } }",
    ] {
        assert_eq!(topic(text), Err(ErrorCode::ValidationFailed), "{text}");
    }
}
