// Program kustomize-oracle builds kustomizations for tests with kustomize's own library.
//
// It reads requests from stdin and answers each on stdout. Both are JSON behind their length, four bytes
// with the lowest first. A request has a tree of files; the answer has what kustomize prints, or its error.
package main

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"strings"
	"time"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/kustomize/kyaml/openapi"
)

// No tree of a test takes as long.
const longest = 60 * time.Second

type request struct {
	Root      string            `json:"root"`
	Files     map[string]string `json:"files"`
	Reorder   string            `json:"reorder"`
	ManagedBy bool              `json:"managedBy"`
	// A schema of its own stays in the library until it is taken out.
	HasSchema bool `json:"hasSchema"`
}

type answer struct {
	Output string `json:"output"`
	Error  string `json:"error"`
}

func build(r request) (result answer) {
	defer func() {
		if cause := recover(); cause != nil {
			result = answer{Error: fmt.Sprintf("crash: %v", cause)}
		}
	}()
	if r.HasSchema {
		openapi.ResetOpenAPI()
		defer openapi.ResetOpenAPI()
	}
	files := filesys.MakeFsInMemory()
	for path, content := range r.Files {
		if err := files.WriteFile(path, []byte(content)); err != nil {
			return answer{Error: err.Error()}
		}
	}
	options := krusty.MakeDefaultOptions()
	options.Reorder = krusty.ReorderOption(r.Reorder)
	options.AddManagedbyLabel = r.ManagedBy
	options.PluginConfig = types.EnabledPluginConfig(types.BploUseStaticallyLinked)
	resources, err := krusty.MakeKustomizer(options).Run(files, r.Root)
	if err != nil {
		return answer{Error: err.Error()}
	}
	output, err := resources.AsYaml()
	if err != nil {
		return answer{Error: err.Error()}
	}
	// The library does not know that it belongs to a release; the released program does.
	return answer{Output: strings.ReplaceAll(string(output), "kustomize-(devel)", "kustomize-v5.8.1")}
}

func main() {
	log.SetOutput(io.Discard)
	// The library warns on stderr about deprecated fields; tests are full of them.
	if quiet, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0); err == nil {
		os.Stderr = quiet
	}
	in, out := bufio.NewReader(os.Stdin), bufio.NewWriter(os.Stdout)
	for {
		var r request
		if err := read(in, &r); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			panic(err)
		}
		// Some trees never end in the library. Whoever asked sees that the program has ended.
		watch := time.AfterFunc(longest, func() { os.Exit(1) })
		a := build(r)
		watch.Stop()
		if err := write(out, a); err != nil {
			panic(err)
		}
	}
}

func read(in io.Reader, into *request) error {
	var length uint32
	if err := binary.Read(in, binary.LittleEndian, &length); err != nil {
		return err
	}
	text := make([]byte, length)
	if _, err := io.ReadFull(in, text); err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}

func write(out *bufio.Writer, a answer) error {
	text, err := json.Marshal(a)
	if err != nil {
		return err
	}
	if err := binary.Write(out, binary.LittleEndian, uint32(len(text))); err != nil {
		return err
	}
	if _, err := out.Write(text); err != nil {
		return err
	}
	return out.Flush()
}
