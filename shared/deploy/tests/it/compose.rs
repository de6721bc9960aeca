//! `deploy/compose`: the whole house on one machine with an engine for containers.

use bus::rights::TOPOLOGY;
use deploy::list::{folders, key_file, ports, secrets};
use deploy::plan::{
    AUTHORITY_FILE, DATA_FOLDER, NATS_SERVERS, SECRETS_FOLDER, SETTINGS_FILE, USER, VERIFIER_ENTRY,
    needs_of,
};
use process::settings::postgres::Role;
use process::settings::service::Service;
use serde_json::{Map, Value, json};

use crate::files::same;
use crate::yaml::documents;

const HEAD: &[&str] = &[
    "The whole house: a NATS cluster of three, Postgres, every service, Prometheus, Grafana.",
    "See README.md beside this file. Written by `ASSAY_WRITE_DEPLOY=1 cargo test -p deploy`.",
];

/// What the image is called.
const IMAGE: &str = "${ASSAY_IMAGE:-assay:local}";

/// Lines of logs that the engine keeps of each container.
fn logging() -> Value {
    json!({"driver": "json-file", "options": {"max-file": "5", "max-size": "20m"}})
}

fn container() -> Map<String, Value> {
    let value = json!({
        "cap_drop": ["ALL"],
        "image": IMAGE,
        "logging": logging(),
        "networks": ["inside"],
        "read_only": true,
        "security_opt": ["no-new-privileges:true"],
        "tmpfs": ["/tmp:mode=1777,size=256m"],
    });
    value.as_object().unwrap().clone()
}

fn settings() -> Value {
    json!([{"source": "settings", "target": SETTINGS_FILE}])
}

fn secret_mounts(files: &[String]) -> Value {
    let mount =
        |file: &String| json!({"source": file, "target": format!("{SECRETS_FOLDER}/{file}")});
    files.iter().map(mount).collect()
}

/// What starts a server: the password of its cluster is in a file, and its configuration reads variables.
fn nats_entry() -> String {
    let routes = (1..=NATS_SERVERS).map(|n| format!("nats://route:$$NATS_PASSWORD@nats-{n}:6222"));
    let routes = routes.collect::<Vec<_>>().join(", ");
    format!(
        "export NATS_PASSWORD=\"$$(cat /run/secrets/nats-password)\" && export \
         NATS_ROUTES=\"[{routes}]\" && exec nats-server -c /etc/nats/nats.conf"
    )
}

fn nats(number: u16) -> Value {
    json!({
        "configs": [
            {"source": "nats", "target": "/etc/nats/nats.conf"},
            {"source": "nats-accounts", "target": "/etc/nats/accounts.conf"},
        ],
        "entrypoint": ["/bin/sh", "-c", nats_entry()],
        "environment": {
            "NATS_CA": "/run/secrets/ca.crt",
            "NATS_CERT": "/run/secrets/nats.crt",
            "NATS_KEY": "/run/secrets/nats.key",
            "NATS_NAME": format!("nats-{number}"),
        },
        "healthcheck": {
            "interval": "5s", "retries": 12, "timeout": "3s",
            "test": ["CMD", "wget", "-q", "-O", "-", "http://127.0.0.1:8222/healthz"],
        },
        "image": "nats:2.15.1-alpine",
        "logging": logging(),
        "networks": ["inside"],
        "restart": "unless-stopped",
        "secrets": ["nats-password", AUTHORITY_FILE, "nats.crt", "nats.key"],
        "volumes": [format!("nats-{number}:/data")],
    })
}

/// Postgres reads a key that nobody else may: the engine's secrets are others' files.
const POSTGRES_ENTRY: &str = "install -o postgres -g postgres -m 0600 /run/secrets/postgres.key \
     /var/lib/postgresql/server.key && exec docker-entrypoint.sh postgres -c ssl=on \
     -c ssl_cert_file=/run/secrets/postgres.crt -c ssl_key_file=/var/lib/postgresql/server.key \
     -c hba_file=/etc/postgresql/pg_hba.conf";

fn postgres() -> Value {
    json!({
        "configs": [{"source": "pg-hba", "target": "/etc/postgresql/pg_hba.conf"}],
        "entrypoint": ["/bin/sh", "-c", POSTGRES_ENTRY],
        "environment": {
            "POSTGRES_DB": "assay",
            "POSTGRES_PASSWORD_FILE": "/run/secrets/assay_owner",
            "POSTGRES_USER": Role::Owner.as_str(),
        },
        "healthcheck": {
            "interval": "5s", "retries": 12, "timeout": "3s",
            "test": ["CMD", "pg_isready", "-U", Role::Owner.as_str(), "-d", "assay"],
        },
        "image": "postgres:17",
        "logging": logging(),
        "networks": ["inside"],
        "restart": "unless-stopped",
        "secrets": [Role::Owner.as_str(), "postgres.crt", "postgres.key"],
        "shm_size": "256m",
        "volumes": ["postgres:/var/lib/postgresql/data"],
    })
}

