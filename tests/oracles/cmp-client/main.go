// cmp-client calls a plugin server as Argo CD's repo-server does: grpc-go dials the socket's path with the
// passthrough resolver, so that :authority is that path, percent-encoded. It speaks the protocol with
// hand-written messages and prints what came back as one JSON object. Flags make it misbehave.
package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
)

// raw hands messages over as bytes.
type raw struct{}

func (raw) Marshal(v any) ([]byte, error)      { return *v.(*[]byte), nil }
func (raw) Unmarshal(data []byte, v any) error { *v.(*[]byte) = append([]byte{}, data...); return nil }
func (raw) Name() string                       { return "proto" }

type list []string

func (l *list) String() string     { return strings.Join(*l, ",") }
func (l *list) Set(s string) error { *l = append(*l, s); return nil }

var (
	socket  = flag.String("socket", "", "path of the socket")
	call    = flag.String("call", "GenerateManifest", "the method")
	folder  = flag.String("folder", "", "folder that is sent as the archive")
	rel     = flag.String("path", ".", "the app's path in it")
	bad     = flag.String("bad", "", "no-metadata, checksum, truncate, broken, bomb, garbage, late-chunk, twice, slow, cancel, escape")
	piece   = flag.Int("piece", 1024, "bytes of the archive in one message")
	level   = flag.Int("level", gzip.DefaultCompression, "how much the archive is compressed")
	after   = flag.Duration("after", 50*time.Millisecond, "how long after the upload began -bad cancel goes away")
	timeout = flag.Duration("timeout", 10*time.Second, "deadline of the call")
	repeat  = flag.Int("repeat", 1, "calls one after the other")
	env     list
)

func text(b []byte, n protowire.Number, s string) []byte {
	return protowire.AppendString(protowire.AppendTag(b, n, protowire.BytesType), s)
}

func message(b []byte, n protowire.Number, m []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, n, protowire.BytesType), m)
}

