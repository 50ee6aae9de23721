//! Argo CD's config management plugin protocol over a unix socket.
