//! Which requests are logged.

use super::*;

fn outcome(class: Class) -> Outcome {
    Outcome { code: "X", class }
}

#[test]
fn requests_are_logged_by_policy_and_outcome() {
    use super::Level::{Debug, Info, Warn};
    use Class::{Cancelled, Failed, Ok, Refused};
    use RequestLog::{All, Errors, Off, Slow};
    for (log, class, is_slow, is_sampled, expected) in [
        (Off, Failed, true, true, None),
        (Errors, Failed, false, false, Some(Warn)),
        (Errors, Ok, true, true, None),
        (Errors, Refused, false, true, None),
        (Slow, Failed, false, false, Some(Warn)),
        (Slow, Ok, true, false, Some(Warn)),
        (Slow, Cancelled, true, false, Some(Warn)),
        (Slow, Ok, false, true, None),
        (All, Failed, false, false, Some(Warn)),
        (All, Ok, true, false, Some(Warn)),
        (All, Ok, false, true, Some(Info)),
        (All, Refused, false, true, Some(Info)),
        (All, Cancelled, false, true, Some(Info)),
        (All, Ok, false, false, None),
        (All, Refused, false, false, None),
    ] {
        let found = level(
            log,
            RequestKind::Ordinary,
            outcome(class),
            is_slow,
            is_sampled,
        );
        assert_eq!(found, expected, "{log:?} {class:?} {is_slow} {is_sampled}");
    }
    let probe = |log| level(log, RequestKind::Probe, outcome(Failed), true, true);
    assert_eq!(
        [probe(Off), probe(Slow), probe(All)],
        [None, None, Some(Debug)]
    );
}

#[test]
fn a_sampling_rate_takes_its_part_of_the_draws() {
    let part = |rate: f64| {
        let rate = Fraction::try_from(rate).unwrap();
        let draws = (0..=255_u8).map(|byte| [byte, 0, 0, 0]);
        draws.filter(|draw| rate.includes(|| *draw)).count()
    };
    assert_eq!([0.0, 0.25, 0.5, 1.0].map(part), [0, 64, 128, 256]);
    for never in [0.0, 1.0] {
        let rate = Fraction::try_from(never).unwrap();
        rate.includes(|| unreachable!("nothing is drawn"));
    }
    for wrong in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
        assert!(Fraction::try_from(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_duration_is_said_in_milliseconds() {
    assert!((milliseconds(Duration::from_micros(1_234_567)) - 1234.567).abs() < 1e-9);
    assert!(milliseconds(Duration::MAX).is_finite());
}
