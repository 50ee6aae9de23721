#!/bin/sh
# An AppRole for a project, bound to its policy (project-policy.hcl, written as argocd-PROJECT). The role's id and a
# secret id go into a Secret of the namespace argocd, which apps of the project may choose where the sidecar has
# KEYFILL_APP_SECRETS=argocd:{{ app.project }}-*
#
#   PROJECT=blue sh deploy/vault/project-role.sh
set -eu
: "${PROJECT:?name the project}"
role="auth/approle/role/argocd-$PROJECT"

vault write "$role" \
  token_policies="argocd-$PROJECT" token_no_default_policy=true token_ttl=20m token_max_ttl=24h

kubectl -n argocd create secret generic "$PROJECT-vault" \
  --from-literal=AVP_AUTH_TYPE=approle \
  --from-literal=AVP_ROLE_ID="$(vault read -field=role_id "$role/role-id")" \
  --from-literal=AVP_SECRET_ID="$(vault write -force -field=secret_id "$role/secret-id")"
