//! Where the pod is among the host's units and control groups, decided by what the host has.

use crate::failure::Failure;
use crate::systemd::cgroup::{self, Maker};
use crate::systemd::isolation::resources::{Enforced, oom_score_floor};
use crate::systemd::nspawn::machine;
use host::bus::Machined;
use host::cgroup::Layout;
use pod::Uuid;
use std::path::{Path, PathBuf};

/// The slice in which machined puts its machines.
const MACHINE_SLICE: &str = "machine.slice";

/// The pod's place.
#[derive(Debug)]
pub(super) struct Place {
    /// Whether a machine manager is told of the pod.
    pub(super) register: bool,
    /// Who makes its control group.
    pub(super) maker: Maker,
    /// Whether the pod stays in the control group that it is started in, rather than in a unit of its own.
    pub(super) keep_unit: bool,
    /// Whether the host's journal gets a link to the pod's.
    pub(super) link_journal: bool,
    /// The pod's control group, from the root of the hierarchies.
    pub(super) subcgroup: PathBuf,
}

impl Place {
    /// Looks at the host. What is not certain to be there is not counted on.
    pub(super) fn choose(cgroups: &cgroup::Host, uuid: Uuid) -> Result<Place, Failure> {
        let booted = host::systemd::is_booted();
        let in_service = host::systemd::is_system_service()
            .map_err(|error| Failure::new(format!("cannot tell whether rkt runs in a service: {error}")))?;
        let register = matches!(host::bus::machined(), Machined::Present);
        let scope = host::systemd::machine_scope(&machine(uuid));
        let own = cgroups.own_path();
        // A service keeps its own unit, in which the pod is one of perhaps many that it runs one after another: the group
        // has the pod's name, so that nobody takes the next pod for the last one.
        let maker = if register && !in_service { Maker::Machined } else { Maker::Rkt };
        let subcgroup = match maker {
            Maker::Machined => Path::new("/").join(MACHINE_SLICE).join(scope),
            Maker::Rkt => own.join(scope),
        };
        // Without a unit of its own it needs no bus.
        Ok(Place { register, maker, keep_unit: maker == Maker::Rkt, link_journal: booted, subcgroup })
    }

    /// Goes there, where that is for us to do.
    ///
    /// # Errors
    /// When the groups cannot be made.
    pub(super) fn enter(&self, cgroups: &cgroup::Host) -> Result<(), Failure> {
        if cgroups.legacy() {
            cgroup::mount_missing(cgroups)?;
        }
        match self.maker {
            Maker::Rkt => cgroup::join(cgroups, &self.subcgroup),
            Maker::Machined => Ok(()),
        }
    }

    /// What of the isolators the host can enforce, once [`Place::enter`] is done.
    pub(super) fn limits(&self, cgroups: &cgroup::Host) -> Enforced {
        Enforced {
            memory: cgroups.enforces("memory", self.maker),
            cpu: cgroups.enforces("cpu", self.maker),
            unified: cgroups.layout == Layout::Unified,
            oom_score_floor: oom_score_floor(),
        }
    }
}
