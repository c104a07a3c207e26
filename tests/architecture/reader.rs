//! Reads the paths that a Rust source names, as far as the rules need it.
//!
//! Comments and literals are skipped, groups are spread, and `self` and `super` are followed, so
//! that a rule cannot be passed by writing the same path another way. Macros are not expanded, but
//! the paths in their arguments are read.

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};

/// A path that a source names.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Used {
    /// Where it begins.
    pub(crate) line: usize,
    /// Whether it starts at the root of this crate; its own name is then left out.
    pub(crate) is_ours: bool,
    /// Its segments; a glob is `*`.
    pub(crate) path: Vec<String>,
}

/// The module that a file of the crate is.
pub(crate) fn module_of(path: &str) -> Vec<String> {
    let inside = path
        .strip_prefix("src/")
        .unwrap_or(path)
        .trim_end_matches(".rs");
    let mut module: Vec<String> = inside.split('/').map(str::to_owned).collect();
    if module
        .last()
        .is_some_and(|last| matches!(last.as_str(), "mod" | "lib" | "main"))
    {
        module.pop();
    }
    module
}

/// Every path that the text names.
pub(crate) fn uses(file: &str, text: &str) -> Vec<Used> {
    let tokens = tokens(text);
    let at = |index: usize| tokens.get(index).map_or("", |token| token.text.as_str());
    let mut scope = Scope {
        module: module_of(file),
        inner: Vec::new(),
        depth: 0,
    };
    let mut found = Vec::new();
    let mut index = 0;
    while let Some(token) = tokens.get(index) {
        let before = if index == 0 { "" } else { at(index - 1) };
        // `use root;` and `extern crate root;` name something as well.
        let begins = at(index + 1) == "::" || matches!(before, "use" | "crate");
        let continues = before == "." || (before == "::" && index > 1 && is_end(at(index - 2)));
        if is_name(&token.text) && begins && !continues {
            let mut branches = Vec::new();
            let end = spread(&tokens, index, &[], &mut branches);
            found.extend(
                branches
                    .into_iter()
                    .map(|path| scope.resolved(token.line, path)),
            );
            index = end;
        } else {
            let named = (index > 1 && at(index - 2) == "mod").then_some(before);
            scope.step(&token.text, named);
            index += 1;
        }
    }
    found
}

/// The module a token stands in, inline modules included.
struct Scope {
    module: Vec<String>,
    /// Inline modules with the number of braces around their own.
    inner: Vec<(String, usize)>,
    depth: usize,
}

impl Scope {
    fn step(&mut self, token: &str, named: Option<&str>) {
        if token == "{" {
            self.inner
                .extend(named.map(|name| (name.to_owned(), self.depth)));
            self.depth += 1;
        } else if token == "}" {
            self.depth = self.depth.saturating_sub(1);
            self.inner.retain(|(_, depth)| *depth < self.depth);
        }
    }

    fn resolved(&self, line: usize, path: Vec<String>) -> Used {
        let here = || {
            self.module
                .iter()
                .chain(self.inner.iter().map(|(name, _)| name))
                .cloned()
        };
        let mut rest = path.iter().map(String::as_str).peekable();
        let mut resolved: Vec<String> = match rest.peek() {
            Some(&("crate" | "idgate")) => {
                rest.next();
                Vec::new()
            }
            Some(&"self") => {
                rest.next();
                here().collect()
            }
            Some(&"super") => here().collect(),
            _ => {
                return Used {
                    line,
                    is_ours: false,
                    path,
                };
            }
        };
        while rest.next_if_eq(&"super").is_some() {
            resolved.pop();
        }
        resolved.extend(rest.map(str::to_owned));
        Used {
            line,
            is_ours: true,
            path: resolved,
        }
    }
}

/// Expands the groups of the path at `index`, and returns where it ends.
fn spread(
    tokens: &[Token],
    mut index: usize,
    prefix: &[String],
    branches: &mut Vec<Vec<String>>,
) -> usize {
    let at = |index: usize| tokens.get(index).map_or("", |token| token.text.as_str());
    let mut path = prefix.to_vec();
    loop {
        if at(index) == "{" {
            index += 1;
            while !matches!(at(index), "}" | "") {
                index = match at(index) {
                    "," => index + 1,
                    name if is_name(name) || matches!(name, "*" | "{") => {
                        renamed(tokens, spread(tokens, index, &path, branches))
                    }
                    _ => index + 1,
                };
            }
            return index + 1;
        }
        // `self` in a group is the group's own path.
        if at(index) != "self" || path.is_empty() {
            path.push(at(index).to_owned());
        }
        let goes_on =
            at(index + 1) == "::" && (is_name(at(index + 2)) || matches!(at(index + 2), "*" | "{"));
        if !goes_on {
            branches.push(path);
            return index + 1;
        }
        index += 2;
    }
}

/// Skips the new name after `as`.
fn renamed(tokens: &[Token], index: usize) -> usize {
    if tokens.get(index).is_some_and(|token| token.text == "as") {
        index + 2
    } else {
        index
    }
}

/// Whether `::` behind this belongs to it.
fn is_end(token: &str) -> bool {
    let is_keyword = matches!(
        token,
        "use" | "in" | "as" | "return" | "dyn" | "impl" | "mut"
    );
    token == ">" || (is_name(token) && !is_keyword)
}

fn is_name(token: &str) -> bool {
    token.starts_with(|first: char| first.is_alphabetic() || first == '_')
}

struct Token {
    text: String,
    line: usize,
}

/// The words and signs of a source, without comments and literals.
fn tokens(text: &str) -> Vec<Token> {
    let stream = text.parse().expect("a source consists of Rust's tokens");
    let mut tokens = Vec::new();
    flatten(stream, &mut tokens);
    tokens
}

fn flatten(stream: TokenStream, tokens: &mut Vec<Token>) {
    let mut joint = false;
    for tree in stream {
        let line = tree.span().start().line;
        let mut push = |text: String| tokens.push(Token { text, line });
        let was_joint = std::mem::take(&mut joint);
        match tree {
            TokenTree::Ident(name) => push(name.to_string()),
            TokenTree::Punct(sign) => {
                joint = sign.spacing() == Spacing::Joint;
                let last = tokens.last_mut().filter(|_| was_joint);
                match last.filter(|last| {
                    ["::", "->", "=>"]
                        .contains(&format!("{}{}", last.text, sign.as_char()).as_str())
                }) {
                    Some(last) => last.text.push(sign.as_char()),
                    None => tokens.push(Token {
                        text: sign.to_string(),
                        line,
                    }),
                }
            }
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::None => ("", ""),
                };
                push(open.to_owned());
                flatten(group.stream(), tokens);
                let line = group.span_close().start().line;
                tokens.push(Token {
                    text: close.to_owned(),
                    line,
                });
            }
            TokenTree::Literal(_) => {}
        }
    }
}
