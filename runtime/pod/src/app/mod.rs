//! What an app needs to be started: who it is, what it runs, in which environment.
