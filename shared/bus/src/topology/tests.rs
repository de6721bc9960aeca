//! What the topology as a whole must be.

use super::*;

#[test]
fn every_consumer_reads_a_stream_that_takes_what_it_filters() {
    for consumer in CONSUMERS {
        let stream = STREAMS.iter().find(|s| s.name == consumer.stream).unwrap();
        let head = |text: &str| text.split('.').take(2).collect::<Vec<_>>().join(".");
        assert!(
            stream
                .subjects
                .iter()
                .any(|s| head(s) == head(consumer.filter))
        );
    }
}

#[test]
fn no_two_consumers_of_a_stream_share_a_name_or_a_filter() {
    for (place, a) in CONSUMERS.iter().enumerate() {
        for b in CONSUMERS[place + 1..]
            .iter()
            .filter(|b| b.stream == a.stream)
        {
            assert!(
                a.durable != b.durable && a.filter != b.filter,
                "{a:?} {b:?}"
            );
        }
    }
}
