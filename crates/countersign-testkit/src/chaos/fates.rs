//! Which of a hundred calls are harmed?

use super::Chaos;

/// What becomes of a good call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Pass,
    Refuse,
    Slow,
    Cut,
}

/// The fates of a hundred calls that follow one another: as many of each as was stated, in an order
/// that only the seed and the number of the hundred decide.
pub(super) fn of_a_hundred(chaos: &Chaos, hundred: u64) -> [Fate; 100] {
    let mut fates = [Fate::Pass; 100];
    let shares = [
        (Fate::Refuse, chaos.refused),
        (Fate::Slow, chaos.slowed),
        (Fate::Cut, chaos.cut),
    ];
    let harmed = shares
        .into_iter()
        .flat_map(|(fate, percent)| std::iter::repeat_n(fate, usize::from(percent)));
    for (place, fate) in fates.iter_mut().zip(harmed) {
        *place = fate;
    }
    // Fisher and Yates. A remainder of 64 bits by at most 100 favours nothing that could be counted.
    let mut state = chaos.seed ^ mixed(hundred);
    for last in (1..fates.len()).rev() {
        let other = next(&mut state) % (last as u64 + 1);
        fates.swap(last, other as usize);
    }
    fates
}

/// SplitMix64: numbers that look like chance and are the same for the same seed everywhere.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed(*state)
}

fn mixed(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}
