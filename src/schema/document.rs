//! A document before it runs: parsed once, measured once, remembered.
//!
//! Limits are checked here, before the library's own validation walks the document: a few hundred
//! bytes of nested fragments can expand to millions of fields, and every walk over them costs.

use std::collections::{HashMap, HashSet};

use async_graphql::{Name, Value as ConstValue, Variables};
use async_graphql::parser::types::{
    ExecutableDocument, Field, FragmentDefinition, OperationDefinition, OperationType, Selection,
    SelectionSet,
};
use async_graphql::{Positioned, parser::parse_query};
use async_graphql_value::Value;

use super::connection::DEFAULT_SIZE;
use super::error::{Error, ErrorCode};

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
}

/// Mutations that take a secret: guessing many in one document is refused whole.
const CREDENTIAL_MUTATIONS: [&str; 6] =
    ["login", "register", "refreshSession", "verifyEmail", "stepUp", "requestEmailVerification"];

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
        if count_tokens(&text) > limits.tokens {
            return Err(too_expensive("has too many tokens"));
        }
        let parsed = parse_query(&text).map_err(|error| {
            Error::of(ErrorCode::ParseFailed, format!("Syntax error: {error}"))
        })?;
        for (_, operation) in parsed.operations.iter() {
            let pages = Pages { operation: &operation.node, variables: None };
            Measure::new(&parsed.fragments, pages).operation()?.check(limits)?;
        }
        Ok(Self { text, parsed })
    }

    /// The operation that a request names, or the only one.
    pub fn operation(&self, name: Option<&str>) -> Result<Operation, Error> {
        let (found, definition) = self.definition(name)?;
        Ok(Operation { kind: definition.ty, name: found.map(ToString::to_string) })
    }

    /// Measures once more, now that the sizes of pages are known from the variables.
    pub(super) fn check_cost(
        &self,
        name: Option<&str>,
        variables: &Variables,
        limits: &Limits,
    ) -> Result<(), Error> {
        let (_, operation) = self.definition(name)?;
        if operation.variable_definitions.is_empty() {
            return Ok(());
        }
        let pages = Pages { operation, variables: Some(variables) };
        Measure::new(&self.parsed.fragments, pages).operation()?.check(limits)
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

/// What a selection set amounts to once its fragments are written out.
#[derive(Clone, Copy, Debug, Default)]
struct Size {
    nodes: usize,
    depth: usize,
    aliases: usize,
    directives: usize,
    root_fields: usize,
    credentials: usize,
    cost: usize,
    pages: bool,
}

impl Size {
    /// Adds a sibling; saturates, since fragments can double at every level.
    fn beside(self, other: Self) -> Self {
        Self {
            nodes: self.nodes.saturating_add(other.nodes),
            depth: self.depth.max(other.depth),
            aliases: self.aliases.saturating_add(other.aliases),
            directives: self.directives.saturating_add(other.directives),
            root_fields: self.root_fields.saturating_add(other.root_fields),
            credentials: self.credentials.saturating_add(other.credentials),
            cost: self.cost.saturating_add(other.cost),
            pages: self.pages || other.pages,
        }
    }

    fn check(self, limits: &Limits) -> Result<(), Error> {
        let bounds = [
            (self.nodes, limits.expanded_nodes, "has too many fields"),
            (self.depth, limits.depth, "is nested too deeply"),
            (self.aliases, limits.aliases, "has too many aliases"),
            (self.directives, limits.directives, "has too many directives"),
            (self.cost, limits.cost, "asks for too much at once; use smaller pages"),
            (self.root_fields, limits.root_fields, "has too many root fields"),
            // One password per request, whatever aliases and fragments say.
            (self.credentials, 1, "has more than one mutation that takes a credential"),
        ];
        match bounds.iter().find(|(size, limit, _)| size > limit) {
            Some((_, _, how)) => Err(too_expensive(how)),
            None => Ok(()),
        }
    }
}

/// Where the sizes of pages come from.
#[derive(Clone, Copy)]
struct Pages<'a> {
    operation: &'a OperationDefinition,
    /// Unknown while a document is prepared: then a page counts as one entry.
    variables: Option<&'a Variables>,
}