/// A step before the services: it ends, and they wait for it.
fn step(command: &[&str], files: &[String], after: Value) -> Value {
    let mut step = container();
    step.insert("command".into(), json!(command));
    step.insert("configs".into(), settings());
    step.insert("depends_on".into(), after);
    step.insert("restart".into(), json!("on-failure"));
    let authority = [AUTHORITY_FILE.to_owned()];
    step.insert(
        "secrets".into(),
        secret_mounts(&[files, &authority].concat()),
    );
    step.into()
}

fn service(service: Service) -> Value {
    let mut made = container();
    let needs = needs_of(service);
    let after = json!({
        "passwords": {"condition": "service_completed_successfully"},
        "topology": {"condition": "service_completed_successfully"},
    });
    let volumes: Vec<_> = folders(service)
        .iter()
        .map(|folder| {
            let name = folder.name;
            format!("{name}:{DATA_FOLDER}/{name}")
        })
        .collect();
    made.insert("command".into(), json!(["run", service.as_str()]));
    made.insert("configs".into(), settings());
    made.insert("depends_on".into(), after);
    made.insert("mem_limit".into(), json!(format!("{}m", needs.memory_mib)));
    made.insert("restart".into(), json!("unless-stopped"));
    made.insert("secrets".into(), secret_mounts(&required(service)));
    made.insert(
        "stop_grace_period".into(),
        json!(format!("{}s", needs.stop_seconds)),
    );
    if !volumes.is_empty() {
        made.insert("volumes".into(), json!(volumes));
    }
    if let Some(hooks) = ports(service).iter().find(|port| port.name == "hooks") {
        made.insert(
            "ports".into(),
            json!([format!("127.0.0.1:{0}:{0}", hooks.port)]),
        );
    }
    // Boxes need namespaces and control groups of their own: see README.md.
    if service == Service::Verifier {
        for key in ["cap_drop", "security_opt", "read_only"] {
            made.remove(key);
        }
        made.remove("command");
        made.insert("cgroup".into(), json!("private"));
        made.insert("entrypoint".into(), json!(VERIFIER_ENTRY));
        made.insert("privileged".into(), json!(true));
        made.insert("user".into(), json!(format!("0:{USER}")));
    }
    made.into()
}

/// The secrets that a service cannot do without; the others are of sources that ask for more.
fn required(service: Service) -> Vec<String> {
    let mut files = secrets(service);
    files.retain(|file| !file.ends_with("-token"));
    files.push(AUTHORITY_FILE.to_owned());
    files
}

