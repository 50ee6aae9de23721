//! kustomize build in process, with the bytes of kustomize v5.8.1.