impl Pages<'_> {
    /// How many entries a field has at most: by `first` or `last`, or because it looks like a page.
    fn size(self, field: &Field, inner: Size) -> usize {
        let argument = field.get_argument("first").or_else(|| field.get_argument("last"));
        match argument.map(|value| &value.node) {
            Some(Value::Number(number)) => entries(number.as_u64()),
            Some(Value::Variable(name)) => match self.variables {
                None => 1,
                Some(variables) => match variables.get(name).or_else(|| self.default(name)) {
                    Some(ConstValue::Number(number)) => entries(number.as_u64()),
                    _ => DEFAULT_SIZE,
                },
            },
            _ if inner.pages => DEFAULT_SIZE,
            _ => 1,
        }
    }

    fn default(&self, name: &Name) -> Option<&ConstValue> {
        let definitions = self.operation.variable_definitions.iter();
        let mut found = definitions.filter(|definition| definition.node.name.node == *name);
        found.next()?.node.default_value.as_ref().map(|value| &value.node)
    }
}

/// A size that is no size is refused by the field itself.
fn entries(number: Option<u64>) -> usize {
    number.and_then(|number| usize::try_from(number).ok()).unwrap_or(1)
}

/// Measures selection sets, each fragment once.
struct Measure<'a> {
    pages: Pages<'a>,
    fragments: &'a HashMap<Name, Positioned<FragmentDefinition>>,
    known: HashMap<&'a str, Size>,
    open: HashSet<&'a str>,
}

impl<'a> Measure<'a> {
    fn new(
        fragments: &'a HashMap<Name, Positioned<FragmentDefinition>>,
        pages: Pages<'a>,
    ) -> Self {
        Self { pages, fragments, known: HashMap::new(), open: HashSet::new() }
    }

    fn operation(&mut self) -> Result<Size, Error> {
        let operation = self.pages.operation;
        let size = self.selections(&operation.selection_set.node)?;
        let mutates = operation.ty == OperationType::Mutation;
        Ok(Size {
            directives: size.directives.saturating_add(operation.directives.len()),
            credentials: if mutates { size.credentials } else { 0 },
            ..size
        })
    }

    /// `root_fields` and `credentials` count the level of the set itself, the others all levels.
    fn selections(&mut self, set: &'a SelectionSet) -> Result<Size, Error> {
        let mut total = Size::default();
        for selection in &set.items {
            let size = match &selection.node {
                Selection::Field(field) => {
                    let field = &field.node;
                    let inner = self.selections(&field.selection_set.node)?;
                    let name = field.name.node.as_str();
                    Size {
                        nodes: inner.nodes.saturating_add(1),
                        depth: inner.depth + 1,
                        aliases: inner.aliases + usize::from(field.alias.is_some()),
                        directives: inner.directives + field.directives.len(),
                        root_fields: 1,
                        credentials: usize::from(CREDENTIAL_MUTATIONS.contains(&name)),
                        cost: self.pages.size(field, inner).saturating_mul(inner.cost) + 1,
                        pages: matches!(name, "nodes" | "edges"),
                    }
                }
                Selection::InlineFragment(fragment) => {
                    let inner = self.selections(&fragment.node.selection_set.node)?;
                    let own = fragment.node.directives.len();
                    Size { directives: inner.directives.saturating_add(own), ..inner }
                }
                Selection::FragmentSpread(spread) => {
                    let inner = self.fragment(spread.node.fragment_name.node.as_str())?;
                    let own = spread.node.directives.len();
                    Size { directives: inner.directives.saturating_add(own), ..inner }
                }
            };
            total = total.beside(size);
        }
        Ok(total)
    }

    fn fragment(&mut self, name: &str) -> Result<Size, Error> {
        // Validation names an unknown fragment better than we could.
        let Some((name, fragment)) = self.fragments.get_key_value(name) else {
            return Ok(Size::default());
        };
        let name = name.as_str();
        if let Some(size) = self.known.get(name) {
            return Ok(*size);
        }
        if !self.open.insert(name) {
            let message = format!("The fragment {name} contains itself.");
            return Err(Error::of(ErrorCode::ValidationFailed, message));
        }
        let size = self.selections(&fragment.node.selection_set.node)?;
        self.open.remove(name);
        self.known.insert(name, size);
        Ok(size)
    }
}

