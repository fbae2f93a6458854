//! Where an app's standard streams lead, as annotations of the app in the pod manifest say.

use super::words::words;

words! {
    /// Where standard input comes from; an annotation with any other word means the default.
    InputMode {
        /// Nowhere: it is at its end.
        #[default]
        Null = "null",
        /// Whoever attaches to the stream.
        Stream = "stream",
        /// A terminal of its own, to which one attaches.
        Tty = "tty",
        /// The terminal of `rkt run`.
        Interactive = "interactive",
    }
}

words! {
    /// Where standard output or standard error goes; an annotation with any other word means the default.
    OutputMode {
        /// The journal of the pod and the console.
        #[default]
        Log = "log",
        /// Nowhere.
        Null = "null",
        /// Whoever attaches to the stream.
        Stream = "stream",
        /// A terminal of its own, to which one attaches.
        Tty = "tty",
        /// The terminal of `rkt run`.
        Interactive = "interactive",
    }
}
