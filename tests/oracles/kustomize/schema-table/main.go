// Program schema-table writes crates/keyfill-kustomize/src/schema/table.rs: the parts of the Kubernetes
// schema embedded in kustomize that its merge and its scope check look at.
//
//	go run ./schema-table > ../../../crates/keyfill-kustomize/src/schema/table.rs
package main

import (
	"bufio"
	"fmt"
	"log"
	"os"
	"sort"
	"strings"

	openapi_v2 "github.com/google/gnostic-models/openapiv2"
	"google.golang.org/protobuf/proto"
	"k8s.io/kube-openapi/pkg/validation/spec"
	"sigs.k8s.io/kustomize/kyaml/openapi"
	"sigs.k8s.io/kustomize/kyaml/openapi/kubernetesapi"
	"sigs.k8s.io/kustomize/kyaml/yaml"
)

const gvkExtension = "x-kubernetes-group-version-kind"

// A table under construction. Equal shapes get one number; named definitions get theirs before they are
// described, because they may contain themselves.
type table struct {
	rows    []string
	numbers map[string]int
	named   map[string]int
}

func (t *table) shape(row string) int {
	if n, ok := t.numbers[row]; ok {
		return n
	}
	t.rows = append(t.rows, row)
	t.numbers[row] = len(t.rows) - 1
	return len(t.rows) - 1
}

// number describes a schema, following references as kyaml does: what stands beside a reference is lost.
func (t *table) number(s *spec.Schema) int {
	name := ""
	for s.Ref.String() != "" {
		name = s.Ref.String()
		next, err := openapi.Resolve(&s.Ref, openapi.Schema())
		if err != nil {
			log.Fatalf("%s: %v", name, err)
		}
		s = next
	}
	if name == "" {
		return t.shape(t.describe(s))
	}
	if n, ok := t.named[name]; ok {
		return n
	}
	if len(s.Properties) == 0 {
		n := t.shape(t.describe(s))
		t.named[name] = n
		return n
	}
	t.rows = append(t.rows, "")
	n := len(t.rows) - 1
	t.named[name] = n
	t.rows[n] = t.describe(s)
	return n
}

func (t *table) describe(s *spec.Schema) string {
	isList := len(s.Type) == 1 && s.Type[0] == "array" && s.Items != nil
	hasRest := s.AdditionalProperties != nil && s.AdditionalProperties.Schema != nil
	if isList && (len(s.Properties) > 0 || hasRest) || hasRest && len(s.Properties) > 0 {
		log.Fatalf("a schema of mixed shape: %v", s)
	}
	switch {
	case isList:
		return t.list(s)
	case hasRest:
		return fmt.Sprintf("Map(%d)", t.number(s.AdditionalProperties.Schema))
	case len(s.Properties) > 0:
		return t.object(s)
	default:
		return "Leaf"
	}
}

func (t *table) list(s *spec.Schema) string {
	strategy, keys := (&openapi.ResourceSchema{Schema: s}).PatchStrategyAndKeyList()
	items := t.number(s.Items.Schema)
	merges := false
	for _, word := range strings.Split(strategy, ",") {
		merges = merges || word == "merge"
	}
	if !merges {
		return fmt.Sprintf("List(%d)", items)
	}
	quoted := make([]string, len(keys))
	for i, key := range keys {
		quoted[i] = fmt.Sprintf("%q", key)
	}
	return fmt.Sprintf("Merged(%d, &[%s])", items, strings.Join(quoted, ", "))
}

func (t *table) object(s *spec.Schema) string {
	names := make([]string, 0, len(s.Properties))
	for name := range s.Properties {
		names = append(names, name)
	}
	sort.Strings(names)
	fields := make([]string, len(names))
	for i, name := range names {
		property := s.Properties[name]
		fields[i] = fmt.Sprintf("(%q, %d)", name, t.number(&property))
	}
	return "Object(&[" + strings.Join(fields, ", ") + "])"
}

// resourceTypes lists what has a definition or a path of its own.
func resourceTypes() []yaml.TypeMeta {
	seen := map[yaml.TypeMeta]bool{}
	for _, definition := range openapi.Schema().Definitions {
		list, _ := definition.Extensions[gvkExtension].([]interface{})
		for _, gvk := range list {
			seen[typeMeta(gvk)] = true
		}
	}
	for _, path := range paths().Paths {
		if path.Get == nil {
			continue
		}
		if gvk, ok := path.Get.Extensions[gvkExtension]; ok {
			seen[typeMeta(gvk)] = true
		}
	}
	types := make([]yaml.TypeMeta, 0, len(seen))
	for t := range seen {
		types = append(types, t)
	}
	sort.Slice(types, func(i, j int) bool {
		a, b := types[i], types[j]
		return a.APIVersion < b.APIVersion || a.APIVersion == b.APIVersion && a.Kind < b.Kind
	})
	return types
}

