//! `deploy/kubernetes`: a base for kustomize, and components that not every cluster can have.

mod cluster;
mod scaling;
mod workload;

use deploy::plan::{NATS_SERVERS, Scaling, needs_of};
use process::settings::service::Service;
use serde_json::{Value, json};

use crate::files::{folder, same};
use crate::yaml::documents;

const HEAD: &[&str] =
    &["Written by `ASSAY_WRITE_DEPLOY=1 cargo test -p deploy`; change it in an overlay."];
const IMAGE: &str = "assay";

/// What everything of a service is named and found by.
pub(crate) fn metadata(name: &str) -> Value {
    json!({"labels": labels(name), "name": name})
}

pub(crate) fn labels(name: &str) -> Value {
    json!({"app.kubernetes.io/name": name, "app.kubernetes.io/part-of": "assay"})
}

#[test]
fn each_services_manifests_are_written_from_the_list() {
    for service in Service::ALL {
        let mut manifests = vec![
            workload::account(service),
            workload::workload(service),
            workload::address(service),
            workload::disruption(service),
            cluster::policy(service),
        ];
        if let Scaling::Processor { most, percent } = needs_of(service).scaling {
            manifests.push(scaling::by_processor(service, most, percent));
        }
        let name = format!("kubernetes/base/{service}.yaml");
        same(&name, &documents(HEAD, &manifests));
    }
}

#[test]
fn what_belongs_to_no_service_is_written_from_the_list() {
    let head = [
        "Everything is refused that no other policy allows.",
        HEAD[0],
    ];
    let policies = [cluster::refuse_all(), cluster::names()];
    same("kubernetes/base/network.yaml", &documents(&head, &policies));
    let head = [
        "What runs before a new version: the ledger's migrations, then streams and consumers.",
        HEAD[0],
    ];
    let jobs = [
        cluster::job("assay-migrate", &["migrate"], "assay_owner"),
        cluster::job(
            "assay-topology",
            &["topology", "apply", "--replicas", &NATS_SERVERS.to_string()],
            "",
        ),
    ];
    same("kubernetes/base/jobs.yaml", &documents(&head, &jobs));
    let volume = [cluster::objects()];
    same("kubernetes/base/objects.yaml", &documents(HEAD, &volume));
}

#[test]
fn the_base_names_every_manifest() {
    let mut resources = vec![
        "network.yaml".to_owned(),
        "objects.yaml".to_owned(),
        "jobs.yaml".to_owned(),
    ];
    resources.extend(Service::ALL.map(|service| format!("{service}.yaml")));
    for file in &resources {
        assert!(
            folder().join("kubernetes/base").join(file).exists(),
            "{file}"
        );
    }
    let kustomization = json!({
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "configMapGenerator": [{"files": ["assay.toml"], "name": "assay-settings"}],
        "images": [{"name": IMAGE, "newName": "registry.example/assay", "newTag": env!("CARGO_PKG_VERSION")}],
        "kind": "Kustomization",
        "namespace": "assay",
        "resources": resources,
    });
    same(
        "kubernetes/base/kustomization.yaml",
        &documents(HEAD, &[kustomization]),
    );
}

#[test]
fn scaling_by_lag_names_consumers_that_there_are() {
    let scaled: Vec<Value> = Service::ALL
        .into_iter()
        .filter_map(scaling::by_lag)
        .collect();
    assert_eq!(
        scaled.len(),
        3,
        "attempt-writer, snapshot-builder, verifier"
    );
    let head = [
        "More processes while messages wait: needs KEDA, which asks NATS' monitoring for the lag.",
        HEAD[0],
    ];
    same(
        "kubernetes/components/keda/scaled.yaml",
        &documents(&head, &scaled),
    );
    let component = json!({
        "apiVersion": "kustomize.config.k8s.io/v1alpha1",
        "kind": "Component",
        "resources": ["scaled.yaml"],
    });
    same(
        "kubernetes/components/keda/kustomization.yaml",
        &documents(HEAD, &[component]),
    );
}
