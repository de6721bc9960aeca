//! Owns how fast the machine's memory answers. Others who share its caches slow everything down, and no time is
//! stolen by them (`steal`): that shows here (docs/PERFORMANCE.md).

use std::hint::black_box;
use std::time::Instant;

use rand::SeedableRng as _;
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;

/// How much memory is walked through, in MiB: more than a core has for itself, less than what the cores of
/// a server share.
const WALKED_MIB: usize = 16;
/// One line of a cache, in bytes and in numbers.
const LINE_BYTES: usize = 64;
const LINE: usize = LINE_BYTES / size_of::<u32>();
/// How many loads are timed: some ten milliseconds.
const LOADS: u32 = 200_000;

/// How long one load takes that waits for the one before it, in nanoseconds: the mean of many, at random.
pub fn load_ns() -> f64 {
    let ring = ring(WALKED_MIB * 1024 * 1024 / LINE_BYTES);
    let began = Instant::now();
    let mut at = 0;
    for _ in 0..LOADS {
        at = ring[at] as usize;
    }
    black_box(at);
    began.elapsed().as_nanos() as f64 / f64::from(LOADS)
}

/// So many lines, each of which begins with the place of the next, in no order, and the last with that of
/// the first.
fn ring(lines: usize) -> Vec<u32> {
    let mut order: Vec<usize> = (0..lines).map(|line| line * LINE).collect();
    order.shuffle(&mut StdRng::seed_from_u64(1));
    let mut ring = vec![0; lines * LINE];
    let next = order.iter().cycle().skip(1);
    for (place, next) in order.iter().zip(next) {
        ring[*place] = u32::try_from(*next).expect("a place within some MiB");
    }
    ring
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_walk_comes_by_every_line_before_it_is_back() {
        let ring = ring(1_000);
        let mut seen = vec![false; 1_000];
        let mut at = 0;
        for _ in 0..1_000 {
            assert_eq!(at % LINE, 0);
            seen[at / LINE] = true;
            at = ring[at] as usize;
        }
        assert_eq!(at, 0);
        assert!(seen.iter().all(|seen| *seen));
    }
}
