//! `--port`: which ports of the apps the host forwards.

use std::net::{IpAddr, Ipv4Addr};

use appc::{AcName, App, ExposedPort, Extra, Port};

use crate::error::{Context as _, Failure};

/// One `--port` of `run` and `prepare`: `NAME:[HOSTIP:]HOSTPORT`, where NAME is a port that an app declares.
pub fn parse_port(text: &str) -> Result<ExposedPort, Failure> {
    let invalid = |why: String| {
        Failure::new(format!("invalid argument \"{text}\" for --port: {why}"))
            .hint("write NAME:PORT or NAME:ADDRESS:PORT; the image names its ports")
    };
    let (name, rest) =
        text.split_once(':').ok_or_else(|| invalid(format!("\"{text}\" is not in name:[ip:]port format")))?;
    let (address, port) = match rest.rsplit_once(':') {
        Some((address, port)) => (Some(host_address(address).map_err(&invalid)?), port),
        None => (None, rest),
    };
    Ok(ExposedPort {
        name: port_name(name).map_err(&invalid)?,
        host_port: number(port).map_err(&invalid)?,
        host_ip: address,
        pod_port: None,
        extra: Extra::new(),
    })
}

/// One `--port` of `app sandbox`, whose apps are not known yet: `NAME:PROTOCOL:PODPORT:HOSTIP:HOSTPORT`.
pub fn parse_sandbox_port(text: &str) -> Result<ExposedPort, Failure> {
    let invalid = |why: String| {
        Failure::new(format!("invalid argument \"{text}\" for --port: {why}"))
            .hint("write NAME:PROTOCOL:PODPORT:HOSTIP:HOSTPORT, such as www:tcp:80:0.0.0.0:8080")
    };
    let mut parts = text.splitn(4, ':');
    let (Some(name), Some(protocol), Some(inside), Some((address, outside))) =
        (parts.next(), parts.next(), parts.next(), parts.next().and_then(|rest| rest.rsplit_once(':')))
    else {
        return Err(invalid("not in name:protocol:podPort:hostIP:hostPort format".to_owned()));
    };
    if !["tcp", "udp"].contains(&protocol) {
        return Err(invalid(format!("\"{protocol}\" is not a protocol: tcp or udp")));
    }
    let name = port_name(name).map_err(&invalid)?;
    let port = match number(inside).map_err(&invalid)? {
        0 => return Err(invalid(format!("\"{inside}\" is not a valid port number"))),
        port => port,
    };
    let inside = Port {
        name: name.clone(),
        protocol: protocol.to_owned(),
        port,
        count: 1,
        socket_activated: false,
        extra: Extra::new(),
    };
    Ok(ExposedPort {
        name,
        host_port: number(outside).map_err(&invalid)?,
        host_ip: Some(host_address(address).map_err(&invalid)?),
        pod_port: Some(inside),
        extra: Extra::new(),
    })
}

fn port_name(text: &str) -> Result<AcName, String> {
    AcName::new(text).map_err(|_| format!("\"{text}\" is not a valid port name"))
}

fn host_address(text: &str) -> Result<IpAddr, String> {
    // Brackets are how addresses with colons are written before ports elsewhere.
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    bare.parse().map_err(|_| format!("\"{text}\" is not a valid IP"))
}

fn number(text: &str) -> Result<u16, String> {
    text.parse().map_err(|_| format!("\"{text}\" is not a valid port number"))
}

/// Checks the ports of a pod against its apps: each names one port of one app, and no two want the same of the host.
pub fn check_ports<'apps>(
    exposed: &[ExposedPort],
    apps: &(impl IntoIterator<Item = &'apps App> + Clone),
) -> Result<(), Failure> {
    let mut taken: Vec<(&ExposedPort, &Port)> = Vec::with_capacity(exposed.len());
    for port in exposed {
        let inside = match &port.pod_port {
            Some(inside) => inside,
            None => declared(&port.name, apps.clone()).context("the ports of the pod do not fit its apps")?,
        };
        let clash = taken.iter().find(|(other, target)| {
            target.protocol == inside.protocol
                && other.host_port == port.host_port
                && addresses_overlap(address(other), address(port))
        });
        if let Some((other, target)) = clash {
            return Err(Failure::new(format!(
                "port {}-{}:{} already mapped to pod port {}",
                inside.protocol,
                address(other),
                other.host_port,
                target.port
            ))
            .hint("give each port of the pod a port of the host of its own"));
        }
        taken.push((port, inside));
    }
    Ok(())
}

