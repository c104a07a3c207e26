//! The rules of numbering plans, compiled once.
//!
//! The library compiles a rule when a number needs it, with `\d` for the digits of every script,
//! keeps a hundred, and holds one lock meanwhile: whoever sent numbers of one country after the
//! other had each of them take up to 6 ms, and everybody else wait. What is read here are ASCII
//! digits alone; rules for those take a fifth of the time and a tenth of the memory, so that all
//! can be kept.

use std::collections::HashSet;
use std::sync::{LazyLock, Mutex, PoisonError};

use phonenumber::metadata::{DATABASE, Descriptor, Metadata};

/// More rules than there are, so that none is thrown away and compiled again.
const MOST_RULES: usize = 4_096;
/// Digits of a calling code (ITU-T E.164 §6.2.1).
const LONGEST_CODE: usize = 3;

static RULES: LazyLock<Rules> = LazyLock::new(Rules::new);

struct Rules {
    /// Calling codes whose rules are compiled.
    known: Mutex<HashSet<u16>>,
}

/// Reads the library's tables and compiles the rules of calling codes that countries share: 100 ms
/// that a start spends before anybody waits for it. Those of another country take at most 3 ms,
/// once.
pub fn load() {
    let codes: HashSet<u16> = DATABASE.iter().map(Metadata::country_code).collect();
    for code in codes {
        if DATABASE.by_code(&code).is_some_and(|plans| plans.len() > 1) {
            prepare(code);
        }
    }
}

/// Has the rules of a calling code at hand.
pub(super) fn prepare(code: u16) {
    RULES.compile(code);
}

/// The same for an international number, without its `+`.
pub(super) fn prepare_international(digits: &str) {
    for length in 1..=LONGEST_CODE {
        if let Some(Ok(code)) = digits.get(..length).map(str::parse) {
            prepare(code);
        }
    }
}

/// The same for a number of a region (ISO 3166-1 alpha-2, capitals).
pub(super) fn prepare_region(region: &str) {
    if let Some(plan) = DATABASE.by_id(region) {
        prepare(plan.country_code());
    }
}

impl Rules {
    fn new() -> Self {
        let cache = DATABASE.cache();
        let mut cache = cache.lock().unwrap_or_else(PoisonError::into_inner);
        cache.set_capacity(MOST_RULES);
        Self {
            known: Mutex::default(),
        }
    }

    fn compile(&self, code: u16) {
        let Some(plans) = DATABASE.by_code(&code) else {
            return;
        };
        let is_known = |known: &Mutex<HashSet<u16>>| {
            let known = known.lock().unwrap_or_else(PoisonError::into_inner);
            known.contains(&code)
        };
        if is_known(&self.known) {
            return;
        }
        for rule in plans.into_iter().flat_map(rules) {
            // Locked for one rule at a time: others read numbers meanwhile.
            let cache = DATABASE.cache();
            let mut cache = cache.lock().unwrap_or_else(PoisonError::into_inner);
            // Put where the library looks for it by its text. One that needs more than ASCII is an
            // error here, and left to the library.
            let _ = cache.configure(rule, |rule| rule.ignore_whitespace(true).unicode(false));
        }
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(code);
    }
}

/// Every rule that reading or judging a number of a plan can need; none of those that only say how
/// a number is written.
#[expect(
    clippy::redundant_closure_for_method_calls,
    reason = "the method is that of a crate which only the library names"
)]
fn rules(plan: &Metadata) -> impl Iterator<Item = &str> {
    let kinds = plan.descriptors();
    let descriptors: [Option<&Descriptor>; 11] = [
        Some(kinds.general()),
        kinds.fixed_line(),
        kinds.mobile(),
        kinds.toll_free(),
        kinds.premium_rate(),
        kinds.shared_cost(),
        kinds.personal_number(),
        kinds.voip(),
        kinds.pager(),
        kinds.uan(),
        kinds.voicemail(),
    ];
    let parsing = [
        plan.international_prefix(),
        plan.national_prefix_for_parsing(),
        plan.leading_digits(),
    ];
    let descriptors = descriptors.into_iter().flatten();
    let rules = descriptors.map(Descriptor::national_number);
    let rules = rules.chain(parsing.into_iter().flatten());
    rules.map(|rule| rule.as_str())
}

#[cfg(test)]
mod tests {
    use super::super::PhoneNumber;
    use super::*;

    fn codes() -> HashSet<u16> {
        DATABASE.iter().map(Metadata::country_code).collect()
    }

    fn compiled() -> usize {
        DATABASE.cache().lock().unwrap().len()
    }

    /// Counted, not timed: once its calling code was met, no number has a rule compiled, and none
    /// is thrown away.
    #[test]
    fn the_library_has_no_rule_left_to_compile() {
        codes().into_iter().for_each(prepare);
        let all = compiled();
        assert!((1_000..MOST_RULES).contains(&all), "{all} rules");
        for plan in DATABASE.iter() {
            let kinds = plan.descriptors();
            let examples = [
                Some(kinds.general()),
                kinds.fixed_line(),
                kinds.mobile(),
                kinds.premium_rate(),
                kinds.voip(),
            ];
            let examples = examples.into_iter().flatten();
            let examples = examples.filter_map(Descriptor::example);
            let others = [
                "0",
                "00",
                "1",
                "9",
                "123456",
                "5550100",
                "0612345678",
                "00442079460000",
                "01144207946000",
                "99999999999999",
            ];
            for national in examples.chain(others) {
                let number = format!("+{}{national}", plan.country_code());
                if let Ok(number) = PhoneNumber::parse(&number, None) {
                    let _ = number.line();
                }
                if let Ok(number) = PhoneNumber::parse(national, Some(plan.id())) {
                    let _ = number.text_country();
                }
            }
            assert_eq!(compiled(), all, "{} has another rule", plan.id());
        }
    }

    /// What is compiled while somebody waits.
    #[test]
    fn the_rules_of_one_country_are_few_and_short() {
        for code in codes() {
            let plans = DATABASE.by_code(&code).unwrap();
            if let [plan] = plans[..] {
                let rules: HashSet<&str> = rules(plan).collect();
                let letters: usize = rules.iter().map(|rule| rule.len()).sum();
                assert!(rules.len() <= 14, "+{code} has {}", rules.len());
                assert!(letters <= 16_384, "+{code} has {letters} letters");
            }
        }
    }

    #[test]
    fn rules_for_ascii_digits_answer_as_those_of_the_library() {
        codes().into_iter().for_each(prepare);
        let mut ours = DATABASE.cache().lock().unwrap().clone();
        let mut theirs = ours.clone();
        theirs.clear();
        let mut state = 1_u64;
        let mut number = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let digits = (state >> 20) % 10_u64.pow(4 + (state >> 60) as u32 % 9);
            digits.to_string()
        };
        let sample = DATABASE.iter().filter(|plan| plan.country_code() % 8 == 1);
        for rule in sample.flat_map(rules).collect::<HashSet<_>>() {
            let ours = ours.configure(rule, |rule| rule).unwrap().clone();
            let theirs = theirs.configure(rule, |rule| rule.ignore_whitespace(true));
            let theirs = theirs.unwrap();
            for _ in 0..100 {
                let number = number();
                let found = ours.find(&number).map(|found| found.range());
                assert_eq!(
                    found,
                    theirs.find(&number).map(|found| found.range()),
                    "{rule}"
                );
            }
        }
    }
}
