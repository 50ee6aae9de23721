{{ define "twice" }}from the subchart{{ end }}
