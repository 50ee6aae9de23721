//! Go's text/template and the sprig functions, as helm exposes them.
