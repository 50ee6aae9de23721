// template-oracle executes templates with Go's text/template, and as helm does, for comparison with
// keyfill-template. It reads requests from stdin and writes answers to stdout until stdin ends.
//
// A request is a number of fields, each a big-endian 32-bit length and bytes, after a 32-bit count of
// fields: mode ("go", "sprig", "helm"), missingkey option, name of the template to execute, data as JSON, and
// then name and text of each template in the order of parsing. An answer is one byte ('=' or '!'), a
// 32-bit length, and the output or the error text.
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
	"text/template"

	"github.com/Masterminds/sprig/v3"
	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
)

type request struct {
	mode, missingKey, main string
	data                   []byte
	templates              [][2]string
}

func main() {
	log.SetOutput(io.Discard)
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	out := bufio.NewWriterSize(os.Stdout, 1<<20)
	for {
		req, err := read(in)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		text, err := execute(req)
		status := byte('=')
		if err != nil {
			status, text = '!', err.Error()
		}
		out.WriteByte(status)
		binary.Write(out, binary.BigEndian, uint32(len(text)))
		out.WriteString(text)
		if in.Buffered() == 0 {
			out.Flush()
		}
	}
	out.Flush()
}

func read(in *bufio.Reader) (*request, error) {
	var count uint32
	if err := binary.Read(in, binary.BigEndian, &count); err != nil {
		return nil, err
	}
	fields := make([][]byte, count)
	for i := range fields {
		var length uint32
		if err := binary.Read(in, binary.BigEndian, &length); err != nil {
			return nil, err
		}
		fields[i] = make([]byte, length)
		if _, err := io.ReadFull(in, fields[i]); err != nil {
			return nil, err
		}
	}
	if len(fields) < 4 || len(fields)%2 != 0 {
		return nil, fmt.Errorf("a request of %d fields", len(fields))
	}
	req := &request{mode: string(fields[0]), missingKey: string(fields[1]), main: string(fields[2]), data: fields[3]}
	for i := 4; i < len(fields); i += 2 {
		req.templates = append(req.templates, [2]string{string(fields[i]), string(fields[i+1])})
	}
	return req, nil
}

func execute(req *request) (text string, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	var data interface{}
	if err := json.Unmarshal(req.data, &data); err != nil {
		return "", fmt.Errorf("the request's data: %w", err)
	}
	if req.mode == "helm" {
		return asHelm(req, data)
	}
	root := template.New("root").Option("missingkey=" + req.missingKey)
	if req.mode == "sprig" {
		root.Funcs(sprig.TxtFuncMap())
	}
	for _, t := range req.templates {
		if _, err := root.New(t[0]).Parse(t[1]); err != nil {
			return "", err
		}
	}
	var out strings.Builder
	err = root.ExecuteTemplate(&out, req.main, data)
	return out.String(), err
}

// asHelm renders a chart that has the templates as files; the data are its values.
func asHelm(req *request, data interface{}) (string, error) {
	c := &chart.Chart{Metadata: &chart.Metadata{Name: "c", Version: "1.0.0", APIVersion: "v2"}}
	for _, t := range req.templates {
		c.Templates = append(c.Templates, &chart.File{Name: "templates/" + t[0], Data: []byte(t[1])})
	}
	values := chartutil.Values{"Values": data, "Release": map[string]interface{}{"Name": "r"}, "Capabilities": nil}
	rendered, err := engine.Render(c, values)
	if err != nil {
		return "", err
	}
	return rendered["c/templates/"+req.main], nil
}
