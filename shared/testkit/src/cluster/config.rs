//! Owns what one server of a cluster is told: every option that shapes its behaviour.

use std::net::IpAddr;
use std::path::Path;

/// What the servers call themselves together.
const CLUSTER: &str = "assay";
/// What JetStream may reserve for files, in bytes: a limit, not a claim on the disk.
const STORE_BYTES_MAX: u64 = 16 * 1024 * 1024 * 1024;

/// A server of the cluster, as the others know it.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) address: IpAddr,
    pub(crate) client: u16,
    pub(crate) route: u16,
    pub(crate) monitoring: u16,
}

impl Member {
    /// Its settings, with the others' places in them. `users` are those beside the one who may do
    /// anything.
    pub(crate) fn config(
        &self,
        all: &[Self],
        (user, password): (&str, &str),
        users: &str,
        store: &Path,
    ) -> String {
        let Self {
            name,
            address,
            client,
            route,
            monitoring,
        } = self;
        let others = all.iter().filter(|one| one.name != *name);
        let routes = others.map(|one| format!("\"nats-route://{}:{}\"", one.address, one.route));
        let routes = routes.collect::<Vec<_>>().join(", ");
        let store = store.display();
        format!(
            "server_name: {name}\n\
             listen: \"{address}:{client}\"\n\
             http: \"{address}:{monitoring}\"\n\
             max_payload: 1048576\n\
             authorization {{\n\
             \x20 users = [\n\
             \x20   {{ user: \"{user}\", password: \"{password}\" }}\n\
             {users}\x20 ]\n\
             }}\n\
             cluster {{\n\
             \x20 name: {CLUSTER}\n\
             \x20 listen: \"{address}:{route}\"\n\
             \x20 routes: [{routes}]\n\
             }}\n\
             jetstream {{\n\
             \x20 store_dir: \"{store}\"\n\
             \x20 # An acked message is on the disk of most servers.\n\
             \x20 sync_interval: always\n\
             \x20 max_memory_store: 67108864\n\
             \x20 max_file_store: {STORE_BYTES_MAX}\n\
             }}\n"
        )
    }
}
