//! What belongs to the cluster: who may talk to whom, shared storage, jobs before a version.

use deploy::list::ports;
use deploy::plan::{AUTHORITY_FILE, NATS_PORTS, POSTGRES_PORT, SECRETS_FOLDER, USER, needs_of};
use process::settings::service::Service;
use serde_json::{Value, json};

use super::workload::sources;
use super::{IMAGE, labels, metadata};

/// What a forge is asked at: HTTPS, SSH.
const FORGE_PORTS: [u16; 2] = [443, 22];

pub(crate) fn policy(service: Service) -> Value {
    let name = service.as_str();
    let (clients, _, monitoring) = NATS_PORTS;
    let of = |app: &str| json!({"podSelector": {"matchLabels": {"app.kubernetes.io/name": app}}});
    let tcp = |port: u16| json!({"port": port, "protocol": "TCP"});
    let mut egress = vec![json!({"ports": [tcp(clients)], "to": [of("nats")]})];
    if service == Service::WebhookIngest {
        // Whether the servers sync before they ack.
        egress.push(json!({"ports": [tcp(monitoring)], "to": [of("nats")]}));
    }
    if service.role().is_some() {
        egress.push(json!({"ports": [tcp(POSTGRES_PORT)], "to": [of("postgres")]}));
    }
    if needs_of(service).asks_forges {
        let inside = [
            "10.0.0.0/8",
            "172.16.0.0/12",
            "192.168.0.0/16",
            "169.254.0.0/16",
        ];
        egress.push(json!({
            "ports": FORGE_PORTS.map(tcp),
            "to": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": inside}}],
        }));
    }
    let ingress: Vec<Value> = ports(service)
        .iter()
        .map(|port| {
            let from = if port.name == "hooks" {
                "ingress"
            } else {
                "monitoring"
            };
            json!({
                "from": [{"namespaceSelector": {"matchLabels": {"assay/may": from}}}],
                "ports": [{"port": port.name, "protocol": "TCP"}],
            })
        })
        .collect();
    json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata(name),
        "spec": {
            "egress": egress, "ingress": ingress,
            "podSelector": {"matchLabels": labels(name)},
            "policyTypes": ["Ingress", "Egress"],
        },
    })
}

pub(crate) fn refuse_all() -> Value {
    json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
        "metadata": metadata("assay-nothing"),
        "spec": {
            "podSelector": {"matchLabels": {"app.kubernetes.io/part-of": "assay"}},
            "policyTypes": ["Ingress", "Egress"],
        },
    })
}

/// Looking names up, for everybody; and the jobs' way to the servers.
pub(crate) fn names() -> Value {
    let (clients, _, _) = NATS_PORTS;
    json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
        "metadata": metadata("assay-names"),
        "spec": {
            "egress": [
                {
                    "ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}],
                    "to": [{"namespaceSelector": {}, "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}}}],
                },
                {
                    "ports": [{"port": clients, "protocol": "TCP"}, {"port": POSTGRES_PORT, "protocol": "TCP"}],
                    "to": [{"podSelector": {"matchExpressions": [{
                        "key": "app.kubernetes.io/name", "operator": "In",
                        "values": ["nats", "postgres"],
                    }]}}],
                },
            ],
            "podSelector": {"matchExpressions": [
                {"key": "app.kubernetes.io/part-of", "operator": "In", "values": ["assay"]},
            ]},
            "policyTypes": ["Egress"],
        },
    })
}

/// A job of the operator's program, with the password that it needs; without one, with the key of
/// whoever applies the topology.
pub(crate) fn job(name: &str, args: &[&str], password: &str) -> Value {
    let secret = if password.is_empty() {
        "nats-topology"
    } else {
        password
    };
    json!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": metadata(name),
        "spec": {
            "backoffLimit": 10,
            "template": {
                "metadata": {"labels": labels(name)},
                "spec": {
                    "automountServiceAccountToken": false,
                    "containers": [{
                        "args": args,
                        "image": IMAGE,
                        "name": name,
                        "resources": {"limits": {"memory": "256Mi"}, "requests": {"cpu": "50m", "memory": "256Mi"}},
                        "securityContext": {
                            "allowPrivilegeEscalation": false,
                            "capabilities": {"drop": ["ALL"]},
                            "readOnlyRootFilesystem": true,
                        },
                        "volumeMounts": [
                            {"mountPath": "/etc/assay", "name": "settings", "readOnly": true},
                            {"mountPath": SECRETS_FOLDER, "name": "secrets", "readOnly": true},
                        ],
                    }],
                    "restartPolicy": "OnFailure",
                    "securityContext": {
                        "fsGroup": USER, "runAsGroup": USER, "runAsNonRoot": true, "runAsUser": USER,
                        "seccompProfile": {"type": "RuntimeDefault"},
                    },
                    "volumes": [
                        {"configMap": {"name": "assay-settings"}, "name": "settings"},
                        {"name": "secrets", "projected": {
                            "defaultMode": 0o440, "sources": sources(&[secret.to_owned(), AUTHORITY_FILE.to_owned()]),
                        }},
                    ],
                },
            },
            "ttlSecondsAfterFinished": 86_400,
        },
    })
}

/// The object store: one folder for all, on whatever the cluster has that many nodes can write.
pub(crate) fn objects() -> Value {
    json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata("assay-objects"),
        "spec": {
            "accessModes": ["ReadWriteMany"],
            "resources": {"requests": {"storage": "200Gi"}},
        },
    })
}
