{{ define "twice" }}from the root{{ end }}{{ define "by-depth" }}near{{ end }}
