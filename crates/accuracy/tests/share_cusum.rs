//! Cumulative sums of shares against every order of a few studies, and against streams whose share is known.

use norma_accuracy::{Drift, Level, Proportion, ShareSums, share_drift};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

fn close(found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() <= tolerance, "{found} is not {expected}");
}

/// Studies of which so large a share is so.
fn stream(random: &mut StdRng, count: usize, share: f64) -> Vec<bool> {
    (0..count).map(|_| random.random::<f64>() < share).collect()
}

fn sums(before: &[bool], last: &[bool]) -> ShareSums {
    ShareSums::of(before.len(), before.iter().filter(|is_so| **is_so).count(), last)
}

/// Of one study in ten the allowance is ln 1.3 / ln 4 = 0.19, four twentieths: by hand.
#[test]
fn the_sums_are_pages() {
    let last = [true, false, true, false, false, false, false, true];
    // With three of eight, 7 of 70 are so.
    let found = ShareSums::of(62, 4, &last);
    let expected = [0.8, 0.6, 1.4, 1.2, 1.0, 0.8, 0.6, 1.4];
    for (found, expected) in found.upward.iter().zip(expected) {
        close(*found, expected, 1e-9);
    }
    // Of what is so in nine of ten it is ln 3.7 / ln 4 = 0.94, nineteen twentieths.
    let expected = [0.0, 0.05, 0.0, 0.05, 0.1, 0.15, 0.2, 0.0];
    for (found, expected) in found.downward.iter().zip(expected) {
        close(*found, expected, 1e-9);
    }
    close(found.highest(), 1.4, 1e-9);
    assert_eq!(ShareSums::of(300, 30, &[]).p_value(), 1.0);
    // Where nothing or everything is so there is one order alone.
    assert_eq!(ShareSums::of(300, 0, &[false; 100]).p_value(), 1.0);
    assert_eq!(ShareSums::of(300, 300, &[true; 100]).p_value(), 1.0);
}

/// All orders of twelve studies, of which the last seven are summed.
#[test]
fn the_chance_of_a_sum_is_its_share_of_all_orders() {
    let (all, last) = (12_usize, 7);
    for so in [2_usize, 3, 6, 9] {
        let orders: Vec<Vec<bool>> = (0_u32..1 << all)
            .filter(|order| order.count_ones() as usize == so)
            .map(|order| (0..all).map(|at| order >> at & 1 == 1).collect())
            .collect();
        let highest = |path: &[f64]| path.iter().copied().fold(0.0, f64::max);
        let of = |order: &Vec<bool>| sums(&order[..all - last], &order[all - last..]);
        let reached: Vec<[f64; 2]> = orders
            .iter()
            .map(|order| [highest(&of(order).upward), highest(&of(order).downward)])
            .collect();
        for (order, here) in orders.iter().zip(&reached) {
            let as_high = |way: usize| {
                let count = reached
                    .iter()
                    .filter(|other| other[way] >= here[way] - 1e-9)
                    .count();
                count as f64 / orders.len() as f64
            };
            let expected = (2.0 * as_high(0).min(as_high(1))).min(1.0);
            close(of(order).p_value(), expected, 1e-9);
        }
    }
}

/// Above the limits is what chance reaches less often than was asked, and nothing else.
#[test]
fn what_passes_a_limit_is_what_chance_hardly_reaches() {
    let mut random = StdRng::seed_from_u64(14);
    for share in [0.05, 0.3, 0.8] {
        let before = stream(&mut random, 300, share);
        let mut seen = [false; 2];
        for now in [share, 0.5, 0.95, 0.0] {
            let last = [stream(&mut random, 60, share), stream(&mut random, 40, now)].concat();
            let sums = sums(&before, &last);
            let paths = [&sums.upward, &sums.downward];
            let passes =
                sums.limits(0.01).iter().zip(paths).any(|(limit, path)| {
                    limit.is_some_and(|limit| path.iter().any(|sum| *sum >= limit - 1e-9))
                });
            assert_eq!(passes, sums.p_value() <= 0.01, "{share} {now}");
            seen[usize::from(passes)] = true;
        }
        assert_eq!(seen, [true; 2], "{share}");
    }
}

