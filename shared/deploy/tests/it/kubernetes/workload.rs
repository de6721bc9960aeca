//! What runs: a deployment or a set with storage, its account, its address, its share of a
//! disruption.

use deploy::list::{folders, ports, secrets};
use deploy::plan::{
    AUTHORITY_FILE, DATA_FOLDER, HEALTH_PORT, REPLICAS_MIN, SECRETS_FOLDER, USER, VERIFIER_ENTRY,
    needs_of,
};
use process::settings::service::Service;
use serde_json::{Value, json};

use super::{IMAGE, labels, metadata};

/// Room for the spool of each webhook-ingest.
const SPOOL_SIZE: &str = "10Gi";

/// An account without any right in the cluster.
pub(crate) fn account(service: Service) -> Value {
    json!({
        "apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata(service.as_str()),
        "automountServiceAccountToken": false,
    })
}

/// A deployment; a set where each process has storage that outlives it.
pub(crate) fn workload(service: Service) -> Value {
    let name = service.as_str();
    let mut spec = json!({
        "replicas": REPLICAS_MIN,
        "selector": {"matchLabels": labels(name)},
        "template": {"metadata": {"labels": labels(name)}, "spec": pod(service)},
    });
    let own = folders(service)
        .into_iter()
        .find(|folder| folder.kind == "own");
    let kind = if let Some(own) = own {
        spec["serviceName"] = json!(name);
        spec["podManagementPolicy"] = json!("Parallel");
        spec["volumeClaimTemplates"] = json!([{
            "metadata": {"name": own.name},
            "spec": {
                "accessModes": ["ReadWriteOnce"],
                "resources": {"requests": {"storage": SPOOL_SIZE}},
            },
        }]);
        "StatefulSet"
    } else {
        // What was there stays until what is new is ready.
        spec["strategy"] = json!({
            "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}, "type": "RollingUpdate",
        });
        "Deployment"
    };
    json!({"apiVersion": "apps/v1", "kind": kind, "metadata": metadata(name), "spec": spec})
}

fn pod(service: Service) -> Value {
    let name = service.as_str();
    let is_verifier = service == Service::Verifier;
    let mut pod = json!({
        "containers": [container(service)],
        "enableServiceLinks": false,
        "securityContext": {
            "fsGroup": USER,
            "fsGroupChangePolicy": "OnRootMismatch",
            "runAsGroup": USER,
            "runAsNonRoot": true,
            "runAsUser": USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "serviceAccountName": name,
        "terminationGracePeriodSeconds": needs_of(service).stop_seconds + 30,
        "topologySpreadConstraints": [{
            "labelSelector": {"matchLabels": labels(name)},
            "maxSkew": 1,
            "topologyKey": "kubernetes.io/hostname",
            "whenUnsatisfiable": "ScheduleAnyway",
        }],
        "volumes": volumes(service),
    });
    if is_verifier {
        // Strangers' code: nodes of its own, and nothing beside it.
        pod["nodeSelector"] = json!({"assay/verifier": "true"});
        pod["tolerations"] =
            json!([{"effect": "NoSchedule", "key": "assay/verifier", "operator": "Exists"}]);
        pod["securityContext"] = json!({"fsGroup": USER, "fsGroupChangePolicy": "OnRootMismatch"});
    }
    pod
}

fn container(service: Service) -> Value {
    let needs = needs_of(service);
    let probe = |path: &str, failures: u32| {
        json!({
            "failureThreshold": failures,
            "httpGet": {"path": path, "port": "health"},
            "periodSeconds": 5,
            "timeoutSeconds": 3,
        })
    };
    let ports: Vec<Value> = ports(service)
        .iter()
        .map(|port| json!({"containerPort": port.port, "name": port.name}))
        .collect();
    let memory = format!("{}Mi", needs.memory_mib);
    let security = if service == Service::Verifier {
        // Boxes need namespaces, mounts and control groups: see README.md.
        json!({"privileged": true, "runAsGroup": USER, "runAsUser": 0})
    } else {
        json!({
            "allowPrivilegeEscalation": false,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": true,
        })
    };
    let mut container = json!({
        "image": IMAGE,
        "livenessProbe": probe("/live", 6),
        "name": service.as_str(),
        "ports": ports,
        "readinessProbe": probe("/ready", 2),
        "resources": {
            "limits": {"memory": memory},
            "requests": {"cpu": format!("{}m", needs.cpu_millis), "memory": memory},
        },
        "securityContext": security,
        "volumeMounts": mounts(service),
    });
    if service == Service::Verifier {
        container["command"] = json!(VERIFIER_ENTRY);
    } else {
        container["args"] = json!(["run", service.as_str()]);
    }
    container
}

fn mounts(service: Service) -> Value {
    let mut mounts = vec![
        json!({"mountPath": "/etc/assay", "name": "settings", "readOnly": true}),
        json!({"mountPath": SECRETS_FOLDER, "name": "secrets", "readOnly": true}),
        json!({"mountPath": "/tmp", "name": "tmp"}),
    ];
    mounts.extend(folders(service).iter().map(|folder| {
        json!({"mountPath": format!("{DATA_FOLDER}/{}", folder.name), "name": folder.name})
    }));
    mounts.into()
}

fn volumes(service: Service) -> Value {
    let mut files = secrets(service);
    files.push(AUTHORITY_FILE.to_owned());
    let mut volumes = vec![
        json!({"configMap": {"name": "assay-settings"}, "name": "settings"}),
        json!({
            "name": "secrets",
            "projected": {"defaultMode": 0o440, "sources": sources(&files)},
        }),
        json!({"emptyDir": {"medium": "Memory", "sizeLimit": "64Mi"}, "name": "tmp"}),
    ];
    for folder in folders(service) {
        match folder.kind {
            "shared" => volumes.push(json!({
                "name": folder.name,
                "persistentVolumeClaim": {"claimName": format!("assay-{}", folder.name)},
            })),
            "scratch" => volumes.push(json!({
                "emptyDir": {"sizeLimit": "20Gi"}, "name": folder.name,
            })),
            // A claim of each process, by the set's template.
            _ => {}
        }
    }
    volumes.into()
}

/// Each secret is one of the cluster's, of one key, so that nobody is handed another's.
pub(crate) fn sources(files: &[String]) -> Value {
    let source = |file: &String| {
        let optional = file.ends_with("-token");
        json!({"secret": {
            "items": [{"key": "value", "path": file}],
            "name": format!("assay-{}", file.replace('_', "-")),
            "optional": optional,
        }})
    };
    files.iter().map(source).collect()
}

/// Where a service is found: by its health port, and webhook-ingest by its hooks.
pub(crate) fn address(service: Service) -> Value {
    let name = service.as_str();
    let ports: Vec<Value> = ports(service)
        .iter()
        .map(|port| json!({"name": port.name, "port": port.port, "targetPort": port.name}))
        .collect();
    let mut address = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": metadata(name),
        "spec": {"ports": ports, "selector": labels(name)},
    });
    address["metadata"]["annotations"] = json!({
        "prometheus.io/path": "/metrics",
        "prometheus.io/port": HEALTH_PORT.to_string(),
        "prometheus.io/scrape": "true",
    });
    address
}

/// One at a time: a drain of nodes never takes the last.
pub(crate) fn disruption(service: Service) -> Value {
    json!({
        "apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
        "metadata": metadata(service.as_str()),
        "spec": {"maxUnavailable": 1, "selector": {"matchLabels": labels(service.as_str())}},
    })
}
