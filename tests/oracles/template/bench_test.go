package main

import (
	"os"
	"strings"
	"testing"
	"text/template"

	"encoding/json"
	"github.com/Masterminds/sprig/v3"
)

// BenchmarkExecute is what keyfill-template's benchmark "execute" does, for comparison.
func BenchmarkExecute(b *testing.B) {
	text, err := os.ReadFile("../../../crates/keyfill-template/benches/deployment.tpl")
	if err != nil {
		b.Fatal(err)
	}
	values, err := os.ReadFile("../../../crates/keyfill-template/benches/values.json")
	if err != nil {
		b.Fatal(err)
	}
	var data interface{}
	if err := json.Unmarshal(values, &data); err != nil {
		b.Fatal(err)
	}
	root := template.New("root").Option("missingkey=zero").Funcs(sprig.TxtFuncMap())
	root.Funcs(template.FuncMap{"include": func(name string, data interface{}) (string, error) {
		var out strings.Builder
		err := root.ExecuteTemplate(&out, name, data)
		return out.String(), err
	}})
	b.Run("parse", func(b *testing.B) {
		for b.Loop() {
			template.Must(template.Must(root.Clone()).New("main").Parse(string(text)))
		}
	})
	template.Must(root.New("main").Parse(string(text)))
	b.Run("execute", func(b *testing.B) {
		for b.Loop() {
			var out strings.Builder
			if err := root.ExecuteTemplate(&out, "main", data); err != nil {
				b.Fatal(err)
			}
		}
	})
}
