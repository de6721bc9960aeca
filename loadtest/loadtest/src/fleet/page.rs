//! Owns the table of fleets of several sizes, and its place in a page. No IO.

use crate::fleet::bench::{Loads, Row};

/// Where a page's table begins and ends.
const BEGIN: &str = "<!-- bench-scale begins -->";
const END: &str = "<!-- bench-scale ends -->";

/// The table, for people.
pub(crate) fn table(rows: &[Row], loads: Loads) -> String {
    let Loads {
        count,
        rate,
        seconds,
    } = loads;
    let mut text = format!(
        "Burst: {count} deliveries at once. Steady: {rate} a second for {seconds} s.\n\n\
         | of each service | accepted/s | pushes/s | results/s | CPU ms a push: services | NATS \
         | Postgres | haproxy | all | memory of services, MiB | steady, answer p50 / p99, ms \
         | steady, push to result p50 / p99, ms | lost, doubled |\n\
         |---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n"
    );
    for row in rows {
        let [services, nats, postgres, haproxy] = row.cpu_ms;
        let all = services + nats + postgres + haproxy;
        let ([answer, answer_most], [result, result_most]) = (row.answer_ms, row.push_to_result_ms);
        let [lost, doubled] = row.lost_doubled;
        text += &format!(
            "| {} | {:.0} | {:.0} | {:.0} | {services:.2} | {nats:.2} | {postgres:.2} \
             | {haproxy:.2} | {all:.2} | {:.0} | {answer:.1} / {answer_most:.1} \
             | {result:.1} / {result_most:.1} | {lost}, {doubled} |\n",
            row.replicas, row.accepted, row.pushes, row.results, row.memory_mib,
        );
    }
    for row in rows.iter().filter(|row| row.replicas > 1) {
        let spread = row.spread.iter().map(|one| {
            let shares = one
                .shares
                .iter()
                .map(|share| format!("{:.0}", share * 100.0));
            format!("{} {}", one.service, shares.collect::<Vec<_>>().join(" / "))
        });
        let spread = spread.collect::<Vec<_>>().join("; ");
        text += &format!(
            "\nSpread over {} processes, in percent: {spread}.\n",
            row.replicas
        );
    }
    text
}

/// A page with the table between its marks; `None` where it has none.
pub(crate) fn between(page: &str, table: &str) -> Option<String> {
    let (before, rest) = page.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{table}{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_takes_the_place_of_the_one_before_it() {
        let page = format!("# A\n\n{BEGIN}\nold\n{END}\n\n## B\n");
        let new = between(&page, "| new |\n").unwrap();
        assert_eq!(new, format!("# A\n\n{BEGIN}\n| new |\n{END}\n\n## B\n"));
        assert_eq!(between(&new, "| new |\n").unwrap(), new);
        assert_eq!(between("# A page without marks", "| new |"), None);
    }
}
