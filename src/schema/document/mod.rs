//! A document before it runs: parsed once, measured once, remembered.
//!
//! Limits are checked here, before the library's own validation walks the document: a few hundred
//! bytes of nested fragments can expand to millions of fields, and every walk over them costs.

mod measure;
mod tokens;

use async_graphql::parser::parse_query;
use async_graphql::parser::types::{ExecutableDocument, OperationDefinition, OperationType};
use async_graphql::{Name, Value, Variables};

use super::error::{Error, ErrorCode};
use measure::{Measure, Pages};

/// What one document may ask for.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Nesting of selections, fragments followed.
    pub depth: usize,
    /// Fields with an alias, fragments followed.
    pub aliases: usize,
    /// Fields of the root, fragments followed.
    pub root_fields: usize,
    /// Directives, fragments followed.
    pub directives: usize,
    /// Lexical tokens of the text.
    pub tokens: usize,
    /// Selections once every fragment is written out.
    pub expanded_nodes: usize,
    /// Fields that may be resolved: those of a list count once for each entry of its page.
    pub cost: usize,
    /// Entities that a router may refer to.
    pub representations: usize,
}

/// A document that keeps within the limits.
#[derive(Debug)]
pub struct Document {
    /// The text it was parsed from.
    pub text: String,
    /// The parsed form.
    pub parsed: ExecutableDocument,
}

/// The operation of a document that a request wants to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// Whether it reads, changes or subscribes.
    pub kind: OperationType,
    /// Its name.
    pub name: Option<String>,
}

impl Document {
    /// Parses and measures a document.
    pub fn prepare(text: String, limits: &Limits) -> Result<Self, Error> {
        if tokens::count(&text) > limits.tokens {
            return Err(too_expensive("has too many tokens"));
        }
        let parsed = parse_query(&text)
            .map_err(|error| Error::of(ErrorCode::ParseFailed, format!("Syntax error: {error}")))?;
        for (_, operation) in parsed.operations.iter() {
            let pages = Pages {
                operation: &operation.node,
                variables: None,
            };
            Measure::new(&parsed.fragments, pages)
                .operation()?
                .check(limits)?;
        }
        Ok(Self { text, parsed })
    }

    /// The operation that a request names, or the only one.
    pub fn operation(&self, name: Option<&str>) -> Result<Operation, Error> {
        let (found, definition) = self.definition(name)?;
        Ok(Operation {
            kind: definition.ty,
            name: found.map(ToString::to_string),
        })
    }

    /// Checks the variables that came with the document: that the required ones are there, and
    /// what pages cost now that their sizes are known.
    pub(super) fn check_variables(
        &self,
        name: Option<&str>,
        variables: &Variables,
        limits: &Limits,
    ) -> Result<(), Error> {
        let (_, operation) = self.definition(name)?;
        if operation.variable_definitions.is_empty() {
            return Ok(());
        }
        for definition in &operation.variable_definitions {
            let definition = &definition.node;
            let name = &definition.name.node;
            let given = variables
                .get(name)
                .is_some_and(|value| *value != Value::Null);
            // GraphQL specification §6.1.2: nothing runs while a required variable is missing. The
            // engine would find out in the middle of the operation.
            if !(given || definition.var_type.node.nullable || definition.default_value.is_some()) {
                let message = format!("The variable ${name} is required.");
                return Err(Error::of(ErrorCode::BadUserInput, message));
            }
        }
        let pages = Pages {
            operation,
            variables: Some(variables),
        };
        Measure::new(&self.parsed.fragments, pages)
            .operation()?
            .check(limits)
    }

    fn definition(
        &self,
        name: Option<&str>,
    ) -> Result<(Option<&Name>, &OperationDefinition), Error> {
        let unknown = |message: &str| Error::of(ErrorCode::BadUserInput, message);
        let mut operations = self.parsed.operations.iter();
        let (found, definition) = match name {
            Some(name) => operations
                .find(|(found, _)| found.is_some_and(|found| found.as_str() == name))
                .ok_or_else(|| unknown("The document has no operation of this name."))?,
            None => match (operations.next(), operations.next()) {
                (Some(only), None) => only,
                _ => {
                    return Err(unknown(
                        "The document has several operations; name one by `operationName`.",
                    ));
                }
            },
        };
        Ok((found, &definition.node))
    }
}

fn too_expensive(how: &str) -> Error {
    Error::of(ErrorCode::QueryTooExpensive, format!("The document {how}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        depth: 8,
        aliases: 3,
        root_fields: 4,
        directives: 3,
        tokens: 500,
        expanded_nodes: 50,
        cost: 200,
        representations: 5,
    };

    fn refusal(text: &str) -> Option<ErrorCode> {
        Document::prepare(text.to_owned(), &LIMITS)
            .err()
            .map(|error| error.code)
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
            assert_eq!(check(missing).unwrap_err().code, ErrorCode::BadUserInput);
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
        assert_eq!(refusal(&nested("90")), Some(ErrorCode::QueryTooExpensive));
        assert_eq!(
            refusal("{ a { nodes { b c d e f g h i j } } }"),
            Some(ErrorCode::QueryTooExpensive)
        );
        let by_variable = Document::prepare(nested("$n"), &LIMITS).unwrap();
        let cost = |n: serde_json::Value| {
            let variables = Variables::from_json(serde_json::json!({ "n": n }));
            by_variable
                .check_variables(None, &variables, &LIMITS)
                .map_err(|error| error.code)
        };
        assert_eq!(cost(serde_json::json!(50)), Ok(()));
        assert_eq!(
            cost(serde_json::json!(90)),
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
    fn entities_are_counted_however_they_are_written() {
        let entities = |representations: &str| {
            format!(
                "query($r: [_Any!]! = [1, 2, 3]) {{ _entities(representations: {representations}) {{ a }} }}"
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
            checked.err().map(|error| error.code)
        };
        let many = |count: usize| serde_json::json!({ "r": vec![1; count] });
        assert_eq!((code(serde_json::json!({})), code(many(5))), (None, None));
        assert_eq!(code(many(6)), Some(ErrorCode::QueryTooExpensive));
        // Each costs what is asked of it.
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
}
