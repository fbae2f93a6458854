//! Pod directory layout, states, locks, and the protocol between stage0 and stage1.
