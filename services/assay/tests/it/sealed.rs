//! Owns opening what the site keeps sealed, with its master key.

use attempt_writer::person::{BodyHeaders, name_of, open_headers};
use attempt_writer::seal::MasterKeys;
use contract::ids::DeliveryId;
use process::settings::Settings;
use serde_json::Value;
use store::delivery_body::{self, BodyRow};
use store::person_key;

use crate::site::Site;

impl Site {
    /// Every kept body, with its headers opened.
    pub(crate) async fn bodies(&self) -> Vec<(BodyRow, BodyHeaders)> {
        let settings = Settings::load_from(Some(&self.config()), []).unwrap();
        let masters = MasterKeys::new(&settings.master_keys().unwrap());
        let store = self.house.store("assay_attempt_writer", 1);
        let mut conn = store.connection().await.unwrap();
        let query = "SELECT delivery_id, body_digest FROM privacy.delivery_body \
            ORDER BY delivery_id, body_digest";
        let mut bodies = Vec::new();
        for name in self.house.rows(query).await {
            let name: Value = serde_json::from_str(&name).unwrap();
            let text = |key: &str| name[key].as_str().unwrap().to_owned();
            let delivery: DeliveryId = text("delivery_id").parse().unwrap();
            let digest = text("body_digest");
            let row = delivery_body::find(&mut conn, delivery, &digest).await;
            let row = row.unwrap().unwrap();
            let keys = person_key::find(&mut conn, &[row.owner_id]).await.unwrap();
            let key = masters.unwrap(&keys[0]).unwrap();
            let headers = open_headers(&name_of(&row), &row.sealed_headers, &key).unwrap();
            bodies.push((row, headers));
        }
        bodies
    }
}
