//! Sockets that systemd opens for an app before it runs.

use crate::systemd::names;
use crate::systemd::unit::Unit;
use appc::{App, PodManifest};

/// `<app>.socket` of an app with socket-activated ports, and what of it is doubtful, in words; `None` for an app without.
/// The pod's port of the same name says where on the host; without one it is the app's own number.
pub(crate) fn socket(name: &str, image: &str, app: &App, pod: &PodManifest) -> Option<(Unit, Vec<String>)> {
    let ports: Vec<_> = app.ports.iter().filter(|port| port.socket_activated).collect();
    if ports.is_empty() {
        return None;
    }
    let mut unit = Unit::default();
    let mut warnings = Vec::new();
    unit.unit("Description", format!("Application={name} Image={image} socket-activated ports"))
        .unit("DefaultDependencies", "false")
        .socket("BindIPv6Only", "both")
        .socket("Service", names::service(name));
    for port in ports {
        let exposed = pod.ports.iter().find(|exposed| exposed.name == port.name);
        let number = if let Some(exposed) = exposed {
            exposed.host_port
        } else {
            warnings.push(format!(
                "no host port for socket-activated port \"{}\" of app \"{name}\": using {}",
                port.name, port.port
            ));
            port.port
        };
        let directive = if port.protocol == "udp" { "ListenDatagram" } else { "ListenStream" };
        unit.socket(directive, number.to_string());
    }
    Some((unit, warnings))
}
