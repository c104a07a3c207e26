//! Keeps the time of a sign-in from telling which accounts have an imported password.

use crate::app::App;
use crate::fault::Fault;
use crate::stores::password;

/// A cost that fewer than one in this many imported passwords have is not made up for: a single
/// expensive hash must not slow down every sign-in.
const RARE: i64 = 100;

/// Makes every verification take what the most costly of the usual imported hashes takes. Without
/// imported hashes that is nothing.
pub async fn equalize(app: &App) -> Result<(), Fault> {
    let left = password::imported(&app.database).await?;
    app.hasher.set_minimum_rounds(usual_maximum(&left));
    Ok(())
}

fn usual_maximum(left: &[(i64, i64)]) -> u32 {
    let total: i64 = left.iter().map(|(_, accounts)| accounts).sum();
    let usual = left
        .iter()
        .filter(|(_, accounts)| accounts.saturating_mul(RARE) >= total);
    let maximum = usual.map(|&(rounds, _)| rounds).max().unwrap_or(0);
    u32::try_from(maximum).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::usual_maximum;

    #[test]
    fn one_expensive_hash_among_many_does_not_count() {
        assert_eq!(usual_maximum(&[]), 0);
        assert_eq!(usual_maximum(&[(0, 5)]), 0);
        assert_eq!(usual_maximum(&[(600_000, 1)]), 600_000);
        let left = [(260_000, 4_000), (600_000, 500), (4_000_000, 3)];
        assert_eq!(usual_maximum(&left), 600_000);
    }
}