/// An upper bound of the lexical tokens, without parsing: words and single punctuators count,
/// strings and comments count as one.
fn count_tokens(text: &str) -> usize {
    let mut tokens = 0;
    let mut in_word = false;
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        let word = letter.is_alphanumeric() || letter == '_';
        match letter {
            '#' => {
                let _ = letters.by_ref().find(|letter| *letter == '\n');
            }
            '"' => {
                tokens += 1;
                let mut escaped = false;
                let _ = letters.by_ref().find(|letter| {
                    let ends = *letter == '"' && !escaped;
                    escaped = *letter == '\\' && !escaped;
                    ends
                });
            }
            _ if word && !in_word => tokens += 1,
            _ if !word && !letter.is_whitespace() && letter != ',' => tokens += 1,
            _ => {}
        }
        in_word = word;
    }
    tokens
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
    };

    fn refusal(text: &str) -> Option<ErrorCode> {
        Document::prepare(text.to_owned(), &LIMITS).err().map(|error| error.code)
    }

    #[test]
    fn an_ordinary_document_passes() {
        assert_eq!(refusal("{ me { id email } }"), None);
        assert_eq!(refusal("mutation { login(input: { x: \"{{{{{{{{\" }) { __typename } }"), None);
    }

    #[test]
    fn fragments_that_double_at_every_level_are_refused_at_once() {
        let mut text = "{ ...f0 }".to_owned();
        for level in 0..60 {
            text.push_str(&format!("fragment f{level} on Query{{...f{0} ...f{0}}}", level + 1));
        }
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
            format!("mutation {{ {} ...f }} fragment f on Mutation {{ {} }}", login("a"), login("b")),
            format!("mutation {{ {} ... on Mutation {{ {} }} }}", login("a"), login("b")),
            "mutation { login { x } register { x } }".to_owned(),
        ] {
            assert_eq!(refusal(&text), Some(ErrorCode::QueryTooExpensive), "{text}");
        }
        assert_eq!(refusal("mutation { login { x } logout { x } }"), None);
    }

    #[test]
    fn every_limit_bites_and_what_fits_passes() {
        assert_eq!(refusal("{a{a{a{a{a{a{a{a}}}}}}}}"), None);
        assert_eq!(refusal("{a{a{a{a{a{a{a{a{a}}}}}}}}}"), Some(ErrorCode::QueryTooExpensive));
        assert_eq!(refusal("{x:a y:a z:a}"), None);
        assert_eq!(refusal("{x:a y:a z:a w:a}"), Some(ErrorCode::QueryTooExpensive));
        assert_eq!(refusal("{a b c d e}"), Some(ErrorCode::QueryTooExpensive));
        assert_eq!(refusal("{a @x @x @x}"), None);
        assert_eq!(refusal("{a @x @x ...f} fragment f on Q { b @x @x }"), Some(ErrorCode::QueryTooExpensive));
        let wide = format!("{{a{{{}}}}}", "b ".repeat(60));
        assert_eq!(refusal(&wide), Some(ErrorCode::QueryTooExpensive));
        let long = format!("{{a(x:[{}])}}", "1,".repeat(600));
        assert_eq!(refusal(&long), Some(ErrorCode::QueryTooExpensive));
    }

    #[test]
    fn a_list_costs_as_much_as_its_page_may_hold() {
        let nested = |size: &str| {
            format!("query A($n: Int, $m: Int = 50) {{ a(first: {size}) {{ nodes {{ b c }} }} }}")
        };
        assert_eq!(refusal(&nested("50")), None);
        assert_eq!(refusal(&nested("90")), Some(ErrorCode::QueryTooExpensive));
        assert_eq!(refusal("{ a { nodes { b c d e f g h i j } } }"), Some(ErrorCode::QueryTooExpensive));
        let by_variable = Document::prepare(nested("$n"), &LIMITS).unwrap();
        let cost = |n: serde_json::Value| {
            let variables = Variables::from_json(serde_json::json!({ "n": n }));
            by_variable.check_cost(None, &variables, &LIMITS).map_err(|error| error.code)
        };
        assert_eq!(cost(serde_json::json!(50)), Ok(()));
        assert_eq!(cost(serde_json::json!(90)), Err(ErrorCode::QueryTooExpensive));
        assert_eq!(cost(serde_json::Value::Null), Ok(()));
        let by_default = Document::prepare(nested("$m"), &LIMITS).unwrap();
        assert!(by_default.check_cost(None, &Variables::default(), &LIMITS).is_ok());
    }

    #[test]
    fn tokens_are_counted_as_a_reader_would() {
        assert_eq!(count_tokens("{ me { id } } # a comment { { {"), 6);
        assert_eq!(count_tokens(r#"{ a(b: "x \" } y") }"#), 8);
        assert_eq!(count_tokens("query Me($id: ID!) { a }"), 11);
    }

    #[test]
    fn the_operation_is_the_named_or_the_only_one() {
        let both = Document::prepare("query A {a} mutation B {b}".to_owned(), &LIMITS).unwrap();
        assert!(both.operation(None).is_err());
        assert!(both.operation(Some("C")).is_err());
        assert_eq!(both.operation(Some("B")).unwrap().kind, OperationType::Mutation);
        let only = Document::prepare("{a}".to_owned(), &LIMITS).unwrap();
        assert_eq!(only.operation(None).unwrap().name, None);
    }
}
