{{ define "by-depth" }}far{{ end }}
