//! Facts about the machine: mounts, overlay support, architecture.
