output "role_ids" {
  description = "AVP_ROLE_ID for each project; no secret by itself"
  value       = { for project, role in vault_approle_auth_backend_role.project : project => role.role_id }
}

output "sidecar_role" {
  description = "AVP_K8S_ROLE of the sidecar"
  value       = vault_kubernetes_auth_backend_role.sidecar.role_name
}
