//! Owns how large pushes are and how many commits they have, as thought: a stated distribution,
//! drawn from the seed.

use std::str::FromStr;

use rand::Rng as _;
use rand::rngs::StdRng;

/// Smallest body, in bytes.
pub const BODY_BYTES_MIN: usize = 2 * 1024;
/// Largest body, in bytes: what forges send at most, and what we take.
pub const BODY_BYTES_MAX: usize = 25_000_000;
/// Most commits of a push.
pub const COMMITS_MAX: usize = 50;

const KIB: usize = 1024;
const MIB: usize = 1024 * 1024;
/// Of 10,000 bodies so many are within these bytes.
const SIZES: [(u32, usize, usize); 8] = [
    (4_500, BODY_BYTES_MIN, 4 * KIB),
    (2_500, 4 * KIB, 8 * KIB),
    (1_500, 8 * KIB, 16 * KIB),
    (1_100, 16 * KIB, 64 * KIB),
    (300, 64 * KIB, 256 * KIB),
    (80, 256 * KIB, MIB),
    (18, MIB, 8 * MIB),
    (2, 8 * MIB, BODY_BYTES_MAX),
];
/// Of 100 pushes so many have this many commits.
const COMMITS: [(u32, usize, usize); 5] = [
    (55, 1, 1),
    (18, 2, 2),
    (10, 3, 3),
    (13, 4, 10),
    (4, 11, COMMITS_MAX),
];

/// How large a push is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shape {
    /// Bytes of the body, if its commits take no more.
    pub bytes: usize,
    /// Commits.
    pub commits: usize,
    /// What fills it up to its bytes.
    pub rest: Rest,
}

/// What of a body is neither its commits nor what every push says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rest {
    /// The addresses that GitHub tells of a repository, most of a common push; paths where that is not enough.
    Addresses,
    /// Paths alone: as many files as fit.
    Paths,
}

/// What is sent where the speed has a bound.
pub const MEASURED: Shape = Shape {
    bytes: 8 * KIB,
    commits: 3,
    rest: Rest::Addresses,
};

/// How large pushes are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Bodies {
    /// As they are at forges: see the README's tables.
    Real,
    /// All the same.
    Fixed(Shape),
}

impl Bodies {
    /// How large one push is.
    pub fn draw(self, dice: &mut StdRng) -> Shape {
        match self {
            Self::Fixed(shape) => shape,
            Self::Real => Shape {
                bytes: within(dice, &SIZES),
                commits: within(dice, &COMMITS),
                rest: Rest::Addresses,
            },
        }
    }
}

/// Draws a row by its weight, and a number between its borders.
fn within(dice: &mut StdRng, rows: &[(u32, usize, usize)]) -> usize {
    let all: u32 = rows.iter().map(|(weight, ..)| weight).sum();
    let mut left = dice.gen_range(0..all);
    for &(weight, least, most) in rows {
        if left < weight {
            return dice.gen_range(least..=most);
        }
        left -= weight;
    }
    unreachable!("the weights add up to what was drawn from")
}

impl FromStr for Bodies {
    type Err = String;

    /// `real`, `fixed:<bytes>:<commits>` or `paths:<bytes>:<commits>`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "real" {
            return Ok(Self::Real);
        }
        let wrong = || {
            format!(
                "{text:?} is none of `real`, `fixed:<bytes>:<commits>`, `paths:<bytes>:<commits>`"
            )
        };
        let (kind, sizes) = text.split_once(':').ok_or_else(wrong)?;
        let rest = match kind {
            "fixed" => Rest::Addresses,
            "paths" => Rest::Paths,
            _ => return Err(wrong()),
        };
        let (bytes, commits) = sizes.split_once(':').ok_or_else(wrong)?;
        let bytes: usize = bytes.parse().map_err(|_| wrong())?;
        let commits: usize = commits.parse().map_err(|_| wrong())?;
        if !(BODY_BYTES_MIN..=BODY_BYTES_MAX).contains(&bytes) {
            return Err(format!(
                "a body has {BODY_BYTES_MIN} to {BODY_BYTES_MAX} bytes"
            ));
        }
        if !(1..=COMMITS_MAX).contains(&commits) {
            return Err(format!("a push has 1 to {COMMITS_MAX} commits"));
        }
        Ok(Self::Fixed(Shape {
            bytes,
            commits,
            rest,
        }))
    }
}

#[cfg(test)]
mod tests {
    use witness::dice::Seed;

    use super::*;

    #[test]
    fn sizes_and_commits_are_drawn_as_the_readme_states_them() {
        let shapes: Vec<Shape> = (0..20_000)
            .map(|number| Bodies::Real.draw(&mut Seed(1).dice("shape", number)))
            .collect();
        let share = |wanted: &dyn Fn(&Shape) -> bool| {
            shapes.iter().filter(|shape| wanted(shape)).count() as f64 / shapes.len() as f64
        };
        let small = share(&|shape| shape.bytes <= 4 * KIB);
        assert!((0.43..0.47).contains(&small), "{small}");
        let one = share(&|shape| shape.commits == 1);
        assert!((0.53..0.57).contains(&one), "{one}");
        assert!(share(&|shape| shape.bytes > MIB) > 0.0);
        assert!(shapes.iter().all(|shape| shape.bytes <= BODY_BYTES_MAX));
        assert!(
            shapes
                .iter()
                .all(|shape| (1..=COMMITS_MAX).contains(&shape.commits))
        );
    }

    #[test]
    fn fixed_sizes_are_taken_within_their_borders_only() {
        assert_eq!("fixed:8192:3".parse(), Ok(Bodies::Fixed(MEASURED)));
        let shape = Shape {
            rest: Rest::Paths,
            ..MEASURED
        };
        assert_eq!("paths:8192:3".parse(), Ok(Bodies::Fixed(shape)));
        for bad in [
            "",
            "fixed",
            "fixed:8192",
            "fixed:1:3",
            "fixed:8192:0",
            "fixed:8192:51",
            "all:8192:3",
        ] {
            assert!(bad.parse::<Bodies>().is_err(), "{bad}");
        }
    }
}
