//! Where in a document the next token stands, and whether a description may stand there.
//!
//! A description is dropped only where the parser, reading on, has to begin a definition: a token
//! out of place must not vanish, or a text that is no GraphQL would become one.

use super::lexer::Kind;

/// Where the next token stands.
#[derive(Debug, Default)]
pub(super) struct Place {
    step: Step,
    /// How many brackets are open.
    open: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Step {
    /// Before a definition, also the first.
    #[default]
    Between,
    /// After a string there.
    Described,
    /// After the keyword of an operation.
    Operation,
    /// After its name.
    Named,
    /// Between the brackets of its variables, where a definition may begin.
    Variables,
    /// The same after a sign that wants a value.
    Default,
    /// Anywhere else in a definition.
    Within,
}

impl Place {
    /// Whether a string here may be a description.
    pub(super) const fn may_be_described(&self) -> bool {
        match self.step {
            Step::Between => true,
            Step::Variables => self.open == 1,
            _ => false,
        }
    }

    /// Whether this token is what a description may stand before; asked after the description.
    pub(super) fn describes(&self, word: &str) -> bool {
        match self.step {
            Step::Described => is_operation(word) || word == "fragment",
            Step::Variables => word == "$",
            _ => false,
        }
    }

    /// Goes past a token.
    pub(super) fn pass(&mut self, kind: Kind, word: &str) {
        let is_outside = self.open == 0;
        match word {
            "{" | "[" | "(" => self.open += 1,
            "}" | "]" | ")" => self.open = self.open.saturating_sub(1),
            _ => {}
        }
        self.step = match (self.step, kind, word) {
            (Step::Between, Kind::String { .. }, _) => Step::Described,
            (Step::Between | Step::Described, Kind::Word, _) if is_operation(word) => {
                Step::Operation
            }
            (Step::Operation, Kind::Word, _) => Step::Named,
            (Step::Variables | Step::Default, ..) if self.open == 0 => Step::Within,
            (Step::Variables | Step::Default, Kind::Sign, "=" | ":" | "$" | "@") => Step::Default,
            (Step::Operation | Step::Named, Kind::Sign, "(")
            | (Step::Variables | Step::Default, ..) => Step::Variables,
            (Step::Within, Kind::Sign, "}") if self.open == 0 && !is_outside => Step::Between,
            _ => Step::Within,
        };
    }
}

fn is_operation(word: &str) -> bool {
    matches!(word, "query" | "mutation" | "subscription")
}
