# Two targets:
#   static  scratch: the static binary alone, no shell (docker build --target static .)
#   full    with kustomize, helm and git, for --engine exec (docker build --target full .)
FROM rust:1.95-alpine AS build
RUN apk add --no-cache musl-dev gcc make
WORKDIR /src
COPY . .
# No symbols: up to a quarter of the size, of use to a debugger only.
ENV CARGO_PROFILE_RELEASE_STRIP=symbols
RUN cargo build --release --locked --bin keyfill \
 && install -D target/release/keyfill /out/keyfill \
 && ln -s keyfill /out/argocd-vault-plugin \
 && ln -s keyfill /out/argocd-cmp-server

FROM golang:1.26-alpine AS tools
ENV CGO_ENABLED=0 GOBIN=/out
RUN go install sigs.k8s.io/kustomize/kustomize/v5@v5.8.1 \
 && go install -ldflags "-s -w -X helm.sh/helm/v3/internal/version.version=v3.22.0 -X helm.sh/helm/v3/pkg/chartutil.k8sVersionMajor=1 -X helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor=37" helm.sh/helm/v3/cmd/helm@v3.22.0

FROM scratch AS static
LABEL org.opencontainers.image.title="keyfill" \
      org.opencontainers.image.description="Renders Kubernetes manifests and fills their secrets from a store" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /out/ /usr/local/bin/
# For a Vault whose certificate a public authority signed.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY plugin.yaml /home/argocd/cmp-server/config/plugin.yaml
ENV PATH=/usr/local/bin
USER 999
ENTRYPOINT ["/usr/local/bin/keyfill"]

FROM alpine:3.22 AS full
LABEL org.opencontainers.image.title="keyfill" \
      org.opencontainers.image.description="Renders Kubernetes manifests and fills their secrets from a store" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN apk add --no-cache ca-certificates git && adduser -D -u 999 argocd
COPY --from=build /out/ /usr/local/bin/
COPY --from=tools /out/kustomize /out/helm /usr/local/bin/
COPY plugin.yaml /home/argocd/cmp-server/config/plugin.yaml
USER 999
ENTRYPOINT ["/usr/local/bin/keyfill"]
