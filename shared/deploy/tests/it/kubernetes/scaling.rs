//! More processes: by processor time where work comes from outside, by lag where it waits.

use deploy::list::consumers;
use deploy::plan::{NATS_PORTS, REPLICAS_MIN, Scaling, needs_of};
use process::settings::service::Service;
use serde_json::{Value, json};

use super::metadata;

/// How long nothing must wait before a process is taken away, in seconds.
const CALM_SECS: u32 = 300;

pub(crate) fn by_processor(service: Service, most: u16, percent: u16) -> Value {
    let name = service.as_str();
    json!({
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
        "metadata": metadata(name),
        "spec": {
            "behavior": {"scaleDown": {"stabilizationWindowSeconds": CALM_SECS}},
            "maxReplicas": most,
            "metrics": [{
                "resource": {
                    "name": "cpu",
                    "target": {"averageUtilization": percent, "type": "Utilization"},
                },
                "type": "Resource",
            }],
            "minReplicas": REPLICAS_MIN,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": name},
        },
    })
}

/// A trigger for each queue of work; orders and dead letters are few, and need nobody more.
pub(crate) fn by_lag(service: Service) -> Option<Value> {
    let Scaling::Lag { most, messages } = needs_of(service).scaling else {
        return None;
    };
    let work = consumers(service).into_iter();
    let work = work.filter(|consumer| matches!(consumer.stream, "DELIVERIES" | "JOBS"));
    let triggers: Vec<Value> = work
        .map(|consumer| {
            json!({
                "metadata": {
                    "account": "$G",
                    "consumer": consumer.name,
                    "lagThreshold": messages.to_string(),
                    "natsServerMonitoringEndpoint": format!("nats-headless.assay:{}", NATS_PORTS.2),
                    "stream": consumer.stream,
                },
                "type": "nats-jetstream",
            })
        })
        .collect();
    assert!(!triggers.is_empty(), "{service}");
    Some(json!({
        "apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject",
        "metadata": metadata(service.as_str()),
        "spec": {
            "cooldownPeriod": CALM_SECS,
            "maxReplicaCount": most,
            "minReplicaCount": REPLICAS_MIN,
            "pollingInterval": 15,
            "scaleTargetRef": {"name": service.as_str()},
            "triggers": triggers,
        },
    }))
}
