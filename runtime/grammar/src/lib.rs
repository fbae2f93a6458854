//! The command tree of rkt, for rkt itself and for its man pages and completions.
