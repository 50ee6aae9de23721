// vault-dev runs a real Vault in memory on loopback addresses, for tests.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	nethttp "net/http"
	"os"

	log "github.com/hashicorp/go-hclog"
	authjwt "github.com/hashicorp/vault-plugin-auth-jwt"
	authkube "github.com/hashicorp/vault-plugin-auth-kubernetes"
	kv "github.com/hashicorp/vault-plugin-secrets-kv"
	"github.com/hashicorp/vault/builtin/credential/approle"
	"github.com/hashicorp/vault/builtin/credential/cert"
	"github.com/hashicorp/vault/builtin/credential/github"
	"github.com/hashicorp/vault/builtin/credential/userpass"
	"github.com/hashicorp/vault/helper/namespace"
	vhttp "github.com/hashicorp/vault/http"
	"github.com/hashicorp/vault/internalshared/configutil"
	"github.com/hashicorp/vault/sdk/helper/consts"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/hashicorp/vault/sdk/physical/inmem"
	"github.com/hashicorp/vault/vault"
)

// A token's life when a login sets none.
const longLease = 768 * 3600e9

func main() {
	addr := flag.String("addr", "127.0.0.1:0", "address to listen on")
	tlsAddr := flag.String("tls", "", "address to listen on with TLS")
	unix := flag.String("unix", "", "unix socket to listen on")
	controlAddr := flag.String("control", "", "address for tests to command on")
	dir := flag.String("dir", "", "folder for the certificates of the TLS listener")
	token := flag.String("token", "root", "root token")
	level := flag.String("log", "error", "log level")
	withStdin := flag.Bool("with-stdin", false, "end when standard input does, so that none outlives its test")
	flag.Parse()

	core, key := start(*token, *level)
	counter := &counter{counts: map[string]int{}}
	handler := counter.wrap(vhttp.Handler.Handler(&vault.HandlerProperties{
		Core: core, ListenerConfig: &configutil.Listener{Type: "tcp", Address: *addr},
	}))
	// What failed before "ready" is told, afterwards the test sees it.
	serve := func(name, network, address string, wrap func(net.Listener) net.Listener, h nethttp.Handler) {
		if address == "" {
			return
		}
		listener, err := net.Listen(network, address)
		must(err)
		fmt.Printf("%s %s\n", name, listener.Addr())
		go func() { must(nethttp.Serve(wrap(listener), h)) }()
	}
	plain := func(l net.Listener) net.Listener { return l }
	serve("http", "tcp", *addr, plain, handler)
	serve("unix", "unix", *unix, plain, handler)
	if *tlsAddr != "" {
		serve("https", "tcp", *tlsAddr, withTLS(*dir), handler)
	}
	serve("control", "tcp", *controlAddr, plain, control(core, key, *token, counter))
	fmt.Println("ready")
	if *withStdin {
		_, _ = io.Copy(io.Discard, os.Stdin)
		return
	}
	select {}
}

// start brings up an unsealed core with a root token of the given name and secret/ mounted.
func start(token, level string) (*vault.Core, []byte) {
	logger := log.New(&log.LoggerOptions{Level: log.LevelFromString(level), Output: os.Stderr})
	storage, err := inmem.NewInmemHA(nil, logger)
	must(err)
	secrets := map[string]logical.Factory{"kv": kv.Factory}
	auths := map[string]logical.Factory{
		"approle": approle.Factory, "userpass": userpass.Factory, "github": github.Factory, "cert": cert.Factory,
		"kubernetes": authkube.Factory, "jwt": authjwt.Factory,
	}
	core, err := vault.NewCore(&vault.CoreConfig{
		Physical: storage, DisableMlock: true, Logger: logger, LogLevel: level, RedirectAddr: "http://127.0.0.1:8200",
		DevToken: token, LogicalBackends: secrets, CredentialBackends: auths,
		BuiltinRegistry: registry{consts.PluginTypeSecrets: secrets, consts.PluginTypeCredential: auths},
		DefaultLeaseTTL: longLease, MaxLeaseTTL: longLease,
	})
	must(err)
	ctx := namespace.ContextWithNamespace(context.Background(), namespace.RootNamespace)
	init, err := core.Initialize(ctx, &vault.InitParams{
		BarrierConfig: &vault.SealConfig{SecretShares: 1, SecretThreshold: 1, Name: "shamir"},
	})
	must(err)
	// Unsealing wipes what it is given.
	key := append([]byte{}, init.SecretShares[0]...)
	_, err = core.Unseal(append([]byte{}, key...))
	must(err)
	write := func(token, path string, data map[string]any) {
		_, err := core.HandleRequest(ctx, &logical.Request{
			ID: path, Operation: logical.UpdateOperation, ClientToken: token, Path: path, Data: data,
		})
		must(err)
	}
	write(init.RootToken, "auth/token/create", map[string]any{
		"id": token, "policies": []string{"root"}, "no_parent": true, "no_default_policy": true,
	})
	write(token, "sys/mounts/secret", map[string]any{"type": "kv", "options": map[string]any{"version": "2"}})
	return core, key
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// registry tells the core which plugins are built in.
type registry map[consts.PluginType]map[string]logical.Factory

func (r registry) Get(name string, kind consts.PluginType) (func() (any, error), bool) {
	factory, ok := r[kind][name]
	return func() (any, error) { return factory, nil }, ok
}

func (r registry) Contains(name string, kind consts.PluginType) bool {
	_, ok := r[kind][name]
	return ok
}

func (r registry) Keys(kind consts.PluginType) []string {
	var names []string
	for name := range r[kind] {
		names = append(names, name)
	}
	return names
}

func (r registry) DeprecationStatus(name string, kind consts.PluginType) (consts.DeprecationStatus, bool) {
	return consts.Supported, r.Contains(name, kind)
}

func (r registry) IsBuiltinEntPlugin(string, consts.PluginType) bool { return false }