/// Streams without a change alarm as often as is told or less, whatever the share is, which is known from 300 studies alone.
#[test]
fn chance_alarms_no_more_often_than_is_told() {
    let mut random = StdRng::seed_from_u64(15);
    let streams = 2000;
    for share in [0.02, 0.1, 0.5, 0.9] {
        let mut alarms = [0; 2];
        for _ in 0..streams {
            let (before, last) = (stream(&mut random, 300, share), stream(&mut random, 100, share));
            let chance = sums(&before, &last).p_value();
            for (alarms, limit) in alarms.iter_mut().zip([0.05, 0.01]) {
                *alarms += usize::from(chance <= limit);
            }
        }
        for (alarms, limit) in alarms.iter().zip([0.05, 0.01]) {
            let found = *alarms as f64 / f64::from(streams);
            let most = limit + 3.0 * (limit * (1.0 - limit) / f64::from(streams)).sqrt();
            assert!(found <= most, "{share}: {found} at {limit}");
        }
    }
}

/// Studies until the first alarm at `limit`, looking after each of them at the last hundred beside the 300 before; None without one. The
/// share is `before` of the first 400 studies and `now` of those that follow.
fn run_length(random: &mut StdRng, before: f64, now: f64, limit: f64, longest: usize) -> Option<usize> {
    let mut studies = stream(random, 400, before);
    for studied in 1..=longest {
        studies.extend(stream(random, 1, now));
        let (before, last) = studies[studied..].split_at(300);
        if sums(before, last).p_value() <= limit {
            return Some(studied);
        }
    }
    None
}

/// Studies until an alarm at 1 in 4000, which a sum has of two tests where twenty quantities share a chance of 1 %: on average, and within
/// which nearly all are found.
#[test]
fn a_change_is_found_within_so_many_studies() {
    let mut random = StdRng::seed_from_u64(16);
    let (runs, longest) = (100_u32, 100);
    let found = [(0.02, 0.2), (0.1, 0.4), (0.1, 0.7), (0.5, 0.9), (0.9, 0.5)].map(|(before, now)| {
        let mut lengths: Vec<usize> = (0..runs)
            .map(|_| run_length(&mut random, before, now, 0.000_25, longest).unwrap_or(longest))
            .collect();
        lengths.sort_unstable();
        let mean = lengths.iter().sum::<usize>() as f64 / f64::from(runs);
        println!(
            "{before} to {now}: {mean} on average, 90 of 100 within {}",
            lengths[89]
        );
        (mean, lengths[89])
    });
    for ((mean, within), (mean_at_most, within_at_most)) in
        found
            .into_iter()
            .zip([(50.0, 85), (46.0, 82), (17.0, 22), (37.0, 50), (29.0, 40)])
    {
        assert!(mean <= mean_at_most && within <= within_at_most, "{found:?}");
    }
}

/// Mean studies until a false alarm where it is looked after each study at one in a hundred a look: all studies of all runs, each of which
/// ends with its first alarm, over the alarms.
#[test]
fn without_a_change_runs_are_long() {
    let mut random = StdRng::seed_from_u64(17);
    for share in [0.1, 0.5] {
        let longest = 1000;
        let runs: Vec<Option<usize>> = (0..10)
            .map(|_| run_length(&mut random, share, share, 0.01, longest))
            .collect();
        let studies: usize = runs.iter().map(|run| run.unwrap_or(longest)).sum();
        let alarms = runs.iter().flatten().count();
        println!("{share}: {alarms} alarms in {studies} studies");
        assert!(
            studies >= 1000 * alarms,
            "{share}: {alarms} alarms in {studies} studies"
        );
    }
}

/// A change of the last twenty-five studies is none of a hundred by Fisher's test, and one by the sum.
#[test]
fn a_share_that_has_just_changed_drifts_by_its_sum() {
    let mut last = [false; 100];
    (0..75).step_by(10).for_each(|at| last[at] = true);
    (75..100).filter(|at| at % 5 < 3).for_each(|at| last[at] = true);
    let reference = Proportion::new(45, 300).expect("a share");
    let confidence = Level::new(0.9995).expect("a level");
    let Drift::Share(found) = share_drift(reference, &last, confidence) else {
        panic!("there are studies enough");
    };
    assert!(found.drifted && found.p_value > 0.000_25, "{found:?}");
    assert!(found.cumulative_sum_p_value < 0.000_25, "{found:?}");
}
