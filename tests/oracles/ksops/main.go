// Stands for ksops v4, whose module the Go proxy does not serve: a kustomize plugin over SOPS' own library for
// decryption and godotenv, with the fields, the text and the order that ksops documents and prints.
//
// With a file as its argument it is a plugin of the old kind: it prints manifests. Without one it is a function: it
// reads a ResourceList on stdin and prints one.
package main

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"github.com/getsops/sops/v3/cmd/sops/formats"
	"github.com/getsops/sops/v3/decrypt"
	"github.com/joho/godotenv"
	yaml3 "gopkg.in/yaml.v3"
	"sigs.k8s.io/yaml"
)

type meta struct {
	Name        string            `json:"name,omitempty"`
	Namespace   string            `json:"namespace,omitempty"`
	Labels      map[string]string `json:"labels,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

type generator struct {
	Files      []string `json:"files,omitempty"`
	SecretFrom []struct {
		Files       []string `json:"files,omitempty"`
		BinaryFiles []string `json:"binaryFiles,omitempty"`
		Envs        []string `json:"envs,omitempty"`
		Metadata    meta     `json:"metadata,omitempty"`
		Type        string   `json:"type,omitempty"`
	} `json:"secretFrom,omitempty"`
}

type secret struct {
	APIVersion string            `json:"apiVersion"`
	Kind       string            `json:"kind"`
	Metadata   meta              `json:"metadata"`
	Type       string            `json:"type,omitempty"`
	StringData map[string]string `json:"stringData,omitempty"`
	Data       map[string]string `json:"data,omitempty"`
}

func plain(path string) ([]byte, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return decrypt.DataWithFormat(text, formats.FormatForPath(path))
}

func keyed(source string) (key string, content []byte, err error) {
	parts := strings.Split(source, "=")
	switch len(parts) {
	case 1:
		key, source = filepath.Base(source), parts[0]
	case 2:
		key, source = parts[0], parts[1]
	default:
		return "", nil, fmt.Errorf("invalid file %q", source)
	}
	content, err = plain(source)
	return key, content, err
}

// manifests is what a generator makes, as a text.
func manifests(config []byte) ([]byte, error) {
	var wanted generator
	if err := yaml.Unmarshal(config, &wanted); err != nil {
		return nil, err
	}
	if wanted.Files == nil && wanted.SecretFrom == nil {
		return nil, errors.New("files or secretFrom is needed")
	}
	var out bytes.Buffer
	for at, file := range wanted.Files {
		content, err := plain(file)
		if err != nil {
			return nil, err
		}
		out.Write(content)
		if at < len(wanted.Files)+len(wanted.SecretFrom)-1 {
			out.WriteString("\n---\n")
		}
	}
	for at, from := range wanted.SecretFrom {
		made := secret{"v1", "Secret", from.Metadata, from.Type, map[string]string{}, map[string]string{}}
		for _, file := range from.Files {
			key, content, err := keyed(file)
			if err != nil {
				return nil, err
			}
			made.StringData[key] = string(content)
		}
		for _, file := range from.BinaryFiles {
			key, content, err := keyed(file)
			if err != nil {
				return nil, err
			}
			made.Data[key] = base64.StdEncoding.EncodeToString(content)
		}
		for _, file := range from.Envs {
			content, err := plain(file)
			if err != nil {
				return nil, err
			}
			variables, err := godotenv.Unmarshal(string(content))
			if err != nil {
				return nil, err
			}
			for key, value := range variables {
				made.StringData[key] = value
			}
		}
		text, err := yaml.Marshal(&made)
		if err != nil {
			return nil, err
		}
		out.Write(text)
		if at < len(wanted.SecretFrom)-1 {
			out.WriteString("---\n")
		}
	}
	return out.Bytes(), nil
}

type list struct {
	APIVersion string       `yaml:"apiVersion"`
	Kind       string       `yaml:"kind"`
	Items      []yaml3.Node `yaml:"items"`
}

// id is what the items of a function's answer are sorted by.
func id(node yaml3.Node) string {
	var object struct {
		APIVersion string `yaml:"apiVersion"`
		Kind       string `yaml:"kind"`
		Metadata   struct{ Name, Namespace string }
	}
	_ = node.Decode(&object)
	return strings.Join([]string{object.APIVersion, object.Kind, object.Metadata.Namespace, object.Metadata.Name}, " ")
}

func function() error {
	var asked list
	if err := yaml3.NewDecoder(os.Stdin).Decode(&asked); err != nil {
		return err
	}
	answer := list{APIVersion: asked.APIVersion, Kind: asked.Kind}
	for at := range asked.Items {
		config, err := yaml3.Marshal(&asked.Items[at])
		if err != nil {
			return err
		}
		text, err := manifests(config)
		if err != nil {
			return err
		}
		for documents := yaml3.NewDecoder(bytes.NewReader(text)); ; {
			var document yaml3.Node
			if err := documents.Decode(&document); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				return err
			}
			answer.Items = append(answer.Items, *document.Content[0])
		}
	}
	sort.SliceStable(answer.Items, func(a, b int) bool { return id(answer.Items[a]) < id(answer.Items[b]) })
	out := yaml3.NewEncoder(os.Stdout)
	out.SetIndent(2)
	return out.Encode(answer)
}

func run() error {
	if len(os.Args) == 1 {
		return function()
	}
	config, err := os.ReadFile(os.Args[1])
	if err != nil {
		return err
	}
	text, err := manifests(config)
	if err != nil {
		return err
	}
	_, err = os.Stdout.Write(text)
	return err
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
