# Vault as keyfill wants it: a policy and an AppRole for each project, and the sidecar's login by Kubernetes auth.
# The same as the shell scripts beside this folder.

terraform {
  required_version = ">= 1.5"
  required_providers {
    vault = {
      source  = "hashicorp/vault"
      version = ">= 4.0"
    }
  }
}

locals {
  # keyfill renews its own login, and looks nothing else up.
  renew = <<-EOT
    path "auth/token/renew-self" {
      capabilities = ["update"]
    }
  EOT
}

resource "vault_policy" "project" {
  for_each = var.projects
  name     = "argocd-${each.key}"
  policy   = <<-EOT
    path "${var.kv_mount}/data/${each.key}/*" {
      capabilities = ["read"]
    }
    ${local.renew}
  EOT
}

resource "vault_auth_backend" "kubernetes" {
  type = "kubernetes"
  path = var.kubernetes_auth_path
}

resource "vault_kubernetes_auth_backend_config" "this" {
  backend         = vault_auth_backend.kubernetes.path
  kubernetes_host = var.kubernetes_host
}

# The sidecar's own login. KEYFILL_ALLOWED_PATHS keeps projects apart where they share it.
resource "vault_kubernetes_auth_backend_role" "sidecar" {
  backend                          = vault_auth_backend.kubernetes.path
  role_name                        = "argocd"
  bound_service_account_names      = ["argocd-repo-server"]
  bound_service_account_namespaces = [var.argocd_namespace]
  audience                         = "vault"
  token_policies                   = [for policy in vault_policy.project : policy.name]
  token_no_default_policy          = true
  token_ttl                        = 1200
  token_max_ttl                    = 86400
}

resource "vault_auth_backend" "approle" {
  type = "approle"
  path = var.approle_auth_path
}

# An identity for each project: Vault itself then refuses the paths of others. Its role id and a secret id go into a
# Secret that the project's apps name with AVP_SECRET; a secret id is made outside, so that it is in no state file:
# deploy/vault/project-role.sh does it.
resource "vault_approle_auth_backend_role" "project" {
  for_each                = var.projects
  backend                 = vault_auth_backend.approle.path
  role_name               = "argocd-${each.key}"
  token_policies          = [vault_policy.project[each.key].name]
  token_no_default_policy = true
  token_ttl               = 1200
  token_max_ttl           = 86400
}
