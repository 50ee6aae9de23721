#!/bin/sh
# The sidecar's own login: Vault's Kubernetes auth, and a role for repo-server's service account with the policies of
# the projects. Run deploy/vault/project-policy.sh for each of them first.
#
#   PROJECTS="blue green" sh deploy/vault/kubernetes-auth.sh
#
# Vault asks the API server whose a token is, as a service account with the ClusterRole system:auth-delegator: its own
# where it runs in the cluster. Elsewhere it needs KUBERNETES_HOST, the cluster's CA and a token of such an account, since
# the sidecar's token is of no use against the API server; further words go to auth/kubernetes/config:
#
#   PROJECTS="blue green" KUBERNETES_HOST=https://ADDRESS:6443 sh deploy/vault/kubernetes-auth.sh \
#     disable_local_ca_jwt=true kubernetes_ca_cert=@ca.crt token_reviewer_jwt=@reviewer.jwt
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
