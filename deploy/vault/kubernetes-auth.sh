#!/bin/sh
# The sidecar's own login: Vault's Kubernetes auth, and a role for repo-server's service account with the policies of
# the projects. Run deploy/vault/project-policy.sh for each of them first.
#
#   PROJECTS="blue green" sh deploy/vault/kubernetes-auth.sh
#
# A Vault outside the cluster needs KUBERNETES_HOST and the cluster's CA; further words go to auth/kubernetes/config:
#
#   PROJECTS="blue green" KUBERNETES_HOST=https://ADDRESS:6443 sh deploy/vault/kubernetes-auth.sh \
#     disable_local_ca_jwt=true kubernetes_ca_cert=@ca.crt
set -eu
: "${PROJECTS:?name the projects, with spaces between them}"
# As Vault sees it.
: "${KUBERNETES_HOST:=https://kubernetes.default.svc}"

vault auth list | grep -q '^kubernetes/' || vault auth enable kubernetes
vault write auth/kubernetes/config kubernetes_host="$KUBERNETES_HOST" "$@"

policies=
for project in $PROJECTS; do
  policies=$policies${policies:+,}argocd-$project
done
# The audience is that of the token which deploy/repo-server-serve.yaml mounts.
vault write auth/kubernetes/role/argocd \
  bound_service_account_names=argocd-repo-server bound_service_account_namespaces=argocd audience=vault \
  token_policies="$policies" token_no_default_policy=true token_ttl=20m token_max_ttl=24h
