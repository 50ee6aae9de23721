{{- define "common.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Renders a value that may hold templates: a string or a structure. */}}
{{- define "common.render" -}}
{{- $value := typeIs "string" .value | ternary .value (.value | toYaml) }}
{{- if contains "{{" (toJson .value) }}
  {{- tpl $value (.scope | empty | ternary .context (merge (dict "scope" .scope) .context)) }}
{{- else }}
  {{- $value }}
{{- end }}
{{- end -}}

{{- define "common.labels" -}}
{{- $own := dict "app.kubernetes.io/name" .context.Chart.Name "helm.sh/chart" (printf "%s-%s" .context.Chart.Name .context.Chart.Version | replace "+" "_") "app.kubernetes.io/instance" .context.Release.Name -}}
{{- with .context.Chart.AppVersion -}}
{{- $_ := set $own "app.kubernetes.io/version" . -}}
{{- end -}}
{{- include "common.render" (dict "value" (merge (.custom | default dict) $own) "context" .context) -}}
{{- end -}}

{{- define "common.image" -}}
{{- $registry := .image.registry -}}
{{- with .global -}}{{- with .imageRegistry -}}{{- $registry = . -}}{{- end -}}{{- end -}}
{{- $tag := .image.tag | toString -}}
{{- $sep := ":" -}}
{{- with .image.digest -}}{{- $sep = "@" -}}{{- $tag = . | toString -}}{{- end -}}
{{- if $registry }}{{ printf "%s/%s%s%s" $registry .image.repository $sep $tag }}{{ else }}{{ printf "%s%s%s" .image.repository $sep $tag }}{{ end -}}
{{- end -}}

{{- define "common.pullSecrets" -}}
{{- $secrets := list -}}
{{- range ((.global).imagePullSecrets) -}}
{{- if kindIs "map" . -}}{{- $secrets = append $secrets .name -}}{{- else -}}{{- $secrets = append $secrets . -}}{{- end -}}
{{- end -}}
{{- if not (empty $secrets) }}
imagePullSecrets:
{{- range $secrets | uniq }}
  - name: {{ . }}
{{- end }}
{{- end }}
{{- end -}}