func typeMeta(gvk interface{}) yaml.TypeMeta {
	fields := gvk.(map[string]interface{})
	text := func(name string) string { s, _ := fields[name].(string); return s }
	apiVersion := text("version")
	if group := text("group"); group != "" {
		apiVersion = group + "/" + apiVersion
	}
	return yaml.TypeMeta{APIVersion: apiVersion, Kind: text("kind")}
}

func paths() *spec.Paths {
	version := kubernetesapi.DefaultOpenAPI
	asset := "kubernetesapi/" + strings.ReplaceAll(version, ".", "_") + "/swagger.pb"
	document := &openapi_v2.Document{}
	if err := proto.Unmarshal(kubernetesapi.OpenAPIMustAsset[version](asset), document); err != nil {
		log.Fatal(err)
	}
	var swagger spec.Swagger
	if _, err := swagger.FromGnostic(document); err != nil {
		log.Fatal(err)
	}
	return swagger.Paths
}

func main() {
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	t := &table{rows: []string{"Leaf"}, numbers: map[string]int{"Leaf": 0}, named: map[string]int{}}
	var roots, scopes []string
	for _, meta := range resourceTypes() {
		if schema := openapi.SchemaForResourceType(meta); schema != nil {
			roots = append(roots, fmt.Sprintf("(%q, %q, %d)", meta.APIVersion, meta.Kind, t.root(meta, schema)))
		}
		if namespaced, known := openapi.IsNamespaceScoped(meta); known {
			scopes = append(scopes, fmt.Sprintf("(%q, %q, %t)", meta.APIVersion, meta.Kind, namespaced))
		}
	}
	fmt.Fprintf(out, "//! Types of Kubernetes %s as kustomize knows them.\n//!\n", kubernetesapi.DefaultOpenAPI)
	fmt.Fprintln(out, "//! @generated by tests/oracles/kustomize/schema-table; run it again instead of changing this file.")
	fmt.Fprintln(out)
	fmt.Fprintln(out, "use super::builtin::Shape::{self, Leaf, List, Map, Merged, Object};")
	fmt.Fprintln(out)
	fmt.Fprintf(out, "/// The version of Kubernetes.\npub const VERSION: &str = %q;\n", kubernetesapi.DefaultOpenAPI)
	write(out, "The shapes; other rows refer to them by their place.", "SHAPES", "Shape", t.rows)
	write(out, "apiVersion, kind and shape of each type, sorted.", "ROOTS", "(&str, &str, u16)", roots)
	write(out, "apiVersion, kind and whether its objects live in namespaces, sorted.", "SCOPES", "(&str, &str, bool)", scopes)
	write(out, "Name and shape of each definition that has something below it, sorted.", "DEFINITIONS", "(&str, u16)", t.definitions())
}

// definitions lists what other schemas may refer to by name.
func (t *table) definitions() []string {
	var names []string
	for name, shape := range t.named {
		if shape != 0 {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	rows := make([]string, len(names))
	for i, name := range names {
		rows[i] = fmt.Sprintf("(%q, %d)", strings.TrimPrefix(name, "#/definitions/"), t.named[name])
	}
	return rows
}

// root gives a type's own definition its number, under the name by which others refer to it.
func (t *table) root(meta yaml.TypeMeta, schema *openapi.ResourceSchema) int {
	for name, definition := range openapi.Schema().Definitions {
		list, _ := definition.Extensions[gvkExtension].([]interface{})
		if len(list) != 1 || typeMeta(list[0]) != meta {
			continue
		}
		return t.number(spec.RefSchema("#/definitions/" + name))
	}
	return t.number(schema.Schema)
}

func write(out *bufio.Writer, doc, name, kind string, rows []string) {
	fmt.Fprintf(out, "\n/// %s\npub static %s: [%s; %d] = [\n", doc, name, kind, len(rows))
	for _, row := range rows {
		fmt.Fprintf(out, "    %s,\n", row)
	}
	fmt.Fprintln(out, "];")
}
