// template4-oracle renders templates as helm 4 does, for comparison with keyfill-template. It speaks as
// template-oracle does: that one says how requests and answers look. The only mode is "helm".
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

	"helm.sh/helm/v4/pkg/chart/common"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/engine"
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
	var data any
	if err := json.Unmarshal(req.data, &data); err != nil {
		return "", fmt.Errorf("the request's data: %w", err)
	}
	if req.mode != "helm" {
		return "", fmt.Errorf("there is no mode %q", req.mode)
	}
	return asHelm(req, data)
}

// asHelm renders a chart that has the templates as files; the data are its values.
func asHelm(req *request, data any) (string, error) {
	c := &chart.Chart{Metadata: &chart.Metadata{Name: "c", Version: "1.0.0", APIVersion: "v2"}}
	for _, t := range req.templates {
		c.Templates = append(c.Templates, &common.File{Name: "templates/" + t[0], Data: []byte(t[1])})
	}
	values := common.Values{"Values": data, "Release": map[string]any{"Name": "r"}, "Capabilities": nil}
	rendered, err := engine.Render(c, values)
	if err != nil {
		return "", err
	}
	return rendered["c/templates/"+req.main], nil
}
