// Executes templates with client-go's jsonpath, as argocd-vault-plugin calls it: one JSON object a line on
// stdin ({"template", "input"}), one a line on stdout ({"text"} or {"error"}).
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"

	"k8s.io/client-go/util/jsonpath"
)

type question struct {
	Template string `json:"template"`
	Input    string `json:"input"`
}

type answer struct {
	Text  string `json:"text"`
	Error string `json:"error,omitempty"`
}

func ask(q question) (a answer) {
	defer func() {
		if r := recover(); r != nil {
			a = answer{Error: fmt.Sprint("panic: ", r)}
		}
	}()
	path := jsonpath.New("template")
	path.AllowMissingKeys(false)
	if err := path.Parse(q.Template); err != nil {
		return answer{Error: err.Error()}
	}
	var input any
	if err := json.Unmarshal([]byte(q.Input), &input); err != nil {
		return answer{Error: err.Error()}
	}
	var out bytes.Buffer
	if err := path.Execute(&out, input); err != nil {
		return answer{Error: err.Error()}
	}
	return answer{Text: out.String()}
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<26)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	for lines.Scan() {
		var q question
		if err := json.Unmarshal(lines.Bytes(), &q); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		if err := encoder.Encode(ask(q)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}
