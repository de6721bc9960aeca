//! Owns a network of the test's own: one namespace for each server, all on one bridge. Needs root,
//! and a machine that lets root make namespaces. Everything goes with the test, or with the next.

use std::fs::File;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::process::Command;

use crate::port;

/// The networks that tests choose from: 10.213.<0 to 255>.0/24.
const NETWORK: (u8, u8) = (10, 213);
/// The bridge's own place in the network.
const BRIDGE: u8 = 254;
/// How the names of all that is made here begin, with the process id behind it.
const PREFIX: &str = "assay-t";

/// A bridge, and servers' namespaces on it. Dropping it takes both away.
#[derive(Debug)]
pub(crate) struct Network {
    third: u8,
    servers: usize,
    names: Names,
    _held: File,
}

/// What things of one process are called. Interfaces' names have at most 15 characters.
#[derive(Clone, Copy, Debug)]
struct Names(u32);

impl Names {
    fn bridge(self) -> String {
        format!("ast{}b", self.0)
    }

    fn cable(self, place: usize) -> String {
        format!("ast{}v{place}", self.0)
    }

    fn space(self, place: usize) -> String {
        format!("{PREFIX}{}-{place}", self.0)
    }
}

impl Network {
    /// Makes the bridge and the namespaces.
    pub(crate) fn make(servers: usize) -> Result<Self, String> {
        if !rustix::process::geteuid().is_root() {
            return Err("only root can make networks".to_owned());
        }
        sweep();
        let (third, held) = port::hold("network-", 0..=u8::MAX);
        let network = Self {
            third,
            servers,
            names: Names(std::process::id()),
            _held: held,
        };
        network.lay()?;
        Ok(network)
    }

    fn lay(&self) -> Result<(), String> {
        let names = self.names;
        let bridge = names.bridge();
        ip(&["link", "add", &bridge, "type", "bridge"])?;
        let own = format!("{}/24", self.host(BRIDGE));
        ip(&["address", "add", &own, "dev", &bridge])?;
        ip(&["link", "set", &bridge, "up"])?;
        for place in 0..self.servers {
            let (space, cable) = (names.space(place), names.cable(place));
            ip(&["netns", "add", &space])?;
            let end = ["peer", "name", "eth0", "netns", &space];
            ip(&[&["link", "add", &cable, "type", "veth"][..], &end].concat())?;
            ip(&["link", "set", &cable, "master", &bridge, "up"])?;
            let address = format!("{}/24", self.address(place));
            ip(&["-n", &space, "address", "add", &address, "dev", "eth0"])?;
            ip(&["-n", &space, "link", "set", "eth0", "up"])?;
            ip(&["-n", &space, "link", "set", "lo", "up"])?;
        }
        Ok(())
    }

    /// Where a server is reached.
    pub(crate) fn address(&self, place: usize) -> IpAddr {
        let last = u8::try_from(place + 1).expect("a few servers");
        self.host(last).into()
    }

    fn host(&self, last: u8) -> Ipv4Addr {
        Ipv4Addr::new(NETWORK.0, NETWORK.1, self.third, last)
    }

    /// What a server's command begins with.
    pub(crate) fn enter(&self, place: usize) -> Vec<String> {
        let space = self.names.space(place);
        ["ip", "netns", "exec", &space].map(str::to_owned).into()
    }

    /// Takes a server's cable away.
    pub(crate) fn cut(&self, place: usize) {
        let set = ip(&["link", "set", &self.names.cable(place), "down"]);
        set.expect("a cable of ours goes down");
    }

    /// Gives it back.
    pub(crate) fn join(&self, place: usize) {
        let set = ip(&["link", "set", &self.names.cable(place), "up"]);
        set.expect("a cable of ours comes up");
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for place in 0..self.servers {
            let _ = ip(&["link", "delete", &self.names.cable(place)]);
            let _ = ip(&["netns", "delete", &self.names.space(place)]);
        }
        let _ = ip(&["link", "delete", &self.names.bridge()]);
    }
}

/// Takes away what tests left behind that were killed.
fn sweep() {
    let listed = ip(&["netns", "list"]).unwrap_or_default();
    let names = listed.lines().filter_map(|line| line.split(' ').next());
    for name in names {
        let Some((owner, place)) = name
            .strip_prefix(PREFIX)
            .and_then(|rest| rest.split_once('-'))
        else {
            continue;
        };
        let (Ok(owner), Ok(place)) = (owner.parse(), place.parse()) else {
            continue;
        };
        if Path::new(&format!("/proc/{owner}")).exists() {
            continue;
        }
        let names = Names(owner);
        let _ = ip(&["link", "delete", &names.cable(place)]);
        let _ = ip(&["netns", "delete", name]);
        let _ = ip(&["link", "delete", &names.bridge()]);
    }
}

fn ip(arguments: &[&str]) -> Result<String, String> {
    let said = Command::new("ip").args(arguments).output();
    let said = said.map_err(|error| format!("ip (iproute2) cannot be run: {error}"))?;
    match said.status.success() {
        true => Ok(String::from_utf8_lossy(&said.stdout).into_owned()),
        false => {
            let why = String::from_utf8_lossy(&said.stderr);
            Err(format!("ip {}: {}", arguments.join(" "), why.trim()))
        }
    }
}