fn watchers() -> [(&'static str, Value); 2] {
    let prometheus = json!({
        "command": [
            "--config.file=/etc/prometheus/prometheus.yml",
            "--storage.tsdb.path=/prometheus",
            "--storage.tsdb.retention.time=30d",
        ],
        "image": "prom/prometheus:v2.55.1",
        "logging": logging(),
        "networks": ["inside"],
        "ports": ["127.0.0.1:9090:9090"],
        "restart": "unless-stopped",
        "volumes": [
            "./prometheus.yml:/etc/prometheus/prometheus.yml:ro",
            "../prometheus/alerts.yml:/etc/prometheus/alerts.yml:ro",
            "prometheus:/prometheus",
        ],
    });
    let grafana = json!({
        "environment": {
            "GF_SECURITY_ADMIN_PASSWORD__FILE": "/run/secrets/grafana-password",
            "GF_USERS_ALLOW_SIGN_UP": "false",
        },
        "image": "grafana/grafana:11.3.0",
        "logging": logging(),
        "networks": ["inside"],
        "ports": ["127.0.0.1:3000:3000"],
        "restart": "unless-stopped",
        "secrets": ["grafana-password"],
        "volumes": [
            "../grafana/provisioning:/etc/grafana/provisioning:ro",
            "../grafana/assay.json:/var/lib/grafana/dashboards/assay.json:ro",
            "grafana:/var/lib/grafana",
        ],
    });
    [("prometheus", prometheus), ("grafana", grafana)]
}

fn compose() -> Value {
    let healthy = |name: &str| (name.to_owned(), json!({"condition": "service_healthy"}));
    let servers: Map<String, Value> = (1..=NATS_SERVERS)
        .map(|n| healthy(&format!("nats-{n}")))
        .collect();
    let mut services = Map::new();
    for number in 1..=NATS_SERVERS {
        services.insert(format!("nats-{number}"), nats(number));
    }
    services.insert("postgres".into(), postgres());
    let owner = [Role::Owner.as_str().to_owned()];
    let database = Value::Object([healthy("postgres")].into_iter().collect());
    services.insert("migrate".into(), step(&["migrate"], &owner, database));
    let copies = NATS_SERVERS.to_string();
    let apply = ["topology", "apply", "--replicas", &copies];
    let bus = [key_file(TOPOLOGY)];
    services.insert("topology".into(), step(&apply, &bus, servers.into()));
    services.insert("passwords".into(), passwords());
    for each in Service::ALL {
        services.insert(each.as_str().into(), service(each));
    }
    services.extend(watchers().map(|(name, value)| (name.to_owned(), value)));
    let volumes: Map<String, Value> = (1..=NATS_SERVERS)
        .map(|n| format!("nats-{n}"))
        .chain(["postgres", "objects", "spool", "git-cache", "scratch"].map(str::to_owned))
        .chain(["prometheus", "grafana"].map(str::to_owned))
        .map(|name| (name, json!({})))
        .collect();
    json!({
        "configs": {
            "nats": {"file": "../nats/nats.conf"},
            "nats-accounts": {"file": "./secrets/nats-accounts.conf"},
            "pg-hba": {"file": "../postgres/pg_hba.conf"},
            "passwords": {"file": "../postgres/passwords.sql"},
            "settings": {"file": "./assay.toml"},
        },
        "name": "assay",
        "networks": {"inside": {}},
        "secrets": all_secrets(),
        "services": services,
        "volumes": volumes,
    })
}

/// Gives the roles that the migrations made their passwords.
fn passwords() -> Value {
    let files: Vec<String> = Role::ALL
        .iter()
        .map(|role| role.as_str().to_owned())
        .chain([AUTHORITY_FILE.to_owned()])
        .collect();
    json!({
        "configs": [{"source": "passwords", "target": "/etc/assay/passwords.sql"}],
        "depends_on": {"migrate": {"condition": "service_completed_successfully"}},
        "entrypoint": ["/bin/sh", "-c",
            "PGPASSWORD=$$(cat /run/secrets/assay/assay_owner) exec psql \
             'host=postgres user=assay_owner dbname=assay sslmode=verify-full \
             sslrootcert=/run/secrets/assay/ca.crt' -v ON_ERROR_STOP=1 -v folder=/run/secrets/assay \
             -f /etc/assay/passwords.sql"],
        "image": "postgres:17",
        "logging": logging(),
        "networks": ["inside"],
        "restart": "on-failure",
        "secrets": secret_mounts(&files),
    })
}

fn all_secrets() -> Value {
    let mut files: Vec<String> = Role::ALL
        .iter()
        .map(|role| role.as_str().to_owned())
        .collect();
    for each in Service::ALL {
        files.extend(required(each));
    }
    let others = ["grafana-password", "nats-password", "nats.crt", "nats.key"];
    files.extend(others.map(str::to_owned));
    files.extend(["postgres.crt", "postgres.key"].map(str::to_owned));
    files.push(key_file(TOPOLOGY));
    let entry = |file: String| {
        let path = format!("./secrets/{file}");
        (file, json!({"file": path}))
    };
    Value::Object(files.into_iter().map(entry).collect())
}

#[test]
fn the_compose_file_is_written_from_the_list() {
    same("compose/compose.yaml", &documents(HEAD, &[compose()]));
}

#[test]
fn prometheus_asks_every_service() {
    let job = |name: &str, targets: Vec<String>| json!({"job_name": name, "dns_sd_configs": [{"names": targets, "port": 8081, "type": "A"}]});
    let jobs: Vec<Value> = Service::ALL
        .iter()
        .map(|each| job(each.as_str(), vec![each.as_str().to_owned()]))
        .collect();
    let prometheus = json!({
        "global": {"evaluation_interval": "15s", "scrape_interval": "15s"},
        "rule_files": ["/etc/prometheus/alerts.yml"],
        "scrape_configs": jobs,
    });
    same(
        "compose/prometheus.yml",
        &documents(&HEAD[1..], &[prometheus]),
    );
}

#[test]
fn the_passwords_of_every_role_are_set_from_files() {
    let mut text = String::from(
        "-- Gives each role of the database the password in the file of its name. By psql, as the\n\
         -- owner, after `assay migrate`: psql -v folder=<folder> -f passwords.sql\n\
         -- A file that is missing or empty ends it: its length is what is divided by.\n\
         -- Written by `ASSAY_WRITE_DEPLOY=1 cargo test -p deploy`.\n\
         \\set ON_ERROR_STOP on\n",
    );
    for role in Role::ALL.iter().filter(|role| **role != Role::Owner) {
        let role = role.as_str();
        text += &format!(
            "\\set file :folder '/{role}'\n\\set password `cat :'file'`\n\
             SELECT 1 / length(:'password') AS given \\gset\n\
             ALTER ROLE {role} PASSWORD :'password';\n"
        );
    }
    same("postgres/passwords.sql", &text);
}