/// The one port with this name among those that the apps declare.
fn declared<'apps>(
    name: &AcName,
    apps: impl IntoIterator<Item = &'apps App>,
) -> Result<&'apps Port, Failure> {
    let mut found = apps.into_iter().flat_map(|app| &app.ports).filter(|port| port.name == *name);
    match (found.next(), found.next()) {
        (Some(port), None) => Ok(port),
        (None, _) => Err(Failure::new(format!("port name \"{name}\" could not be found in any apps"))
            .hint("`rkt image cat-manifest` shows the ports that an image names")),
        (Some(_), Some(_)) => Err(Failure::new(format!("port name \"{name}\" defined multiple apps"))),
    }
}

fn address(port: &ExposedPort) -> IpAddr {
    port.host_ip.unwrap_or(Ipv4Addr::UNSPECIFIED.into())
}

fn addresses_overlap(one: IpAddr, other: IpAddr) -> bool {
    one == other || one.is_unspecified() || other.is_unspecified()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings() {
        for (text, expected) in [
            ("www:80", Ok(r#"{"name":"www","hostPort":80}"#)),
            ("www:127.0.0.1:80", Ok(r#"{"name":"www","hostPort":80,"hostIP":"127.0.0.1"}"#)),
            ("www:[::1]:80", Ok(r#"{"name":"www","hostPort":80,"hostIP":"::1"}"#)),
            ("www:::1:80", Ok(r#"{"name":"www","hostPort":80,"hostIP":"::1"}"#)),
            ("www", Err("\"www\" is not in name:[ip:]port format")),
            ("W:80", Err("\"W\" is not a valid port name")),
            ("www:x:80", Err("\"x\" is not a valid IP")),
            ("www:65536", Err("\"65536\" is not a valid port number")),
            ("www:127.0.0.1:", Err("\"\" is not a valid port number")),
        ] {
            match (parse_port(text), expected) {
                (Ok(port), Ok(json)) => assert_eq!(serde_json::to_string(&port).unwrap(), json, "{text}"),
                (Err(failure), Err(part)) => assert!(failure.what.ends_with(part), "{}", failure.what),
                (got, _) => panic!("{text}: {got:?}"),
            }
        }
        let port = parse_sandbox_port("www:udp:53:10.0.0.1:5353").unwrap();
        assert_eq!(
            serde_json::to_string(&port).unwrap(),
            r#"{"name":"www","hostPort":5353,"hostIP":"10.0.0.1","podPort":{"name":"www","protocol":"udp","port":53,"count":1,"socketActivated":false}}"#
        );
        for text in
            ["www:80", "www:tcp:80:80", "www:sctp:80:1.2.3.4:80", "www:tcp:0:1.2.3.4:80", "www:tcp:80:x:80"]
        {
            assert!(parse_sandbox_port(text).is_err(), "{text}");
        }
    }

    fn app(ports: &[(&str, &str, u16)]) -> App {
        let mut app = App::new(Vec::new(), "0", "0");
        for (name, protocol, port) in ports {
            app.ports.push(Port {
                name: name.parse().unwrap(),
                protocol: (*protocol).to_owned(),
                port: *port,
                count: 1,
                socket_activated: false,
                extra: Extra::new(),
            });
        }
        app
    }

    #[test]
    fn ports_fit_the_apps() {
        let apps = [
            app(&[("www", "tcp", 80), ("dns", "udp", 53)]),
            app(&[("twice", "tcp", 1), ("alt", "tcp", 81)]),
            app(&[("twice", "tcp", 2)]),
        ];
        for (ports, expected) in [
            (&["www:8080", "dns:8080"][..], None),
            (&["www:127.0.0.1:80", "alt:127.0.0.2:80"], None),
            (&["none:80"], Some("port name \"none\" could not be found in any apps")),
            (&["twice:80"], Some("port name \"twice\" defined multiple apps")),
            (&["www:80", "alt:127.0.0.1:80"], Some("port tcp-0.0.0.0:80 already mapped to pod port 80")),
        ] {
            let ports: Vec<_> = ports.iter().map(|text| parse_port(text).unwrap()).collect();
            let shown = check_ports(&ports, &apps.iter()).map_err(|failure| failure.render("run", false));
            match (&shown, expected) {
                (Ok(()), None) => {}
                (Err(text), Some(part)) => assert!(text.contains(part), "{text}"),
                _ => panic!("{ports:?}: {shown:?}"),
            }
        }
        let sandbox = parse_sandbox_port("any:tcp:80:0.0.0.0:80").unwrap();
        check_ports(&[sandbox], &[].iter()).unwrap();
    }
}
