// Command yaml-oracle answers what the Go YAML libraries make of a text.
//
// It reads requests on stdin, one byte that names the operation and a length-framed text each, and writes an
// answer to each on stdout: one byte (0 a result, 1 an error) and a length-framed text.
//
//	v  sigs.k8s.io/yaml: read into an interface{}, written as JSON
//	y  sigs.k8s.io/yaml: YAMLToJSON
//	m  sigs.k8s.io/yaml: read into an interface{}, written as YAML
//	e  sigs.k8s.io/yaml: JSONToYAML
//	k  a stream as kustomize reads it, each document as kustomize's JSON, one a line
//	K  a stream as kustomize reads it, each document as kustomize prints it, `---` between them
//	w  read into a node with its comments and written again, as kustomize does with YAML text in a field
package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"

	kyaml "sigs.k8s.io/kustomize/kyaml/yaml"
	"sigs.k8s.io/yaml"
)

func main() {
	in := bufio.NewReader(os.Stdin)
	out := bufio.NewWriter(os.Stdout)
	for {
		op, err := in.ReadByte()
		if errors.Is(err, io.EOF) {
			return
		}
		text, err := readText(in)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		answer, err := try(op, text)
		status := byte(0)
		if err != nil {
			status, answer = 1, []byte(err.Error())
		}
		out.WriteByte(status)
		binary.Write(out, binary.BigEndian, uint32(len(answer)))
		out.Write(answer)
		out.Flush()
	}
}

func readText(in io.Reader) ([]byte, error) {
	var size uint32
	if err := binary.Read(in, binary.BigEndian, &size); err != nil {
		return nil, err
	}
	text := make([]byte, size)
	_, err := io.ReadFull(in, text)
	return text, err
}

// try turns a panic of a library into an error.
func try(op byte, text []byte) (answer []byte, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	switch op {
	case 'v', 'm':
		var value interface{}
		if err := yaml.Unmarshal(text, &value); err != nil {
			return nil, err
		}
		if op == 'm' {
			return yaml.Marshal(value)
		}
		return json.Marshal(value)
	case 'y':
		return yaml.YAMLToJSON(text)
	case 'e':
		return yaml.JSONToYAML(text)
	case 'w':
		var node kyaml.Node
		if err := kyaml.Unmarshal(text, &node); err != nil {
			return nil, err
		}
		if node.IsZero() {
			return nil, nil
		}
		written, err := kyaml.NewRNode(&node).String()
		return []byte(written), err
	case 'k', 'K':
		return kustomize(text, op == 'K')
	}
	return nil, fmt.Errorf("no operation is called %q", op)
}

var separator = regexp.MustCompile(`\n---.*\n`)

// kustomize reads a stream as kustomize's ByteReader does, without its look at metadata and lists.
func kustomize(text []byte, asYAML bool) ([]byte, error) {
	stream := strings.ReplaceAll(string(text), "\r\n", "\n")
	var answers [][]byte
	for stream != "" {
		document, rest := stream, ""
		if at := separator.FindStringIndex(stream); at != nil {
			document, rest = stream[:at[0]]+"\n", stream[at[1]:]
			behind := strings.TrimSpace(stream[at[0]+4 : at[1]])
			if behind != "" && behind[0] != '#' {
				return nil, errors.New("invalid document separator")
			}
		}
		stream = rest
		answer, err := kustomizeDocument(document, asYAML)
		if err != nil {
			return nil, err
		}
		if answer != nil {
			answers = append(answers, answer)
		}
	}
	if asYAML {
		return bytes.Join(answers, []byte("---\n")), nil
	}
	return bytes.Join(answers, []byte("\n")), nil
}

func kustomizeDocument(document string, asYAML bool) ([]byte, error) {
	node := &kyaml.Node{}
	err := kyaml.NewDecoder(strings.NewReader(document)).Decode(node)
	if errors.Is(err, io.EOF) || err == nil && kyaml.IsYNodeEmptyDoc(node) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	resource := kyaml.NewRNode(node)
	if kyaml.IsMissingOrNull(resource) {
		return nil, nil
	}
	if err := resource.DeAnchor(); err != nil {
		return nil, err
	}
	answer, err := resource.MarshalJSON()
	if err != nil || !asYAML {
		return answer, err
	}
	return yaml.JSONToYAML(answer)
}