// archive packs the folder; links stay links.
func archive() ([]byte, error) {
	var out bytes.Buffer
	zip, err := gzip.NewWriterLevel(&out, *level)
	if err != nil {
		return nil, err
	}
	tw := tar.NewWriter(zip)
	err = filepath.WalkDir(*folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == *folder {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		link := ""
		if info.Mode()&fs.ModeSymlink != 0 {
			if link, err = os.Readlink(path); err != nil {
				return err
			}
		}
		header, err := tar.FileInfoHeader(info, link)
		if err != nil {
			return err
		}
		header.Name, _ = filepath.Rel(*folder, path)
		if *bad == "escape" {
			header.Name = "../" + header.Name
		}
		if err := tw.WriteHeader(header); err != nil || !info.Mode().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		_, err = tw.Write(content)
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := tw.Close(); err != nil {
		return nil, err
	}
	if err := zip.Close(); err != nil {
		return nil, err
	}
	switch *bad {
	case "broken": // cut short before its checksum is taken
		return out.Bytes()[:out.Len()/2], nil
	case "bomb":
		return bomb()
	}
	return out.Bytes(), nil
}

// bomb is a file of 64 GiB in some megabytes: gzip members may follow each other, and each is the same.
func bomb() ([]byte, error) {
	const member = 64 << 20
	var head, zeros bytes.Buffer
	zip := gzip.NewWriter(&head)
	tw := tar.NewWriter(zip)
	header := tar.Header{Name: "app/zeros", Mode: 0o644, Size: 1024 * member, Format: tar.FormatGNU}
	if err := errors.Join(tw.WriteHeader(&header), zip.Close()); err != nil {
		return nil, err
	}
	zip = gzip.NewWriter(&zeros)
	if _, err := zip.Write(make([]byte, member)); err != nil {
		return nil, err
	}
	if err := zip.Close(); err != nil {
		return nil, err
	}
	return append(head.Bytes(), bytes.Repeat(zeros.Bytes(), 1024)...), nil
}

func metadata(packed []byte) []byte {
	sum := sha256.Sum256(packed)
	if *bad == "checksum" {
		sum[0]++
	}
	m := text(nil, 1, filepath.Base(*rel))
	m = text(m, 2, *rel)
	m = text(m, 3, hex.EncodeToString(sum[:]))
	m = protowire.AppendVarint(protowire.AppendTag(m, 4, protowire.VarintType), uint64(len(packed)))
	for _, pair := range env {
		name, value, _ := strings.Cut(pair, "=")
		m = message(m, 5, text(text(nil, 1, name), 2, value))
	}
	return message(nil, 1, m)
}

func chunk(b []byte) []byte { return message(nil, 2, message(nil, 1, b)) }

func send(stream grpc.ClientStream, packed []byte) error {
	put := func(m []byte) error { return stream.SendMsg(&m) }
	if *bad != "no-metadata" {
		if err := put(metadata(packed)); err != nil {
			return err
		}
	}
	switch *bad {
	case "truncate":
		packed = packed[:len(packed)/2]
	case "garbage":
		packed = append([]byte{}, packed...)
		packed[len(packed)/2] ^= 0xff
	case "twice":
		if err := put(metadata(packed)); err != nil {
			return err
		}
	}
	for len(packed) > 0 {
		n := min(*piece, len(packed))
		if err := put(chunk(packed[:n])); err != nil {
			return err
		}
		packed = packed[n:]
		if *bad == "slow" {
			time.Sleep(100 * time.Millisecond)
		}
	}
	if *bad == "late-chunk" {
		if err := put(chunk([]byte("more"))); err != nil {
			return err
		}
	}
	return stream.CloseSend()
}

// strings of one field of a message.
func field(b []byte, want protowire.Number) []string {
	found := []string{}
	for len(b) > 0 {
		n, kind, size := protowire.ConsumeTag(b)
		b = b[size:]
		if n == want && kind == protowire.BytesType {
			value, size := protowire.ConsumeBytes(b)
			found = append(found, string(value))
			b = b[size:]
			continue
		}
		if n == want && kind == protowire.VarintType {
			value, size := protowire.ConsumeVarint(b)
			found = append(found, fmt.Sprint(value))
			b = b[size:]
			continue
		}
		b = b[protowire.ConsumeFieldValue(n, kind, b):]
	}
	return found
}

func once(conn *grpc.ClientConn) (map[string]any, error) {
	ctx, cancel := context.WithTimeout(context.Background(), *timeout)
	defer cancel()
	method := "/plugin.ConfigManagementPluginService/" + *call
	answer := []byte{}
	if *call == "CheckPluginConfiguration" || strings.Contains(*call, "Health") {
		if strings.Contains(*call, "Health") {
			method = "/grpc.health.v1.Health/Check"
		}
		empty := []byte{}
		if err := conn.Invoke(ctx, method, &empty, &answer); err != nil {
			return nil, err
		}
		return map[string]any{"one": field(answer, 1), "two": field(answer, 2)}, nil
	}
	packed, err := archive()
	if err != nil {
		return nil, err
	}
	stream, err := conn.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true}, method)
	if err != nil {
		return nil, err
	}
	if *bad == "cancel" {
		time.AfterFunc(*after, cancel)
	}
	// A server that refuses early ends the stream: what it said comes with the answer.
	_ = send(stream, packed)
	if err := stream.RecvMsg(&answer); err != nil {
		return nil, err
	}
	return map[string]any{"one": field(answer, 1), "two": field(answer, 2)}, nil
}

func main() {
	flag.Var(&env, "env", "NAME=VALUE of the request's environment (repeatable)")
	flag.Parse()
	// The resolver takes the first slash off, so that the address is of no use for dialling.
	dial := func(context.Context, string) (net.Conn, error) { return net.Dial("unix", *socket) }
	conn, err := grpc.NewClient("passthrough:"+*socket,
		grpc.WithContextDialer(dial),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.ForceCodec(raw{}), grpc.MaxCallRecvMsgSize(100<<20), grpc.MaxCallSendMsgSize(200<<20)))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	defer conn.Close()
	var result map[string]any
	for range *repeat {
		if result, err = once(conn); err != nil {
			result = map[string]any{"code": status.Code(err).String(), "message": status.Convert(err).Message()}
		}
	}
	json.NewEncoder(os.Stdout).Encode(result)
}
