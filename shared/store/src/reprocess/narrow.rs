//! Owns the text of a selection of attempts: fixed pieces, joined as the selection asks, with every
//! value bound. One text with all conditions in it could not use the index of any.

use contract::reprocess::Selection;
use contract::result::NewestResult;
use contract::time::Timestamp;
use diesel::pg::Pg;
use diesel::query_builder::BoxedSqlQuery;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Text, Timestamptz, Uuid as SqlUuid};
use uuid::Uuid;

/// A value that a text has a place for.
#[derive(Clone, Debug)]
pub(super) enum Bound {
    Time(Timestamp),
    Id(Uuid),
    Word(String),
    Number(i64),
}

/// A text in the making, with the values of its places.
#[derive(Debug, Default)]
pub(super) struct Narrowed {
    bound: Vec<Bound>,
    /// What holds of the attempt's own row: `AND …`.
    pub(super) attempt: String,
    /// What holds beyond that: what is looked up for each attempt.
    pub(super) chosen: String,
}

impl Narrowed {
    /// A place for a value.
    pub(super) fn place(&mut self, value: Bound) -> String {
        self.bound.push(value);
        format!("${}", self.bound.len())
    }

    /// The conditions of a selection, on `attempt`, `session` and `newest`.
    pub(super) fn by(&mut self, selection: &Selection) {
        let Selection {
            result,
            cause,
            lab,
            session,
            repository,
            since,
            until,
            delivery,
        } = selection;
        let own = [
            ("attempt.received_at >=", since.map(Bound::Time)),
            ("attempt.received_at <", until.map(Bound::Time)),
            (
                "attempt.lab_session_id =",
                session.map(|session| Bound::Id(session.as_uuid())),
            ),
        ];
        for (condition, value) in own {
            if let Some(value) = value {
                let place = self.place(value);
                self.attempt.push_str(&format!(" AND {condition} {place}"));
            }
        }
        if let Some(repository) = repository {
            let place = self.place(Bound::Word(repository.to_string()));
            self.attempt.push_str(&format!(
                " AND attempt.lab_session_id = ANY (ARRAY( \
                 SELECT id FROM lab_session WHERE repository = {place}))"
            ));
        }
        if let Some(delivery) = delivery {
            let place = self.place(Bound::Id(delivery.as_uuid()));
            self.attempt.push_str(&format!(
                " AND attempt.push_id = ANY (ARRAY( \
                 SELECT id FROM push WHERE delivery_id = {place}))"
            ));
        }
        self.chosen.push_str("true");
        if let Some(lab) = lab {
            let place = self.place(Bound::Word(lab.to_string()));
            self.chosen.push_str(&format!(
                " AND session.lab_id = (SELECT id FROM lab WHERE slug = {place})"
            ));
        }
        match result {
            Some(NewestResult::None) => self.chosen.push_str(" AND newest.result IS NULL"),
            Some(result) => {
                let place = self.place(Bound::Word(result.to_string()));
                self.chosen
                    .push_str(&format!(" AND newest.result = {place}"));
            }
            None => {}
        }
        if let Some(cause) = cause {
            let place = self.place(Bound::Word(cause.to_string()));
            self.chosen
                .push_str(&format!(" AND newest.cause = {place}"));
        }
    }

    /// The text with its values.
    pub(super) fn query(
        self,
        text: String,
    ) -> BoxedSqlQuery<'static, Pg, diesel::query_builder::SqlQuery> {
        let mut query = sql_query(text).into_boxed::<Pg>();
        for value in self.bound {
            query = match value {
                Bound::Time(value) => query.bind::<Timestamptz, _>(value),
                Bound::Id(value) => query.bind::<SqlUuid, _>(value),
                Bound::Word(value) => query.bind::<Text, _>(value),
                Bound::Number(value) => query.bind::<BigInt, _>(value),
            };
        }
        query
    }
}

/// The newest result that `attempt` had at the moment that the place names, as `newest`.
pub(super) fn newest(as_of: &str) -> String {
    format!(
        "LEFT JOIN LATERAL ( \
             SELECT verification.result, verification.cause \
             FROM verification_request AS request \
             JOIN verification_attempt AS verification ON verification.request_id = request.id \
             WHERE request.lab_attempt_id = attempt.id AND verification.recorded_at <= {as_of} \
             ORDER BY verification.recorded_at DESC, verification.try_number DESC, verification.id \
             LIMIT 1 \
         ) AS newest ON true"
    )
}
