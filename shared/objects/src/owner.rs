//! Owns whose an object is, and the key that follows from it. Nobody else spells a key.

use contract::digest::Digest;
use contract::ids::{CommandId, DeliveryId, LabId, SessionId};
use object_store::path::Path;

/// Whose an object is: what goes when its owner is erased.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Owner {
    /// One person's run of a lab.
    Session(SessionId),
    /// A lab: what its authors published.
    Lab(LabId),
}

/// The key of an owner's object.
pub(crate) fn key(owner: Owner, digest: Digest) -> Path {
    match owner {
        Owner::Session(session) => fan_out(&format!("sessions/{session}"), digest),
        Owner::Lab(lab) => fan_out(&format!("labs/{lab}"), digest),
    }
}

/// The key of a delivery's compressed body.
pub(crate) fn delivery_key(body: Digest) -> Path {
    fan_out("deliveries", body)
}

/// The key of a delivery's body, sealed.
pub(crate) fn sealed_key(delivery: DeliveryId, body: Digest) -> Path {
    fan_out(
        "bodies",
        Digest::of(format!("{delivery}/{body}").as_bytes()),
    )
}

/// Where bodies lie that came as objects.
pub(crate) fn delivery_bodies() -> Path {
    Path::from("deliveries")
}

/// Where the records of erasures lie.
pub(crate) fn erasures() -> Path {
    Path::from("erasures")
}

/// The key of an erasure's record.
pub(crate) fn erasure_key(command: CommandId) -> Path {
    Path::from(format!("erasures/{command}.json"))
}

/// Where everything of an owner lies.
pub(crate) fn folder(owner: Owner) -> Path {
    match owner {
        Owner::Session(session) => Path::from(format!("sessions/{session}")),
        Owner::Lab(lab) => Path::from(format!("labs/{lab}")),
    }
}

/// Two digits of fan-out keep a folder short without making many of them for a small snapshot.
fn fan_out(folder: &str, digest: Digest) -> Path {
    let name = digest.to_string();
    Path::from(format!("{folder}/{}/{name}", &name[..2]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_begins_with_its_owner() {
        let session: SessionId = "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap();
        let digest = Digest::of(b"");
        let name = "e3/e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let owned = key(Owner::Session(session), digest);
        assert_eq!(owned.as_ref(), format!("sessions/{session}/{name}"));
        let lab = LabId::from_uuid(session.as_uuid());
        assert_eq!(
            key(Owner::Lab(lab), digest).as_ref(),
            format!("labs/{session}/{name}")
        );
        assert_eq!(delivery_key(digest).as_ref(), format!("deliveries/{name}"));
    }
}
