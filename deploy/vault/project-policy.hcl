# What apps of the project "blue" may read: the first line of defence. One policy for each project.
#
#   vault policy write argocd-blue deploy/vault/project-policy.hcl

path "secret/data/blue/*" {
  capabilities = ["read"]
}

# keyfill renews its own login, and looks nothing else up.
path "auth/token/renew-self" {
  capabilities = ["update"]
}
