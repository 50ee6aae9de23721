variable "projects" {
  description = "Names of the Argo CD projects whose apps read secrets"
  type        = set(string)

  validation {
    # A "*" or "/" in a name would open other projects' secrets.
    condition     = alltrue([for project in var.projects : can(regex("^[a-z0-9.-]+$", project))])
    error_message = "A project's name has small letters, digits, dots and hyphens only."
  }
}

variable "kv_mount" {
  description = "Where the kv engine (version 2) is mounted"
  type        = string
  default     = "secret"
}

variable "kubernetes_host" {
  description = "The cluster's API, as Vault sees it"
  type        = string
  default     = "https://kubernetes.default.svc"
}

variable "argocd_namespace" {
  description = "The namespace of argocd-repo-server"
  type        = string
  default     = "argocd"
}

variable "kubernetes_auth_path" {
  description = "Where the Kubernetes auth method is mounted"
  type        = string
  default     = "kubernetes"
}

variable "approle_auth_path" {
  description = "Where the AppRole auth method is mounted"
  type        = string
  default     = "approle"
}
